/* See uplink.h. */
#include "uplink.h"

#include <stdio.h>

#include "back.h"
#include "control.h"
#include "fatal.h"
#include "remote.h"
#include "uplink_state.h"

enum {
    OUT_TURN = 4096, /* frames tried at once */
    BACK_MS = 1000   /* from the end of the SUB's connection to another */
};

/* --- Sending --- */

static bool s_perform(uplink_t *u, const action_t *action) {
    return u->config.perform(u->config.ctx, action);
}

static bool s_try_send(uplink_t *u, zr_blob_t *frame) {
    action_t action = {
        .kind = ACTION_SEND, .frame = zr_span_of(zr_blob_data(frame), zr_blob_len(frame)), .owner = frame};
    return s_perform(u, &action);
}

static void s_flush(uplink_t *u) {
    zr_blob_t *frame;
    for (int i = 0; i < OUT_TURN && (frame = blob_queue_first(&u->out)) && s_try_send(u, frame); i++)
        blob_queue_drop(&u->out, zr_blob_len(frame));
}

static void s_send(uplink_t *u, zr_blob_t *frame) {
    u->counts.sent_frames++;
    u->counts.sent_bytes += zr_blob_len(frame);
    if (u->out.count > 0 || !s_try_send(u, frame))
        blob_queue_push(&u->out, frame);
    zr_blob_unref(frame);
}

static void s_ping(uplink_t *u) {
    uplink_say(u, zr_trunk_ping(&u->trunk));
}

void uplink_send(uplink_t *u, zr_blob_t *frame) {
    bool much = zr_trunk_sent(&u->trunk, zr_blob_len(frame));
    s_send(u, frame);
    if (much)
        s_ping(u);
}

void uplink_say(uplink_t *u, json_t *object) {
    zr_blob_t *frame = zr_control_write(object);
    zr_trunk_sent(&u->trunk, zr_blob_len(frame));
    s_send(u, frame);
}

bool uplink_is_full(const uplink_t *u) {
    return uplink_is_blocked(u) || zr_trunk_is_full(&u->trunk);
}

bool uplink_is_blocked(const uplink_t *u) {
    return u->out.count > 0;
}

bool uplink_is_live(const uplink_t *u) {
    return u->trunk.state == ZR_TRUNK_LIVE;
}

const uplink_counts_t *uplink_counts(const uplink_t *u) {
    return &u->counts;
}

/* --- The connection --- */

static const char *s_server(const uplink_t *u) {
    return zr_servers_now(&u->trunk.servers)->endpoint;
}

/* Both sockets go, with what waits in them; another DEALER comes after a while. */
static void s_tell_away(uplink_t *u, const char *why) {
    if (zr_log_pass(&u->logged, u->now))
        zr_log(ZR_LOG_WARN, "the broker at %s is away: %s", s_server(u), why);
}

static void s_lose(uplink_t *u, const char *why) {
    bool live = uplink_is_live(u);
    uint8_t random;
    if (u->trunk.state == ZR_TRUNK_CLOSED)
        return;
    u->config.entropy(u->config.ctx, &random, 1);
    zr_trunk_lose(&u->trunk, random, u->now);
    u->back_at = 0;
    u->sync = (back_sync_t){0};
    blob_queue_finish(&u->out);
    s_perform(u, &(action_t){.kind = ACTION_DISCONNECT});
    u->counts.losses += live;
    s_tell_away(u, why);
    if (live)
        uplink_lose_all(u);
}

static void s_connect(uplink_t *u) {
    const zr_server_t *server = zr_trunk_connect(&u->trunk, u->now);
    s_perform(u, &(action_t){.kind = ACTION_CONNECT_FRONT, .endpoint = server->endpoint, .key = server->key});
}

static void s_hello(uplink_t *u) {
    json_t *hello = zr_trunk_hello(&u->trunk, u->config.agent, u->config.user, u->config.token, u->now);
    if (u->resume[0])
        json_object_set_new(hello, "resume", json_string(u->resume));
    uplink_say(u, hello);
}

/* A fresh SUB has no subscriptions. */
static void s_connect_back(uplink_t *u) {
    u->back_at = 0;
    u->sync = (back_sync_t){0};
    s_perform(u, &(action_t){.kind = ACTION_CONNECT_BACK, .endpoint = u->trunk.back});
    feeds_restart(u->feeds);
}

static bool s_keep_token(uplink_t *u, const json_t *welcome) {
    const char *token = json_string_value(json_object_get(welcome, "resume"));
    return token && (size_t)snprintf(u->resume, sizeof u->resume, "%s", token) < sizeof u->resume;
}

static void s_on_welcome(uplink_t *u, const json_t *welcome) {
    bool whole = s_keep_token(u, welcome) && zr_trunk_read_welcome(&u->trunk, welcome);
    if (u->trunk.state != ZR_TRUNK_GREETING)
        return; /* it only renewed */
    const char *refusal = whole ? back_refusal(s_server(u), u->trunk.back) : "its welcome lacks a member";
    if (refusal) {
        s_lose(u, refusal);
        return;
    }
    zr_trunk_live(&u->trunk, u->now);
    remote_learn(&u->trunk.servers, json_object_get(welcome, "peers"));
    s_connect_back(u);
    zr_log(ZR_LOG_INFO, "connected to the broker at %s", s_server(u));
    uplink_open_all(u);
}

static void s_on_error(uplink_t *u, const json_t *error) {
    const char *code = json_string_value(json_object_get(error, "code"));
    const json_t *channel = json_object_get(error, "channel");
    const char *refusal = zr_trunk_refusal(&u->trunk, error);
    if (code && strcmp(code, zr_code_name(ZR_FORBIDDEN)) == 0)
        s_lose(u, "the gateway's user lacks the right 'gateway'; an operator can grant it");
    else if (json_is_integer(channel) && code)
        uplink_on_refused(u, (uint64_t)json_integer_value(channel), zr_span(code));
    else if (refusal)
        s_lose(u, refusal);
}

static void s_on_control(uplink_t *u, zr_span_t frame) {
    json_t *object = NULL;
    zr_span_t op, reason = zr_span("");
    const char *wrong = NULL;
    if (zr_control_read(frame, &object) != ZR_OK)
        return;
    zr_get_string_opt(object, "reason", 200, &reason, &wrong);
    if (!zr_get_string(object, "op", 1, 64, &op, &wrong))
        op = zr_span("");
    if (zr_span_equal(op, zr_span("welcome")))
        s_on_welcome(u, object);
    else if (zr_span_equal(op, zr_span("error")))
        s_on_error(u, object);
    else if (zr_span_equal(op, zr_span("pong")))
        zr_trunk_on_pong(&u->trunk, object);
    else if (zr_span_equal(op, zr_span("close")))
        uplink_on_close(u, (uint64_t)json_integer_value(json_object_get(object, "channel")), reason);
    else if (zr_span_equal(op, zr_span("bye")))
        s_lose(u, "it said bye");
    json_decref(object);
}

void uplink_front(uplink_t *u, zr_blob_t *frame, uint64_t now) {
    zr_span_t bytes = zr_span_of(zr_blob_data(frame), zr_blob_len(frame)), inner;
    uint32_t number;
    u->now = u->trunk.heard_at = now;
    u->counts.received_frames++;
    u->counts.received_bytes += bytes.len;
    if (zr_trunk_read(bytes, &number, &inner)) {
        channel_t *channel = uplink_channel(u, number);
        if (channel && channel->open)
            uplink_on_inner(channel, inner);
    } else if (bytes.len > 0 && bytes.ptr[0] == ZR_TYPE_CONTROL)
        s_on_control(u, bytes);
    zr_blob_unref(frame);
}

void uplink_up(uplink_t *u, uint64_t now) {
    u->now = now;
    u->told = false;
    if (u->trunk.state == ZR_TRUNK_WAITING)
        s_hello(u);
}

void uplink_down(uplink_t *u, const char *why, uint64_t now) {
    u->now = now;
    s_lose(u, why);
}

/* The link goes on trying; but another server may answer. */
void uplink_unreachable(uplink_t *u, const char *why, uint64_t now) {
    u->now = now;
    if (u->trunk.state != ZR_TRUNK_WAITING)
        return;
    if (u->trunk.servers.count > 1) {
        s_lose(u, why);
        return;
    }
    if (!u->told)
        s_tell_away(u, why);
    u->told = true;
}

/* --- The SUB --- */

void uplink_back(uplink_t *u, zr_blob_t *frame, uint64_t now) {
    zr_span_t bytes = zr_span_of(zr_blob_data(frame), zr_blob_len(frame)), nonce, json;
    delivery_t delivery;
    u->now = now;
    u->counts.received_frames++;
    u->counts.received_bytes += bytes.len;
    if (bytes.len > 0 && (uint8_t)bytes.ptr[0] == ZR_TYPE_SYNC) {
        uint64_t number =
            zr_back_read(bytes, &nonce, &json) == ZR_BACK_SYNCED ? back_sync_heard(&u->sync, &u->config, nonce) : 0;
        if (number)
            feeds_synced(u->feeds, number);
    } else if (delivery_begin(&delivery, bytes)) {
        feeds_take(u->feeds, &delivery);
        delivery_finish(&delivery);
    }
    zr_blob_unref(frame);
}

void uplink_back_down(uplink_t *u, uint64_t now) {
    u->now = now;
    if (uplink_is_live(u) && !u->back_at)
        u->back_at = now + BACK_MS;
}

static void s_tick_back(uplink_t *u) {
    if (u->back_at) {
        if (u->back_at <= u->now)
            s_connect_back(u);
        return;
    }
    uint64_t number = feeds_tick(u->feeds, u->now);
    if (number)
        back_sync_ask(&u->sync, &u->config, number, u->now);
    else if (!back_sync_tick(&u->sync, &u->config, u->now))
        s_connect_back(u);
}

/* --- Time --- */

void uplink_tick(uplink_t *u, uint64_t now) {
    u->now = now;
    const char *why = zr_trunk_overdue(&u->trunk, now);
    if (why)
        s_lose(u, why);
    else if (zr_trunk_connects(&u->trunk, now))
        s_connect(u);
    s_flush(u);
    if (!uplink_is_live(u))
        return;
    if (zr_trunk_beats(&u->trunk, now))
        s_ping(u);
    uplink_beat_all(u);
    s_tick_back(u);
}

static uint64_t s_sooner(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

uint64_t uplink_due(const uplink_t *u) {
    uint64_t due = zr_trunk_due(&u->trunk);
    if (!uplink_is_live(u))
        return due;
    due = s_sooner(due, uplink_beats_due(u));
    if (u->back_at)
        return s_sooner(due, u->back_at);
    due = s_sooner(due, u->sync.number ? u->sync.due : UINT64_MAX);
    return s_sooner(due, feeds_due(u->feeds));
}

uplink_t *uplink_new(const uplink_config_t *config, feeds_t *feeds, uint64_t now) {
    uplink_t *u = fatal_calloc(sizeof *u);
    uint8_t random[ZR_CLIENT_ID_LEN / 2];
    u->config = *config;
    config->entropy(config->ctx, random, sizeof random);
    zr_trunk_begin(&u->trunk, config->server, config->keys, random, now);
    u->trunk.patient = true;
    u->feeds = feeds;
    u->now = now;
    return u;
}

void uplink_close(uplink_t *u) {
    if (uplink_is_live(u))
        uplink_say(u, json_pack("{s:s}", "op", "bye"));
    s_flush(u);
}

void uplink_destroy(uplink_t *u) {
    if (!u)
        return;
    FATAL_UNLESS(!u->channels);
    uplink_forget_closing(u);
    blob_queue_finish(&u->out);
    free(u);
}
