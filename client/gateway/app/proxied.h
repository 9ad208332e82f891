/* Connections of trusted proxies, which may begin with a header of the PROXY protocol, version 2. It says from which
 * address the client came, and whether over TLS. Without it the connection is taken as it is. */
#ifndef PROXIED_H
#define PROXIED_H

#include "web.h"

enum { PROXIED_MAX = 1024 }; /* connections at a time whose beginning has not come; further ones are closed */

typedef struct proxied proxied_t;

/* Connections go on to `web`. All three must outlive it. */
proxied_t *proxied_new(const gateway_config_t *config, poller_t *poller, web_t *web);
void proxied_destroy(proxied_t *proxied); /* NULL is accepted */

/* Takes over the descriptor of a new connection. One that comes from no trusted proxy goes on at once. */
void proxied_accept(proxied_t *proxied, int fd, const struct sockaddr *address, socklen_t len);

/* Closes those that waited for limits/request-timeout. proxied_timeout says when that is next; -1: never. */
void proxied_turn(proxied_t *proxied, uint64_t now);
int proxied_timeout(const proxied_t *proxied, uint64_t now);

#endif
