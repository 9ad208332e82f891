/* Who does too much is told to wait, and sent away if it does not listen (PROTOCOL.md, section 6). What is too much is
 * counted in rate.c; of a connection without a session under its route. */
#ifndef FLOOD_H
#define FLOOD_H

#include "request.h"

/* Each returns whether to go on. If not, there is nothing more to answer, and the session may be gone. */

/* A request of `cost` and, for the work that is only done when it is granted, `more`: refused if it is too much. A
 * refusal costs half of `cost`, or, without a session, all of it. */
bool flood_ask(relay_t *relay, const request_t *request, unsigned cost, unsigned more);

/* What is never refused. Beyond the limit a connection without a session gets no answer. */
bool flood_note(relay_t *relay, route_t route, session_t *session, unsigned cost, uint64_t now);

/* A PUBLISH frame, which is taken even if it is too much. */
bool flood_publish(relay_t *relay, route_t route, session_t *session, size_t entries, size_t bytes, uint64_t now);

/* So many errors about it, or about entries of it. */
bool flood_refused(relay_t *relay, session_t *session, unsigned errors, uint64_t now);

/* So many of its entries have a key. */
bool flood_keyed(relay_t *relay, session_t *session, size_t entries, uint64_t now);

/* A PUBLISH frame of a connection without a session. A client may have a window of them under way when it comes anew,
 * so they are no flood; one answer would do, and beyond half of the limit they get none. */
bool flood_publish_early(relay_t *relay, route_t route, size_t bytes, uint64_t now);

/* The session begins, or goes on, at `route`: what that connection owes it owes. Before session_set_route. */
void flood_arrive(relay_t *relay, session_t *session, route_t route, uint64_t now);

#endif
