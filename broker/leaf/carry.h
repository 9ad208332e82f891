/* The channels of a leaf's clients at the upstream: how they open and end. */
#ifndef CARRY_H
#define CARRY_H

#include <jansson.h>

#include "leaf_state.h"

/* Opens the client's channel, if it is not open. The upstream is there. */
void carry_open(leaf_t *leaf, leaf_client_t *client);

/* The client is gone, and so are its own clients if it is a gateway. It must not be used any more. */
void carry_end(leaf_t *leaf, leaf_client_t *client);

/* A gateway's client is to go: the session is detached, and the gateway is asked to send it away, for this reason. The
 * client is there until the gateway did. */
void carry_send_away(leaf_t *leaf, leaf_client_t *client, const char *reason);

/* Ends all connections of a user, whose clients are to be accepted anew. */
void carry_drop_user(leaf_t *leaf, zr_span_t user);

/* The upstream is away, so every channel is over. Clients with a connection stay, and are told. */
void carry_lose_all(leaf_t *leaf);

/* What the upstream says about the channel that `object` names; false: it names none. */
bool carry_on_ok(leaf_t *leaf, json_t *object);
bool carry_on_error(leaf_t *leaf, json_t *object);
bool carry_on_close(leaf_t *leaf, json_t *object);

/* To a client; `say` takes over the reference. */
void carry_say(leaf_t *leaf, route_t route, json_t *object);
/* A frame that the leaf answers itself costs the client so much, against rate-ops. false: the client is a flooder and is
 * gone, or is a gateway's and is sent away; it must not be used any more. */
bool carry_fault(leaf_t *leaf, leaf_client_t *client, unsigned cost);
bool carry_is_patient(const leaf_t *leaf, const leaf_client_t *client); /* more answers may be given */

void carry_refuse(leaf_t *leaf, route_t route, zr_code_t code, const json_t *id);

#endif
