/* See group_pack.h. The form: a version, flags, the options' numbers, the room for dead entries (length, bytes), the
 * cursor, four counters, then runs of consecutive items: the gap before it, its length, deliveries and reason. All
 * numbers are LEB128. */
#include "group_pack.h"

#include "buffer.h"
#include "names.h"

enum { VERSION = 1, PAUSED = 1, ORDERED = 2, REASON_BITS = 3, NUMBER_MAX = 10 };

static void s_put(zr_buffer_t *out, uint64_t number) {
    for (; number >= 0x80; number >>= 7)
        zr_buffer_u8(out, (uint8_t)(number | 0x80));
    zr_buffer_u8(out, (uint8_t)number);
}

/* A reader that failed stays failed, and gives 0. */
typedef struct {
    zr_span_t rest;
    bool failed;
} reader_t;

static uint64_t s_get(reader_t *reader) {
    uint64_t number = 0;
    for (unsigned i = 0; i < NUMBER_MAX && !reader->failed && reader->rest.len > 0; i++) {
        uint8_t byte = (uint8_t)reader->rest.ptr[0];
        reader->rest = zr_span_of(reader->rest.ptr + 1, reader->rest.len - 1);
        number |= (uint64_t)(byte & 0x7f) << 7 * i;
        if (byte < 0x80)
            return number;
    }
    reader->failed = true;
    return 0;
}

/* --- Writing --- */

typedef struct {
    uint64_t first, count, what, end; /* `end`: the seq of the last item of the run before */
} run_t;

static uint64_t s_what(const item_t *item) {
    return (uint64_t)item->deliveries << REASON_BITS | item->reason;
}

static void s_put_run(zr_buffer_t *out, run_t *run) {
    if (run->count == 0)
        return;
    s_put(out, run->first - run->end);
    s_put(out, run->count);
    s_put(out, run->what);
    run->end = run->first + run->count - 1;
    run->count = 0;
}

static void s_put_items(zr_buffer_t *out, const group_t *group) {
    run_t run = {0};
    for (const item_t *item = group->items; item; item = item->hh.next) {
        if (item->state == ITEM_BURIED)
            continue;
        if (run.count == 0 || item->seq != run.first + run.count || s_what(item) != run.what) {
            s_put_run(out, &run);
            run.first = item->seq;
            run.what = s_what(item);
        }
        run.count++;
    }
    s_put_run(out, &run);
}

zr_blob_t *group_pack(const group_t *group) {
    zr_buffer_t out = {0};
    group_options_t options = group->options;
    s_put(&out, VERSION);
    s_put(&out, (group->paused ? PAUSED : 0) | (options.ordered ? ORDERED : 0));
    for (size_t i = 0; i < GROUP_NUMBERS; i++)
        s_put(&out, *group_number(&options, &group_numbers[i]));
    s_put(&out, options.dead_len);
    zr_buffer_append(&out, options.dead, options.dead_len);
    const uint64_t counters[] = {group->cursor, group->done, group->retried, group->died, group->lost};
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        s_put(&out, counters[i]);
    s_put_items(&out, group);
    zr_blob_t *blob = zr_blob_copy(out.data, out.len);
    zr_buffer_finish(&out);
    return blob;
}

/* --- Reading --- */

static void s_get_options(reader_t *reader, group_options_t *options) {
    for (size_t i = 0; i < GROUP_NUMBERS; i++)
        *group_number(options, &group_numbers[i]) = s_get(reader);
    uint64_t len = s_get(reader);
    if (len > sizeof options->dead || len > reader->rest.len) {
        reader->failed = true;
        return;
    }
    options->dead_len = (size_t)len;
    memcpy(options->dead, reader->rest.ptr, options->dead_len);
    reader->rest = zr_span_of(reader->rest.ptr + len, reader->rest.len - (size_t)len);
}

/* The items of one run; false when they cannot be. */
static bool s_get_run(reader_t *reader, group_t *group, uint64_t *end) {
    uint64_t gap = s_get(reader), count = s_get(reader), what = s_get(reader);
    uint64_t deliveries = what >> REASON_BITS, reason = what & ((1 << REASON_BITS) - 1);
    if (reader->failed || gap == 0 || gap > group->cursor - *end || count == 0 || deliveries > UINT16_MAX ||
        reason >= DEAD_REASONS || count > GROUP_TOTAL_MAX || HASH_COUNT(group->items) + count > 2 * GROUP_TOTAL_MAX)
        return false;
    uint64_t first = *end + gap;
    if (count - 1 > group->cursor - first)
        return false;
    for (uint64_t i = 0; i < count; i++)
        group_restore(group, first + i, (uint16_t)deliveries, (dead_reason_t)reason);
    *end = first + count - 1;
    return true;
}

bool group_unpack(group_t *group, zr_span_t bytes) {
    reader_t reader = {.rest = bytes};
    uint64_t version = s_get(&reader), flags = s_get(&reader), end = 0;
    if (reader.failed || version != VERSION)
        return false;
    group->paused = flags & PAUSED;
    group->options.ordered = flags & ORDERED;
    s_get_options(&reader, &group->options);
    uint64_t *const counters[] = {&group->cursor, &group->done, &group->retried, &group->died, &group->lost};
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        *counters[i] = s_get(&reader);
    if (reader.failed || group->cursor > ZR_INT_MAX || !group_options_valid(&group->options))
        return false;
    while (reader.rest.len > 0)
        if (!s_get_run(&reader, group, &end))
            return false;
    return true;
}
