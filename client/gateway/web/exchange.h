/* One HTTP request and its answer, as a handler sees them. A handler answers at once or later: until then the
 * connection waits. Everything happens in the gateway's one thread.
 *
 * An exchange ends with its answer, with the end of its stream, or when its peer is gone. A handler that keeps it sets
 * exchange_on_gone, and touches it no more after that call. */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "buffer.h"
#include "netblock.h"
#include "span.h"

typedef struct exchange exchange_t;

typedef struct {
    const char *name, *value;
} web_header_t;

/* --- The request. Everything is valid as long as the exchange. --- */

const char *exchange_method(const exchange_t *e); /* as it came, such as "GET" */

/* Path and query as they came: nothing is decoded. It may hold any byte but blanks. */
zr_span_t exchange_target(const exchange_t *e);

/* The first header of that name, whatever its case; NULL: it is missing. */
const char *exchange_header(const exchange_t *e, const char *name);

/* The values of all headers of that name, in their order with commas between them; empty: it is missing. Valid until the
 * next call for this exchange. */
zr_span_t exchange_headers(exchange_t *e, const char *name);

/* The whole body, at most limits/max-body bytes. */
zr_span_t exchange_body(const exchange_t *e);

/* Where the request came from. */
const address_t *exchange_address(const exchange_t *e);

/* The connection is encrypted, or its peer is on this machine: secrets may travel over it. */
bool exchange_is_secure(const exchange_t *e);

/* --- The answer: one of these three, once. Headers and bytes are copied. --- */

/* A whole answer. */
void exchange_answer(exchange_t *e, unsigned status, const web_header_t *headers, size_t count, zr_span_t body);

/* An answer without a known end: write as often as you like, then end. Until the end, exchange_queued bytes wait for the
 * peer; nothing bounds them but the writer. */
void exchange_stream(exchange_t *e, unsigned status, const web_header_t *headers, size_t count);
/* Takes over one reference. If limits/all-queues has no room for it, slow clients are
 * disconnected, perhaps this one: the stream is aborted then. */
void exchange_write(exchange_t *e, zr_blob_t *bytes);
size_t exchange_queued(const exchange_t *e);
void exchange_end(exchange_t *e);

/* Ends the stream so that the peer sees that it is not whole. What waits is dropped. */
void exchange_abort(exchange_t *e);

/* 101: from now on the connection is `upgraded`'s. `extra` came already, and is valid during the call. `pipe` gives the
 * connection back in the end. Once `upgraded` is called, the exchange is not to be touched, and exchange_on_gone tells
 * nothing any more. */
typedef struct web_pipe web_pipe_t;
typedef void exchange_upgraded_fn(void *ctx, int fd, web_pipe_t *pipe, zr_span_t extra);
void exchange_upgrade(
    exchange_t *e, const web_header_t *headers, size_t count, exchange_upgraded_fn *upgraded, void *ctx);

/* The descriptor of the connection is closed. */
void web_pipe_close(web_pipe_t *pipe);

/* Some bytes of a stream reached the kernel: exchange_queued may be smaller now. NULL: not wanted. */
void exchange_on_drained(exchange_t *e, void (*drained)(void *ctx), void *ctx);

/* The exchange is over, whatever the reason but an upgrade. Called once, the last thing that is told of it. */
void exchange_on_gone(exchange_t *e, void (*gone)(void *ctx), void *ctx);

#endif
