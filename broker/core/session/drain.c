/* See drain.h. */
#include "drain.h"

#include "session_end.h"
#include "state.h"

void drain_begin(relay_t *relay, bool away) {
    relay->drain = (drain_t){.on = true, .away = away, .budget = DRAIN_SECOND};
}

void drain_end(relay_t *relay) {
    relay->drain = (drain_t){0};
}

void drain_tick(relay_t *relay) {
    relay->drain.budget = DRAIN_SECOND;
}

/* The oldest session that is not an operator's; operators are few. NULL: only operators have sessions. */
static session_t *s_next(const relay_t *relay) {
    session_t *session = relay->sessions.by_id;
    while (session && access_sees_stats(session->access))
        session = session->by_id.next;
    return session;
}

bool drain_is_due(const relay_t *relay) {
    return relay->drain.away && relay->drain.budget > 0 && s_next(relay);
}

void drain_work(relay_t *relay) {
    relay->drain.budget--;
    session_dismiss(relay, s_next(relay), "shutdown");
}
