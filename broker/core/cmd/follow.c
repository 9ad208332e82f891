/* follow and unfollow: reads each room whose name begins with a prefix, without a membership of each. */
#include "follow.h"

#include "commands.h"
#include "control.h"
#include "reply.h"
#include "state.h"

/* Reads the member `prefix`; on failure it has answered. */
static bool s_read(relay_t *relay, request_t *request, zr_span_t *prefix) {
    const char *wrong = NULL;
    if (!zr_get_string(request->object, "prefix", 0, SIZE_MAX, prefix, &wrong))
        fail_member(relay, request, wrong);
    else if (prefix->len && !zr_room_valid(*prefix))
        fail(relay, request, ZR_BAD_ROOM, zr_room_fault(*prefix));
    else
        return true;
    return false;
}

static void s_ok(relay_t *relay, request_t *request, zr_span_t prefix) {
    reply(relay, request, json_pack("{ss so}", "op", "ok", "prefix", zr_json_string(prefix)));
}

void cmd_follow(relay_t *relay, request_t *request) {
    session_t *session = request->session;
    zr_span_t prefix;
    bool presence = false;
    const char *wrong = NULL;
    if (!s_read(relay, request, &prefix))
        return;
    if (!zr_get_bool_opt(request->object, "presence", &presence, &wrong)) {
        fail_member(relay, request, wrong);
        return;
    }
    if (!follow_has(relay, session, prefix) && session_joins(session) >= relay->config.max_joins) {
        fail(relay, request, ZR_TOO_MANY_JOINS, NULL);
        return;
    }
    follow_begin(relay, session, prefix, presence);
    s_ok(relay, request, prefix);
}

void cmd_unfollow(relay_t *relay, request_t *request) {
    zr_span_t prefix;
    if (!s_read(relay, request, &prefix))
        return;
    follow_end(relay, request->session, prefix);
    s_ok(relay, request, prefix);
}
