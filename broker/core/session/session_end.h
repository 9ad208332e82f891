/* The end of a session, with all its memberships. */
#ifndef SESSION_END_H
#define SESSION_END_H

#include "relay.h"
#include "session.h"

/* Leaves every room for `reason` (static), then forgets the session. */
void session_end(relay_t *relay, session_t *session, const char *reason);

/* Sends it away: bye with `reason` (static), its connection or channel is ended. */
void session_dismiss(relay_t *relay, session_t *session, const char *reason);

#endif
