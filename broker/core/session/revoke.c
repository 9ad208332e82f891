/* Puts new rights in force at once. Sessions of users not let in any more end. Memberships without the right to read
 * end. Rooms become open or private. */
#include "revoke.h"

#include "admin.h"
#include "control.h"
#include "logger.h"
#include "members.h"
#include "reply.h"
#include "session_end.h"
#include "state.h"

/* The same of a signed login. `*own` is its rights, the caller's. */
static const char *s_why_not_signed(const relay_t *relay, const session_t *session, access_user_t **own) {
    zr_span_t nick = user_nick(session->user);
    if (access_takes(relay->access, session->grant)) {
        *own = access_of_grant(relay->access, session->grant);
        return NULL;
    }
    return access_is_user(relay->access, nick) && !access_user(relay->access, nick) ? "banned" : "revoked";
}

/* The reason why the session is not let in any more. NULL: it still is, and `*access` is its rights. */
static const char *s_why_not(const relay_t *relay, const session_t *session, const access_user_t **access) {
    zr_span_t nick = user_nick(session->user);
    bool named =
        session->authenticated ? access_is_user(relay->access, nick) : access_resembles_user(relay->access, nick);
    *access = access_user(relay->access, session->authenticated ? nick : zr_span(NULL));
    if (session->authenticated && !*access)
        return named ? "banned" : "revoked";
    return !*access || (!session->authenticated && named) ? "revoked" : NULL;
}

/* Ends the memberships that the rights do not give any more, and gives the others theirs. Returns how many ended. */
static size_t s_apply_to_members(relay_t *relay, session_t *session) {
    size_t ended = 0;
    member_t *member, *next;
    HASH_ITER(hh, session->members, member, next) {
        room_t *room = member->room;
        rights_t rights = session_rights(session, room_name(room));
        if (rights & RIGHT_READ) {
            member_set_rights(relay, member, rights);
            continue;
        }
        send_frame(relay, session->route,
            zr_control_write(json_pack("{ss so ss sI}", "op", "left", "room", zr_json_string(room_name(room)), "reason",
                "revoked", "seq", (json_int_t)room->stored)));
        member_remove(relay, member, "revoked");
        ended++;
    }
    return ended;
}

/* The losses of the sessions of one user, or of all anonymous sessions. */
typedef struct {
    size_t gone, rooms; /* sessions that ended; memberships of the others that did */
    const char *why;    /* the last one ended */
} losses_t;

size_t session_give_rights(relay_t *relay, session_t *session, const access_user_t *access) {
    session->following.list |= !access_is_same(session->access, access);
    session->access = access;
    session_rights_forget(session);
    groups_rights(relay, session);
    return s_apply_to_members(relay, session);
}

static void s_apply(relay_t *relay, session_t *session, losses_t *losses) {
    const access_user_t *access = NULL;
    access_user_t *own = NULL;
    const char *why = session->grant ? s_why_not_signed(relay, session, &own) : s_why_not(relay, session, &access);
    const access_user_t *rights = own ? own : access;
    if (!why && (session->channels || session->carries) && !access_is_open_mode(relay->access) &&
        !access_is_gateway(rights))
        why = "revoked";
    if (why) {
        access_user_free(own);
        session_dismiss(relay, session, why);
        losses->gone++;
        losses->why = why;
        return;
    }
    losses->rooms += session_give_rights(relay, session, rights);
    if (own)
        session_set_grant(&relay->sessions, session, session->grant, own);
}

/* Writes a line for each user, however many sessions it has. Users of the file that are gone get a line from s_gone. */
static void s_tell(const char *who, const losses_t *losses, bool of_file) {
    if (losses->gone && !of_file)
        zr_log(ZR_LOG_AUDIT, "%zu sessions of %s end: %s", losses->gone, who, losses->why);
    if (losses->rooms)
        zr_log(ZR_LOG_AUDIT, "%s may not read %zu joined rooms any more", who, losses->rooms);
}

/* The last session takes `user` with it. */
static void s_apply_to_user(relay_t *relay, user_t *user, losses_t *nobodies) {
    char name[ZR_NICK_MAX + 1] = "";
    memcpy(name, user->nick, user->nick_len);
    bool authenticated = user->sessions->authenticated, of_file = !user->sessions->grant;
    losses_t own = {0};
    for (session_t *session = user->sessions, *next; session; session = next) {
        next = session->next;
        s_apply(relay, session, authenticated ? &own : nobodies);
    }
    s_tell(name, &own, of_file);
}

static void s_drop_user(relay_t *relay, zr_span_t name) {
    effect_t effect = {.kind = EFFECT_DROP_USER};
    memcpy(effect.user, name.ptr, name.len);
    outbox_add(relay->outbox, &effect);
}

static void s_gone(void *ctx, zr_span_t name, bool banned) {
    s_drop_user(ctx, name);
    if (banned && admin_asked_to_ban(ctx, name))
        return;
    zr_log(ZR_LOG_AUDIT, "%.*s is not let in any more: %s", (int)name.len, name.ptr, banned ? "banned" : "revoked");
}

void relay_set_access(relay_t *relay, access_t *access) {
    access_t *before = relay->access;
    relay->access = access;
    relay->access_number++;
    known_tokens_forget(&relay->known_tokens);
    losses_t nobodies = {0};
    user_t *user, *next;
    HASH_ITER(hh, relay->sessions.users, user, next)
    s_apply_to_user(relay, user, &nobodies);
    s_tell("clients without a login", &nobodies, false);
    access_each_gone(before, access, s_gone, relay);
    access_destroy(before);
}

void relay_disown(relay_t *relay, zr_span_t name) {
    zr_log(
        ZR_LOG_AUDIT, "%.*s lost a key or a token: clients that used it must connect again", (int)name.len, name.ptr);
    user_t *user = session_user(&relay->sessions, name);
    for (session_t *session = user ? user->sessions : NULL, *next; session; session = next) {
        next = session->next; /* the last one takes `user` with it */
        session_dismiss(relay, session, "revoked");
    }
    s_drop_user(relay, name);
}
