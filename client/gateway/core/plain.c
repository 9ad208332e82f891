/* See plain.h. */
#include "plain.h"

#include <sodium/utils.h>
#include <stddef.h>
#include <stdio.h>

#include "control.h"
#include "fatal.h"
#include "names.h"

enum { CLIENT_BYTES = ZR_CLIENT_ID_LEN / 2, REASON_MAX = 120 };

/* A message that the broker has not answered: a PUBLISH frame. */
typedef struct {
    uint64_t mid;
    zr_blob_t *frame;
} unanswered_t;

struct plain {
    const ws_host_t *host;
    const ws_calls_t *calls;
    void *ctx;
    channel_t *channel;
    feed_reader_t reader;
    form_t form;
    char room[ZR_ROOM_MAX + 1];
    char *nick, *user, *token; /* NULL: none */
    char client[ZR_CLIENT_ID_LEN + 1], resume[ZR_CLIENT_ID_LEN + 1];
    bool told;     /* the socket was asked to close */
    bool live;     /* the room's topic is */
    bool greeting; /* `hello` is under way, */
    bool queued;   /* and its login waits at the broker, as far as we heard since the last heartbeat */
    bool alive;    /* there is a session */
    bool joined;   /* in the room, in this session */
    bool started;  /* `last` is a position: there was a first join */
    bool full;     /* the socket took no more */
    bool replaying;
    uint64_t epoch, last, heard;    /* the last entry that the peer got, and the newest that is known */
    uint64_t pause_ms, pause_until; /* that the broker asked for; when it ends */
    uint64_t now;

    uint64_t mid;
    unanswered_t *unanswered; /* those from `first` on, by message id */
    size_t first, count, size, bytes;
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

static unanswered_t *s_slot(const plain_t *p, size_t i) {
    return &p->unanswered[p->first + i];
}

static void s_keep(plain_t *p, zr_blob_t *frame) {
    if (p->first > 0 && p->first + p->count == p->size) {
        memmove(p->unanswered, p->unanswered + p->first, p->count * sizeof *p->unanswered);
        p->first = 0;
    }
    FATAL_GROW(p->unanswered, p->first + p->count, p->size);
    *s_slot(p, p->count++) = (unanswered_t){p->mid, frame};
    p->bytes += zr_blob_len(frame);
}

static void s_answered(plain_t *p, uint64_t upto) {
    while (p->count > 0 && s_slot(p, 0)->mid <= upto) {
        p->bytes -= zr_blob_len(s_slot(p, 0)->frame);
        zr_blob_unref(s_slot(p, 0)->frame);
        p->first++;
        p->count--;
    }
    if (p->count > 0)
        return;
    free(p->unanswered);
    p->unanswered = NULL;
    p->first = p->size = 0;
}

static void s_publish(plain_t *p, zr_blob_t *frame) {
    channel_send(p->channel, zr_span_of(zr_blob_data(frame), zr_blob_len(frame)));
}

static void s_publish_again(plain_t *p) {
    for (size_t i = 0; i < p->count; i++)
        s_publish(p, s_slot(p, i)->frame);
}

void plain_message(plain_t *p, bool text, zr_span_t message, uint64_t now) {
    zr_buffer_t frame = {0};
    (void)text;
    p->now = now;
    if (p->told)
        return;
    zr_publish_begin(&frame, zr_span(p->room));
    zr_publish_add(&frame, &(zr_publish_entry_t){.mid = ++p->mid, .body = message});
    s_keep(p, zr_blob_copy(frame.data, frame.len));
    zr_buffer_finish(&frame);
    if (p->alive && p->started)
        s_publish(p, s_slot(p, p->count - 1)->frame);
}

bool plain_is_paused(plain_t *p, uint64_t now) {
    if (p->pause_ms) {
        p->pause_until = now + p->pause_ms;
        p->pause_ms = 0;
    }
    return p->count >= PLAIN_UNANSWERED || p->bytes >= PLAIN_UNANSWERED_BYTES || p->pause_until > now;
}

/* --- Reading --- */

/* A replay is asked for only when there is room for all of it, so nothing of it is dropped. */
static void s_replay(plain_t *p) {
    if (p->replaying || p->full || !p->joined)
        return;
    p->full = !p->calls->ready(p->ctx);
    if (p->full)
        return;
    p->replaying = true;
    channel_say(p->channel, json_pack("{s:s,s:s,s:I}", "op", "replay", "room", p->room, "after", (json_int_t)p->last));
}

static void s_join(plain_t *p) {
    if (p->alive && p->live && !p->joined)
        channel_say(p->channel, json_pack("{s:s,s:s}", "op", "join", "room", p->room));
}

/* Gives the entries after `last` to the peer; false: there is no room for them. */
static bool s_give(plain_t *p, delivery_t *delivery, bool live) {
    bool whole = delivery->first > p->last;
    zr_blob_t *frames = whole ? delivery_form(delivery, p->form) : delivery_after(delivery, p->form, p->last);
    bool taken = !frames || p->calls->send(p->ctx, frames, live);
    if (!whole)
        zr_blob_unref(frames);
    if (taken)
        p->last = delivery->last;
    return taken;
}

static void s_take(plain_t *p, delivery_t *delivery) {
    bool replay = delivery->flags & ZR_FRAME_REPLAY;
    if (p->told || !p->started || delivery->epoch != p->epoch || delivery->kind != ZR_BACK_ENTRIES)
        return;
    p->heard = delivery->last > p->heard ? delivery->last : p->heard;
    if (delivery->last <= p->last || (!replay && (p->full || p->replaying)))
        return; /* it has that already, or gets it by a replay */
    if (!replay && delivery->prev > p->last)
        s_replay(p);
    else
        p->full = !s_give(p, delivery, !replay);
}

static void s_on_feed(feed_reader_t *reader, delivery_t *delivery) {
    plain_t *p = (plain_t *)(void *)((char *)reader - offsetof(plain_t, reader));
    if (p->joined)
        s_take(p, delivery);
    else if (delivery->last > p->heard)
        p->heard = delivery->last; /* the answer to `join` may come after the first entry */
}

/* The SUB may be a new one, which missed something. */
static void s_on_live(feed_reader_t *reader) {
    plain_t *p = (plain_t *)(void *)((char *)reader - offsetof(plain_t, reader));
    p->live = true;
    if (p->joined)
        s_replay(p);
    else
        s_join(p);
}

void plain_drained(plain_t *p, uint64_t now) {
    p->now = now;
    if (!p->full)
        return;
    p->full = false;
    if (p->heard > p->last)
        s_replay(p);
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
        json_object_update_new(hello, json_pack("{s:s,s:s}", "user", p->user, "token", p->token ? p->token : ""));
    if (p->resume[0])
        json_object_set_new(hello, "resume", json_string(p->resume));
    p->greeting = true;
    p->queued = false;
    channel_say(p->channel, hello);
    channel_set_session(p->channel, true); /* its heartbeats show when the answer is lost */
}

static void s_on_welcome(plain_t *p, const json_t *welcome) {
    const char *epoch = json_string_value(json_object_get(welcome, "epoch"));
    const char *resume = json_string_value(json_object_get(welcome, "resume"));
    uint64_t number = epoch ? strtoull(epoch, NULL, 16) : 0;
    if (number != p->epoch)
        p->last = p->heard = 0; /* of another log: all that it has is new */
    p->epoch = number;
    snprintf(p->resume, sizeof p->resume, "%s", resume ? resume : "");
    p->alive = true;
    p->greeting = p->joined = p->replaying = false;
    if (p->started)
        s_publish_again(p);
    s_join(p);
}

/* A peer that comes for the first time gets what is new from now on, its own first message too. */
static void s_on_joined(plain_t *p, const json_t *joined) {
    uint64_t seq = s_number(joined, "seq");
    bool first = !p->started;
    p->joined = p->started = true;
    if (first) {
        p->last = seq;
        s_publish_again(p);
    }
    p->heard = seq > p->heard ? seq : p->heard;
    if (p->heard > p->last)
        s_replay(p);
}

static void s_on_replayed(plain_t *p, const json_t *replayed) {
    uint64_t seq = s_number(replayed, "seq");
    p->replaying = false;
    p->last = seq > p->last ? seq : p->last;
    if (json_is_true(json_object_get(replayed, "more")) || p->heard > p->last)
        s_replay(p);
}

static void s_on_pong(plain_t *p, const json_t *pong) {
    uint64_t head = s_number(json_object_get(pong, "heads"), p->room);
    p->heard = head > p->heard ? head : p->heard;
    if (p->heard > p->last)
        s_replay(p);
}

/* The session ended. The gateway begins another at once, unless the broker sent the peer away. */
static void s_on_end(plain_t *p) {
    p->alive = p->greeting = p->joined = p->replaying = false;
    channel_set_session(p->channel, false);
}

/* There is no session. A heartbeat says so too while `hello` is answered: either its login waits, and `queued` tells of
 * it between two heartbeats, or the broker had no place for the answer. */
static void s_on_no_session(plain_t *p, const json_t *error) {
    bool lost = p->greeting && channel_is_beat(error);
    if (lost && p->queued) {
        p->queued = false;
    } else if (lost || p->alive) {
        s_on_end(p);
        s_hello(p);
    }
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
    if (s_is(code, zr_code_name(ZR_NO_SESSION)))
        s_on_no_session(p, error);
    else if (s_is(code, zr_code_name(ZR_RATE_LIMITED)) && !json_object_get(error, "re"))
        p->pause_ms = wait;
    else if (s_is(code, zr_code_name(ZR_TOO_MANY_REPLAYS)) || (s_is(code, zr_code_name(ZR_RATE_LIMITED)) && p->joined))
        p->replaying = false; /* the next pong asks again */
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
    if (s_is(op, "welcome"))
        s_on_welcome(p, object);
    else if (s_is(op, "joined"))
        s_on_joined(p, object);
    else if (s_is(op, "replayed"))
        s_on_replayed(p, object);
    else if (s_is(op, "pong"))
        s_on_pong(p, object);
    else if (s_is(op, "queued"))
        p->queued = true;
    else if (s_is(op, "error"))
        s_on_error(p, object);
    else if (s_is(op, "bye"))
        s_on_bye(p, object);
    else if (s_is(op, "left"))
        s_refuse(p, "left", "the right to read the room was taken");
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
        s_answered(p, ack.upto);
    else if (delivery_begin(&delivery, inner)) {
        s_take(p, &delivery);
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

static bool s_join_feed(plain_t *p) {
    uint8_t topic[FEED_TOPIC_MAX];
    size_t len = feed_topic(zr_span(p->room), false, topic);
    feed_joined_t joined = feeds_join(p->host->feeds, &p->reader, zr_span_of(topic, len), p->now);
    p->live = joined == FEED_LIVE;
    return joined != FEED_FULL;
}

plain_t *plain_new(const ws_host_t *host, const plain_wish_t *wish, const ws_from_t *from, const ws_calls_t *calls,
    void *ctx, uint64_t now) {
    static const channel_calls_t channel_calls = {s_on_frame, s_on_change};
    uint8_t random[CLIENT_BYTES];
    plain_t *p = fatal_calloc(sizeof *p);
    p->host = host;
    p->calls = calls;
    p->ctx = ctx;
    p->now = now;
    p->form = wish->form;
    p->reader = (feed_reader_t){.frame = s_on_feed, .live = s_on_live};
    memcpy(p->room, wish->room.ptr, wish->room.len);
    if (!s_join_feed(p)) {
        free(p);
        return NULL;
    }
    p->nick = s_copy(wish->nick);
    p->user = s_copy(wish->user);
    p->token = s_copy(wish->token);
    host->entropy(host->ctx, random, sizeof random);
    zr_hex(p->client, random, sizeof random);
    p->channel = uplink_open(host->uplink, from->address, from->secure, &channel_calls, p);
    if (channel_is_open(p->channel))
        s_hello(p);
    return p;
}

void plain_destroy(plain_t *p) {
    if (!p)
        return;
    feeds_leave(&p->reader, p->now);
    channel_close(p->channel);
    s_answered(p, UINT64_MAX);
    free(p->nick);
    free(p->user);
    if (p->token)
        sodium_memzero(p->token, strlen(p->token));
    free(p->token);
    free(p);
}
