/* See wire_work.h. */
#include "wire_work.h"

#include "names.h"

enum { AT_LEVEL = 13, AT_COUNT = 14 }; /* in SETTLED */
enum { AT_VALUE = 14 };                /* in SETTLE: milliseconds, or the length of the reason */

static uint32_t s_load32(const char *at) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return be32toh(value);
}

static uint64_t s_load64(const char *at) {
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return be64toh(value);
}

static void s_add32(zr_buffer_t *out, uint32_t value) {
    value = htobe32(value);
    zr_buffer_append(out, &value, sizeof value);
}

static void s_add_range(zr_buffer_t *out, zr_range_t range) {
    zr_buffer_u64(out, range.first);
    zr_buffer_u64(out, range.last);
}

static zr_range_t s_range(const char *at) {
    return (zr_range_t){s_load64(at), s_load64(at + 8)};
}

static bool s_range_good(zr_range_t range) {
    return range.first <= range.last && range.last <= ZR_INT_MAX;
}

/* --- WORK --- */

bool zr_work_read(zr_span_t frame, uint32_t *worker, uint16_t *deliveries, zr_span_t *deliver) {
    if (frame.len < ZR_WORK_HEAD || frame.ptr[0] != ZR_TYPE_WORK)
        return false;
    *worker = s_load32(frame.ptr + 1);
    memcpy(deliveries, frame.ptr + 5, sizeof *deliveries);
    *deliveries = be16toh(*deliveries);
    *deliver = zr_span_of(frame.ptr + ZR_WORK_HEAD, frame.len - ZR_WORK_HEAD);
    return *worker != 0;
}

void zr_work_begin(
    zr_buffer_t *out, uint32_t worker, uint16_t deliveries, zr_span_t room, uint64_t epoch, uint64_t prev) {
    zr_buffer_clear(out);
    zr_buffer_u8(out, ZR_TYPE_WORK);
    s_add32(out, worker);
    deliveries = htobe16(deliveries);
    zr_buffer_append(out, &deliveries, sizeof deliveries);
    zr_buffer_append(out, room.ptr, room.len);
    zr_buffer_u8(out, ZR_TOPIC_ENTRIES);
    zr_buffer_u8(out, ZR_DELIVER_VERSION);
    zr_buffer_u8(out, ZR_FRAME_WORK);
    zr_buffer_u64(out, epoch);
    zr_buffer_u64(out, prev);
}

/* --- SETTLE --- */

static bool s_ranges_good(const zr_settle_t *settle) {
    zr_settle_t copy = *settle;
    zr_range_t range;
    while (zr_settle_next(&copy, &range))
        if (!s_range_good(range))
            return false;
    return true;
}

/* The value that the verb has, and what follows: ranges, and the reason of a reject. */
static bool s_read_value(zr_settle_t *settle, uint32_t value, zr_span_t rest) {
    bool timed = settle->verb == ZR_SETTLE_RETRY || settle->verb == ZR_SETTLE_EXTEND;
    settle->ranges = rest;
    if (settle->verb != ZR_SETTLE_REJECT) {
        settle->ms = value;
        return value <= (timed ? ZR_SETTLE_MS_MAX : 0);
    }
    if (value > ZR_SETTLE_REASON_MAX || value > rest.len)
        return false;
    settle->ranges.len -= value;
    settle->reason = zr_span_of(rest.ptr + settle->ranges.len, value);
    return zr_utf8_valid(settle->reason);
}

bool zr_settle_read(zr_settle_t *settle, zr_span_t frame) {
    *settle = (zr_settle_t){0};
    if (frame.len < ZR_SETTLE_HEAD || frame.ptr[0] != ZR_TYPE_SETTLE)
        return false;
    settle->worker = s_load32(frame.ptr + 1);
    settle->number = s_load64(frame.ptr + 5);
    uint8_t verb = (uint8_t)frame.ptr[13];
    settle->verb = (zr_verb_t)verb;
    if (!s_read_value(
            settle, s_load32(frame.ptr + AT_VALUE), zr_span_of(frame.ptr + ZR_SETTLE_HEAD, frame.len - ZR_SETTLE_HEAD)))
        return false;
    size_t len = settle->ranges.len;
    return settle->worker != 0 && verb >= ZR_SETTLE_DONE && verb <= ZR_SETTLE_RETURN && len > 0 &&
           len % ZR_SETTLE_RANGE == 0 && len / ZR_SETTLE_RANGE <= ZR_SETTLE_RANGES && settle->number <= ZR_INT_MAX &&
           s_ranges_good(settle);
}

bool zr_settle_next(zr_settle_t *settle, zr_range_t *range) {
    if (settle->ranges.len < ZR_SETTLE_RANGE)
        return false;
    *range = s_range(settle->ranges.ptr);
    settle->ranges = zr_span_of(settle->ranges.ptr + ZR_SETTLE_RANGE, settle->ranges.len - ZR_SETTLE_RANGE);
    return true;
}

void zr_settle_begin(zr_buffer_t *out, uint32_t worker, uint64_t number, zr_verb_t verb, uint32_t ms) {
    zr_buffer_clear(out);
    zr_buffer_u8(out, ZR_TYPE_SETTLE);
    s_add32(out, worker);
    zr_buffer_u64(out, number);
    zr_buffer_u8(out, (uint8_t)verb);
    s_add32(out, ms);
}

void zr_settle_add(zr_buffer_t *out, zr_range_t range) {
    s_add_range(out, range);
}

void zr_settle_because(zr_buffer_t *out, zr_span_t reason) {
    uint32_t len = htobe32((uint32_t)reason.len);
    memcpy(out->data + AT_VALUE, &len, sizeof len);
    zr_buffer_append(out, reason.ptr, reason.len);
}

/* --- SETTLED --- */

bool zr_settled_read(zr_settled_t *settled, zr_span_t frame) {
    *settled = (zr_settled_t){0};
    if (frame.len < ZR_SETTLED_HEAD || frame.ptr[0] != ZR_TYPE_SETTLED ||
        (frame.len - ZR_SETTLED_HEAD) % ZR_SETTLED_RANGE != 0)
        return false;
    settled->worker = s_load32(frame.ptr + 1);
    settled->number = s_load64(frame.ptr + 5);
    settled->level = (zr_level_t)(uint8_t)frame.ptr[AT_LEVEL];
    settled->count = s_load32(frame.ptr + AT_COUNT);
    settled->rest = zr_span_of(frame.ptr + ZR_SETTLED_HEAD, frame.len - ZR_SETTLED_HEAD);
    return settled->worker != 0;
}

bool zr_settled_next(zr_settled_t *settled, zr_became_t *became, zr_range_t *range) {
    if (settled->rest.len < ZR_SETTLED_RANGE)
        return false;
    *became = (zr_became_t)(uint8_t)settled->rest.ptr[0];
    *range = s_range(settled->rest.ptr + 1);
    settled->rest = zr_span_of(settled->rest.ptr + ZR_SETTLED_RANGE, settled->rest.len - ZR_SETTLED_RANGE);
    return true;
}

void zr_settled_begin(zr_buffer_t *out, uint32_t worker, uint64_t number) {
    zr_buffer_clear(out);
    zr_buffer_u8(out, ZR_TYPE_SETTLED);
    s_add32(out, worker);
    zr_buffer_u64(out, number);
    zr_buffer_u8(out, ZR_LEVEL_NONE);
    s_add32(out, 0);
}

void zr_settled_add(zr_buffer_t *out, zr_became_t became, zr_range_t range) {
    zr_buffer_u8(out, (uint8_t)became);
    s_add_range(out, range);
}

void zr_settled_end(zr_buffer_t *out, zr_level_t level, uint32_t count) {
    out->data[AT_LEVEL] = (uint8_t)level;
    count = htobe32(count);
    memcpy(out->data + AT_COUNT, &count, sizeof count);
}
