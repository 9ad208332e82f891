/* The messages of an input, one after the other: lines are read, those that an earlier run published are passed over,
 * and bodies are made to fit. */
#ifndef INPUT_H
#define INPUT_H

#include "feed.h"
#include "lines.h"
#include "progress.h"

typedef enum { OVERSIZE_FAIL, OVERSIZE_SKIP, OVERSIZE_TRUNCATE } oversize_t;

typedef struct {
    const feed_job_t *job;
    oversize_t oversize;
    lines_t lines;
    ranges_t todo;        /* the lines that become messages, */
    uint64_t taken;       /* and how many of them were taken, */
    uint64_t wanted;      /* and the next one */
    uint64_t hash;        /* of all that was read */
    progress_mark_t mark; /* where it must be what it was in the run before */
    uint64_t unsure;      /* of the first so many the run before may have sent some, */
    uint64_t skip;        /* and have left out larger bodies */
    import_t entry;       /* the message; one that waits for a place is taken again */
    bool pending;
    zr_error_t why; /* what is wrong with a line; here, as it is large and seldom used */
} input_t;

typedef enum {
    INPUT_MESSAGE, /* `entry` is one */
    INPUT_MORE,    /* read on */
    INPUT_END,
    INPUT_WRONG, /* `error` says why */
} input_result_t;

/* `progress` says where to begin. */
void input_init(input_t *input, const feed_job_t *job, oversize_t oversize, const progress_t *progress);
void input_finish(input_t *input);

/* Reads once from the job's descriptor; false: `error` says why it cannot. */
bool input_read(input_t *input, zr_error_t *error);

/* The next message, which is there until the call after input_took. `relay` knows how large it may be; what is left out
 * or cut is told. */
input_result_t input_next(input_t *input, zrelay_t *relay, zr_error_t *error);

/* The message was published. */
void input_took(input_t *input);

/* Whether there is nothing more, as far as that is known without waiting. */
bool input_is_over(input_t *input);

#endif
