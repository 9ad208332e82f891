/* See peer.h. */
#include "peer.h"

#include "state.h"

void peer_of(const relay_t *relay, route_t route, peer_t *peer) {
    const relay_config_t *config = &relay->config;
    const channel_t *channel = channel_find(&relay->sessions.channels, route);
    *peer = (peer_t){.local = true};
    if (channel) {
        bool nobody = !channel->user[0];
        *peer = (peer_t){.user = zr_span(channel->user),
            .address = zr_span(channel->address),
            .local = nobody && !channel->origin,
            .takes_tokens = nobody && channel->secure};
        return;
    }
    if (config->peer)
        config->peer(config->peer_ctx, peer);
    peer->takes_tokens = peer->local;
}
