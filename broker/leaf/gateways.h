/* Gateways and other leaves behind a leaf. Their channels get other numbers at the upstream, and are opened there on their
 * behalf: `via` names the gateway's own channel, whose session the upstream judges. */
#ifndef GATEWAYS_H
#define GATEWAYS_H

#include "leaf_state.h"

/* A TRUNK frame of the client: goes on to the channel that it names. */
void gateways_trunk(leaf_t *leaf, leaf_client_t *gateway, zr_span_t frame);

/* A control frame of the client. true: it was `open` or `close`, and is dealt with; false: it goes on as it is. */
bool gateways_control(leaf_t *leaf, leaf_client_t *client, zr_span_t frame);

#endif
