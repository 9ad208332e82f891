/* See wanted.h. */
#include "wanted.h"

#include <stdlib.h>

#include "fatal.h"
#include "hash.h"
#include "leaf_state.h"
#include "names.h"

enum { TOPIC_MORE = 16 };

static const char EVERYTHING[] = "";

void wanted_finish(wanted_t *wanted) {
    wanted_topic_t *topic, *next;
    HASH_ITER(hh, wanted->topics, topic, next) {
        HASH_DEL(wanted->topics, topic);
        free(topic);
    }
    zr_buffer_finish(&wanted->nonces);
}

static void s_change(leaf_t *leaf, bool on, zr_span_t topic) {
    leaf->wanted.left--;
    leaf->config.calls->subscribe(leaf->config.ctx, on, topic);
}

static void s_refill(leaf_t *leaf) {
    wanted_t *wanted = &leaf->wanted;
    uint64_t earned = (leaf->now - wanted->filled_at) * WANTED_RATE / 1000;
    if (earned == 0)
        return;
    wanted->left = wanted->left + (int64_t)earned < WANTED_BURST ? wanted->left + (int64_t)earned : WANTED_BURST;
    wanted->filled_at = leaf->now;
}

static zr_span_t s_name(const wanted_topic_t *topic) {
    return zr_span_of(topic->name, topic->len);
}

/* --- The nonce --- */

static void s_ask(leaf_t *leaf) {
    wanted_t *wanted = &leaf->wanted;
    uint8_t random[WANTED_NONCE_LEN / 2];
    char hex[WANTED_NONCE_LEN + 1];
    leaf->config.relay->entropy(leaf->config.relay->entropy_ctx, random, sizeof random);
    zr_hex(hex, random, sizeof random);
    wanted->nonce[0] = (char)ZR_TYPE_SYNC;
    memcpy(wanted->nonce + 1, hex, WANTED_NONCE_LEN);
    wanted->covered = wanted->nonces.len;
    wanted->due = leaf->now + WANTED_SYNC_MS;
    s_change(leaf, true, zr_span_of(wanted->nonce, sizeof wanted->nonce));
}

static void s_forget_nonce(leaf_t *leaf) {
    wanted_t *wanted = &leaf->wanted;
    if (wanted->due)
        s_change(leaf, false, zr_span_of(wanted->nonce, sizeof wanted->nonce));
    wanted->due = 0;
}

static void s_ask_if_due(leaf_t *leaf) {
    wanted_t *wanted = &leaf->wanted;
    if (wanted->up && !wanted->due && wanted->nonces.len > 0 && wanted->left > 0)
        s_ask(leaf);
}

void wanted_nonce(leaf_t *leaf, zr_span_t nonce) {
    wanted_t *wanted = &leaf->wanted;
    if (!wanted->up || wanted->nonces.len + 1 + nonce.len > LEAF_NONCE_BYTES)
        return;
    zr_buffer_u8(&wanted->nonces, (uint8_t)nonce.len);
    zr_buffer_append(&wanted->nonces, nonce.ptr, nonce.len);
    s_ask_if_due(leaf);
}

static void s_tell(leaf_t *leaf, zr_span_t nonce, zr_span_t json) {
    zr_buffer_t frame = {0};
    zr_buffer_u8(&frame, ZR_TYPE_SYNC);
    zr_buffer_append(&frame, nonce.ptr, nonce.len);
    zr_buffer_append(&frame, json.ptr, json.len);
    outbox_add(leaf->outbox, &(effect_t){.kind = EFFECT_PUBLISH, .frame = zr_buffer_to_blob(&frame)});
    zr_buffer_finish(&frame);
}

void wanted_synced(leaf_t *leaf, zr_span_t nonce, zr_span_t json) {
    wanted_t *wanted = &leaf->wanted;
    if (!wanted->due || !zr_span_equal(nonce, zr_span_of(wanted->nonce + 1, WANTED_NONCE_LEN)))
        return; /* of an earlier try; or all is subscribed to, other readers' nonces too */
    s_forget_nonce(leaf);
    wanted->tries = 0;
    const char *at = (const char *)wanted->nonces.data, *end = at + wanted->covered;
    for (size_t len; at < end; at += 1 + len) {
        len = (uint8_t)*at;
        s_tell(leaf, zr_span_of(at + 1, len), json);
    }
    size_t rest = wanted->nonces.len - wanted->covered;
    memmove(wanted->nonces.data, wanted->nonces.data + wanted->covered, rest);
    wanted->nonces.len = rest;
    wanted->covered = 0;
    s_ask_if_due(leaf);
}

/* --- Topics --- */

static void s_subscribe(leaf_t *leaf, wanted_topic_t *topic) {
    topic->sent = true;
    s_change(leaf, true, s_name(topic));
}

static bool s_are_many(const wanted_t *wanted, size_t share) {
    return HASH_COUNT(wanted->topics) > LEAF_TOPICS / share || wanted->bytes > LEAF_TOPIC_BYTES / share;
}

/* Topics that are subscribed to stay so, until their readers go. */
static void s_want_all(leaf_t *leaf) {
    leaf->wanted.all = true;
    s_change(leaf, true, zr_span(EVERYTHING));
}

/* First what is new, then the end of everything: no frame is missed. */
static void s_want_each(leaf_t *leaf) {
    wanted_t *wanted = &leaf->wanted;
    wanted_topic_t *topic, *next;
    HASH_ITER(hh, wanted->topics, topic, next)
    if (!topic->sent)
        s_subscribe(leaf, topic);
    wanted->all = false;
    s_change(leaf, false, zr_span(EVERYTHING));
}

static void s_add(leaf_t *leaf, zr_span_t name) {
    wanted_t *wanted = &leaf->wanted;
    wanted_topic_t *topic = fatal_calloc(sizeof *topic + name.len);
    topic->len = name.len;
    if (name.len)
        memcpy(topic->name, name.ptr, name.len);
    HASH_ADD_KEYPTR(hh, wanted->topics, topic->name, topic->len, topic);
    wanted->bytes += name.len + TOPIC_MORE;
    if (wanted->all || !wanted->up)
        return;
    if (s_are_many(wanted, 1) || wanted->left <= 0)
        s_want_all(leaf);
    else
        s_subscribe(leaf, topic);
}

static void s_remove(leaf_t *leaf, wanted_topic_t *topic) {
    wanted_t *wanted = &leaf->wanted;
    HASH_DEL(wanted->topics, topic);
    wanted->bytes -= topic->len + TOPIC_MORE;
    if (topic->sent && wanted->up)
        s_change(leaf, false, s_name(topic));
    free(topic);
}

void wanted_topic(leaf_t *leaf, zr_span_t name, bool on) {
    wanted_topic_t *topic;
    if (name.len && (uint8_t)name.ptr[0] == ZR_TYPE_SYNC)
        return; /* a nonce, which has a way of its own */
    HASH_FIND(hh, leaf->wanted.topics, name.len ? name.ptr : EVERYTHING, name.len, topic);
    if (on && !topic)
        s_add(leaf, name);
    else if (!on && topic)
        s_remove(leaf, topic);
}

/* --- The SUB --- */

static void s_void_nonce(wanted_t *wanted) {
    wanted->due = wanted->covered = 0;
    wanted->tries = 0;
}

void wanted_begin(leaf_t *leaf) {
    wanted_t *wanted = &leaf->wanted;
    wanted_topic_t *topic, *next;
    wanted->up = true;
    wanted->left = WANTED_BURST;
    wanted->filled_at = leaf->now;
    s_void_nonce(wanted);
    wanted->all = s_are_many(wanted, 1);
    if (wanted->all)
        s_change(leaf, true, zr_span(EVERYTHING));
    HASH_ITER(hh, wanted->topics, topic, next) {
        topic->sent = false;
        if (!wanted->all)
            s_subscribe(leaf, topic);
    }
    s_ask_if_due(leaf);
}

void wanted_end(leaf_t *leaf) {
    wanted_t *wanted = &leaf->wanted;
    wanted->up = false;
    wanted->nonces.len = 0;
    s_void_nonce(wanted);
}

static bool s_try_again(leaf_t *leaf) {
    wanted_t *wanted = &leaf->wanted;
    if (!wanted->due || wanted->due > leaf->now)
        return true;
    if (++wanted->tries >= WANTED_SYNC_TRIES)
        return false;
    s_forget_nonce(leaf);
    s_ask(leaf);
    return true;
}

bool wanted_tick(leaf_t *leaf) {
    wanted_t *wanted = &leaf->wanted;
    s_refill(leaf);
    if (!wanted->up)
        return true;
    if (wanted->all && !s_are_many(wanted, 2) && wanted->left >= WANTED_BURST)
        s_want_each(leaf);
    s_ask_if_due(leaf);
    return s_try_again(leaf);
}
