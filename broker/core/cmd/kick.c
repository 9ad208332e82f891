/* kick: sends a user out of one room, and may keep it out for a time. */
#include "kick.h"

#include "commands.h"
#include "control.h"
#include "logger.h"
#include "members.h"
#include "names.h"
#include "reply.h"
#include "rooms.h"
#include "state.h"

enum { SECOND_US = 1000000 };

typedef struct {
    zr_span_t nick, reason;
    uint64_t seconds;
    bool timed; /* `seconds` was given */
} kick_t;

/* Reads the request; on failure it has answered. */
static bool s_read(relay_t *relay, request_t *request, kick_t *kick) {
    const char *wrong = NULL;
    zr_get_string(request->object, "user", 1, SIZE_MAX, &kick->nick, &wrong);
    zr_get_string_opt(request->object, "reason", ADMIN_REASON_MAX, &kick->reason, &wrong);
    zr_get_uint_opt(request->object, "for", 0, &kick->seconds, &wrong);
    if (!wrong && !zr_nick_valid(kick->nick))
        wrong = "user";
    if (!wrong && !zr_is_shown(kick->reason))
        wrong = "reason";
    if (!wrong && kick->seconds > KICK_FOR_MAX)
        wrong = "for";
    if (wrong)
        fail_member(relay, request, wrong);
    kick->timed = zr_has(request->object, "for");
    return !wrong;
}

static json_t *s_left(const room_t *room, const kick_t *kick) {
    json_t *left = json_pack("{ss so ss sI}", "op", "left", "room", zr_json_string(room_name(room)), "reason", "kicked",
        "seq", (json_int_t)room->stored);
    if (kick->reason.len)
        json_object_set_new(left, "text", zr_json_string(kick->reason));
    if (kick->seconds)
        json_object_set_new(left, "for", json_integer((json_int_t)kick->seconds));
    return left;
}

/* Ends the memberships of the user's sessions in the room. Returns how many there were. */
static size_t s_send_out(relay_t *relay, const user_t *user, zr_span_t name, const kick_t *kick) {
    size_t count = 0;
    for (session_t *session = user ? user->sessions : NULL; session; session = session->next) {
        room_t *room = room_find(relay, name); /* the last member may have taken it along */
        member_t *member = room ? member_find(session, room) : NULL;
        if (member) {
            send_frame(relay, session->route, zr_control_write(s_left(room, kick)));
            member_remove(relay, member, "kicked");
            count++;
        }
    }
    return count;
}

/* The sessions look their rights up anew. */
static void s_rights_changed(relay_t *relay, const user_t *user) {
    for (session_t *session = user ? user->sessions : NULL; session; session = session->next) {
        session_rights_forget(session);
        session->following.list = true;
        groups_rights(relay, session);
    }
}

/* ZR_NO_SUCH_USER: there was nothing to do. ZR_RATE_LIMITED: too many users are kept out. */
static zr_code_t s_kick(relay_t *relay, const user_t *user, zr_span_t room, const kick_t *kick) {
    barred_t *barred = &relay->sessions.barred;
    if (kick->timed && !kick->seconds)
        return barred_remove(barred, room, kick->nick) ? ZR_OK : ZR_NO_SUCH_USER;
    if (kick->timed && !barred_add(barred, room, kick->nick, relay->now + kick->seconds * SECOND_US))
        return ZR_RATE_LIMITED;
    return s_send_out(relay, user, room, kick) || kick->timed ? ZR_OK : ZR_NO_SUCH_USER;
}

static void s_audit(const request_t *request, const kick_t *kick) {
    zr_span_t by = user_nick(request->session->user), room = request->room;
    char until[40] = "";
    if (kick->seconds)
        snprintf(until, sizeof until, " for %llu s", (unsigned long long)kick->seconds);
    zr_log(ZR_LOG_AUDIT, "%.*s %s %.*s %s %.*s%s: %.*s", (int)by.len, by.ptr,
        kick->timed && !kick->seconds ? "lets" : "kicks", (int)kick->nick.len, kick->nick.ptr,
        kick->timed && !kick->seconds ? "into" : "out of", (int)room.len, room.ptr, until, (int)kick->reason.len,
        kick->reason.len ? kick->reason.ptr : "");
}

void cmd_kick(relay_t *relay, request_t *request) {
    kick_t kick = {0};
    if (!s_read(relay, request, &kick))
        return;
    const user_t *user = session_user(&relay->sessions, kick.nick);
    zr_code_t code = s_kick(relay, user, request->room, &kick);
    if (code == ZR_RATE_LIMITED) {
        fail_wait(relay, request, BUSY_WAIT_MS);
        return;
    }
    if (code != ZR_OK) {
        fail(relay, request, code, NULL);
        return;
    }
    s_audit(request, &kick);
    s_rights_changed(relay, user);
    reply(relay, request, json_pack("{ss so}", "op", "ok", "room", zr_json_string(request->room)));
}

void kick_let_in(relay_t *relay) {
    char nick[ZR_NICK_MAX + 1];
    while (barred_end(&relay->sessions.barred, relay->now, nick))
        s_rights_changed(relay, session_user(&relay->sessions, zr_span(nick)));
}
