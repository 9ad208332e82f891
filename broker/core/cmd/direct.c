/* direct: a text from one user to another, past all rooms and kept nowhere. */
#include "commands.h"
#include "control.h"
#include "flood.h"
#include "reply.h"
#include "state.h"

static zr_blob_t *s_frame(const request_t *request, zr_span_t text) {
    return zr_control_write(
        json_pack("{ss so so sI}", "op", "direct", "from", zr_json_string(user_nick(request->session->user)), "text",
            zr_json_string(text), "time", (json_int_t)request->now));
}

/* Sends one frame, which all attached sessions share. Returns how many there are. */
static size_t s_send(relay_t *relay, const request_t *request, const user_t *user, zr_span_t text) {
    zr_blob_t *frame = NULL;
    size_t sent = 0;
    for (const session_t *session = user ? user->sessions : NULL; session; session = session->next) {
        if (!session->route)
            continue;
        frame = frame ? frame : s_frame(request, text);
        send_frame(relay, session->route, zr_blob_ref(frame));
        sent++;
    }
    zr_blob_unref(frame);
    return sent;
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
    size_t sent = s_send(relay, request, session_user(&relay->sessions, to), text);
    if (!sent) {
        fail(relay, request, ZR_NO_SUCH_USER, NULL);
        return;
    }
    reply(relay, request, json_pack("{ss}", "op", "ok"));
    size_t others = sent - 1; /* the first is paid for */
    flood_allow(
        relay, request, (rate_cost_t){{[RATE_OPS] = others * DIRECT_COST, [RATE_CONTROL] = others * request->size}});
}
