/* How far a run came, in a file: a later run goes on there, and nothing is published twice. The file has the client id
 * and the message ids that lines not acked yet were sent under. The broker knows the ids again (PROTOCOL.md, section 8).
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include "errors.h"
#include "names.h"
#include "ranges.h"

/* A line that is behind us, by which the next run sees that it has the same input. */
typedef struct {
    uint64_t line; /* 0: none */
    uint64_t hash; /* of the input up to it */
} progress_mark_t;

typedef struct {
    char client[ZR_CLIENT_ID_LEN + 1];
    char user[ZR_NICK_MAX + 1]; /* the client id is known to the broker as this one's; empty: nobody logged in */
    char epoch[17];             /* empty: no run has connected yet */
    uint64_t next;              /* message id of the first of */
    ranges_t todo;              /* the lines to be published; each of the others has the next id */
    uint64_t top;               /* ids from here on were never used; above `next`, lines may be under way */
    progress_mark_t mark;       /* before all of them */
    uint64_t skip;              /* larger bodies were left out; ZR_INT_MAX: none */
    char *path, *partial, *purpose;
    int held; /* its descriptor; -1: none */
} progress_t;

/* What a run without a file begins with: everything is to be done. */
void progress_init(progress_t *progress);
void progress_finish(progress_t *progress);

/* Reads `path`, which no other run may use meanwhile; a missing or empty file is a beginning. `purpose` is one line that
 * must be the same in all runs. false: `error` says why not. */
bool progress_open(progress_t *progress, const char *path, const char *purpose, zr_error_t *error);

/* Writes it; on disk when it returns. */
bool progress_save(progress_t *progress, zr_error_t *error);

/* The hash of the input up to and including `line`, from that of the input before it. */
uint64_t progress_hash(uint64_t before, zr_span_t line);

#endif
