/* WebSockets: messages in by wslay, queued frames out. All of them share one turn of the loop: what a turn queues goes
 * out with one system call for each socket at its end. */
#ifndef WS_H
#define WS_H

#include "exchange.h"
#include "outflow.h"
#include "poller.h"
#include "ws_frame.h"

enum { WS_FRAGMENTS_MAX = 4096 }; /* of one message; with more it is too large, as each takes memory of its own */

typedef struct ws_pool ws_pool_t;
typedef struct ws ws_t;

typedef struct {
    void (*message)(void *ctx, bool text, zr_span_t message);
    /* The socket is not to be read now; asked again in every turn. */
    bool (*paused)(void *ctx);
    /* Live frames were dropped, or ws_ready said no, and there is room again. */
    void (*drained)(void *ctx);
    /* The socket is gone: the last call. */
    void (*gone)(void *ctx);
} ws_events_t;

typedef struct {
    uint64_t open, opened;
    uint64_t messages_in, bytes_in;
    outflow_counts_t out; /* `too_slow` ones were closed */
    uint64_t dead;        /* closed for not answering a ping */
} ws_counts_t;

/* `config` and `budget` must outlive it. All queues count in `budget`. */
ws_pool_t *ws_pool_new(const gateway_config_t *config, poller_t *poller, queue_budget_t *budget);
void ws_pool_destroy(ws_pool_t *pool); /* ends the sockets that are left; NULL is accepted */

/* Reads, writes, pings and ends sockets. `hold`: read nothing. */
void ws_pool_turn(ws_pool_t *pool, bool hold, uint64_t now);
/* Milliseconds until the next turn has something to do, -1: nothing is planned. */
int ws_pool_timeout(const ws_pool_t *pool, bool hold, uint64_t now);

/* Tells all peers that the gateway stops, and waits at most `wait_ms` for them. */
void ws_pool_close(ws_pool_t *pool, uint64_t wait_ms);

const ws_counts_t *ws_counts(const ws_pool_t *pool);

/* Takes over a connection that was upgraded; without a `pipe`, the descriptor itself. Nothing is told within the call.
 */
ws_t *ws_new(ws_pool_t *pool, int fd, web_pipe_t *pipe, zr_span_t extra, const ws_events_t *events, void *ctx);

/* Queues whole frames; the reference stays the caller's. `live`: they are dropped when more than reader-queue bytes
 * would wait: false. Beyond answer-queue bytes the connection is closed with WS_LATER. When all
 * queues together hold too much, the slowest peers are disconnected (queue_budget.h). */
bool ws_send(ws_t *ws, zr_blob_t *frames, bool live);

/* At most half of reader-queue waits. False: `drained` is called when that is so. */
bool ws_ready(ws_t *ws);

/* Ends the connection with this code, after what is queued. `gone` follows, and no message before it. */
void ws_close(ws_t *ws, ws_code_t code, zr_span_t reason);

#endif
