/* Control frames: the gates before any command, and the table of ops. */
#ifndef DISPATCH_H
#define DISPATCH_H

#include "relay.h"
#include "session.h"

/* Reads the frame, runs its op if the gates let it pass, and answers. `session` NULL: the route has no session. */
void dispatch_control(relay_t *relay, route_t route, session_t *session, zr_span_t frame, uint64_t now);

#endif
