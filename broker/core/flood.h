/* Rate limits: a peer that exceeds them is told to wait, and is sent away if it goes on (PROTOCOL.md, "Rates"). rate.c
 * counts. A connection without a session is counted under its route. */
#ifndef FLOOD_H
#define FLOOD_H

#include "request.h"

/* The cost of what a peer sent, or of an error that it caused. true: go on. false: the peer is sent away, there is
 * nothing more to answer, and the session is gone. `session` NULL: the route has no session. */
bool flood_take(relay_t *relay, route_t route, session_t *session, rate_cost_t cost, uint64_t now);

/* The same for a PUBLISH frame, or for the answers to it. Beyond a limit it tells the publisher to wait. */
bool flood_publish(relay_t *relay, session_t *session, rate_cost_t cost, uint64_t now);

/* Did the peer use up its requests, or the bytes of its control frames? */
bool flood_is_spent(relay_t *relay, route_t route, session_t *session, uint64_t now);

/* Answers with rate-limited and the time until flood_is_spent is over. */
void flood_refuse(relay_t *relay, const request_t *request);

/* The cost of a request that was not refused; it never ends the session. */
void flood_allow(relay_t *relay, const request_t *request, rate_cost_t cost);

/* The session begins, or goes on, at `route`: it takes over that connection's debt. Call before session_set_route. */
void flood_arrive(relay_t *relay, session_t *session, route_t route, uint64_t now);

#endif
