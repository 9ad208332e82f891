/* The binary frames. Readers give views into the frame and check each length against what is left before they use it;
 * writers reserve once per entry. May call buffer, blob and names; knows no session and no room. */
#include "wire.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#include "names.h"

/* Checks the caller's promise: a length that does not fit its field would write a frame with another meaning. */
static inline void s_require(bool promise) {
    if (!promise) {
        fprintf(stderr, "zrelay: bug: a frame with a string that is too long\n");
        abort();
    }
}

static inline uint8_t *s_put8(uint8_t *to, size_t value) {
    *to = (uint8_t)value;
    return to + 1;
}

static inline uint8_t *s_put32(uint8_t *to, size_t value) {
    uint32_t big = htobe32((uint32_t)value);
    memcpy(to, &big, sizeof big);
    return to + sizeof big;
}

static inline uint8_t *s_put64(uint8_t *to, uint64_t value) {
    value = htobe64(value);
    memcpy(to, &value, sizeof value);
    return to + sizeof value;
}

static inline uint8_t *s_put_bytes(uint8_t *to, zr_span_t bytes) {
    if (bytes.len) /* an empty span may be NULL, which memcpy must not see */
        memcpy(to, bytes.ptr, bytes.len);
    return to + bytes.len;
}

/* The takers move `rest` past what they took. */
static inline bool s_take64(zr_span_t *rest, uint64_t *value) {
    if (rest->len < 8)
        return false;
    *value = zr_load64(rest->ptr);
    *rest = zr_span_of(rest->ptr + 8, rest->len - 8);
    return true;
}

static inline bool s_take(zr_span_t *rest, size_t len, zr_span_t *bytes) {
    if (rest->len < len)
        return false;
    *bytes = zr_span_of(rest->ptr, len);
    *rest = zr_span_of(rest->ptr + len, rest->len - len);
    return true;
}

static inline bool s_take8(zr_span_t *rest, uint8_t *value) {
    zr_span_t byte;
    if (!s_take(rest, 1, &byte))
        return false;
    *value = (uint8_t)byte.ptr[0];
    return true;
}

static inline bool s_take_string(zr_span_t *rest, zr_span_t *string) {
    uint8_t len;
    return s_take8(rest, &len) && s_take(rest, len, string);
}

const char *zr_level_name(zr_level_t level) {
    switch (level) {
    case ZR_LEVEL_NONE:
        return "none";
    case ZR_LEVEL_MEMORY:
        return "memory";
    case ZR_LEVEL_DISK:
        return "disk";
    case ZR_LEVEL_REPLICATED:
        return "replicated";
    }
    return "unknown";
}

/* --- PUBLISH --- */

/* The layout of one entry, flags included; ids and names are not looked at. */
static inline bool s_publish_entry(zr_span_t *rest, zr_publish_entry_t *entry) {
    const char *at = rest->ptr;
    size_t left = rest->len;
    if (left < ZR_PUBLISH_ENTRY_FIXED)
        return false;
    entry->mid = zr_load64(at);
    entry->flags = (uint8_t)at[8];
    entry->key = zr_span_of(at + 10, (uint8_t)at[9]);
    bool expects = entry->flags & ZR_ENTRY_EXPECT, lasts = entry->flags & ZR_ENTRY_TTL;
    size_t fixed = ZR_PUBLISH_ENTRY_FIXED + (expects ? 8 : 0) + (lasts ? 8 : 0) + entry->key.len;
    if (left < fixed)
        return false;
    at += 10 + entry->key.len;
    entry->expect = expects ? zr_load64(at) : 0;
    entry->ttl = lasts ? zr_load64(at + (expects ? 8 : 0)) : 0;
    entry->body = zr_span_of(rest->ptr + fixed, zr_load32(rest->ptr + fixed - 4));
    if (left - fixed < entry->body.len)
        return false;
    *rest = zr_span_of(entry->body.ptr + entry->body.len, left - fixed - entry->body.len);
    if (entry->flags == 0)
        return true;
    return !(entry->flags & ~(ZR_ENTRY_DELETE | ZR_ENTRY_EXPECT | ZR_ENTRY_TTL)) && entry->key.len > 0 &&
           !((entry->flags & ZR_ENTRY_DELETE) && (lasts || entry->body.len > 0));
}

zr_code_t zr_publish_read(
    zr_publish_reader_t *reader, zr_span_t frame, size_t *count, uint64_t *first_mid, uint64_t *last_mid) {
    zr_span_t rest = frame, room;
    uint8_t type;
    *reader = (zr_publish_reader_t){.failed = true};
    *count = 0;
    *first_mid = *last_mid = 0;
    if (!s_take8(&rest, &type) || type != ZR_TYPE_PUBLISH || !s_take_string(&rest, &room) || rest.len == 0)
        return ZR_BAD_FRAME;

    /* The first fault in a name or id is remembered; that the layout is broken further on outweighs it. */
    zr_code_t code = zr_room_valid(room) ? ZR_OK : ZR_BAD_ROOM;
    zr_span_t entries = rest;
    uint64_t first = 0, last = 0;
    size_t n = 0;
    while (rest.len > 0) {
        zr_publish_entry_t entry;
        if (!s_publish_entry(&rest, &entry))
            return ZR_BAD_FRAME;
        if (code == ZR_OK && (entry.mid <= last || entry.mid > ZR_INT_MAX))
            code = ZR_BAD_ID;
        if (code == ZR_OK && entry.key.len > 0 && !zr_key_valid(entry.key))
            code = ZR_BAD_KEY;
        if (n++ == 0)
            first = entry.mid;
        last = entry.mid;
    }
    *count = n;
    *first_mid = first;
    *last_mid = last;
    *reader = (zr_publish_reader_t){.room = room, .rest = entries};
    return code;
}

bool zr_publish_next(zr_publish_reader_t *reader, zr_publish_entry_t *entry) {
    if (reader->failed || reader->rest.len == 0)
        return false;
    if (!s_publish_entry(&reader->rest, entry)) {
        reader->failed = true;
        return false;
    }
    return true;
}

void zr_publish_begin(zr_buffer_t *out, zr_span_t room) {
    s_require(room.len <= UINT8_MAX);
    zr_buffer_clear(out);
    uint8_t *to = zr_buffer_reserve(out, ZR_PUBLISH_HEAD(room.len));
    to = s_put8(to, ZR_TYPE_PUBLISH);
    to = s_put8(to, room.len);
    to = s_put_bytes(to, room);
    out->len = (size_t)(to - out->data);
}

void zr_publish_add(zr_buffer_t *out, const zr_publish_entry_t *entry) {
    s_require(entry->key.len <= UINT8_MAX && entry->body.len <= UINT32_MAX);
    uint8_t *to = zr_buffer_reserve(out, ZR_PUBLISH_ENTRY_FIXED + 8 + 8 + entry->key.len + entry->body.len);
    to = s_put64(to, entry->mid);
    to = s_put8(to, entry->flags);
    to = s_put8(to, entry->key.len);
    to = s_put_bytes(to, entry->key);
    if (entry->flags & ZR_ENTRY_EXPECT)
        to = s_put64(to, entry->expect);
    if (entry->flags & ZR_ENTRY_TTL)
        to = s_put64(to, entry->ttl);
    to = s_put32(to, entry->body.len);
    to = s_put_bytes(to, entry->body);
    out->len = (size_t)(to - out->data);
}

/* --- ACK --- */

void zr_ack_write(uint8_t out[ZR_ACK_SIZE], const zr_ack_t *ack) {
    out = s_put8(out, ZR_TYPE_ACK);
    out = s_put8(out, ack->level);
    out = s_put64(out, ack->upto);
    s_put64(out, ack->seq);
}

zr_blob_t *zr_ack_frame(const zr_ack_t *ack) {
    zr_blob_t *frame = zr_blob_new(ZR_ACK_SIZE);
    zr_ack_write(zr_blob_data(frame), ack);
    return frame;
}

bool zr_ack_read(zr_ack_t *ack, zr_span_t frame) {
    if (frame.len != ZR_ACK_SIZE || frame.ptr[0] != ZR_TYPE_ACK)
        return false;
    ack->level = (zr_level_t)(uint8_t)frame.ptr[1];
    ack->upto = zr_load64(frame.ptr + 2);
    ack->seq = zr_load64(frame.ptr + 10);
    return true;
}

/* --- DELIVER --- */

/* The room name up to its end byte, which is left in `rest`. Looks no further than the longest name. */
static bool s_take_topic(zr_span_t *rest, zr_span_t *room) {
    size_t len = 0;
    while (len < rest->len && len <= ZR_ROOM_MAX && (uint8_t)rest->ptr[len] >= 0x20)
        len++;
    zr_span_t name = zr_span_of(rest->ptr, len);
    if (len == rest->len || !zr_room_valid(name))
        return false;
    *room = name;
    *rest = zr_span_of(rest->ptr + len, rest->len - len);
    return true;
}

bool zr_deliver_read(zr_deliver_reader_t *reader, zr_span_t frame) {
    zr_span_t rest = frame, room;
    uint8_t topic, version, flags;
    uint64_t epoch, prev;
    *reader = (zr_deliver_reader_t){.failed = true};
    if (!s_take_topic(&rest, &room) || !s_take8(&rest, &topic) || topic != ZR_TOPIC_ENTRIES ||
        !s_take8(&rest, &version) || version != ZR_DELIVER_VERSION || !s_take8(&rest, &flags) ||
        !s_take64(&rest, &epoch) || !s_take64(&rest, &prev) || rest.len == 0)
        return false;
    *reader = (zr_deliver_reader_t){.room = room, .flags = flags, .epoch = epoch, .prev = prev, .rest = rest};
    return true;
}

uint64_t zr_deliver_after(zr_span_t frame, uint64_t after) {
    zr_deliver_reader_t reader;
    uint64_t seq = 0;
    if (zr_deliver_read(&reader, frame))
        while (zr_deliver_skip(&reader, &seq))
            if (seq > after)
                return seq;
    return 0;
}

static uint8_t *s_put_deliver_head(uint8_t *to, zr_span_t room, uint8_t flags, uint64_t epoch, uint64_t prev) {
    to = s_put_bytes(to, room);
    to = s_put8(to, ZR_TOPIC_ENTRIES);
    to = s_put8(to, ZR_DELIVER_VERSION);
    to = s_put8(to, flags);
    to = s_put64(to, epoch);
    return s_put64(to, prev);
}

void zr_deliver_begin(zr_buffer_t *out, zr_span_t room, uint8_t flags, uint64_t epoch, uint64_t prev) {
    zr_buffer_clear(out);
    s_put_deliver_head(zr_buffer_reserve(out, ZR_DELIVER_HEAD(room.len)), room, flags, epoch, prev);
    out->len = ZR_DELIVER_HEAD(room.len);
}

size_t zr_deliver_add(zr_buffer_t *out, const zr_entry_t *entry) {
    s_require(entry->sender.len <= UINT8_MAX && entry->key.len <= UINT8_MAX && entry->body.len <= UINT32_MAX);
    size_t at = out->len;
    uint8_t *to = zr_buffer_reserve(out, zr_entry_size(entry));
    to = s_put64(to, entry->seq);
    to = s_put64(to, entry->time);
    to = s_put8(to, entry->flags);
    to = s_put8(to, entry->sender.len);
    to = s_put_bytes(to, entry->sender);
    to = s_put8(to, entry->key.len);
    to = s_put_bytes(to, entry->key);
    if (entry->flags & ZR_ENTRY_TTL)
        to = s_put64(to, entry->ttl);
    to = s_put32(to, entry->body.len);
    to = s_put_bytes(to, entry->body);
    out->len = (size_t)(to - out->data);
    return at;
}

void zr_deliver_plain(zr_deliver_plain_t *plain, uint64_t time, zr_span_t sender) {
    s_require(sender.len <= ZR_NICK_MAX);
    uint8_t *to = s_put64(plain->bytes, time);
    to = s_put8(to, 0); /* flags */
    to = s_put8(to, sender.len);
    to = s_put_bytes(to, sender);
    to = s_put8(to, 0); /* key */
    plain->len = (size_t)(to - plain->bytes);
}

zr_blob_t *zr_deliver_cut(
    zr_span_t frame, uint8_t flags, uint64_t after, uint64_t until, size_t limit, size_t *count, uint64_t *last) {
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    *count = 0;
    *last = 0;
    if (!zr_deliver_read(&reader, frame))
        return NULL;

    /* Seqs rise, so what is kept is one run of bytes. */
    uint64_t prev = reader.prev, seq = 0;
    bool first = true;
    const char *begin = reader.rest.ptr, *end = begin;
    size_t kept = 0;
    while (kept < limit && zr_deliver_next(&reader, &entry) && entry.seq <= until) {
        if (!first && entry.seq <= seq)
            return NULL;
        first = false;
        seq = entry.seq;
        end = reader.rest.ptr;
        if (seq <= after) {
            prev = seq;
            begin = end;
        } else {
            kept++;
        }
    }
    if (reader.failed || kept == 0)
        return NULL;

    size_t size = (size_t)(end - begin);
    zr_blob_t *blob = zr_blob_new(ZR_DELIVER_HEAD(reader.room.len) + size);
    uint8_t *to = s_put_deliver_head(zr_blob_data(blob), reader.room, flags, reader.epoch, prev);
    s_put_bytes(to, zr_span_of(begin, size));
    *count = kept;
    *last = seq;
    return blob;
}

/* --- TRUNK --- */

bool zr_trunk_read(zr_span_t frame, uint32_t *channel, zr_span_t *inner) {
    if (frame.len < ZR_TRUNK_HEAD || frame.ptr[0] != ZR_TYPE_TRUNK)
        return false;
    *channel = zr_load32(frame.ptr + 1);
    *inner = zr_span_of(frame.ptr + ZR_TRUNK_HEAD, frame.len - ZR_TRUNK_HEAD);
    return *channel != 0;
}

void zr_trunk_head(uint8_t out[ZR_TRUNK_HEAD], uint32_t channel) {
    s_put32(s_put8(out, ZR_TYPE_TRUNK), channel);
}

zr_blob_t *zr_trunk_frame(uint32_t channel, zr_span_t inner) {
    zr_blob_t *frame = zr_blob_new(ZR_TRUNK_HEAD + inner.len);
    zr_trunk_head(zr_blob_data(frame), channel);
    s_put_bytes((uint8_t *)zr_blob_data(frame) + ZR_TRUNK_HEAD, inner);
    return frame;
}

/* --- Topics --- */

static bool s_is_control(zr_span_t text) {
    return text.len > 0 && text.ptr[0] == ZR_TYPE_CONTROL;
}

static zr_back_kind_t s_synced(zr_span_t rest, zr_span_t *nonce, zr_span_t *json) {
    size_t len = 0;
    while (len < rest.len && len <= ZR_NONCE_MAX && rest.ptr[len] != ZR_TYPE_CONTROL)
        len++;
    zr_span_t digits, text = rest;
    if (!s_take(&text, len, &digits) || !zr_hex_valid(digits, ZR_NONCE_MIN, ZR_NONCE_MAX) || !s_is_control(text))
        return ZR_BACK_BAD;
    *nonce = digits;
    *json = text;
    return ZR_BACK_SYNCED;
}

zr_back_kind_t zr_back_read(zr_span_t frame, zr_span_t *room, zr_span_t *json) {
    zr_span_t rest = frame, name;
    uint8_t topic;
    if (frame.len > 0 && (uint8_t)frame.ptr[0] == ZR_TYPE_SYNC)
        return s_synced(zr_span_of(frame.ptr + 1, frame.len - 1), room, json);
    if (!s_take_topic(&rest, &name) || !s_take8(&rest, &topic))
        return ZR_BACK_BAD;
    if (topic == ZR_TOPIC_ENTRIES) {
        *room = name;
        return ZR_BACK_ENTRIES;
    }
    if (topic != ZR_TOPIC_PRESENCE || !s_is_control(rest))
        return ZR_BACK_BAD;
    *room = name;
    *json = rest;
    return ZR_BACK_PRESENCE;
}
