/* direct: a text from one user to another, past all rooms and kept nowhere. */
#include "commands.h"
#include "control.h"
#include "flood.h"
#include "reply.h"
#include "state.h"

typedef struct {
    zr_span_t to, text, ask, answer; /* ask, answer: empty when they are missing */
    bool failed;
} direct_t;

/* false: `*wrong` is the member that is missing or wrong. */
static bool s_read(const json_t *object, direct_t *direct, const char **wrong) {
    *direct = (direct_t){.failed = false};
    if (!zr_get_string(object, "to", 0, SIZE_MAX, &direct->to, wrong) ||
        !zr_get_string(object, "text", 0, SIZE_MAX, &direct->text, wrong) ||
        (zr_has(object, "ask") && !zr_get_string(object, "ask", 1, ZR_ASK_MAX, &direct->ask, wrong)) ||
        (zr_has(object, "answer") && !zr_get_string(object, "answer", 1, ZR_ASK_MAX, &direct->answer, wrong)) ||
        !zr_get_bool_opt(object, "failed", &direct->failed, wrong))
        return false;
    if (direct->failed && !direct->answer.len)
        *wrong = "failed";
    return !*wrong;
}

static zr_blob_t *s_frame(const request_t *request, const direct_t *direct) {
    json_t *frame =
        json_pack("{ss so so sI}", "op", "direct", "from", zr_json_string(user_nick(request->session->user)), "text",
            zr_json_string(direct->text), "time", (json_int_t)request->now);
    if (direct->ask.len)
        json_object_set_new(frame, "ask", zr_json_string(direct->ask));
    if (direct->answer.len)
        json_object_set_new(frame, "answer", zr_json_string(direct->answer));
    if (direct->failed)
        json_object_set_new(frame, "failed", json_true());
    return zr_control_write(frame);
}

/* Sends one frame, which all attached sessions share. Returns how many there are. */
static size_t s_send(relay_t *relay, const request_t *request, const user_t *user, const direct_t *direct) {
    zr_blob_t *frame = NULL;
    size_t sent = 0;
    for (const session_t *session = user ? user->sessions : NULL; session; session = session->next) {
        if (!session->route)
            continue;
        frame = frame ? frame : s_frame(request, direct);
        send_frame(relay, session->route, zr_blob_ref(frame));
        sent++;
    }
    zr_blob_unref(frame);
    return sent;
}

void cmd_direct(relay_t *relay, request_t *request) {
    const char *wrong = NULL;
    direct_t direct;
    if (!s_read(request->object, &direct, &wrong)) {
        fail_member(relay, request, wrong);
        return;
    }
    if (!zr_nick_valid(direct.to)) {
        fail(relay, request, ZR_BAD_NICK, zr_nick_fault(direct.to));
        return;
    }
    size_t sent = s_send(relay, request, session_user(&relay->sessions, direct.to), &direct);
    if (!sent) {
        fail(relay, request, ZR_NO_SUCH_USER, NULL);
        return;
    }
    reply(relay, request, json_pack("{ss}", "op", "ok"));
    size_t others = sent - 1; /* the first is paid for */
    flood_allow(
        relay, request, (rate_cost_t){{[RATE_OPS] = others * DIRECT_COST, [RATE_CONTROL] = others * request->size}});
}
