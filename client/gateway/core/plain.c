/* See plain.h. */
#include "plain.h"

#include <sodium/utils.h>
#include <stdio.h>

#include "control.h"
#include "fatal.h"
#include "room_reader.h"
#include "unanswered.h"

enum { CLIENT_BYTES = ZR_CLIENT_ID_LEN / 2, REASON_MAX = 120 };

struct plain {
    const ws_host_t *host;
    const ws_calls_t *calls;
    void *ctx;
    channel_t *channel;
    form_t form;
    room_reader_t reader;
    unanswered_t unanswered;
    char *nick, *user, *token; /* NULL: none */
    char client[ZR_CLIENT_ID_LEN + 1], resume[ZR_CLIENT_ID_LEN + 1];
    bool told;                      /* the socket was asked to close */
    bool alive;                     /* there is a session */
    uint64_t pause_ms, pause_until; /* that the broker asked for; when it ends */
    uint64_t now;
};

/* --- The end --- */

static void s_close(plain_t *p, ws_code_t code, zr_span_t reason) {
    if (p->told)
        return;
    p->told = true;
    p->calls->close(p->ctx, code, reason);
}

/* The peer knows nothing of the protocol, so the fault is the reason of the close. */
static void s_refuse(plain_t *p, const char *code, const char *text) {
    char reason[REASON_MAX];
    bool passes =
        strcmp(code, zr_code_name(ZR_RATE_LIMITED)) == 0 || strcmp(code, zr_code_name(ZR_TOO_MANY_SESSIONS)) == 0;
    snprintf(reason, sizeof reason, "%s: %s", code, text);
    s_close(p, passes ? WS_LATER : WS_POLICY, zr_utf8_valid(zr_span(reason)) ? zr_span(reason) : zr_span(code));
}

/* --- Publishing --- */

void plain_message(plain_t *p, bool text, zr_span_t message, uint64_t now) {
    (void)text;
    p->now = now;
    if (p->told)
        return;
    zr_blob_t *frame = unanswered_add(&p->unanswered, zr_span(p->reader.room), message);
    if (p->alive && p->reader.started)
        channel_send(p->channel, zr_span_of(zr_blob_data(frame), zr_blob_len(frame)));
}

bool plain_is_paused(plain_t *p, uint64_t now) {
    if (p->pause_ms) {
        p->pause_until = now + p->pause_ms;
        p->pause_ms = 0;
    }
    return unanswered_is_full(&p->unanswered) || p->pause_until > now;
}

/* --- Reading --- */

/* False: there is no room for the entries. */
static bool s_give(void *ctx, delivery_t *delivery, uint64_t after) {
    plain_t *p = ctx;
    bool whole = delivery->first > after, live = !(delivery->flags & ZR_FRAME_REPLAY);
    zr_blob_t *frames = whole ? delivery_form(delivery, p->form) : delivery_after(delivery, p->form, after);
    bool taken = p->told || !frames || p->calls->send(p->ctx, frames, live);
    if (!whole)
        zr_blob_unref(frames);
    return taken;
}

static bool s_ready(void *ctx) {
    plain_t *p = ctx;
    return p->calls->ready(p->ctx);
}

void plain_drained(plain_t *p, uint64_t now) {
    p->now = now;
    room_reader_drained(&p->reader);
}

/* --- Answers --- */

static uint64_t s_number(const json_t *object, const char *name) {
    json_int_t value = json_integer_value(json_object_get(object, name));
    return value > 0 ? (uint64_t)value : 0;
}

static void s_hello(plain_t *p) {
    json_t *hello = json_pack("{s:s,s:s,s:i,s:s,s:s}", "op", "hello", "id", "hello", "proto", 1, "client", p->client,
        "agent", "zrelay-gateway plain");
    if (p->nick)
        json_object_set_new(hello, "nick", json_string(p->nick));
    if (p->user)
        json_object_set_new(hello, "user", json_string(p->user));
    if (p->token) /* without a user it is a JWT, which names the user */
        json_object_set_new(hello, "token", json_string(p->token));
    if (p->resume[0])
        json_object_set_new(hello, "resume", json_string(p->resume));
    channel_hello(p->channel, hello);
}

static void s_on_welcome(plain_t *p, const json_t *welcome) {
    const char *epoch = json_string_value(json_object_get(welcome, "epoch"));
    const char *resume = json_string_value(json_object_get(welcome, "resume"));
    uint64_t number = epoch ? strtoull(epoch, NULL, 16) : 0;
    snprintf(p->resume, sizeof p->resume, "%s", resume ? resume : "");
    p->alive = true;
    if (p->reader.started)
        unanswered_send(&p->unanswered, p->channel);
    room_reader_welcome(&p->reader, number);
}

/* A peer that comes for the first time gets what is new from now on, its own first message too. */
static void s_on_joined(plain_t *p, const json_t *joined) {
    if (room_reader_joined(&p->reader, joined))
        unanswered_send(&p->unanswered, p->channel);
}

/* The session ended. The gateway begins another at once, unless the broker sent the peer away. */
static void s_on_end(plain_t *p) {
    p->alive = false;
    room_reader_part(&p->reader);
    channel_set_session(p->channel, false);
}

static bool s_is(const char *text, const char *word) {
    return text && strcmp(text, word) == 0;
}

/* An error of an entry is final. One of the session's begin may pass. */
static void s_on_error(plain_t *p, const json_t *error) {
    const char *code = json_string_value(json_object_get(error, "code"));
    const char *text = json_string_value(json_object_get(error, "text"));
    uint64_t wait = s_number(error, "wait");
    code = code ? code : "error";
    if (s_is(code, zr_code_name(ZR_NO_SESSION))) {
        if (p->alive) {
            s_on_end(p);
            s_hello(p);
        }
    } else if (s_is(code, zr_code_name(ZR_RATE_LIMITED)) && !json_object_get(error, "re"))
        p->pause_ms = wait;
    else if (s_is(code, zr_code_name(ZR_TOO_MANY_REPLAYS)) ||
             (s_is(code, zr_code_name(ZR_RATE_LIMITED)) && p->reader.joined))
        room_reader_refused(&p->reader);
    else
        s_refuse(p, code, text ? text : "");
}

static void s_on_bye(plain_t *p, const json_t *bye) {
    const char *reason = json_string_value(json_object_get(bye, "reason"));
    bool again = s_is(reason, "shutdown") || s_is(reason, "expired");
    s_on_end(p);
    if (!again)
        s_close(p, WS_POLICY, zr_span(reason ? reason : "bye"));
    else if (s_is(reason, "expired"))
        s_hello(p);
}

static void s_on_control(plain_t *p, zr_span_t frame) {
    json_t *object = NULL;
    if (zr_control_read(frame, &object) != ZR_OK)
        return;
    const char *op = json_string_value(json_object_get(object, "op"));
    const char *reason = json_string_value(json_object_get(object, "reason"));
    if (s_is(op, "welcome"))
        s_on_welcome(p, object);
    else if (s_is(op, "joined"))
        s_on_joined(p, object);
    else if (s_is(op, "replayed"))
        room_reader_replayed(&p->reader, object);
    else if (s_is(op, "pong"))
        room_reader_pong(&p->reader, object);
    else if (s_is(op, "error"))
        s_on_error(p, object);
    else if (s_is(op, "bye"))
        s_on_bye(p, object);
    else if (s_is(op, "left"))
        s_refuse(p, "left",
            s_is(reason, "kicked") ? "an operator sent you out of the room" : "the right to read the room was taken");
    json_decref(object);
}

static void s_on_frame(void *ctx, zr_span_t inner) {
    plain_t *p = ctx;
    delivery_t delivery;
    zr_ack_t ack;
    if (p->told || inner.len == 0)
        return;
    if (inner.ptr[0] == ZR_TYPE_CONTROL)
        s_on_control(p, inner);
    else if (zr_ack_read(&ack, inner))
        unanswered_drop(&p->unanswered, ack.upto);
    else if (delivery_begin(&delivery, inner)) {
        room_reader_take(&p->reader, &delivery);
        delivery_finish(&delivery);
    }
}

static void s_on_change(void *ctx, channel_change_t change, zr_span_t reason) {
    plain_t *p = ctx;
    s_on_end(p);
    if (change == CHANNEL_OPEN)
        s_hello(p);
    else if (change == CHANNEL_ENDED)
        s_close(p, WS_POLICY, reason);
}

/* --- */

static char *s_copy(zr_span_t text) {
    return text.len ? fatal_check(strndup(text.ptr, text.len)) : NULL;
}

static const room_reader_calls_t s_reader_calls = {.give = s_give, .ready = s_ready};

plain_t *plain_new(const ws_host_t *host, const plain_wish_t *wish, const ws_from_t *from, const ws_calls_t *calls,
    void *ctx, uint64_t now) {
    static const channel_calls_t channel_calls = {s_on_frame, s_on_change};
    uint8_t random[CLIENT_BYTES];
    plain_t *p = fatal_calloc(sizeof *p);
    p->unanswered.all = host->unanswered;
    p->host = host;
    p->calls = calls;
    p->ctx = ctx;
    p->now = now;
    p->form = wish->form;
    if (!room_reader_begin(&p->reader, host->feeds, wish->room, 0, &s_reader_calls, p, now)) {
        free(p);
        return NULL;
    }
    p->nick = s_copy(wish->nick);
    p->user = s_copy(wish->user);
    p->token = s_copy(wish->token);
    host->entropy(host->ctx, random, sizeof random);
    zr_hex(p->client, random, sizeof random);
    p->channel = uplink_open(host->uplink, from->address, from->secure, &channel_calls, p);
    p->reader.channel = p->channel;
    if (channel_is_open(p->channel))
        s_hello(p);
    return p;
}

void plain_destroy(plain_t *p) {
    if (!p)
        return;
    room_reader_finish(&p->reader, p->now);
    channel_close(p->channel);
    unanswered_finish(&p->unanswered);
    free(p->nick);
    free(p->user);
    if (p->token)
        sodium_memzero(p->token, strlen(p->token));
    free(p->token);
    free(p);
}
