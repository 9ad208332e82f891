/* TRUNK frames: what a gateway's peers send, over the gateway's connection (PROTOCOL.md, "Trunks"). */
#ifndef TRUNK_H
#define TRUNK_H

#include "relay.h"
#include "session.h"

/* The trunk on which the session may open channels: itself; or, if it came by a channel of a leaf, the leaf's session.
 * NULL: it may not. Without a list of users, only peers of this machine may. */
session_t *trunk_of(const relay_t *relay, session_t *session);

/* May the session name users? Without a list of users there are none to name. */
bool trunk_names_users(const relay_t *relay, const session_t *session);

/* Takes a TRUNK frame of the session apart. true: `*inner` came by the channel `*route`, and is to be handled as a frame
 * of its own. false: nothing is to be done, and what is wrong was answered. */
bool trunk_take(relay_t *relay, session_t *session, zr_span_t frame, route_t *route, zr_span_t *inner, uint64_t now);

#endif
