/* What waits for a connection's socket: bounded, and written with few system calls. The owner has the socket and decides
 * what becomes of a peer that reads too slowly. */
#ifndef OUTFLOW_H
#define OUTFLOW_H

#include "blob_queue.h"
#include "gateway_config.h"

typedef struct {
    uint64_t queued;    /* bytes that wait, of all; a blob in several queues counts in each */
    uint64_t bytes_out; /* written */
    uint64_t dropped;   /* live blobs, for slow readers */
    uint64_t too_slow;  /* peers that read too slowly */
} outflow_counts_t;

typedef struct {
    const gateway_config_t *config;
    outflow_counts_t *counts;
    blob_queue_t queue;
    bool writable;    /* as far as is known: EAGAIN clears it, and the owner sets it by what epoll says */
    bool wants_room;  /* the owner waits for outflow_is_drained */
    uint64_t written; /* bytes, into the socket */
} outflow_t;

/* `evict` is called with `ctx` when others need the room: it calls outflow_clear. `config`, `budget` and `counts` must
 * outlive it. */
void outflow_begin(outflow_t *out, const gateway_config_t *config, queue_budget_t *budget, outflow_counts_t *counts,
    void (*evict)(void *ctx), void *ctx);
/* Drops all that waits. */
void outflow_clear(outflow_t *out);
/* The same, apart from a blob whose first bytes are gone already. */
void outflow_cut(outflow_t *out);

typedef enum {
    OUTFLOW_OK,
    OUTFLOW_DROPPED,  /* a live blob beyond limits/reader-queue; wants_room is set */
    OUTFLOW_TOO_SLOW, /* more than limits/answer-queue would wait */
    OUTFLOW_NO_ROOM   /* all queues together are full; `evict` of this one may have been called */
} outflow_verdict_t;

/* May `len` bytes more wait? It counts what it refuses. */
outflow_verdict_t outflow_admit(outflow_t *out, size_t len, bool live);
void outflow_push(outflow_t *out, zr_blob_t *blob); /* in any case; adds a reference */

/* There is room for a replay. False: wants_room is set. */
bool outflow_is_ready(outflow_t *out);
/* The owner waited for room, and there is: true once. */
bool outflow_is_drained(outflow_t *out);

/* Writes some of what waits by `send`, which is as sendmsg: -1 and errno. Stops when the socket takes no more. False: the
 * connection is broken. */
typedef ssize_t outflow_send_fn(void *ctx, const struct iovec *pieces, size_t count);
bool outflow_write(outflow_t *out, outflow_send_fn *send, void *ctx);

/* An outflow_send_fn's work for a plain socket. */
ssize_t outflow_send(int fd, const struct iovec *pieces, size_t count);

#endif
