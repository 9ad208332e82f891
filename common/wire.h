/* The binary frames (PROTOCOL.md, section 4): PUBLISH, ACK, DELIVER, TRUNK, and the topics of the back. Reading never
 * copies: views point into the frame. Parsers check every length; a parser that failed stays failed. */
#ifndef ZR_WIRE_H
#define ZR_WIRE_H

#include <endian.h>

#include "buffer.h"
#include "code.h"
#include "span.h"

/* First bytes. Changing a number here is another protocol version. */
enum { ZR_TYPE_PUBLISH = 0x01, ZR_TYPE_ACK = 0x02, ZR_TYPE_TRUNK = 0x03, ZR_TYPE_CONTROL = '{', ZR_TYPE_SYNC = 0xFF };
enum { ZR_TOPIC_ENTRIES = 0x00, ZR_TOPIC_PRESENCE = 0x01 };
enum { ZR_DELIVER_VERSION = 1, ZR_ACK_SIZE = 18 };
enum { ZR_FRAME_REPLAY = 0x01, ZR_FRAME_STATE = 0x02 }; /* flags of a DELIVER frame */
/* Flags of an entry; EXPECT only in PUBLISH. TTL's number is also the size of the field that it adds. */
enum { ZR_ENTRY_DELETE = 0x01, ZR_ENTRY_EXPECT = 0x02, ZR_ENTRY_TTL = 0x08 };
typedef enum { ZR_LEVEL_NONE = 0, ZR_LEVEL_MEMORY = 1, ZR_LEVEL_DISK = 2, ZR_LEVEL_REPLICATED = 3 } zr_level_t;

const char *zr_level_name(zr_level_t level);

/* Bytes of a DELIVER frame before its entries, and of a delivered entry without its strings. */
#define ZR_DELIVER_HEAD(room_len) ((room_len) + 1 + 1 + 1 + 8 + 8)
#define ZR_DELIVER_ENTRY_FIXED (8 + 8 + 1 + 1 + 1 + 4) /* 8 more with TTL */
#define ZR_PUBLISH_HEAD(room_len) (1 + 1 + (room_len))
#define ZR_PUBLISH_ENTRY_FIXED (8 + 1 + 1 + 4) /* 8 more with EXPECT, and 8 more with TTL */

/* --- Numbers --- */

static inline uint32_t zr_load32(const char *from) {
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return be32toh(value);
}

static inline uint64_t zr_load64(const char *from) {
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return be64toh(value);
}

/* --- PUBLISH --- */

typedef struct {
    uint64_t mid;
    uint8_t flags;
    zr_span_t key;
    uint64_t expect; /* 0 without ZR_ENTRY_EXPECT */
    zr_span_t body;
    uint64_t ttl; /* ms; 0 without ZR_ENTRY_TTL, and perhaps with it: the caller checks its range */
} zr_publish_entry_t;

/* A read position in a frame. */
typedef struct {
    zr_span_t room;
    zr_span_t rest; /* the entries not read yet */
    bool failed;
} zr_publish_reader_t;

/* Checks the whole frame, names included. Returns ZR_OK, ZR_BAD_FRAME, ZR_BAD_ROOM (an empty one too), ZR_BAD_KEY or
 * ZR_BAD_ID. Then `*reader` stands before the first entry. `*count`, `*first_mid` and `*last_mid` are set whenever the
 * layout could be read, on errors in names or ids too; else they are 0. If they are set, the entries can be read too.
 * After ZR_BAD_FRAME next returns false. The number of entries is not limited here: the caller checks it. */
zr_code_t zr_publish_read(
    zr_publish_reader_t *reader, zr_span_t frame, size_t *count, uint64_t *first_mid, uint64_t *last_mid);

/* The next entry; false at the end. */
bool zr_publish_next(zr_publish_reader_t *reader, zr_publish_entry_t *entry);

/* The next entry if it is plain: without flags and key, as nearly all are. false: it is not plain, or no entry is left;
 * zr_publish_next goes on from there. */
static inline bool zr_publish_next_plain(zr_publish_reader_t *reader, uint64_t *mid, zr_span_t *body) {
    static const char plain[2]; /* flags and length of the key */
    const char *at = reader->rest.ptr;
    uint32_t len;
    if (reader->failed || reader->rest.len < ZR_PUBLISH_ENTRY_FIXED || memcmp(at + 8, plain, sizeof plain) != 0)
        return false;
    memcpy(mid, at, sizeof *mid);
    memcpy(&len, at + 10, sizeof len);
    *mid = be64toh(*mid);
    *body = zr_span_of(at + ZR_PUBLISH_ENTRY_FIXED, be32toh(len));
    size_t left = reader->rest.len - ZR_PUBLISH_ENTRY_FIXED;
    if (left < body->len)
        return false;
    reader->rest = zr_span_of(body->ptr + body->len, left - body->len);
    return true;
}

/* Building: begin clears `out` and writes the head; names must be valid. */
void zr_publish_begin(zr_buffer_t *out, zr_span_t room);
void zr_publish_add(zr_buffer_t *out, const zr_publish_entry_t *entry);

/* --- ACK --- */

typedef struct {
    zr_level_t level;
    uint64_t upto;
    uint64_t seq;
} zr_ack_t;

void zr_ack_write(uint8_t out[ZR_ACK_SIZE], const zr_ack_t *ack);
zr_blob_t *zr_ack_frame(const zr_ack_t *ack);     /* the same as a blob, the caller's */
bool zr_ack_read(zr_ack_t *ack, zr_span_t frame); /* a level beyond ours is no error: a newer broker's */

/* --- DELIVER --- */

typedef struct {
    uint64_t seq;
    uint64_t time; /* µs since 1970, UTC */
    uint8_t flags;
    zr_span_t sender;
    zr_span_t key;
    zr_span_t body;
    uint64_t ttl; /* ms from `time` on that the value lasts; 0 without ZR_ENTRY_TTL */
} zr_entry_t;

/* Bytes of the entry in a DELIVER frame. */
static inline size_t zr_entry_size(const zr_entry_t *entry) {
    return ZR_DELIVER_ENTRY_FIXED + entry->sender.len + entry->key.len + (entry->flags & ZR_ENTRY_TTL) +
           entry->body.len;
}

typedef struct {
    zr_span_t room;
    uint8_t flags;
    uint64_t epoch;
    uint64_t prev;
    zr_span_t rest;
    bool failed; /* the frame broke off inside an entry; next returned false because of it */
} zr_deliver_reader_t;

/* Reads the head; false when it is no DELIVER frame of our version, or has no entry. */
bool zr_deliver_read(zr_deliver_reader_t *reader, zr_span_t frame);

/* Moves past an entry, and gives where it begins and the bytes of its two names. Returns its bytes; 0: no entry follows.
 * Inline, as readers do it twice for each entry. */
static inline size_t zr_deliver_step(zr_deliver_reader_t *reader, const char **at, size_t *sender, size_t *key) {
    const char *from = reader->rest.ptr;
    size_t left = reader->rest.len, size = ZR_DELIVER_ENTRY_FIXED, body;
    if (left == 0 || reader->failed)
        return 0;
    reader->failed = true; /* until all of it was seen */
    if (left < size)
        return 0;
    size += *sender = (uint8_t)from[17];
    if (left < size)
        return 0;
    size += *key = (uint8_t)from[18 + *sender];
    size += (uint8_t)from[16] & ZR_ENTRY_TTL;
    if (left < size)
        return 0;
    body = zr_load32(from + size - 4);
    if (body > left - size)
        return 0;
    size += body;
    reader->failed = false;
    reader->rest = zr_span_of(from + size, left - size);
    *at = from;
    return size;
}

/* The next entry. False at the end, and where the frame breaks off. */
static inline bool zr_deliver_next(zr_deliver_reader_t *reader, zr_entry_t *entry) {
    const char *at;
    size_t sender, key, size = zr_deliver_step(reader, &at, &sender, &key);
    if (size == 0)
        return false;
    uint8_t flags = (uint8_t)at[16];
    size_t head = ZR_DELIVER_ENTRY_FIXED + sender + key + (flags & ZR_ENTRY_TTL);
    *entry = (zr_entry_t){.seq = zr_load64(at),
        .time = zr_load64(at + 8),
        .flags = flags,
        .sender = zr_span_of(at + 18, sender),
        .key = zr_span_of(at + 19 + sender, key),
        .body = zr_span_of(at + head, size - head),
        .ttl = flags & ZR_ENTRY_TTL ? zr_load64(at + 19 + sender + key) : 0};
    return true;
}

/* The same, but gives only the seq. It checks as much. */
static inline bool zr_deliver_skip(zr_deliver_reader_t *reader, uint64_t *seq) {
    const char *at;
    size_t sender, key;
    if (zr_deliver_step(reader, &at, &sender, &key) == 0)
        return false;
    *seq = zr_load64(at);
    return true;
}

/* The seq of the frame's first entry after `after`; 0: no entry is after it, or the frame cannot be read up to
 * there. */
uint64_t zr_deliver_after(zr_span_t frame, uint64_t after);

/* begin clears `out`; add returns the offset of the entry in it. */
void zr_deliver_begin(zr_buffer_t *out, zr_span_t room, uint8_t flags, uint64_t epoch, uint64_t prev);
size_t zr_deliver_add(zr_buffer_t *out, const zr_entry_t *entry);

/* The part that is equal in plain entries of one sender and one time: all between seq and the body. It is encoded once
 * for many. */
typedef struct {
    uint8_t bytes[48]; /* more than there can be, so that copying needs no length */
    size_t len;
} zr_deliver_plain_t;

void zr_deliver_plain(zr_deliver_plain_t *plain, uint64_t time, zr_span_t sender); /* a valid nick */

/* The same as zr_deliver_add of such an entry. */
static inline void zr_deliver_add_plain(
    zr_buffer_t *out, const zr_deliver_plain_t *plain, uint64_t seq, zr_span_t body) {
    uint8_t *to = zr_buffer_reserve(out, sizeof seq + sizeof plain->bytes + sizeof(uint32_t) + body.len);
    uint32_t len = htobe32((uint32_t)body.len);
    seq = htobe64(seq);
    memcpy(to, &seq, sizeof seq);
    memcpy(to + sizeof seq, plain->bytes, sizeof plain->bytes);
    to += sizeof seq + plain->len;
    memcpy(to, &len, sizeof len);
    memcpy(to + sizeof len, body.ptr, body.len);
    out->len += sizeof seq + plain->len + sizeof len + body.len;
}

/* A copy of `frame` with other frame flags, only the entries with after < seq <= until, at most `limit` of them, and
 * `prev` set to fit. The caller owns the blob. `*count` is the number of its entries and `*last` its last seq. If no
 * entry is left, or the frame cannot be read up to there, it returns NULL and both are 0. */
zr_blob_t *zr_deliver_cut(
    zr_span_t frame, uint8_t flags, uint64_t after, uint64_t until, size_t limit, size_t *count, uint64_t *last);

/* --- TRUNK --- */

enum { ZR_TRUNK_HEAD = 5 }; /* bytes before the inner frame */

/* Takes a TRUNK frame apart; `*inner` is a view into it. false: it is shorter than its head, of another type, or of the
 * channel 0. The inner frame may be anything, and is empty if nothing follows the head: its receiver judges it. */
bool zr_trunk_read(zr_span_t frame, uint32_t *channel, zr_span_t *inner);

/* Writes what stands before the inner frame. `channel` is not 0. */
void zr_trunk_head(uint8_t out[ZR_TRUNK_HEAD], uint32_t channel);

/* The inner frame in a TRUNK frame, as a new blob, the caller's. */
zr_blob_t *zr_trunk_frame(uint32_t channel, zr_span_t inner);

/* --- Topics --- */

/* The kind of a frame that came by SUB. For entries, `*room` is set; for presence, `*room` and the JSON text; for
 * synced, the nonce in `*room` and the JSON text. */
typedef enum { ZR_BACK_BAD, ZR_BACK_ENTRIES, ZR_BACK_PRESENCE, ZR_BACK_SYNCED } zr_back_kind_t;
zr_back_kind_t zr_back_read(zr_span_t frame, zr_span_t *room, zr_span_t *json);

#endif
