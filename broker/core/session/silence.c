/* See silence.h. */
#include "silence.h"

#include "reply.h"
#include "session_end.h"
#include "state.h"

/* A ticket lasts a heartbeat. The first that runs out after a frame began before it. So this many say that the session
 * was silent for three whole heartbeats, and for less than four. */
enum { SILENT_BEATS = 4 };

void silence_broken(relay_t *relay, session_t *session) {
    session->beats = 0;
    session_set_silent(&relay->sessions, session, false);
    outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_ALIVE, .session = session->id});
}

void relay_silent(relay_t *relay, uint64_t id) {
    session_t *session = session_by_id(&relay->sessions, id);
    if (!session)
        return;
    if (session->silent)
        return;
    if (++session->beats >= SILENT_BEATS)
        session_set_silent(&relay->sessions, session, true);
    else
        outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_ALIVE, .session = id});
}

bool silence_is_due(const relay_t *relay) {
    return relay->sessions.silent;
}

void silence_end(relay_t *relay) {
    session_t *session = relay->sessions.silent;
    if (session->route)
        send_bye(relay, session->route, "expired");
    else if (session->deaf && session->connection && !session_by_route(&relay->sessions, session->deaf))
        outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_DROP, .connection = session->connection});
    session_end(relay, session, "expired");
}
