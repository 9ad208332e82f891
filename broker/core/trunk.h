/* TRUNK frames: what a gateway's peers send, over the gateway's connection (PROTOCOL.md, "Trunks"). */
#ifndef TRUNK_H
#define TRUNK_H

#include "relay.h"
#include "session.h"

/* May the session open channels? It may not on a channel. Without a list of users, only peers of this machine may. */
bool trunk_is_gateway(const relay_t *relay, const session_t *session);

/* The session for which `trunk`, a gateway, opens a channel: itself, or, with a number above 0, the session of that
 * channel of the leaf. NULL: that session may not open channels, or `trunk` is no leaf. */
session_t *trunk_asker(const relay_t *relay, session_t *trunk, uint32_t via);

/* May the session name users? Without a list of users there are none to name. */
bool trunk_names_users(const relay_t *relay, const session_t *session);

/* Takes a TRUNK frame of the session apart. true: `*inner` came by the channel `*route`, and is to be handled as a frame
 * of its own. false: nothing is to be done, and what is wrong was answered. */
bool trunk_take(relay_t *relay, session_t *session, zr_span_t frame, route_t *route, zr_span_t *inner, uint64_t now);

#endif
