/* See uplink.h. */
#include "uplink.h"

#include <stdio.h>

#include "back.h"
#include "control.h"
#include "fatal.h"
#include "remote.h"
#include "uplink_state.h"

enum {
    HEARTBEAT_MS = 5000,   /* until a welcome names another */
    CONNECT_MS = 5000,     /* for a connection to stand, if there is another server */
    SEVERAL_MAX_MS = 1000, /* BACK_OFF_MAX_MS with several servers */
    SILENT_BEATS = 3,
    BACK_OFF_MIN_MS = 100,
    BACK_OFF_MAX_MS = 5000,
    STEADY_MS = 10000, /* a trunk that stood so long was no failure */
    HEX_ID = ZR_CLIENT_ID_LEN,
    OUT_TURN = 4096, /* frames tried at once */
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

static void s_drop_out(uplink_t *u) {
    blob_queue_finish(&u->out);
    u->sent = u->read = u->marked = 0;
}

void uplink_send(uplink_t *u, zr_blob_t *frame) {
    u->counts.sent_frames++;
    u->counts.sent_bytes += zr_blob_len(frame);
    u->sent += zr_blob_len(frame);
    if (u->out.count > 0 || !s_try_send(u, frame))
        blob_queue_push(&u->out, frame);
    zr_blob_unref(frame);
}

void uplink_say(uplink_t *u, json_t *object) {
    uplink_send(u, zr_control_write(object));
}

/* The pong with this `re` shows that the broker has read everything before it. */
void uplink_mark(uplink_t *u) {
    u->marked = u->sent;
    uplink_say(u, json_pack("{s:s,s:I}", "op", "ping", "id", (json_int_t)u->sent));
}

bool uplink_is_full(const uplink_t *u) {
    return u->out.count > 0 || u->sent - u->read > UPLINK_WINDOW;
}

bool uplink_is_blocked(const uplink_t *u) {
    return u->out.count > 0;
}

bool uplink_is_live(const uplink_t *u) {
    return u->state == UPLINK_LIVE;
}

const uplink_counts_t *uplink_counts(const uplink_t *u) {
    return &u->counts;
}

static void s_random_hex(uplink_t *u, char *out, size_t bytes) {
    uint8_t random[HEX_ID / 2];
    u->config.entropy(u->config.ctx, random, bytes);
    zr_hex(out, random, bytes);
}

/* --- The connection --- */

static const char *s_server(const uplink_t *u) {
    return zr_servers_now(&u->servers)->endpoint;
}

/* Both sockets go, with what waits in them; another DEALER comes after a while. */
static void s_tell_away(uplink_t *u, const char *why) {
    if (zr_log_pass(&u->logged, u->now))
        zr_log(ZR_LOG_WARN, "the broker at %s is away: %s", s_server(u), why);
}

static void s_lose(uplink_t *u, const char *why) {
    bool live = u->state == UPLINK_LIVE;
    uint8_t random;
    if (u->state == UPLINK_CLOSED)
        return;
    if (live && u->now - u->live_at >= STEADY_MS)
        u->back_off = BACK_OFF_MIN_MS;
    u->config.entropy(u->config.ctx, &random, 1);
    u->retry_at = u->now + u->back_off * (128u + random) / 384;
    uint64_t longest = u->servers.count > 1 ? SEVERAL_MAX_MS : BACK_OFF_MAX_MS;
    u->back_off = u->back_off * 2 < longest ? u->back_off * 2 : longest;
    u->moves = true;
    u->state = UPLINK_CLOSED;
    u->back_at = 0;
    u->sync = (back_sync_t){0};
    s_drop_out(u);
    s_perform(u, &(action_t){.kind = ACTION_DISCONNECT});
    u->counts.losses += live;
    s_tell_away(u, why);
    if (live)
        uplink_lose_all(u);
}

static void s_connect(uplink_t *u) {
    if (u->moves)
        zr_servers_next(&u->servers);
    u->moves = false;
    u->state = UPLINK_WAITING;
    u->heard_at = u->now;
    const zr_server_t *server = zr_servers_now(&u->servers);
    s_perform(u, &(action_t){.kind = ACTION_CONNECT_FRONT, .endpoint = server->endpoint, .key = server->key});
}

static void s_hello(uplink_t *u) {
    json_t *hello = json_pack("{s:s,s:s,s:i,s:s,s:s}", "op", "hello", "id", "hello", "proto", 1, "client", u->client,
        "agent", u->config.agent);
    if (u->config.user)
        json_object_update_new(hello, json_pack("{s:s,s:s}", "user", u->config.user, "token", u->config.token));
    if (u->resume[0])
        json_object_set_new(hello, "resume", json_string(u->resume));
    u->state = UPLINK_GREETING;
    u->heard_at = u->now;
    u->beat_at = u->now + u->heartbeat;
    uplink_say(u, hello);
}

/* A fresh SUB has no subscriptions. */
static void s_connect_back(uplink_t *u) {
    u->back_at = 0;
    u->sync = (back_sync_t){0};
    s_perform(u, &(action_t){.kind = ACTION_CONNECT_BACK, .endpoint = u->back});
    feeds_restart(u->feeds);
}

static bool s_keep(const json_t *object, const char *name, char *out, size_t size) {
    const char *value = json_string_value(json_object_get(object, name));
    return value && (size_t)snprintf(out, size, "%s", value) < size;
}

/* As the library does it (machine_hello.c). */
static void s_learn_peers(uplink_t *u, const json_t *peers) {
    size_t index;
    const json_t *peer;
    zr_servers_forget(&u->servers);
    json_array_foreach(peers, index, peer) {
        const char *endpoint = json_string_value(peer);
        if (endpoint && remote_valid(endpoint) && !back_refusal(s_server(u), endpoint))
            zr_servers_learn(&u->servers, zr_span(endpoint));
    }
}

static void s_on_welcome(uplink_t *u, const json_t *welcome) {
    json_int_t heartbeat = json_integer_value(json_object_get(welcome, "heartbeat"));
    const char *refusal = NULL;
    bool whole = s_keep(welcome, "resume", u->resume, sizeof u->resume) &&
                 s_keep(welcome, "back", u->back, sizeof u->back) && heartbeat > 0;
    if (u->state != UPLINK_GREETING)
        return; /* it only renewed */
    if (!whole || (refusal = back_refusal(s_server(u), u->back))) {
        s_lose(u, refusal ? refusal : "its welcome lacks a member");
        return;
    }
    u->state = UPLINK_LIVE;
    u->heartbeat = (uint64_t)heartbeat;
    u->live_at = u->heard_at = u->now;
    u->beat_at = u->now + u->heartbeat;
    s_learn_peers(u, json_object_get(welcome, "peers"));
    s_connect_back(u);
    zr_log(ZR_LOG_INFO, "connected to the broker at %s", s_server(u));
    uplink_open_all(u);
}

static void s_on_error(uplink_t *u, const json_t *error) {
    const char *code = json_string_value(json_object_get(error, "code"));
    const char *text = json_string_value(json_object_get(error, "text"));
    const json_t *channel = json_object_get(error, "channel");
    if (code && strcmp(code, zr_code_name(ZR_FORBIDDEN)) == 0)
        s_lose(u, "the gateway's user lacks the right 'gateway'; an operator can grant it");
    else if (json_is_integer(channel) && code)
        uplink_on_refused(u, (uint64_t)json_integer_value(channel), zr_span(code));
    else if (u->state == UPLINK_GREETING || (code && strcmp(code, zr_code_name(ZR_NO_SESSION)) == 0))
        s_lose(u, text ? text : "it refused");
}

static void s_on_pong(uplink_t *u, const json_t *pong) {
    json_int_t re = json_integer_value(json_object_get(pong, "re"));
    if (re > 0 && (uint64_t)re <= u->sent && (uint64_t)re > u->read)
        u->read = (uint64_t)re;
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
        s_on_pong(u, object);
    else if (zr_span_equal(op, zr_span("close")))
        uplink_on_close(u, (uint64_t)json_integer_value(json_object_get(object, "channel")), reason);
    else if (zr_span_equal(op, zr_span("bye")))
        s_lose(u, "it said bye");
    json_decref(object);
}

void uplink_front(uplink_t *u, zr_blob_t *frame, uint64_t now) {
    zr_span_t bytes = zr_span_of(zr_blob_data(frame), zr_blob_len(frame)), inner;
    uint32_t number;
    u->now = u->heard_at = now;
    u->counts.received_frames++;
    u->counts.received_bytes += bytes.len;
    if (zr_trunk_read(bytes, &number, &inner)) {
        channel_t *channel = uplink_channel(u, number);
        if (channel && channel->open)
            channel->calls->frame(channel->ctx, inner);
    } else if (bytes.len > 0 && bytes.ptr[0] == ZR_TYPE_CONTROL)
        s_on_control(u, bytes);
    zr_blob_unref(frame);
}

void uplink_up(uplink_t *u, uint64_t now) {
    u->now = now;
    u->told = false;
    if (u->state == UPLINK_WAITING)
        s_hello(u);
}

void uplink_down(uplink_t *u, const char *why, uint64_t now) {
    u->now = now;
    s_lose(u, why);
}

/* The link goes on trying; but another server may answer. */
void uplink_unreachable(uplink_t *u, const char *why, uint64_t now) {
    u->now = now;
    if (u->state != UPLINK_WAITING)
        return;
    if (u->servers.count > 1) {
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
    if (u->state == UPLINK_LIVE && !u->back_at)
        u->back_at = now + BACK_OFF_MAX_MS / 5;
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

static void s_beat(uplink_t *u) {
    if (u->beat_at <= u->now) {
        uplink_mark(u);
        u->beat_at = u->now + u->heartbeat;
    }
    uplink_beat_all(u);
}

static bool s_is_silent(const uplink_t *u) {
    return u->now - u->heard_at > SILENT_BEATS * u->heartbeat;
}

/* The end of the state "waiting". With a single server the link goes on for ever. */
static uint64_t s_waits_until(const uplink_t *u) {
    return u->servers.count > 1 ? u->heard_at + CONNECT_MS : UINT64_MAX;
}

void uplink_tick(uplink_t *u, uint64_t now) {
    u->now = now;
    if (u->state == UPLINK_CLOSED && u->retry_at <= now)
        s_connect(u);
    if (u->state == UPLINK_WAITING && now >= s_waits_until(u)) {
        s_lose(u, "no connection could be made in time");
        return;
    }
    if (u->state >= UPLINK_GREETING && s_is_silent(u)) {
        s_lose(u, "it is silent");
        return;
    }
    s_flush(u);
    if (u->state != UPLINK_LIVE)
        return;
    s_beat(u);
    s_tick_back(u);
}

static uint64_t s_sooner(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

uint64_t uplink_due(const uplink_t *u) {
    uint64_t silent = u->heard_at + SILENT_BEATS * u->heartbeat + 1;
    if (u->state == UPLINK_CLOSED)
        return u->retry_at;
    if (u->state == UPLINK_WAITING)
        return s_waits_until(u);
    if (u->state == UPLINK_GREETING)
        return silent;
    uint64_t due = s_sooner(s_sooner(u->beat_at, silent), uplink_beats_due(u));
    if (u->back_at)
        return s_sooner(due, u->back_at);
    due = s_sooner(due, u->sync.number ? u->sync.due : UINT64_MAX);
    return s_sooner(due, feeds_due(u->feeds));
}

uplink_t *uplink_new(const uplink_config_t *config, feeds_t *feeds, uint64_t now) {
    uplink_t *u = fatal_calloc(sizeof *u);
    u->config = *config;
    FATAL_UNLESS(!zr_servers_read(&u->servers, zr_span(config->server)));
    FATAL_UNLESS(!config->keys || !zr_servers_read_keys(&u->servers, zr_span(config->keys)));
    u->feeds = feeds;
    u->now = u->retry_at = now;
    u->heartbeat = HEARTBEAT_MS;
    u->back_off = BACK_OFF_MIN_MS;
    s_random_hex(u, u->client, HEX_ID / 2);
    return u;
}

void uplink_close(uplink_t *u) {
    if (u->state == UPLINK_LIVE)
        uplink_say(u, json_pack("{s:s}", "op", "bye"));
    s_flush(u);
}

void uplink_destroy(uplink_t *u) {
    if (!u)
        return;
    FATAL_UNLESS(!u->channels);
    uplink_forget_closing(u);
    s_drop_out(u);
    free(u);
}
