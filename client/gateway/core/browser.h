/* A WebSocket at /v1/ws: a client of the protocol, on a channel of its own. The gateway passes its frames on, and adds
 * what a browser lacks: a SUB. Without socket, clock or thread.
 *
 * The gateway hands the entries of an open room only to a peer that asked for them (`subscribe`). The broker must have
 * answered its `join` or `follow`. */
#ifndef BROWSER_H
#define BROWSER_H

#include "ws_peer.h"

typedef struct browser browser_t;

typedef enum {
    BROWSER_BINARY, /* subprotocol zrelay.v1: entries as DELIVER */
    BROWSER_JSON    /* zrelay.v1.json: entries as JSON; `join` subscribes, `hello` may lack `proto` and `client` */
} browser_kind_t;

browser_t *browser_new(const ws_host_t *host, browser_kind_t kind, const ws_from_t *from, const ws_calls_t *calls,
    void *ctx, uint64_t now);
void browser_destroy(browser_t *browser); /* NULL is accepted */

/* A whole message came. */
void browser_message(browser_t *browser, bool text, zr_span_t message, uint64_t now);

/* A `join` waits for the broker: the socket is not to be read meanwhile. */
bool browser_is_paused(const browser_t *browser);

#endif
