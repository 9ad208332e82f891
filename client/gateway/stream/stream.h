/* TCP connections of plain text: bytes in, queued bytes out, both bounded. Lines and IRC use them. All of them share
 * one turn of the loop: what a turn queues goes out with one system call for each connection at its end.
 *
 * A connection has two halves. The peer may end its own and still read: `end` tells that, and the owner decides when to
 * close. Dead peers are found: by TCP's keepalive, and while bytes are under way by what they acknowledge. */
#ifndef STREAM_H
#define STREAM_H

#include "blob.h"
#include "outflow.h"
#include "poller.h"
#include "stream_tls.h"

typedef struct stream_pool stream_pool_t;
typedef struct stream stream_t;

enum {
    STREAM_INPUT = 16384,    /* bytes of input that wait for an owner at most, and that a turn reads of one peer */
    STREAM_LINGER_MS = 3000, /* that a closed connection may take to write what is queued, and to hear the peer's end */
    STREAM_PAUSE_MS = 20,    /* until a paused connection with input is looked at again */
    STREAM_STALLS = 10 /* a peer that takes no byte of what waits is disconnected after so many times limits/ping */
};

/* What the owner is told; `ctx` is its own. Within each but `paused`, it may send to and close any connection. */
typedef struct {
    /* Bytes came. Returns how many the owner takes; the rest is offered again in a later turn, before what came after.
     * Nothing more is read while STREAM_INPUT bytes wait, so it must take some of them in the end. An owner bounds the
     * work of a turn so. */
    size_t (*bytes)(void *ctx, zr_span_t bytes);
    /* The peer sends nothing more, and the owner has taken all. It may still read. Called once. */
    void (*end)(void *ctx);
    /* The connection is not to be read now; asked again in every turn, and at least every STREAM_PAUSE_MS. */
    bool (*paused)(void *ctx);
    /* Live bytes were dropped, or stream_ready said no, and there is room again. */
    void (*drained)(void *ctx);
    /* The gateway stops: the owner says goodbye. The connection is closed after that. */
    void (*stopping)(void *ctx);
    /* The connection is gone: the last call. */
    void (*gone)(void *ctx);
} stream_events_t;

/* A new connection. */
typedef struct {
    int fd;            /* non-blocking */
    address_t address; /* of the client, also behind a trusted proxy */
    unsigned port;     /* of the client */
    bool secure;       /* over TLS, or of this machine: tokens may be taken */
    stream_tls_t *tls; /* the connection speaks TLS with this certificate, which outlives it; NULL: plain */
} stream_from_t;

typedef struct {
    uint64_t open, opened;
    uint64_t refused; /* beyond limits/max-connections or limits/max-address-connections */
    uint64_t bytes_in;
    outflow_counts_t out; /* `too_slow` ones were closed */
    uint64_t dead;        /* closed because they took nothing for STREAM_STALLS times limits/ping, or because their TLS
                        * handshake was not complete within limits/request-timeout */
} stream_counts_t;

/* `config`, `poller` and `budget` must outlive it. All queues count in `budget`. */
stream_pool_t *stream_pool_new(const gateway_config_t *config, poller_t *poller, queue_budget_t *budget);
void stream_pool_destroy(stream_pool_t *pool); /* ends the connections that are left; NULL is accepted */

/* Reads, writes and ends connections. `hold`: read nothing. */
void stream_pool_turn(stream_pool_t *pool, bool hold, uint64_t now);
/* Milliseconds until the next turn has something to do, -1: nothing is planned. */
int stream_pool_timeout(const stream_pool_t *pool, bool hold, uint64_t now);

/* Tells all owners that the gateway stops, and waits at most `wait_ms` until everything is written. */
void stream_pool_close(stream_pool_t *pool, uint64_t wait_ms);

const stream_counts_t *stream_counts(const stream_pool_t *pool);

/* Takes over the descriptor. Nothing is told within the call. NULL: a limit refuses it, and the descriptor is closed;
 * `text`, if not NULL, was written to the peer before. */
stream_t *stream_new(
    stream_pool_t *pool, const stream_from_t *from, const char *text, const stream_events_t *events, void *ctx);

const address_t *stream_address(const stream_t *stream);
unsigned stream_port(const stream_t *stream);
bool stream_is_secure(const stream_t *stream);

/* Queues bytes; the reference stays the caller's. `live`: they are dropped when more than limits/reader-queue bytes
 * would wait: false, and `drained` follows. Others are never dropped alone: beyond limits/answer-queue bytes the
 * connection ends. */
bool stream_send(stream_t *stream, zr_blob_t *bytes, bool live);

/* The same of a text that no other connection gets. It is not live. */
void stream_put(stream_t *stream, zr_span_t text);

/* At most half of limits/reader-queue waits. False: `drained` is called when that is so. */
bool stream_ready(stream_t *stream);

/* Ends the connection after what is queued. Only `gone` follows. */
void stream_close(stream_t *stream);

#endif
