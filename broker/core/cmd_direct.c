/* direct: a text from one user to another, past all rooms and kept nowhere. */
#include "control.h"
#include "relay_internal.h"

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
    const user_t *user = session_user(&relay->sessions, to);
    bool reached = false;
    for (const session_t *session = user ? user->sessions : NULL; session; session = session->next) {
        if (!session->route)
            continue;
        reached = true;
        send_frame(relay, session->route,
            zr_control_write(
                json_pack("{ss so so sI}", "op", "direct", "from", zr_json_string(user_nick(request->session->user)),
                    "text", zr_json_string(text), "time", (json_int_t)request->now)));
    }
    if (reached)
        reply(relay, request, json_pack("{ss}", "op", "ok"));
    else
        fail(relay, request, ZR_NO_SUCH_USER, NULL);
}
