/* See upstream.h. */
#include "upstream.h"

#include "carry.h"
#include "code.h"
#include "control.h"
#include "fatal.h"
#include "hash.h"

enum {
    CONNECT_MS = 5000,   /* for a connection to stand */
    BACK_MS = 500,       /* from the end of the back's connection to another */
    HEARTBEAT_MS = 5000, /* until a welcome names another */
    SILENT_BEATS = 3,
    BACK_OFF_MIN_MS = 100,
    BACK_OFF_MAX_MS = 5000,
    SEVERAL_MAX_MS = 1000, /* BACK_OFF_MAX_MS with several upstreams */
    STEADY_MS = 10000,     /* a session that stood so long was no failure */
    MARK_BYTES = 2 << 20   /* between two pings that show what the upstream has read */
};

static void s_random(leaf_t *leaf, void *out, size_t len) {
    leaf->config.relay->entropy(leaf->config.relay->entropy_ctx, out, len);
}

void upstream_begin(leaf_t *leaf) {
    uint8_t random[ZR_CLIENT_ID_LEN / 2];
    zr_servers_t *servers = &leaf->upstream.servers;
    FATAL_UNLESS(!zr_servers_read(servers, zr_span(leaf->config.server)));
    FATAL_UNLESS(!leaf->config.keys || !zr_servers_read_keys(servers, zr_span(leaf->config.keys)));
    s_random(leaf, random, sizeof random);
    zr_hex(leaf->upstream.client, random, sizeof random);
    leaf->upstream.heartbeat = HEARTBEAT_MS;
    leaf->upstream.back_off = BACK_OFF_MIN_MS;
}

bool upstream_is_full(const leaf_t *leaf) {
    return leaf->upstream.sent - leaf->upstream.read > LEAF_WINDOW;
}

/* --- Sending --- */

static void s_send(leaf_t *leaf, uint32_t channel, zr_span_t frame) {
    leaf->upstream.sent += frame.len + ZR_TRUNK_HEAD;
    leaf->config.calls->send(leaf->config.ctx, channel, frame);
}

void upstream_say(leaf_t *leaf, json_t *object) {
    zr_blob_t *frame = zr_control_write(object);
    s_send(leaf, 0, zr_span_of(zr_blob_data(frame), zr_blob_len(frame)));
    zr_blob_unref(frame);
}

/* The pong with this `re` shows that the upstream has read everything before it. */
static void s_mark(leaf_t *leaf) {
    leaf->upstream.marked = leaf->upstream.sent;
    upstream_say(leaf, json_pack("{ss sI}", "op", "ping", "id", (json_int_t)leaf->upstream.sent));
}

void upstream_send(leaf_t *leaf, uint32_t channel, zr_span_t inner) {
    s_send(leaf, channel, inner);
    if (leaf->upstream.sent - leaf->upstream.marked > MARK_BYTES)
        s_mark(leaf);
}

/* --- The connection --- */

/* Both sockets go, with what waits in them; another DEALER comes after a while. */
void upstream_lose(leaf_t *leaf, const char *why) {
    upstream_t *up = &leaf->upstream;
    bool live = upstream_is_live(leaf);
    uint8_t random;
    if (up->state == UPSTREAM_CLOSED)
        return;
    if (live && leaf->now - up->live_at >= STEADY_MS)
        up->back_off = BACK_OFF_MIN_MS;
    s_random(leaf, &random, sizeof random);
    up->retry_at = leaf->now + up->back_off * (128u + random) / 384;
    uint64_t longest = up->servers.count > 1 ? SEVERAL_MAX_MS : BACK_OFF_MAX_MS;
    up->back_off = up->back_off * 2 < longest ? up->back_off * 2 : longest;
    up->moves = true;
    up->state = UPSTREAM_CLOSED;
    up->sent = up->read = up->marked = 0;
    up->back_at = 0;
    wanted_end(leaf);
    leaf->config.calls->disconnect(leaf->config.ctx);
    zr_log(zr_log_pass(&up->lines, leaf->now) ? ZR_LOG_WARN : ZR_LOG_DEBUG, "the upstream at %s is away: %s",
        zr_servers_now(&up->servers)->endpoint, why);
    if (live)
        carry_lose_all(leaf);
}

void upstream_follow(leaf_t *leaf, const zr_server_t *server) {
    upstream_t *up = &leaf->upstream;
    upstream_lose(leaf, "another broker takes its place");
    up->servers = (zr_servers_t){.items = {*server}, .named = 1, .count = 1};
    up->moves = false;
    up->back_off = BACK_OFF_MIN_MS;
    up->retry_at = leaf->now;
}

static void s_connect_back(leaf_t *leaf) {
    leaf->upstream.back_at = 0;
    leaf->config.calls->connect_back(leaf->config.ctx, leaf->upstream.back);
    wanted_begin(leaf);
}

/* What readers miss meanwhile shows by `prev` and in `pong`, as with any loss at a back. */
void upstream_lose_back(leaf_t *leaf) {
    if (!upstream_is_live(leaf) || leaf->upstream.back_at)
        return;
    wanted_end(leaf);
    leaf->upstream.back_at = leaf->now + BACK_MS;
}

static void s_connect(leaf_t *leaf) {
    upstream_t *up = &leaf->upstream;
    if (up->moves)
        zr_servers_next(&up->servers);
    up->moves = false;
    up->state = UPSTREAM_WAITING;
    up->heard_at = leaf->now;
    leaf->config.calls->connect(leaf->config.ctx, zr_servers_now(&up->servers));
}

void upstream_up(leaf_t *leaf) {
    upstream_t *up = &leaf->upstream;
    if (up->state != UPSTREAM_WAITING)
        return;
    json_t *hello = json_pack("{ss ss si ss ss sb}", "op", "hello", "id", "hello", "proto", 1, "client", up->client,
        "agent", leaf->config.agent, "plain", leaf->config.plain);
    if (leaf->config.user)
        json_object_update_new(hello, json_pack("{ss ss}", "user", leaf->config.user, "token", leaf->config.token));
    up->state = UPSTREAM_GREETING;
    up->heard_at = leaf->now;
    upstream_say(leaf, hello);
}

void upstream_heard(leaf_t *leaf) {
    leaf->upstream.heard_at = leaf->now;
}

/* For the next losses. A leaf trusts its upstream, which hears all that the clients say. Its key holds for the others too. */
static void s_learn(leaf_t *leaf, const json_t *peers) {
    zr_servers_t *servers = &leaf->upstream.servers;
    size_t index;
    const json_t *peer;
    if (!leaf->config.learns)
        return;
    zr_servers_forget(servers);
    json_array_foreach(peers, index, peer) {
        zr_span_t endpoint = zr_span(json_is_string(peer) ? json_string_value(peer) : "");
        if (zr_span_starts(endpoint, zr_span("tcp://")) || zr_span_starts(endpoint, zr_span("ipc://")))
            zr_servers_learn(servers, endpoint);
    }
}

void upstream_on_welcome(leaf_t *leaf, const json_t *welcome) {
    upstream_t *up = &leaf->upstream;
    json_int_t heartbeat = json_integer_value(json_object_get(welcome, "heartbeat"));
    const char *back = json_string_value(json_object_get(welcome, "back"));
    if (up->state != UPSTREAM_GREETING)
        return;
    if (heartbeat <= 0 || !back || (size_t)snprintf(up->back, sizeof up->back, "%s", back) >= sizeof up->back) {
        upstream_lose(leaf, "its welcome lacks a member");
        return;
    }
    s_learn(leaf, json_object_get(welcome, "peers"));
    up->state = UPSTREAM_LIVE;
    up->heartbeat = (uint64_t)heartbeat;
    up->live_at = leaf->now;
    up->beat_at = leaf->now + up->heartbeat;
    s_connect_back(leaf);
    zr_log(ZR_LOG_INFO, "a leaf of the broker at %s now", zr_servers_now(&up->servers)->endpoint);
}

void upstream_on_pong(leaf_t *leaf, const json_t *pong) {
    json_int_t re = json_integer_value(json_object_get(pong, "re"));
    if (re > 0 && (uint64_t)re <= leaf->upstream.sent && (uint64_t)re > leaf->upstream.read)
        leaf->upstream.read = (uint64_t)re;
}

/* An error about no channel. */
void upstream_on_error(leaf_t *leaf, const json_t *error) {
    const char *code = json_string_value(json_object_get(error, "code"));
    const char *text = json_string_value(json_object_get(error, "text"));
    if (leaf->upstream.state == UPSTREAM_GREETING || (code && strcmp(code, zr_code_name(ZR_NO_SESSION)) == 0))
        upstream_lose(leaf, text ? text : "it refused");
}

void upstream_on_bye(leaf_t *leaf, const json_t *bye) {
    const char *reason = json_string_value(json_object_get(bye, "reason"));
    char why[64];
    snprintf(why, sizeof why, "it said bye: %.40s", reason ? reason : "");
    upstream_lose(leaf, why);
}

/* --- Time --- */

/* A process that was stopped finds the upstream's frames waiting: it is not silent. */
static void s_note_stop(leaf_t *leaf) {
    upstream_t *up = &leaf->upstream;
    if (leaf->now - up->ticked_at > up->heartbeat)
        up->heard_at = leaf->now;
    up->ticked_at = leaf->now;
}

void upstream_tick(leaf_t *leaf) {
    upstream_t *up = &leaf->upstream;
    s_note_stop(leaf);
    if (up->state == UPSTREAM_CLOSED && up->retry_at <= leaf->now) {
        s_connect(leaf);
        return;
    }
    if (up->state == UPSTREAM_WAITING && leaf->now - up->heard_at > CONNECT_MS) {
        upstream_lose(leaf, "no connection could be made in time");
        return;
    }
    if (up->state >= UPSTREAM_GREETING && leaf->now - up->heard_at > SILENT_BEATS * up->heartbeat) {
        upstream_lose(leaf, "it is silent");
        return;
    }
    if (up->state != UPSTREAM_LIVE)
        return;
    if (up->beat_at <= leaf->now) {
        s_mark(leaf);
        up->beat_at = leaf->now + up->heartbeat;
    }
    if (up->back_at ? up->back_at <= leaf->now : !wanted_tick(leaf))
        s_connect_back(leaf);
}
