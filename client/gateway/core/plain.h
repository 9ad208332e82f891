/* A WebSocket at /v1/rooms/ROOM/ws: each message of the peer goes to the room, and each message of the room comes back.
 * The gateway runs the session for it: it joins, repairs gaps, and sends again what the broker did not answer. Without
 * socket, clock or thread.
 *
 * A slow peer gets nothing while too much waits for it. Then the rest comes by replay. */
#ifndef PLAIN_H
#define PLAIN_H

#include "ws_peer.h"

typedef struct plain plain_t;

/* The strings are copied; NULL: none. `user` and `token` log in, and so does a JWT as `token` alone. */
typedef struct {
    zr_span_t room; /* valid */
    zr_span_t nick;
    zr_span_t user, token;
    form_t form; /* FORM_BODY, FORM_NICK or FORM_LINES */
} plain_wish_t;

/* NULL: there are too many topics. */
plain_t *plain_new(const ws_host_t *host, const plain_wish_t *wish, const ws_from_t *from, const ws_calls_t *calls,
    void *ctx, uint64_t now);
void plain_destroy(plain_t *plain); /* NULL is accepted */

void plain_message(plain_t *plain, bool text, zr_span_t message, uint64_t now);

/* Too much is unanswered (unanswered.h), or the broker asked for a pause: the socket is not to be read. */
bool plain_is_paused(plain_t *plain, uint64_t now);

/* The socket has room again. */
void plain_drained(plain_t *plain, uint64_t now);

#endif
