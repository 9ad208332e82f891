/* Gateways and other leaves behind a leaf. Their channels get other numbers at the upstream. Their `open` and `close` go on
 * over the channel of their own session, which the upstream judges, and so do the answers. */
#ifndef GATEWAYS_H
#define GATEWAYS_H

#include "leaf_state.h"

/* A TRUNK frame of the client: goes on to the channel that it names. */
void gateways_trunk(leaf_t *leaf, leaf_client_t *gateway, zr_span_t frame);

/* A control frame of the client. true: it was `open` or `close`, and is dealt with; false: it goes on as it is. */
bool gateways_control(leaf_t *leaf, leaf_client_t *client, zr_span_t frame);

/* A control frame of the upstream to a client that opened channels. true: it is the answer to `open` or `close`, and goes
 * on with the client's numbers. If the client's session is over, so are its channels. */
bool gateways_answer(leaf_t *leaf, leaf_client_t *gateway, zr_span_t frame);

#endif
