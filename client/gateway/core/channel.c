/* See channel.h. */
#include "channel.h"

#include <stdio.h>
#include <utlist.h>

#include "control.h"
#include "fatal.h"
#include "uplink_state.h"

enum {
    BEATS_TURN = 200,  /* heartbeats at once, */
    BEATS_PAUSE_MS = 5 /* and until the next ones */
};

static void s_open_there(channel_t *channel) {
    channel->open = true;
    uplink_say(channel->uplink, json_pack("{s:s,s:I,s:s,s:b}", "op", "open", "channel", (json_int_t)channel->number,
                                    "address", channel->address, "secure", channel->secure));
}

static void s_forget_hello(channel_t *channel) {
    json_decref(channel->hello);
    channel->hello = NULL;
    channel->queued = channel->again = false;
}

static void s_set_alive(channel_t *channel, bool alive) {
    uplink_t *u = channel->uplink;
    if (!alive)
        s_forget_hello(channel);
    if (channel->alive == alive)
        return;
    channel->alive = alive;
    if (!alive) {
        DL_DELETE(u->beats, channel);
        return;
    }
    channel->beat_at = u->now + u->trunk.heartbeat;
    DL_APPEND(u->beats, channel);
}

void channel_set_session(channel_t *channel, bool alive) {
    s_set_alive(channel, alive && channel->open);
}

bool channel_is_beat(const json_t *object) {
    const char *re = json_string_value(json_object_get(object, "re"));
    return re && strcmp(re, UPLINK_BEAT) == 0;
}

bool channel_is_open(const channel_t *channel) {
    return channel->open;
}

/* A channel that is told may close itself and others. */
static void s_tell_all(uplink_t *u, channel_change_t change, zr_span_t reason) {
    for (channel_t *channel = u->channels; channel; channel = u->cursor) {
        u->cursor = channel->hh.next;
        if (!channel->ended)
            channel->calls->change(channel->ctx, change, reason);
    }
    u->cursor = NULL;
}

void uplink_forget_closing(uplink_t *u) {
    closing_t *closing, *next;
    HASH_ITER(hh, u->closing, closing, next) {
        HASH_DEL(u->closing, closing);
        free(closing);
    }
}

static bool s_is_used(const uplink_t *u, uint32_t number) {
    channel_t *channel;
    closing_t *closing;
    HASH_FIND(hh, u->channels, &number, sizeof number, channel);
    HASH_FIND(hh, u->closing, &number, sizeof number, closing);
    return number == 0 || channel || closing;
}

channel_t *uplink_open(uplink_t *u, const char *address, bool secure, const channel_calls_t *calls, void *ctx) {
    channel_t *channel = fatal_calloc(sizeof *channel);
    while (s_is_used(u, ++u->number))
        ;
    channel->uplink = u;
    channel->number = u->number;
    channel->secure = secure;
    channel->calls = calls;
    channel->ctx = ctx;
    snprintf(channel->address, sizeof channel->address, "%s", address);
    HASH_ADD(hh, u->channels, number, sizeof channel->number, channel);
    u->counts.channels++;
    if (uplink_is_live(u))
        s_open_there(channel);
    return channel;
}

static void s_say_closed(uplink_t *u, uint32_t number) {
    uplink_say(u, json_pack("{s:s,s:I}", "op", "close", "channel", (json_int_t)number));
}

void channel_close(channel_t *channel) {
    if (!channel)
        return;
    uplink_t *u = channel->uplink;
    s_set_alive(channel, false);
    if (u->cursor == channel)
        u->cursor = channel->hh.next;
    HASH_DEL(u->channels, channel);
    u->counts.channels--;
    if (channel->open) {
        closing_t *closing = fatal_calloc(sizeof *closing);
        closing->number = channel->number;
        HASH_ADD(hh, u->closing, number, sizeof closing->number, closing);
        s_say_closed(u, channel->number);
    }
    free(channel);
}

void channel_send(channel_t *channel, zr_span_t inner) {
    uplink_t *u = channel->uplink;
    if (!channel->open)
        return;
    uplink_send(u, zr_trunk_frame(channel->number, inner));
}

void channel_say(channel_t *channel, json_t *object) {
    zr_blob_t *inner = zr_control_write(object);
    channel_send(channel, zr_span_of(zr_blob_data(inner), zr_blob_len(inner)));
    zr_blob_unref(inner);
}

/* --- hello --- */

void channel_hello(channel_t *channel, json_t *hello) {
    s_forget_hello(channel);
    if (!channel->open) {
        json_decref(hello);
        return;
    }
    s_set_alive(channel, true);
    channel->hello = hello;
    channel_say(channel, json_incref(hello));
}

/* The answer to a heartbeat: there is no session. Either the login waits at the broker, and `queued` tells of it between
 * two heartbeats, or the answer to `hello` is lost. */
static void s_on_beat(channel_t *channel) {
    if (!channel->queued) {
        channel_say(channel, json_incref(channel->hello));
        channel->again = true;
    }
    channel->queued = false;
}

/* Is it the answer to this `hello`? Errors of the session before may still come. */
static bool s_answers(const json_t *hello, const json_t *error) {
    const json_t *id = json_object_get(hello, "id"), *re = json_object_get(error, "re");
    return id ? re && json_equal(re, id) : !re;
}

/* The first `hello` was not lost: its login waits, and the second one is one too many. */
static bool s_came_twice(const channel_t *channel, const char *code) {
    return channel->again && code && strcmp(code, zr_code_name(ZR_RATE_LIMITED)) == 0;
}

/* While a `hello` is under way. false: the frame is for the owner. */
static bool s_take_control(channel_t *channel, zr_span_t frame) {
    json_t *object = NULL;
    if (frame.len == 0 || frame.ptr[0] != ZR_TYPE_CONTROL || zr_control_read(frame, &object) != ZR_OK)
        return false;
    const char *op = json_string_value(json_object_get(object, "op"));
    const char *code = json_string_value(json_object_get(object, "code"));
    bool none = code && strcmp(code, zr_code_name(ZR_NO_SESSION)) == 0, taken = none && channel_is_beat(object);
    bool answers = op && strcmp(op, "error") == 0 && !none && s_answers(channel->hello, object);
    if (taken)
        s_on_beat(channel);
    else if (op && strcmp(op, "welcome") == 0)
        s_forget_hello(channel);
    else if (answers && s_came_twice(channel, code))
        taken = channel->queued = true;
    else if (answers)
        s_set_alive(channel, false);
    else if (op && strcmp(op, "queued") == 0)
        channel->queued = true;
    json_decref(object);
    return taken;
}

void uplink_on_inner(channel_t *channel, zr_span_t inner) {
    if (!channel->hello || !s_take_control(channel, inner))
        channel->calls->frame(channel->ctx, inner);
}

/* --- Numbers --- */

channel_t *uplink_channel(const uplink_t *u, uint64_t number) {
    uint32_t key = (uint32_t)number;
    channel_t *channel;
    HASH_FIND(hh, u->channels, &key, sizeof key, channel);
    return number == key ? channel : NULL;
}

/* The broker's `close`: the answer to ours, or its own, which we answer. */
void uplink_on_close(uplink_t *u, uint64_t number, zr_span_t reason) {
    uint32_t key = (uint32_t)number;
    channel_t *channel = uplink_channel(u, number);
    closing_t *closing;
    HASH_FIND(hh, u->closing, &key, sizeof key, closing);
    if (closing) {
        HASH_DEL(u->closing, closing);
        free(closing);
    } else if (channel && channel->open) {
        s_set_alive(channel, false);
        channel->open = false;
        channel->ended = true;
        s_say_closed(u, key);
        channel->calls->change(channel->ctx, CHANNEL_ENDED, reason);
    }
}

void uplink_on_refused(uplink_t *u, uint64_t number, zr_span_t code) {
    channel_t *channel = uplink_channel(u, number);
    if (!channel || !channel->open)
        return;
    s_set_alive(channel, false);
    channel->open = false;
    channel->ended = true;
    channel->calls->change(channel->ctx, CHANNEL_ENDED, code);
}

/* --- All of them --- */

void uplink_open_all(uplink_t *u) {
    channel_t *channel, *next;
    HASH_ITER(hh, u->channels, channel, next)
    if (!channel->ended)
        s_open_there(channel);
    s_tell_all(u, CHANNEL_OPEN, zr_span(""));
}

void uplink_lose_all(uplink_t *u) {
    channel_t *channel, *next;
    HASH_ITER(hh, u->channels, channel, next) {
        s_set_alive(channel, false);
        channel->open = false;
    }
    uplink_forget_closing(u);
    s_tell_all(u, CHANNEL_LOST, zr_span(""));
}

/* After a restart of the broker all sessions began at once. Their heartbeats come a few at a time, since the broker
 * queues only so many answers for a trunk. */
uint64_t uplink_beats_due(const uplink_t *u) {
    if (!u->beats)
        return UINT64_MAX;
    return u->beats->beat_at > u->beats_at ? u->beats->beat_at : u->beats_at;
}

void uplink_beat_all(uplink_t *u) {
    static const char ping[] = "{\"op\":\"ping\",\"id\":\"" UPLINK_BEAT "\"}";
    for (int i = 0; i < BEATS_TURN && uplink_beats_due(u) <= u->now; i++) {
        channel_t *channel = u->beats;
        DL_DELETE(u->beats, channel);
        channel->beat_at = u->now + u->trunk.heartbeat;
        DL_APPEND(u->beats, channel);
        channel_send(channel, zr_span(ping));
        u->beats_at = u->now + (i + 1 == BEATS_TURN ? BEATS_PAUSE_MS : 0);
    }
}
