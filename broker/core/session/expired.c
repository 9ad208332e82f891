/* See expired.h. */
#include "expired.h"

#include "reply.h"
#include "session_end.h"
#include "state.h"

#define REASON "token-expired"

bool expired_is_due(const relay_t *relay) {
    const deadline_t *next = deadlines_next(&relay->sessions.expiries);
    return next && next->at <= relay->now;
}

/* The connection stays: the client may say hello with a new token at once. */
void expired_end(relay_t *relay) {
    session_t *session = DEADLINE_ITEM(deadlines_next(&relay->sessions.expiries), session_t, expiry);
    send_bye(relay, session->route, REASON);
    session_end(relay, session, REASON);
}
