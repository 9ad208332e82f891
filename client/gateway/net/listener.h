/* The listening socket, and which connections are let in. */
#ifndef LISTENER_H
#define LISTENER_H

#include "gateway_config.h"
#include "poller.h"

typedef struct listener listener_t;

/* Takes over `fd`, a non-blocking socket of the peer at `address`. */
typedef void listener_accepted_fn(void *ctx, int fd, const struct sockaddr *address, socklen_t len);

/* False: the address cannot be listened on; `error` says why. The check leaves nothing open. */
bool listener_check(const listen_address_t *address, zr_error_t *error);

/* NULL: `error` says why. */
listener_t *listener_open(
    const listen_address_t *address, poller_t *poller, listener_accepted_fn *accepted, void *ctx, zr_error_t *error);

/* The port, which the system chose if it was 0. */
unsigned listener_port(const listener_t *listener);

void listener_close(listener_t *listener); /* NULL is accepted */

#endif
