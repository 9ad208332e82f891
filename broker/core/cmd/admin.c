/* admin: requests of operators. Sessions are sent away here. The edge owns users and bans (EFFECT_ADMIN) and writes the
 * audit of changes to them. */
#include "admin.h"

#include "audit.h"
#include "batch.h"

#include "commands.h"
#include "control.h"
#include "drain.h"
#include "fatal.h"
#include "logger.h"
#include "reply.h"
#include "rooms.h"
#include "session_end.h"
#include "state.h"

/* A request of an administrator under way. */
typedef struct admin_wait {
    uint64_t ticket;
    uint64_t session, link; /* whose, and of which connection (session.h) */
    json_t *id;             /* NULL: none */
    admin_do_t what;
    char user[ZR_NICK_MAX + 1], by[ZR_NICK_MAX + 1];
    UT_hash_handle hh;
} admin_wait_t;

enum { ADMINS_MAX = 64 }; /* under way in all */

static void s_forget(relay_t *relay, admin_wait_t *wait) {
    HASH_DEL(relay->admins, wait);
    json_decref(wait->id);
    free(wait);
}

void admin_forget_all(relay_t *relay) {
    admin_wait_t *wait, *next;
    HASH_ITER(hh, relay->admins, wait, next)
    s_forget(relay, wait);
}

bool admin_asked_to_ban(const relay_t *relay, zr_span_t name) {
    for (const admin_wait_t *wait = relay->admins; wait; wait = wait->hh.next)
        if (wait->what == ADMIN_BAN && zr_span_equal(zr_span(wait->user), name))
            return true;
    return false;
}

/* One line in the log and in the file of bans. */
static bool s_is_reason(zr_span_t text) {
    for (size_t i = 0; i < text.len; i++)
        if ((uint8_t)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
            return false;
    return true;
}

static void s_done_here(relay_t *relay, const request_t *request) {
    reply(relay, request, json_pack("{ss}", "op", "ok"));
}

static void s_note(const request_t *request, const char *did) {
    zr_span_t by = user_nick(request->session->user);
    zr_log(ZR_LOG_AUDIT, "%.*s %s", (int)by.len, by.ptr, did);
}

static void s_kick(relay_t *relay, request_t *request, zr_span_t nick, zr_span_t reason) {
    user_t *user = session_user(&relay->sessions, nick);
    zr_span_t by = user_nick(request->session->user);
    if (!user && !access_is_user(relay->access, nick)) {
        zr_log(ZR_LOG_AUDIT, "kick of %.*s by %.*s failed: %s", (int)nick.len, nick.ptr, (int)by.len, by.ptr,
            zr_code_text(ZR_NO_SUCH_USER));
        fail(relay, request, ZR_NO_SUCH_USER, NULL);
        return;
    }
    zr_log(ZR_LOG_AUDIT, "%.*s kicks %.*s: %.*s", (int)by.len, by.ptr, (int)nick.len, nick.ptr, (int)reason.len,
        reason.len ? reason.ptr : "");
    s_done_here(relay, request);
    for (session_t *session = user ? user->sessions : NULL, *next; session;
         session = next) { /* the last one takes `user` with it */
        next = session->next;
        session_dismiss(relay, session, "kicked");
    }
    effect_t drop = {.kind = EFFECT_DROP_USER}; /* and its connections that only read the back */
    memcpy(drop.user, nick.ptr, nick.len);
    outbox_add(relay->outbox, &drop);
}

/* For what is done later, by the edge or the log. NULL: too many are under way, and it has answered so. */
static admin_wait_t *s_wait(relay_t *relay, request_t *request, admin_do_t what) {
    session_t *session = request->session;
    if (HASH_COUNT(relay->admins) >= ADMINS_MAX) {
        fail_wait(relay, request, BUSY_WAIT_MS);
        return NULL;
    }
    admin_wait_t *wait = fatal_calloc(sizeof *wait);
    *wait = (admin_wait_t){.ticket = ++relay->last_ticket,
        .session = session->id,
        .link = session->link,
        .id = json_incref(request->id),
        .what = what};
    HASH_ADD(hh, relay->admins, ticket, sizeof wait->ticket, wait);
    return wait;
}

static void s_delete_key(relay_t *relay, request_t *request, room_t *room, zr_span_t key) {
    zr_entry_t entry = {.flags = ZR_ENTRY_DELETE, .sender = user_nick(request->session->user), .key = key};
    if (!room || !room_state_newest(&room->keys, key)) {
        s_done_here(relay, request);
        return;
    }
    batch_add(relay, room, &entry, request->now);
    room_state_accept(&room->keys, &relay->room_state_limits, key, true, entry.seq, 0);
    json_t *ok = json_pack("{ss}", "op", "ok");
    if (request->id)
        json_object_set(ok, "re", request->id);
    batch_answer(relay, request->session, ok, 0, true); /* once it is stored */
}

static void s_delete_entries(relay_t *relay, request_t *request, const room_t *room, uint64_t upto) {
    admin_wait_t *wait = room && room->level != ZR_LEVEL_NONE ? s_wait(relay, request, ADMIN_DELETE) : NULL;
    if (!room || room->level == ZR_LEVEL_NONE)
        s_done_here(relay, request);
    if (!wait)
        return;
    log_trim_t *trim = fatal_calloc(sizeof *trim);
    trim->ticket = wait->ticket;
    trim->room_len = room->name_len;
    memcpy(trim->room, room->name, room->name_len);
    trim->upto = upto < room->stored ? upto : room->stored;
    outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_TRIM, .trim = trim});
}

static void s_delete(relay_t *relay, request_t *request, zr_span_t user, zr_span_t reason) {
    const char *wrong = NULL;
    zr_span_t name = {0}, key = {0}, by = user_nick(request->session->user);
    uint64_t upto = ZR_INT_MAX;
    (void)user, (void)reason;
    zr_get_string(request->object, "room", 0, SIZE_MAX, &name, &wrong);
    zr_get_string_opt(request->object, "key", SIZE_MAX, &key, &wrong);
    zr_get_uint_opt(request->object, "upto", 0, &upto, &wrong);
    bool keyed = zr_has(request->object, "key");
    if (!wrong && keyed && zr_has(request->object, "upto"))
        wrong = "upto";
    if (wrong) {
        fail_member(relay, request, wrong);
        return;
    }
    if (!zr_room_valid(name) || (keyed && !zr_key_valid(key))) {
        fail(relay, request, zr_room_valid(name) ? ZR_BAD_KEY : ZR_BAD_ROOM, NULL);
        return;
    }
    if (!relay->log->engine->trim && !keyed) {
        fail(relay, request, ZR_ADMIN_FAILED, "this log deletes by its retention only");
        return;
    }
    room_t *room = room_find(relay, name);
    if (keyed)
        zr_log(ZR_LOG_AUDIT, "%.*s deletes the key %.*s in %.*s", (int)by.len, by.ptr, (int)key.len, key.ptr,
            (int)name.len, name.ptr);
    else
        zr_log(ZR_LOG_AUDIT, "%.*s deletes entries of %.*s up to %llu", (int)by.len, by.ptr, (int)name.len, name.ptr,
            (unsigned long long)(room && upto > room->stored ? room->stored : upto));
    if (keyed)
        s_delete_key(relay, request, room, key);
    else
        s_delete_entries(relay, request, room, upto);
}

static void s_log_level(relay_t *relay, request_t *request, zr_span_t user, zr_span_t reason) {
    const char *wrong = NULL, *name = json_string_value(json_object_get(request->object, "level"));
    zr_log_level_t level;
    (void)user, (void)reason;
    if (!name || !zr_log_level_from_name(name, &level))
        wrong = "level";
    if (wrong) {
        fail_member(relay, request, wrong);
        return;
    }
    zr_span_t by = user_nick(request->session->user);
    zr_log_set_level(level);
    zr_log(ZR_LOG_AUDIT, "%.*s sets the log level to %s", (int)by.len, by.ptr, name);
    s_done_here(relay, request);
}

static void s_drain(relay_t *relay, request_t *request, zr_span_t user, zr_span_t reason) {
    (void)user, (void)reason;
    drain_begin(relay, false);
    s_note(request, "drains the broker: new sessions are refused");
    s_done_here(relay, request);
}

static void s_drain_away(relay_t *relay, request_t *request, zr_span_t user, zr_span_t reason) {
    (void)user, (void)reason;
    drain_begin(relay, true);
    s_note(request, "drains the broker: new sessions are refused, and the others sent away");
    s_done_here(relay, request);
}

static void s_undrain(relay_t *relay, request_t *request, zr_span_t user, zr_span_t reason) {
    (void)user, (void)reason;
    drain_end(relay);
    s_note(request, "drains the broker no more");
    s_done_here(relay, request);
}

static void s_audit(relay_t *relay, request_t *request, zr_span_t user, zr_span_t reason) {
    (void)user, (void)reason;
    if (!audit_follow(relay, request->session)) {
        fail_wait(relay, request, BUSY_WAIT_MS);
        return;
    }
    s_note(request, "follows the audit");
    s_done_here(relay, request);
}

static const struct {
    const char *name;
    bool about_user;
    void (*here)(relay_t *relay, request_t *request, zr_span_t user, zr_span_t reason); /* NULL: the edge does it */
    admin_do_t what;
} s_deeds[] = {
    {"audit", false, s_audit, 0},
    {"ban", true, NULL, ADMIN_BAN},
    {"bans", false, NULL, ADMIN_BANS},
    {"delete", false, s_delete, ADMIN_DELETE},
    {"drain", false, s_drain, 0},
    {"drain-away", false, s_drain_away, 0},
    {"kick", true, s_kick, 0},
    {"log-level", false, s_log_level, 0},
    {"reload", false, NULL, ADMIN_RELOAD},
    {"unban", true, NULL, ADMIN_UNBAN},
    {"undrain", false, s_undrain, 0},
};
enum { DEEDS = sizeof s_deeds / sizeof *s_deeds };

static void s_copy(char *to, zr_span_t from) {
    if (from.len)
        memcpy(to, from.ptr, from.len);
    to[from.len] = '\0';
}

static void s_hand_on(relay_t *relay, request_t *request, admin_do_t what, zr_span_t user, zr_span_t reason) {
    const session_t *session = request->session;
    admin_wait_t *wait = s_wait(relay, request, what);
    if (!wait)
        return;
    s_copy(wait->user, user);
    s_copy(wait->by, user_nick(session->user));

    admin_request_t *admin = fatal_calloc(sizeof *admin);
    admin->ticket = wait->ticket;
    admin->what = what;
    s_copy(admin->user, user);
    s_copy(admin->reason, reason);
    s_copy(admin->by, user_nick(session->user));
    outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_ADMIN, .admin = admin});
}

static void s_refuse(relay_t *relay, request_t *request, zr_span_t deed) {
    zr_span_t by = user_nick(request->session->user);
    if (zr_log_pass(&relay->admin_lines, request->now / 1000))
        zr_log(ZR_LOG_AUDIT, "%.*s asks to %.*s and is no operator", (int)by.len, by.ptr, (int)deed.len,
            deed.len ? deed.ptr : "");
    fail(relay, request, ZR_FORBIDDEN, "this user is no operator (\"admin : *\" in the users file)");
}

void cmd_admin(relay_t *relay, request_t *request) {
    const char *wrong = NULL;
    zr_span_t name = {0}, user = {0}, reason = {0};
    zr_get_string(request->object, "do", 1, 64, &name, &wrong);
    zr_get_string_opt(request->object, "user", SIZE_MAX, &user, &wrong);
    zr_get_string_opt(request->object, "reason", ADMIN_REASON_MAX, &reason, &wrong);
    size_t deed = 0;
    while (deed < DEEDS && !zr_span_equal(name, zr_span(s_deeds[deed].name)))
        deed++;
    if (!wrong && deed == DEEDS)
        wrong = "do";
    if (!wrong && s_deeds[deed].about_user && !zr_nick_valid(user))
        wrong = "user";
    if (!wrong && !s_is_reason(reason))
        wrong = "reason";

    if (!access_is_admin(request->session->access))
        s_refuse(relay, request, name);
    else if (wrong)
        fail_member(relay, request, wrong);
    else if (!s_deeds[deed].here && s_deeds[deed].what == ADMIN_BAN &&
             zr_span_equal(user, user_nick(request->session->user)))
        fail(relay, request, ZR_ADMIN_FAILED, "that is yourself: you could not lift the ban again");
    else if (s_deeds[deed].here)
        s_deeds[deed].here(relay, request, user, reason);
    else
        s_hand_on(relay, request, s_deeds[deed].what, user, reason);
}

static json_t *s_done(admin_do_t what, const char *text) {
    json_t *ok = json_pack("{ss}", "op", "ok");
    if (text && what == ADMIN_BANS)
        json_object_set_new(ok, "bans", json_loads(text, 0, NULL));
    else if (text)
        json_object_set_new(ok, "text", json_string(text));
    return ok;
}

void relay_admin_done(relay_t *relay, uint64_t ticket, zr_code_t code, const char *text) {
    admin_wait_t *wait;
    HASH_FIND(hh, relay->admins, &ticket, sizeof ticket, wait);
    FATAL_UNLESS(wait);
    const session_t *session = session_by_id(&relay->sessions, wait->session);
    if (session && session->link == wait->link) {
        request_t request = {.route = session->route, .id = wait->id};
        if (code == ZR_OK)
            reply(relay, &request, s_done(wait->what, text));
        else
            fail(relay, &request, code, text);
    }
    s_forget(relay, wait);
}
