/* Rate limits: a peer that exceeds them is told to wait, and is sent away if it goes on (PROTOCOL.md, section 6).
 * rate.c counts. A connection without a session is counted under its route. */
#ifndef FLOOD_H
#define FLOOD_H

#include "request.h"

/* Each returns whether to go on. If not, there is nothing more to answer, and the session may be gone. */

/* A request: refused if it costs too much. It costs `cost`, and `more` for the work that is done only when it is
 * granted. A refusal costs half of `cost`; without a session, all of it. */
bool flood_ask(relay_t *relay, const request_t *request, unsigned cost, unsigned more);

/* A request that is never refused. Beyond the limit a connection without a session gets no answer. */
bool flood_note(relay_t *relay, route_t route, session_t *session, unsigned cost, uint64_t now);

/* A PUBLISH frame, which is taken even if it is too much. */
bool flood_publish(relay_t *relay, route_t route, session_t *session, size_t entries, size_t bytes, uint64_t now);

/* A PUBLISH frame, or entries of it, got so many errors. */
bool flood_refused(relay_t *relay, session_t *session, unsigned errors, uint64_t now);

/* So many of its entries have a key. */
bool flood_keyed(relay_t *relay, session_t *session, size_t entries, uint64_t now);

/* A PUBLISH frame of a connection without a session. A client that reconnects may have a window of them under way, so
 * they are no flood. One answer would do; beyond half of the limit they get none. */
bool flood_publish_early(relay_t *relay, route_t route, size_t bytes, uint64_t now);

/* The session begins, or goes on, at `route`: it takes over that connection's debt. Call before session_set_route. */
void flood_arrive(relay_t *relay, session_t *session, route_t route, uint64_t now);

#endif
