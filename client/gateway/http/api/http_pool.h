/* The sessions that short requests share: one for each address, login and nick, kept for a while after the last request.
 *
 * So a client that sends a thousand requests logs in once, and its rates hold over all of them; with a session for each
 * request they would begin anew each time. Streams have sessions of their own, as a WebSocket has. */
#ifndef HTTP_POOL_H
#define HTTP_POOL_H

#include "http_session.h"

enum {
    HTTP_POOL_MAX = 10000,     /* sessions that requests share, idle ones included */
    HTTP_POOL_IDLE_MS = 15000, /* that a session without a request is kept */
};

typedef struct http_pool http_pool_t;
typedef struct http_lease http_lease_t; /* a request's share of a session */

http_pool_t *http_pool_new(http_broker_t *broker);
void http_pool_destroy(http_pool_t *pool); /* no lease may be left; NULL is accepted */

/* The session of this identity, or a new one. NULL: the pool is full of sessions in use. */
http_lease_t *http_pool_take(http_pool_t *pool, const http_identity_t *identity);
http_session_t *http_lease_session(const http_lease_t *lease);
void http_lease_return(http_lease_t *lease); /* NULL is accepted */

/* Ends sessions that were idle for long. */
void http_pool_tick(http_pool_t *pool);

size_t http_pool_count(const http_pool_t *pool);

#endif
