/* The peer at a route. */
#ifndef PEER_H
#define PEER_H

#include "relay.h"

/* The peer whose frame is being handled, which came by `route`. Of a channel, `peer` is the user that its leaf
 * named, or nobody, from the channel's address. Of a connection, the edge says. Valid until the next call. */
void peer_of(const relay_t *relay, route_t route, peer_t *peer);

#endif
