/* direct: a text from one user to another, past all rooms and kept nowhere. */
#include "commands.h"
#include "control.h"
#include "reply.h"
#include "state.h"

/* Each session of the nick costs as much as the first. */
unsigned direct_weigh(const relay_t *relay, const request_t *request) {
    const char *wrong = NULL;
    zr_span_t to = {0};
    zr_get_string_opt(request->object, "to", ZR_NICK_MAX, &to, &wrong);
    const user_t *user = to.len ? session_user(&relay->sessions, to) : NULL;
    uint64_t weight = user ? (user->count - 1) * (uint64_t)(DIRECT_COST + request->size) : 0;
    return weight < WEIGHT_MAX ? (unsigned)weight : WEIGHT_MAX;
}

static zr_blob_t *s_frame(const request_t *request, zr_span_t text) {
    return zr_control_write(
        json_pack("{ss so so sI}", "op", "direct", "from", zr_json_string(user_nick(request->session->user)), "text",
            zr_json_string(text), "time", (json_int_t)request->now));
}

/* Sends one frame, which all sessions share. False: none of them is attached. */
static bool s_send(relay_t *relay, const request_t *request, const user_t *user, zr_span_t text) {
    zr_blob_t *frame = NULL;
    for (const session_t *session = user ? user->sessions : NULL; session; session = session->next) {
        if (!session->route)
            continue;
        frame = frame ? frame : s_frame(request, text);
        send_frame(relay, session->route, zr_blob_ref(frame));
    }
    zr_blob_unref(frame);
    return frame != NULL;
}

void cmd_direct(relay_t *relay, request_t *request) {
    const char *wrong = NULL;
    zr_span_t to, text;
    if (!zr_get_string(request->object, "to", 0, SIZE_MAX, &to, &wrong) ||
        !zr_get_string(request->object, "text", 0, SIZE_MAX, &text, &wrong)) {
        fail_member(relay, request, wrong);
        return;
    }
    if (!zr_nick_valid(to)) {
        fail(relay, request, ZR_BAD_NICK, zr_nick_fault(to));
        return;
    }
    if (s_send(relay, request, session_user(&relay->sessions, to), text))
        reply(relay, request, json_pack("{ss}", "op", "ok"));
    else
        fail(relay, request, ZR_NO_SUCH_USER, NULL);
}
