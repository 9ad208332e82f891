/* Data for stdout, written in large pieces: the owner flushes when nothing more is pending, so that output is fast and
 * never late. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <poll.h>

#include "buffer.h"

/* Waits until `file` is ready, doing other work meanwhile; false: give up. */
typedef bool output_wait_fn(struct pollfd *file, void *ctx);

typedef struct {
    int fd;
    zr_buffer_t buffer; /* append to it, then call output_added */
    int error;          /* errno of the first failure; nothing is written any more */
    bool pipe;          /* written to only as far as it does not block */
    bool told;
    output_wait_fn *wait;
    void *ctx;
} output_t;

/* `wait` may be NULL: then poll. */
void output_open(output_t *output, int fd, output_wait_fn *wait, void *ctx);

/* Writes the appended text if it is much. false after an error. */
bool output_added(output_t *output);

/* Writes all there is. false after an error. */
bool output_flush(output_t *output);

/* Whether nobody reads any more, known before the next write. */
bool output_lost(output_t *output);

/* Flushes, tells an error in one line (once), frees. Returns the exit code: `code`, or CLI_USAGE after an error. */
int output_close(output_t *output, int code);

/* The line that tells of an error. */
void output_message(zr_buffer_t *out, int error);

#endif
