/* An HTTP request of the simulation, and what its client sees of the answer: exchange.h without sockets. Bytes of the
 * answer take their time, and come in pieces. The client may go at any moment; so may the gateway. */
#ifndef FETCH_H
#define FETCH_H

#include "exchange.h"

struct sim;

enum { FETCH_ADDRESSES = 3, FETCH_HEADERS = 4 };

/* What its client is told. `bytes` are a piece of the body. The end is the last: `whole` as it was meant to be, or broken
 * off. After the end, and once the client is gone, nothing is told. */
typedef struct {
    void (*bytes)(void *ctx, zr_span_t bytes);
    void (*end)(void *ctx, unsigned status, bool whole); /* status 0: no answer came */
} fetch_calls_t;

/* `body` may hold any byte, and is copied, as the headers are. It belongs to the simulation's gateway until its end. */
exchange_t *fetch_new(
    struct sim *sim, const char *method, const char *target, zr_span_t body, const fetch_calls_t *calls, void *ctx);
void fetch_header(exchange_t *e, const char *name, const char *value);

/* The client closes its connection: the gateway hears of it at once. */
void fetch_drop(exchange_t *e);

/* The gateway's process ended: the client sees the connection break. */
void fetch_break(exchange_t *e);

void fetch_free(exchange_t *e); /* at the end of the simulation */

#endif
