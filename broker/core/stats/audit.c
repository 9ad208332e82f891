/* See audit.h. A line that a session's queue does not take is dropped: the numbers show it. */
#include "audit.h"

#include "control.h"
#include "reply.h"
#include "state.h"

bool audit_follow(relay_t *relay, const session_t *session) {
    uint64_t *sessions = relay->auditors.sessions, *place = NULL;
    for (size_t i = 0; i < AUDITORS_MAX; i++) {
        if (sessions[i] == session->id)
            return true;
        if (!sessions[i] || !session_by_id(&relay->sessions, sessions[i]))
            place = &sessions[i];
    }
    if (place)
        *place = session->id;
    return place;
}

void audit_tell(relay_t *relay, uint64_t number, uint64_t time, zr_span_t text) {
    zr_blob_t *frame = NULL;
    for (size_t i = 0; i < AUDITORS_MAX; i++) {
        uint64_t *id = &relay->auditors.sessions[i];
        const session_t *session = *id ? session_by_id(&relay->sessions, *id) : NULL;
        if (!session || !access_is_admin(session->access)) {
            *id = 0;
            continue;
        }
        if (!session->route)
            continue;
        if (!frame)
            frame = zr_control_write(json_pack("{ss sI sI so}", "op", "audit", "number", (json_int_t)number, "time",
                (json_int_t)time, "text", zr_json_string(text)));
        outbox_add(relay->outbox,
            &(effect_t){.kind = EFFECT_SEND, .route = session->route, .frame = zr_blob_ref(frame), .live = true});
    }
    zr_blob_unref(frame);
}
