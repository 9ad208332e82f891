/* Connections of trusted proxies, which may begin with a header of the PROXY protocol, version 2. It says from which
 * address the client came, and whether over TLS. Without it the connection is taken as it is. */
#ifndef PROXIED_H
#define PROXIED_H

#include "gateway_config.h"
#include "poller.h"

enum {
    PROXIED_MAX = 1024,     /* connections at a time whose beginning has not come; further ones are closed */
    PROXIED_GRACE_MS = 1000 /* that a header may take where the gateway speaks first */
};

typedef struct proxied proxied_t;

/* Where connections go on to. Both take over the descriptor. */
typedef struct {
    void (*pass)(void *ctx, int fd, const struct sockaddr *address, socklen_t len);
    /* For the client at `address`. `secure`: it reached the proxy over TLS. */
    void (*pass_proxied)(void *ctx, int fd, const struct sockaddr *address, socklen_t len, bool secure);
    void *ctx;
    /* The gateway speaks first: a connection that says nothing for PROXIED_GRACE_MS, or ends its half, goes on as it
     * is. Else it is closed after limits/request-timeout. */
    bool greets;
} proxied_door_t;

/* `door` is copied; the others must outlive it. */
proxied_t *proxied_new(const gateway_config_t *config, poller_t *poller, const proxied_door_t *door);
void proxied_destroy(proxied_t *proxied); /* NULL is accepted */

/* Takes over the descriptor of a new connection. One that comes from no trusted proxy goes on at once. */
void proxied_accept(proxied_t *proxied, int fd, const struct sockaddr *address, socklen_t len);

/* Ends the waiting of those that waited too long. proxied_timeout says when that is next; -1: never. */
void proxied_turn(proxied_t *proxied, uint64_t now);
int proxied_timeout(const proxied_t *proxied, uint64_t now);

#endif
