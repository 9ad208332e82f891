/* The session at the broker: from `hello` on, and what the broker answers. */
#include <sodium/utils.h>

#include "control.h"
#include "talk_state.h"

enum { HEX = 16 };

static uint64_t s_number(const json_t *object, const char *name) {
    json_int_t value = json_integer_value(json_object_get(object, name));
    return value > 0 ? (uint64_t)value : 0;
}

static const char *s_text(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static bool s_is(const char *text, zr_code_t code) {
    return strcmp(text, zr_code_name(code)) == 0;
}

/* --- Beginning --- */

void talk_forget_login(char **user, char **token) {
    free(*user);
    if (*token)
        sodium_memzero(*token, strlen(*token));
    free(*token);
    *user = *token = NULL;
}

void talk_ask(talk_t *t, json_t *request) {
    t->asked++;
    channel_say(t->channel, request);
}

static void s_answered(talk_t *t) {
    if (t->asked > 0)
        t->asked--;
}

/* In a session it renews that, with another nick. */
void talk_hello(talk_t *t) {
    json_t *hello = json_pack("{s:s,s:s,s:i,s:s,s:s}", "op", "hello", "id", t->alive ? "nick" : "hello", "proto", 1,
        "client", t->client, "agent", "zrelay-gateway lines");
    if (t->wish[0])
        json_object_set_new(hello, "nick", json_string(t->wish));
    if (t->user)
        json_object_update_new(hello, json_pack("{s:s,s:s}", "user", t->user, "token", t->token));
    if (t->resume[0] && !t->alive)
        json_object_set_new(hello, "resume", json_string(t->resume));
    t->renames = false;
    t->greeting = !t->alive;
    if (t->alive)
        talk_ask(t, hello);
    else
        channel_hello(t->channel, hello);
}

static void s_end_session(talk_t *t) {
    t->alive = t->greeting = false;
    t->asked = 0;
    room_reader_part(&t->reader);
    channel_set_session(t->channel, false);
}

/* The client id is another one, since the broker remembers message ids for each user. */
static void s_begin_login(talk_t *t) {
    uint8_t random[ZR_CLIENT_ID_LEN / 2];
    const ws_host_t *host = t->config->host;
    if (t->alive)
        channel_say(t->channel, json_pack("{s:s,s:s}", "op", "bye", "id", "bye"));
    s_end_session(t);
    talk_forget_login(&t->user, &t->token);
    t->user = t->next_user;
    t->token = t->next_token;
    t->next_user = t->next_token = NULL;
    t->resume[0] = '\0';
    t->unanswered.mid = t->entered = 0;
    t->locked = false;
    host->entropy(host->ctx, random, sizeof random);
    zr_hex(t->client, random, sizeof random);
    if (channel_is_open(t->channel))
        talk_hello(t);
}

/* The peer's own messages come back before it is closed or renamed, unless it may not read them. `last`: what it has. */
static bool s_has_own(const talk_t *t, uint64_t last) {
    const room_reader_t *reader = &t->reader;
    bool current = reader->joined && reader->begun && !reader->replaying && last >= t->acked;
    return t->greeted && t->unanswered.count == 0 && (!reader->room[0] || current);
}

void talk_rename(talk_t *t, uint64_t last) {
    if (t->renames && t->alive && s_has_own(t, last))
        talk_hello(t);
}

static bool s_has_all(const talk_t *t) {
    return s_has_own(t, t->reader.last) && t->asked == 0 && !(t->renames && t->alive);
}

void talk_go_on(talk_t *t) {
    talk_rename(t, t->reader.last);
    if (t->next_user && t->unanswered.count == 0)
        s_begin_login(t);
    if (t->leaving && (t->locked || s_has_all(t)))
        talk_close(t);
}

/* --- Greeting --- */

static void s_greet(talk_t *t, const char *rest) {
    bool ipv6 = strchr(t->from.address, ':');
    const char *open = ipv6 ? "[" : "", *close = ipv6 ? "]" : "";
    if (t->port)
        talk_notice(t, "welcome, %s%s%s:%u; %s", open, t->from.address, close, t->port, rest);
    else
        talk_notice(t, "welcome, %s; %s", t->from.address, rest);
    t->greeted = true;
}

static void s_on_first_join(talk_t *t) {
    char rest[ZR_NICK_MAX + ZR_ROOM_MAX + 80];
    snprintf(rest, sizeof rest, "you are %s in %s; /help lists the commands", t->nick, t->reader.room);
    if (t->greeted)
        talk_notice(t, "you are in %s", t->reader.room);
    else
        s_greet(t, rest);
}

/* --- Answers --- */

static void s_on_welcome(talk_t *t, const json_t *welcome) {
    const char *nick = s_text(welcome, "nick");
    bool renamed = t->greeted && strcmp(nick, t->nick) != 0;
    s_answered(t);
    t->greeting = false;
    snprintf(t->resume, sizeof t->resume, "%s", s_text(welcome, "resume"));
    snprintf(t->nick, sizeof t->nick, "%s", nick);
    if (!t->renames) /* so that it has this nick after a restart of the broker, too */
        snprintf(t->wish, sizeof t->wish, "%s", nick);
    t->alive = true;
    if (t->away)
        talk_notice(t, "the broker is back");
    t->away = false;
    if (renamed)
        talk_notice(t, "you are %s now", t->nick);
    if (json_is_true(json_object_get(welcome, "resumed")) && t->reader.joined)
        return; /* the session was renewed, for another nick */
    if (t->reader.started)
        unanswered_send(&t->unanswered, t->channel);
    room_reader_welcome(&t->reader, strtoull(s_text(welcome, "epoch"), NULL, HEX));
}

static void s_on_joined(talk_t *t, const json_t *joined) {
    if (strcmp(s_text(joined, "room"), t->reader.room) == 0 && !t->reader.started)
        s_on_first_join(t);
    if (room_reader_joined(&t->reader, joined))
        unanswered_send(&t->unanswered, t->channel);
}

/* A page of the list; the next one is asked for at once. */
static void s_on_who(talk_t *t, const json_t *who) {
    const json_t *user, *users = json_object_get(who, "users");
    zr_buffer_t names = {0};
    s_answered(t);
    const char *nick = "", *room = s_text(who, "room");
    size_t i;
    json_array_foreach(users, i, user) {
        nick = s_text(user, "nick");
        zr_buffer_printf(&names, "%s%s", i ? ", " : "", nick);
    }
    talk_notice(t, "in %s: %.*s", room, (int)names.len, names.len ? (const char *)names.data : "");
    zr_buffer_finish(&names);
    if (json_is_true(json_object_get(who, "more")) && nick[0])
        talk_ask(t, json_pack("{s:s,s:s,s:s,s:s}", "op", "who", "id", "who", "room", room, "after", nick));
}

static void s_on_direct(talk_t *t, const json_t *direct) {
    zr_buffer_t out = {0};
    talk_text_direct(&out, t->look, zr_span(s_text(direct, "from")), zr_span(s_text(direct, "text")));
    zr_blob_t *blob = zr_blob_copy(out.data, out.len);
    if (t->dropped > 0 || !t->calls->send(t->ctx, blob, true))
        t->dropped++;
    zr_blob_unref(blob);
    zr_buffer_finish(&out);
}

/* The nick that the answered direct message was for; NULL: it is another answer. */
static const char *s_told(const json_t *answer) {
    const char *re = s_text(answer, "re");
    return strncmp(re, TALK_MSG_ID, strlen(TALK_MSG_ID)) == 0 ? re + strlen(TALK_MSG_ID) : NULL;
}

static void s_on_ok(talk_t *t, const json_t *ok) {
    const char *nick = s_told(ok);
    if (!nick)
        return;
    s_answered(t);
    talk_notice(t, "told %s", nick);
}

/* --- Errors --- */

static void s_lock(talk_t *t) {
    static const char text[] = "log in first, with /login USER TOKEN";
    t->locked = true;
    if (t->greeted)
        talk_notice(t, "%s", text);
    else
        s_greet(t, text);
}

/* The session could not begin. What the peer chose itself is taken back, and it goes on as a guest. */
static void s_on_hello_refused(talk_t *t, const char *code, const char *text) {
    t->greeting = false;
    if (t->user) {
        talk_notice(t, "not logged in: %s", text);
        talk_forget_login(&t->user, &t->token);
    } else if (t->wish[0] && !s_is(code, ZR_RATE_LIMITED) && !s_is(code, ZR_LOGIN_REQUIRED)) {
        talk_notice(t, "%s: %s; /nick NAME takes another name", t->wish, text);
        t->wish[0] = '\0';
    } else if (s_is(code, ZR_LOGIN_REQUIRED)) {
        s_lock(t);
        return;
    } else {
        talk_notice(t, "%s; try again later", text);
        talk_close(t);
        return;
    }
    t->resume[0] = '\0';
    talk_hello(t);
}

static void s_on_join_refused(talk_t *t, const json_t *error) {
    const char *room = s_text(error, "room"), *text = s_text(error, "text");
    char rest[300];
    if (room[0] && strcmp(room, t->reader.room) != 0)
        return; /* the peer went on to another one */
    snprintf(rest, sizeof rest, "you are %s, and cannot enter %s: %s; /join ROOM enters another", t->nick,
        t->reader.room, text);
    if (t->greeted)
        talk_notice(t, "cannot enter %s: %s; /join ROOM enters another", t->reader.room, text);
    else
        s_greet(t, rest);
    unanswered_drop(&t->unanswered, UINT64_MAX); /* they were for this room, and were not sent */
    feeds_leave(&t->presence, t->now);
    room_reader_finish(&t->reader, t->now);
}

/* The entries from `mid` to `upto` were refused; that is final. */
static void s_on_entry_refused(talk_t *t, const json_t *error, const char *text) {
    uint64_t mid = s_number(error, "mid"), upto = s_number(error, "upto");
    unanswered_drop_one(&t->unanswered, mid);
    for (int i = 1; i < UNANSWERED_MAX && mid + (uint64_t)i <= upto; i++)
        unanswered_drop_one(&t->unanswered, mid + (uint64_t)i);
    talk_notice(t, "not sent: %s", text);
}

static void s_on_no_session(talk_t *t) {
    if (!t->alive) /* several frames were under way, and one of them told of it already */
        return;
    s_end_session(t);
    talk_hello(t);
}

static void s_on_error(talk_t *t, const json_t *error) {
    const char *re = s_text(error, "re"), *code = s_text(error, "code"), *text = s_text(error, "text");
    if (s_is(code, ZR_NO_SESSION))
        s_on_no_session(t);
    else if (strcmp(re, "hello") == 0)
        s_on_hello_refused(t, code, text);
    else if (strcmp(re, "replay") == 0) {
        if (t->reader.showing)
            talk_notice(t, "%s; try again", text);
        room_reader_refused(&t->reader);
    } else if (s_is(code, ZR_RATE_LIMITED) && !re[0])
        t->pause_ms = s_number(error, "wait");
    else if (strcmp(re, "join") == 0)
        s_on_join_refused(t, error);
    else if (json_object_get(error, "mid") || json_object_get(error, "upto"))
        s_on_entry_refused(t, error, text);
    else {
        if (strcmp(re, "nick") == 0)
            snprintf(t->wish, sizeof t->wish, "%s", t->nick);
        const char *nick = s_told(error);
        if (nick || strcmp(re, "nick") == 0 || strcmp(re, "who") == 0)
            s_answered(t);
        talk_notice(t, "%s%s%s", nick ? nick : "", nick ? ": " : "", text[0] ? text : code);
    }
}

static void s_on_bye(talk_t *t, const json_t *bye) {
    const char *reason = s_text(bye, "reason");
    s_end_session(t);
    if (strcmp(reason, "expired") == 0)
        talk_hello(t);
    else if (strcmp(reason, "shutdown") != 0) {
        talk_notice(t, "the broker ended your session: %s", reason);
        talk_close(t);
    }
}

static void s_on_left(talk_t *t, const json_t *left) {
    if (strcmp(s_text(left, "room"), t->reader.room) != 0)
        return;
    const char *text = s_text(left, "text");
    if (strcmp(s_text(left, "reason"), "kicked") == 0)
        talk_notice(t, "an operator sent you out of %s%s%s; /join ROOM enters another", t->reader.room,
            text[0] ? ": " : "", text);
    else
        talk_notice(t, "you may not read %s any more; /join ROOM enters another", t->reader.room);
    unanswered_drop(&t->unanswered, UINT64_MAX);
    feeds_leave(&t->presence, t->now);
    room_reader_finish(&t->reader, t->now);
}

static void s_on_replayed(talk_t *t, const json_t *replayed) {
    room_reader_replayed(&t->reader, replayed);
}

static void s_on_pong(talk_t *t, const json_t *pong) {
    room_reader_pong(&t->reader, pong);
}

/* --- The channel --- */

static void s_on_control(talk_t *t, zr_span_t frame) {
    static const struct {
        const char *op;
        void (*take)(talk_t *t, const json_t *object);
    } ops[] = {{"welcome", s_on_welcome}, {"joined", s_on_joined}, {"replayed", s_on_replayed}, {"pong", s_on_pong},
        {"who", s_on_who}, {"direct", s_on_direct}, {"ok", s_on_ok}, {"error", s_on_error}, {"bye", s_on_bye},
        {"left", s_on_left}};
    json_t *object = NULL;
    if (zr_control_read(frame, &object) != ZR_OK)
        return;
    const char *op = s_text(object, "op");
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
        if (strcmp(op, ops[i].op) == 0) {
            ops[i].take(t, object);
            break;
        }
    json_decref(object);
}

static void s_on_ack(talk_t *t, const zr_ack_t *ack) {
    unanswered_drop(&t->unanswered, ack->upto);
    if (ack->upto > t->entered && ack->seq > t->acked)
        t->acked = ack->seq;
}

/* The entries and the presence of private rooms come here. */
static void s_on_delivery(talk_t *t, zr_span_t frame) {
    delivery_t delivery;
    if (!delivery_begin(&delivery, frame))
        return;
    if (delivery.kind == ZR_BACK_ENTRIES)
        room_reader_take(&t->reader, &delivery);
    else if (zr_span_equal(delivery.room, zr_span(t->reader.room)) && t->look.nick)
        t->presence.frame(&t->presence, &delivery);
    delivery_finish(&delivery);
}

static void s_on_frame(void *ctx, zr_span_t inner) {
    talk_t *t = ctx;
    zr_ack_t ack;
    if (t->told || inner.len == 0)
        return;
    if (inner.ptr[0] == ZR_TYPE_CONTROL)
        s_on_control(t, inner);
    else if (zr_ack_read(&ack, inner))
        s_on_ack(t, &ack);
    else
        s_on_delivery(t, inner);
    talk_go_on(t);
}

static void s_on_change(void *ctx, channel_change_t change, zr_span_t reason) {
    talk_t *t = ctx;
    s_end_session(t);
    if (change == CHANNEL_OPEN && !t->locked)
        talk_hello(t);
    else if (change == CHANNEL_LOST && !t->away) {
        t->away = true;
        talk_notice(t, "the broker is away; what you write is sent when it is back");
    } else if (change == CHANNEL_ENDED) {
        talk_notice(t, "the broker sends you away: %.*s", (int)reason.len, reason.ptr);
        talk_close(t);
    }
}

const channel_calls_t talk_channel_calls = {s_on_frame, s_on_change};
