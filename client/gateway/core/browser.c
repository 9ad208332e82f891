/* See browser.h. */
#include "browser.h"

#include <utlist.h>

#include "browser_rooms.h"
#include "control.h"
#include "fatal.h"
#include "names.h"
#include "wire_work.h"

enum { REQUESTS_MAX = 16, CLIENT_BYTES = ZR_CLIENT_ID_LEN / 2, CODE_MAX = 32 };

/* A `subscribe` that waits until all its rooms are live. */
typedef struct request {
    json_t *id;    /* NULL: none */
    json_t *names; /* of its rooms and prefixes, as it named them */
    bool prefixes;
    struct request *prev, *next;
} request_t;

struct browser {
    const ws_host_t *host;
    browser_kind_t kind;
    const ws_calls_t *calls;
    void *ctx;
    channel_t *channel;
    room_subs_t *rooms;
    bool alive;    /* the broker gave it a session */
    bool greeting; /* its `hello` is under way: what comes after it waits. With BROWSER_JSON only */
    bool told;     /* the socket was asked to close */
    request_t *requests;
    size_t request_count;
    uint64_t now;
    uint64_t own_ids; /* that were given to joins without an id */

    room_sub_t *joining; /* NULL: none. Its `join` waits, and what came after it */
    zr_blob_t **waiting; /* what came while something was under way that it must not overtake */
    size_t waiting_count, waiting_size;
    zr_blob_t *hello; /* said while the broker is away: it gets it when it is back; NULL: none */
};

/* --- To the peer --- */

static void s_send(browser_t *b, zr_blob_t *frames, bool live) {
    if (!b->told)
        b->calls->send(b->ctx, frames, live);
}

static void s_give(browser_t *b, zr_blob_t *frames) {
    s_send(b, frames, false);
    zr_blob_unref(frames);
}

static void s_tell(browser_t *b, json_t *object) {
    s_give(b, ws_json(object));
}

/* `id` is borrowed; NULL: none. */
static void s_answer(browser_t *b, json_t *object, json_t *id) {
    if (id)
        json_object_set(object, "re", id);
    s_tell(b, object);
}

static void s_error(browser_t *b, zr_code_t code, const char *text, json_t *id) {
    s_answer(b, json_pack("{s:s,s:s,s:s}", "op", "error", "code", zr_code_name(code), "text", text), id);
}

static void s_close(browser_t *b, ws_code_t code, zr_span_t reason) {
    if (b->told)
        return;
    b->told = true;
    b->calls->close(b->ctx, code, reason);
}

static void s_hand(void *ctx, zr_blob_t *frames) {
    s_send(ctx, frames, true);
}

/* --- Subscribing --- */

static void s_end_request(browser_t *b, request_t *request) {
    DL_DELETE(b->requests, request);
    b->request_count--;
    json_decref(request->id);
    json_decref(request->names);
    free(request);
}

static zr_span_t s_text(const json_t *string) {
    return zr_span_of(json_string_value(string), json_string_length(string));
}

/* A room that was unsubscribed from meanwhile keeps nobody waiting. */
static bool s_is_live(const browser_t *b, const request_t *request) {
    for (size_t i = 0; i < json_array_size(request->names); i++) {
        room_sub_t *sub = room_subs_find(b->rooms, s_text(json_array_get(request->names, i)), request->prefixes);
        if (sub && !room_sub_is_live(sub))
            return false;
    }
    return true;
}

static void s_take_message(browser_t *b, bool text, zr_span_t message);

/* What waited goes, in order, until something is under way again. */
static void s_go_on(browser_t *b) {
    zr_blob_t **waiting = b->waiting;
    size_t count = b->waiting_count;
    b->joining = NULL;
    b->waiting = NULL;
    b->waiting_count = b->waiting_size = 0;
    for (size_t i = 0; i < count; i++) {
        zr_span_t frame = zr_span_of(zr_blob_data(waiting[i]), zr_blob_len(waiting[i]));
        s_take_message(b, frame.ptr[0] == ZR_TYPE_CONTROL, frame);
        zr_blob_unref(waiting[i]);
    }
    free(waiting);
}

static void s_on_live(void *ctx) {
    browser_t *b = ctx;
    request_t *request, *next;
    DL_FOREACH_SAFE(b->requests, request, next)
    if (s_is_live(b, request)) {
        s_answer(b,
            json_pack("{s:s,s:O}", "op", "subscribed", request->prefixes ? "prefixes" : "rooms", request->names),
            request->id);
        s_end_request(b, request);
    }
    if (b->joining && room_sub_is_live(b->joining))
        s_go_on(b);
}

/* Presence may be wanted later. */
static room_sub_t *s_subscribe(browser_t *b, zr_span_t name, bool prefix, bool presence) {
    room_sub_t *sub = room_subs_find(b->rooms, name, prefix);
    if (!sub)
        return room_subs_add(b->rooms, name, prefix, presence, b->now);
    return !presence || room_sub_want_presence(sub, b->now) ? sub : NULL;
}

static void s_unsubscribe(browser_t *b, const json_t *names, bool prefixes) {
    for (size_t i = 0; i < json_array_size(names); i++) {
        room_sub_t *sub = room_subs_find(b->rooms, s_text(json_array_get(names, i)), prefixes);
        if (sub && sub != b->joining)
            room_subs_remove(b->rooms, sub, b->now);
    }
}

/* To all of these, or to none that was not there before. */
static bool s_subscribe_all(browser_t *b, const json_t *names, bool prefixes, bool presence) {
    json_t *added = json_array();
    bool fits = true;
    for (size_t i = 0; fits && i < json_array_size(names); i++) {
        json_t *name = json_array_get(names, i);
        bool known = room_subs_find(b->rooms, s_text(name), prefixes);
        fits = s_subscribe(b, s_text(name), prefixes, presence);
        if (fits && !known)
            json_array_append(added, name);
    }
    if (!fits)
        s_unsubscribe(b, added, prefixes);
    json_decref(added);
    return fits;
}

static bool s_prefix_valid(zr_span_t name) {
    return name.len <= ZR_ROOM_MAX && zr_utf8_valid(name) && !memchr(name.ptr, '\0', name.len);
}

static bool s_names_valid(const json_t *names, bool prefixes) {
    for (size_t i = 0; i < json_array_size(names); i++) {
        const json_t *name = json_array_get(names, i);
        if (!json_is_string(name) || !(prefixes ? s_prefix_valid(s_text(name)) : zr_room_valid(s_text(name))))
            return false;
    }
    return json_is_array(names);
}

static void s_on_subscribe(browser_t *b, const json_t *object, json_t *id) {
    bool prefixes = zr_has(object, "prefixes"), presence = false;
    json_t *names = json_object_get(object, prefixes ? "prefixes" : "rooms");
    const char *wrong = NULL;
    if (!b->alive) {
        s_error(b, ZR_NO_SESSION, "say hello first", id);
        return;
    }
    if (!zr_get_bool_opt(object, "presence", &presence, &wrong) || !s_names_valid(names, prefixes)) {
        s_error(b, ZR_BAD_MEMBER, "'rooms' (or 'prefixes') must be a list of names, 'presence' true or false", id);
        return;
    }
    if (b->request_count >= REQUESTS_MAX) {
        s_error(b, ZR_RATE_LIMITED, "too many subscribe wait; wait for their answers", id);
        return;
    }
    if (!s_subscribe_all(b, names, prefixes, presence)) {
        s_error(b, ZR_TOO_MANY_JOINS, "too many subscriptions here; unsubscribe from some", id);
        return;
    }
    request_t *request = fatal_calloc(sizeof *request);
    *request = (request_t){.id = json_incref(id), .names = json_incref(names), .prefixes = prefixes};
    DL_APPEND(b->requests, request);
    b->request_count++;
    s_on_live(b);
}

static void s_on_unsubscribe(browser_t *b, const json_t *object, json_t *id) {
    bool prefixes = zr_has(object, "prefixes");
    json_t *names = json_object_get(object, prefixes ? "prefixes" : "rooms");
    if (!s_names_valid(names, prefixes)) {
        s_error(b, ZR_BAD_MEMBER, "'rooms' (or 'prefixes') must be a list of names", id);
        return;
    }
    s_unsubscribe(b, names, prefixes);
    s_answer(b, json_pack("{s:s}", "op", "ok"), id);
}

/* --- From the peer --- */

/* Which sub an op of a room or prefix is about; NULL: none. */
static room_sub_t *s_sub_of(const browser_t *b, const json_t *object) {
    const json_t *room = json_object_get(object, "room"), *prefix = json_object_get(object, "prefix");
    const json_t *name = room ? room : prefix;
    return json_is_string(name) ? room_subs_find(b->rooms, s_text(name), !room) : NULL;
}

static void s_wait(browser_t *b, zr_span_t frame) {
    FATAL_GROW(b->waiting, b->waiting_count, b->waiting_size);
    b->waiting[b->waiting_count++] = zr_blob_copy(frame.ptr, frame.len);
}

/* A script need not know of `subscribe`. False: the `join` waits until the room is live, or is refused. */
static bool s_subscribe_for_join(browser_t *b, const json_t *object, zr_span_t frame, json_t *id) {
    const json_t *name = json_object_get(object, "room");
    if (b->kind != BROWSER_JSON || !b->alive || !json_is_string(name) || !zr_room_valid(s_text(name)))
        return true; /* the broker says what is wrong */
    room_sub_t *sub = s_subscribe(b, s_text(name), false, !json_is_false(json_object_get(object, "presence")));
    if (!sub) {
        s_error(b, ZR_TOO_MANY_JOINS, "too many subscriptions here; leave some rooms", id);
        return false;
    }
    if (room_sub_is_live(sub))
        return true;
    b->joining = sub;
    s_wait(b, frame);
    return false;
}

static void s_complete_hello(browser_t *b, json_t *hello) {
    uint8_t random[CLIENT_BYTES];
    char client[ZR_CLIENT_ID_LEN + 1];
    if (!zr_has(hello, "proto"))
        json_object_set_new(hello, "proto", json_integer(1));
    if (zr_has(hello, "client"))
        return;
    b->host->entropy(b->host->ctx, random, sizeof random);
    zr_hex(client, random, sizeof random);
    json_object_set_new(hello, "client", json_string(client));
}

static void s_on_leave(browser_t *b, const json_t *object) {
    room_sub_t *sub = s_sub_of(b, object);
    if (sub && b->kind == BROWSER_JSON && zr_has(object, "room"))
        room_subs_remove(b->rooms, sub, b->now);
    else if (sub)
        room_sub_set(sub, ROOM_APART);
}

static bool s_is(const char *op, const char *name) {
    return op && strcmp(op, name) == 0;
}

/* The broker's refusal of a join must say which one it is about. */
#define OWN_ID "gateway join "

/* A `join` without an id goes to the broker with one of the gateway's. */
static void s_join_with_own_id(browser_t *b, json_t *object, room_sub_t *sub) {
    char text[sizeof OWN_ID + 20];
    snprintf(text, sizeof text, OWN_ID "%llu", (unsigned long long)++b->own_ids);
    json_object_set_new(object, "id", json_string(text));
    room_sub_ask(sub, json_object_get(object, "id"));
    channel_say(b->channel, json_incref(object));
}

/* The answer as the peer is to have it; NULL: it is no answer to such a join. */
static zr_blob_t *s_without_own_id(const json_t *answer) {
    const char *re = json_string_value(json_object_get(answer, "re"));
    if (!re || strncmp(re, OWN_ID, sizeof OWN_ID - 1) != 0)
        return NULL;
    json_t *copy = json_copy((json_t *)answer);
    json_object_del(copy, "re");
    return zr_control_write(copy);
}

/* True: the frame goes to the broker as it is. */
static bool s_take_request(browser_t *b, json_t *object, zr_span_t frame) {
    const char *op = json_string_value(json_object_get(object, "op"));
    json_t *id = NULL;
    room_sub_t *sub;
    zr_get_id(object, &id);
    if (s_is(op, "subscribe"))
        s_on_subscribe(b, object, id);
    else if (s_is(op, "unsubscribe"))
        s_on_unsubscribe(b, object, id);
    else if (s_is(op, "hello") && b->kind == BROWSER_JSON) {
        s_complete_hello(b, object);
        b->greeting = true;
        if (b->alive)
            channel_say(b->channel, json_incref(object));
        else
            channel_hello(b->channel, json_incref(object));
    } else if (s_is(op, "join") && !s_subscribe_for_join(b, object, frame, id))
        return false;
    else {
        if ((s_is(op, "join") || s_is(op, "follow")) && (sub = s_sub_of(b, object)) &&
            room_sub_state(sub) == ROOM_APART) {
            if (s_is(op, "join") && b->kind == BROWSER_JSON && !zr_has(object, "id")) {
                s_join_with_own_id(b, object, sub);
                return false;
            }
            room_sub_ask(sub, id);
        } else if (s_is(op, "leave") || s_is(op, "unfollow"))
            s_on_leave(b, object);
        return true;
    }
    return false;
}

static bool s_names(zr_span_t frame, const char *word) {
    return memmem(frame.ptr, frame.len, word, strlen(word)) != NULL;
}

/* Most requests need no look of the gateway. One with an escape may hide its op. */
static bool s_may_concern(const browser_t *b, zr_span_t frame) {
    return s_names(frame, "subscribe\"") || s_names(frame, "\"join\"") || s_names(frame, "\"leave\"") ||
           s_names(frame, "follow\"") || s_names(frame, "\\u") ||
           (b->kind == BROWSER_JSON && s_names(frame, "\"hello\""));
}

/* While the broker is away, requests fail as without a session. The last `hello` waits for it. */
static void s_refuse_away(browser_t *b, zr_span_t frame) {
    json_t *object = NULL, *id = NULL;
    if (frame.ptr[0] != ZR_TYPE_CONTROL || zr_control_read_request(frame, &object) != ZR_OK) {
        s_error(b, ZR_NO_SESSION, "the broker is away; say hello when it is back", NULL);
        return;
    }
    zr_get_id(object, &id);
    if (s_is(json_string_value(json_object_get(object, "op")), "hello")) {
        zr_blob_unref(b->hello);
        b->hello = zr_blob_copy(frame.ptr, frame.len);
    } else
        s_error(b, ZR_NO_SESSION, "the broker is away; say hello when it is back", id);
    json_decref(object);
}

static void s_take_control(browser_t *b, zr_span_t frame) {
    json_t *object = NULL;
    bool passes = true;
    if (s_may_concern(b, frame) && zr_control_read_request(frame, &object) == ZR_OK)
        passes = s_take_request(b, object, frame);
    json_decref(object);
    if (passes)
        channel_send(b->channel, frame);
}

static void s_take_message(browser_t *b, bool text, zr_span_t message) {
    if (b->told)
        return;
    if (browser_is_paused(b))
        s_wait(b, message);
    else if (!channel_is_open(b->channel))
        s_refuse_away(b, message);
    else if (text)
        s_take_control(b, message);
    else
        channel_send(b->channel, message);
}

static zr_span_t s_trim(zr_span_t text) {
    while (text.len > 0 && (zr_is_blank(*text.ptr) || *text.ptr == '\n'))
        text = zr_span_of(text.ptr + 1, text.len - 1);
    return text;
}

static bool s_is_data(char type) {
    return type == ZR_TYPE_PUBLISH || type == ZR_TYPE_SETTLE;
}

void browser_message(browser_t *b, bool text, zr_span_t message, uint64_t now) {
    b->now = now;
    if (text)
        message = s_trim(message);
    if (message.len > 0 && (text ? message.ptr[0] == ZR_TYPE_CONTROL : s_is_data(message.ptr[0])))
        s_take_message(b, text, message);
    else if (text)
        s_error(b, ZR_BAD_JSON, "a text message is one JSON object with 'op'", NULL);
    else
        s_error(b, ZR_BAD_FRAME, "a binary message is a PUBLISH or SETTLE frame, which begins with 0x01 or 0x05", NULL);
}

bool browser_is_paused(const browser_t *b) {
    return b->joining || b->greeting || (b->hello && b->kind == BROWSER_JSON);
}

/* --- From the broker --- */

/* What waited for a live room waits for nothing any more. */
static void s_drop_waiting(browser_t *b) {
    for (size_t i = 0; i < b->waiting_count; i++)
        zr_blob_unref(b->waiting[i]);
    free(b->waiting);
    b->waiting = NULL;
    b->waiting_count = b->waiting_size = 0;
    b->joining = NULL;
}

static void s_set_alive(browser_t *b, bool alive) {
    b->alive = alive;
    b->greeting = false;
    channel_set_session(b->channel, alive);
    if (!alive)
        s_drop_waiting(b);
    room_subs_part(b->rooms); /* the peer joins again after each welcome */
}

static void s_lower(json_t *limits, const char *name, size_t most) {
    json_t *limit = json_object_get(limits, name);
    if (json_integer_value(limit) > (json_int_t)most)
        json_integer_set(limit, (json_int_t)most);
}

/* The back is the gateway's affair, and messages have the gateway's limit too. */
static bool s_on_welcome(browser_t *b, json_t *welcome) {
    json_t *limits = json_object_get(welcome, "limits");
    s_set_alive(b, true);
    json_object_del(welcome, "back");
    s_lower(limits, "frame", b->host->max_message);
    s_lower(limits, "control", b->host->max_message);
    s_lower(limits, "body", b->host->max_message);
    s_lower(limits, "rooms", b->host->max_rooms);
    s_tell(b, json_incref(welcome));
    s_go_on(b);
    return false;
}

/* While a `hello` is under way, the broker's answer to it is the first error, whatever it says. */
static bool s_on_error(browser_t *b, const json_t *object, zr_span_t frame) {
    const char *code = json_string_value(json_object_get(object, "code"));
    bool greeting = b->greeting;
    room_subs_refused(b->rooms, json_object_get(object, "re"), b->kind == BROWSER_JSON, b->now);
    if (s_is(code, zr_code_name(ZR_NO_SESSION)) && !greeting)
        s_set_alive(b, false);
    if (!greeting)
        return true;
    b->greeting = false;
    s_give(b, ws_blob(WS_TEXT, frame));
    s_go_on(b);
    return false;
}

/* The peer did not ask; it hears of the gateway's own pings only if a room moved. */
static bool s_on_pong(browser_t *b, json_t *pong) {
    if (!channel_is_beat(pong))
        return true;
    bool moved = json_object_size(json_object_get(pong, "heads")) ||
                 json_object_size(json_object_get(pong, "versions")) || zr_has(pong, "list") || zr_has(pong, "more");
    json_object_del(pong, "re");
    if (moved)
        s_tell(b, json_incref(pong));
    return false;
}

static bool s_on_member(browser_t *b, const json_t *object, room_state_t state, zr_span_t frame) {
    room_sub_t *sub = s_sub_of(b, object);
    if (!sub || (state == ROOM_MEMBER && (!b->alive || room_sub_state(sub) != ROOM_PENDING)))
        return true;                    /* the peer has left again since it asked */
    s_give(b, ws_blob(WS_TEXT, frame)); /* before the frames that were kept */
    room_sub_set(sub, state);
    return false;
}

/* True: the frame goes to the peer as it is. */
static bool s_take_answer(browser_t *b, json_t *object, zr_span_t frame) {
    const char *op = json_string_value(json_object_get(object, "op"));
    if (s_is(op, "welcome"))
        return s_on_welcome(b, object);
    if (s_is(op, "pong"))
        return s_on_pong(b, object);
    if (s_is(op, "joined") || (s_is(op, "ok") && zr_has(object, "prefix")))
        return s_on_member(b, object, ROOM_MEMBER, frame);
    if (s_is(op, "left"))
        return s_on_member(b, object, ROOM_APART, frame);
    if (s_is(op, "error"))
        return s_on_error(b, object, frame);
    if (s_is(op, "bye"))
        s_set_alive(b, false);
    return true;
}

static bool s_may_tell(const browser_t *b, zr_span_t frame) {
    return b->greeting || s_names(frame, "\"welcome\"") || s_names(frame, "\"pong\"") || s_names(frame, "\"joined\"") ||
           s_names(frame, "\"prefix\"") || s_names(frame, "\"left\"") || s_names(frame, "\"bye\"") ||
           s_names(frame, "\"error\"");
}

static void s_take_broker_control(browser_t *b, zr_span_t frame) {
    json_t *object = NULL;
    zr_blob_t *without = NULL;
    bool passes = zr_utf8_valid(frame);
    if (passes && s_may_tell(b, frame) && zr_control_read(frame, &object) == ZR_OK) {
        without = s_without_own_id(object);
        if (without)
            frame = zr_span_of(zr_blob_data(without), zr_blob_len(without));
        passes = s_take_answer(b, object, frame);
    }
    json_decref(object);
    if (passes)
        s_give(b, ws_blob(WS_TEXT, frame));
    zr_blob_unref(without);
}

static void s_take_delivery(browser_t *b, zr_span_t frame) {
    delivery_t delivery;
    if (!delivery_begin(&delivery, frame))
        return;
    bool live = delivery.kind == ZR_BACK_PRESENCE || !(delivery.flags & (ZR_FRAME_REPLAY | ZR_FRAME_STATE));
    zr_blob_t *frames = delivery_form(&delivery, b->kind == BROWSER_JSON ? FORM_JSON : FORM_BINARY);
    if (frames)
        s_send(b, frames, live);
    delivery_finish(&delivery);
}

/* Frames that have one form only. Those of workers are bounded by the credit that the peer gives. */
static bool s_is_bytes(char type) {
    return type == ZR_TYPE_ACK || type == ZR_TYPE_WORK || type == ZR_TYPE_SETTLED;
}

static void s_on_frame(void *ctx, zr_span_t inner) {
    browser_t *b = ctx;
    if (inner.len == 0)
        return;
    if (inner.ptr[0] == ZR_TYPE_CONTROL)
        s_take_broker_control(b, inner);
    else if (s_is_bytes(inner.ptr[0]))
        s_give(b, ws_blob(WS_BINARY, inner));
    else
        s_take_delivery(b, inner);
}

static void s_greet(browser_t *b) {
    zr_blob_t *hello = b->hello;
    b->hello = NULL;
    if (hello)
        s_take_control(b, zr_span_of(zr_blob_data(hello), zr_blob_len(hello)));
    else
        s_error(b, ZR_NO_SESSION, "the broker is back; say hello", NULL);
    zr_blob_unref(hello);
}

static void s_on_change(void *ctx, channel_change_t change, zr_span_t reason) {
    browser_t *b = ctx;
    bool limit = zr_span_equal(reason, zr_span(zr_code_name(ZR_RATE_LIMITED))) ||
                 zr_span_equal(reason, zr_span(zr_code_name(ZR_TOO_MANY_CHANNELS)));
    if (change != CHANNEL_OPEN)
        s_set_alive(b, false);
    if (change == CHANNEL_ENDED) {
        s_close(b, limit ? WS_LATER : WS_POLICY, reason);
        return;
    }
    s_tell(b, json_pack("{s:s,s:s}", "op", "broker", "state", change == CHANNEL_OPEN ? "back" : "away"));
    if (change == CHANNEL_OPEN)
        s_greet(b);
}

browser_t *browser_new(const ws_host_t *host, browser_kind_t kind, const ws_from_t *from, const ws_calls_t *calls,
    void *ctx, uint64_t now) {
    static const channel_calls_t channel_calls = {s_on_frame, s_on_change};
    browser_t *b = fatal_calloc(sizeof *b);
    *b = (browser_t){.host = host, .kind = kind, .calls = calls, .ctx = ctx, .now = now};
    b->rooms = room_subs_new(host, kind == BROWSER_JSON ? FORM_JSON : FORM_BINARY, s_hand, s_on_live, b);
    b->channel = uplink_open(host->uplink, from->address, from->secure, &channel_calls, b);
    if (!channel_is_open(b->channel))
        s_tell(b, json_pack("{s:s,s:s}", "op", "broker", "state", "away"));
    return b;
}

void browser_destroy(browser_t *b) {
    if (!b)
        return;
    while (b->requests)
        s_end_request(b, b->requests);
    s_drop_waiting(b);
    zr_blob_unref(b->hello);
    room_subs_destroy(b->rooms, b->now);
    channel_close(b->channel);
    free(b);
}
