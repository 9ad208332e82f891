/* See upstream.h. */
#include "upstream.h"

#include "carry.h"
#include "control.h"
#include "remote.h"

enum { BACK_MS = 500 }; /* from the end of the back's connection to another */

static void s_random(leaf_t *leaf, void *out, size_t len) {
    leaf->config.relay->entropy(leaf->config.relay->entropy_ctx, out, len);
}

void upstream_begin(leaf_t *leaf) {
    uint8_t random[ZR_CLIENT_ID_LEN / 2];
    s_random(leaf, random, sizeof random);
    zr_trunk_begin(&leaf->upstream.trunk, leaf->config.server, leaf->config.keys, random, 0);
}

bool upstream_is_full(const leaf_t *leaf) {
    return zr_trunk_is_full(&leaf->upstream.trunk);
}

/* --- Sending --- */

void upstream_say(leaf_t *leaf, json_t *object) {
    zr_blob_t *frame = zr_control_write(object);
    zr_trunk_sent(&leaf->upstream.trunk, zr_blob_len(frame));
    leaf->config.calls->send(leaf->config.ctx, 0, zr_span_of(zr_blob_data(frame), zr_blob_len(frame)));
    zr_blob_unref(frame);
}

void upstream_send(leaf_t *leaf, uint32_t channel, zr_span_t inner) {
    leaf->config.calls->send(leaf->config.ctx, channel, inner);
    if (zr_trunk_sent(&leaf->upstream.trunk, ZR_TRUNK_HEAD + inner.len))
        upstream_say(leaf, zr_trunk_ping(&leaf->upstream.trunk));
}

/* --- The connection --- */

/* Both sockets go, with what waits in them; another DEALER comes after a while. */
void upstream_lose(leaf_t *leaf, const char *why) {
    upstream_t *up = &leaf->upstream;
    bool live = upstream_is_live(leaf);
    uint8_t random;
    if (up->trunk.state == ZR_TRUNK_CLOSED)
        return;
    s_random(leaf, &random, sizeof random);
    zr_trunk_lose(&up->trunk, random, leaf->now);
    up->back_at = 0;
    wanted_end(leaf);
    leaf->config.calls->disconnect(leaf->config.ctx);
    zr_log(zr_log_pass(&up->lines, leaf->now) ? ZR_LOG_WARN : ZR_LOG_DEBUG, "the upstream at %s is away: %s",
        zr_servers_now(&up->trunk.servers)->endpoint, why);
    if (live)
        carry_lose_all(leaf);
}

void upstream_follow(leaf_t *leaf, const zr_server_t *server) {
    upstream_lose(leaf, "another broker takes its place");
    zr_trunk_follow(&leaf->upstream.trunk, server, leaf->now);
}

static void s_connect_back(leaf_t *leaf) {
    leaf->upstream.back_at = 0;
    leaf->config.calls->connect_back(leaf->config.ctx, leaf->upstream.trunk.back);
    wanted_begin(leaf);
}

/* What readers miss meanwhile shows by `prev` and in `pong`, as with any loss at a back. */
void upstream_lose_back(leaf_t *leaf) {
    if (!upstream_is_live(leaf) || leaf->upstream.back_at)
        return;
    wanted_end(leaf);
    leaf->upstream.back_at = leaf->now + BACK_MS;
}

void upstream_up(leaf_t *leaf) {
    zr_trunk_t *trunk = &leaf->upstream.trunk;
    if (trunk->state != ZR_TRUNK_WAITING)
        return;
    json_t *hello = zr_trunk_hello(trunk, leaf->config.agent, leaf->config.user, leaf->config.token, leaf->now);
    json_object_set_new(hello, "plain", json_boolean(leaf->config.plain));
    upstream_say(leaf, hello);
}

void upstream_heard(leaf_t *leaf) {
    leaf->upstream.trunk.heard_at = leaf->now;
}

void upstream_on_welcome(leaf_t *leaf, const json_t *welcome) {
    zr_trunk_t *trunk = &leaf->upstream.trunk;
    if (trunk->state != ZR_TRUNK_GREETING)
        return;
    if (!zr_trunk_read_welcome(trunk, welcome)) {
        upstream_lose(leaf, "its welcome lacks a member");
        return;
    }
    if (leaf->config.learns) /* for the next losses; the key of the upstream holds for the others too */
        remote_learn(&trunk->servers, json_object_get(welcome, "peers"));
    zr_trunk_live(trunk, leaf->now);
    s_connect_back(leaf);
    zr_log(ZR_LOG_INFO, "a leaf of the broker at %s now", zr_servers_now(&trunk->servers)->endpoint);
}

void upstream_on_pong(leaf_t *leaf, const json_t *pong) {
    zr_trunk_on_pong(&leaf->upstream.trunk, pong);
}

/* An error about no channel. */
void upstream_on_error(leaf_t *leaf, const json_t *error) {
    const char *why = zr_trunk_refusal(&leaf->upstream.trunk, error);
    if (why)
        upstream_lose(leaf, why);
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
    if (leaf->now - up->ticked_at > up->trunk.heartbeat)
        upstream_heard(leaf);
    up->ticked_at = leaf->now;
}

void upstream_tick(leaf_t *leaf) {
    upstream_t *up = &leaf->upstream;
    s_note_stop(leaf);
    const char *why = zr_trunk_overdue(&up->trunk, leaf->now);
    if (why)
        upstream_lose(leaf, why);
    else if (zr_trunk_connects(&up->trunk, leaf->now))
        leaf->config.calls->connect(leaf->config.ctx, zr_trunk_connect(&up->trunk, leaf->now));
    if (!upstream_is_live(leaf))
        return;
    if (zr_trunk_beats(&up->trunk, leaf->now))
        upstream_say(leaf, zr_trunk_ping(&up->trunk));
    if (up->back_at ? up->back_at <= leaf->now : !wanted_tick(leaf))
        s_connect_back(leaf);
}
