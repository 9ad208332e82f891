/* Lines of stdin that become messages, one each, until the broker has acked them all: what pub and import share. */
#ifndef FEED_H
#define FEED_H

#include "conn.h"

typedef enum {
    FEED_TAKEN, /* the library has it */
    FEED_FULL,  /* its queue is full: the same line comes again later */
    FEED_WRONG, /* `error` says why; nothing more is read */
} feed_taken_t;

/* Hands a line to the library, as exactly one message, whose id goes to `*mid`. */
typedef feed_taken_t feed_publish_fn(zrelay_t *relay, zr_span_t line, uint64_t *mid, zr_error_t *error, void *ctx);

/* Connects, publishes the lines of stdin (or just `only`, if it is not NULL), waits for the acks. Returns the exit
 * code: 0 only when all are acked; errors were told on stderr. */
int feed_run(config_t *config, feed_publish_fn *publish, void *ctx, const zr_span_t *only);

/* The result for a body of `len` bytes, from `failed`, a result of the library. */
feed_taken_t feed_result(int failed, size_t len, zr_error_t *error);

#endif
