/* See group_pack.h. The form: a version, flags, the options' numbers, the room for dead entries (length, bytes), the
 * cursor, four counters, then runs of consecutive items: the gap before it, its length, deliveries and reason; for a
 * rejected item its worker's words (length, bytes). All numbers are LEB128. */
#include "group_pack.h"

#include "buffer.h"
#include "group_items.h"
#include "names.h"

enum {
    VERSION = 2,
    PAUSED = 1,
    ORDERED = 2,
    KEEP = 4,
    REASON_BITS = 3,
    REASON_MASK = (1 << REASON_BITS) - 1,
    NUMBER_MAX = 10
};

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
    uint64_t first, count, what;
    zr_blob_t *why;
} run_t;

static uint64_t s_what(const item_t *item) {
    return (uint64_t)item->deliveries << REASON_BITS | item->reason;
}

static void s_put_run(group_part_t *part, const run_t *run) {
    zr_buffer_t *out = &part->bytes;
    if (run->count == 0)
        return;
    if (out->len == 0)
        part->from = run->first;
    else
        s_put(out, run->first - part->end);
    s_put(out, run->count);
    s_put(out, run->what);
    if ((run->what & REASON_MASK) == DEAD_REJECTED) {
        s_put(out, run->why ? zr_blob_len(run->why) : 0);
        if (run->why)
            zr_buffer_append(out, zr_blob_data(run->why), zr_blob_len(run->why));
    }
    part->end = run->first + run->count - 1;
}

static void s_write(group_part_t *part) {
    run_t run = {0};
    const item_t *item = part->first;
    zr_buffer_clear(&part->bytes);
    for (size_t i = 0; i < part->count; i++, item = item->hh.next) {
        if (item->state == ITEM_BURIED)
            continue;
        if (run.count == 0 || item->seq != run.first + run.count || s_what(item) != run.what || item->why != run.why) {
            s_put_run(part, &run);
            run = (run_t){.first = item->seq, .what = s_what(item), .why = item->why};
        }
        run.count++;
    }
    s_put_run(part, &run);
    part->dirty = false;
}

/* Two small parts become one, so that few items have few parts. */
static void s_merge(group_t *group, group_part_t *part) {
    for (group_part_t *next; (next = part->next) && part->count + next->count <= GROUP_PART / 2;) {
        item_t *item = next->first;
        for (size_t i = 0; i < next->count; i++, item = item->hh.next)
            item->part = part;
        part->count += next->count;
        part->dirty = true;
        item_part_free(group, next);
    }
}

static void s_put_items(zr_buffer_t *out, group_t *group) {
    uint64_t end = 0;
    for (group_part_t *part = group->parts; part; part = part->next) {
        s_merge(group, part);
        if (part->dirty)
            s_write(part);
        if (part->bytes.len == 0)
            continue;
        s_put(out, part->from - end);
        zr_buffer_append(out, part->bytes.data, part->bytes.len);
        end = part->end;
    }
}

zr_blob_t *group_pack(group_t *group) {
    zr_buffer_t out = {0};
    group_options_t options = group->options;
    s_put(&out, VERSION);
    s_put(&out, (group->paused ? PAUSED : 0) | (options.ordered ? ORDERED : 0) | (options.keep ? KEEP : 0));
    for (size_t i = 0; i < GROUP_NUMBERS; i++)
        s_put(&out, *group_number(&options, &group_numbers[i]));
    s_put(&out, options.dead_len);
    zr_buffer_append(&out, options.dead, options.dead_len);
    const uint64_t counters[] = {group->cursor, group->done, group->retried, group->died, group->lost};
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        s_put(&out, counters[i]);
    s_put_items(&out, group);
    zr_blob_t *blob = zr_buffer_to_blob(&out);
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

/* The words of a rejected item's worker; a new blob, or NULL. */
static zr_blob_t *s_get_why(reader_t *reader) {
    uint64_t len = s_get(reader);
    if (len == 0)
        return NULL;
    if (len > ZR_SETTLE_REASON_MAX || len > reader->rest.len ||
        !zr_utf8_valid(zr_span_of(reader->rest.ptr, (size_t)len))) {
        reader->failed = true;
        return NULL;
    }
    zr_blob_t *why = zr_blob_copy(reader->rest.ptr, (size_t)len);
    reader->rest = zr_span_of(reader->rest.ptr + len, reader->rest.len - (size_t)len);
    return why;
}

static void s_restore(group_t *group, const run_t *run) {
    for (uint64_t i = 0; i < run->count; i++) {
        item_t *item = group_restore(
            group, run->first + i, (uint16_t)(run->what >> REASON_BITS), (dead_reason_t)(run->what & REASON_MASK));
        if (item)
            group_because(item, run->why);
    }
}

/* The items of one run; false when they cannot be. */
static bool s_get_run(reader_t *reader, group_t *group, uint64_t *end) {
    uint64_t gap = s_get(reader);
    run_t run = {.first = *end + gap, .count = s_get(reader), .what = s_get(reader)};
    uint64_t reason = run.what & REASON_MASK;
    if (reader->failed || gap == 0 || gap > group->cursor - *end || run.count == 0 ||
        run.what >> REASON_BITS > UINT16_MAX || reason >= DEAD_REASONS || run.count > GROUP_TOTAL_MAX ||
        HASH_COUNT(group->items) + run.count > 2 * GROUP_TOTAL_MAX || run.count - 1 > group->cursor - run.first)
        return false;
    if (reason == DEAD_REJECTED)
        run.why = s_get_why(reader);
    if (!reader->failed)
        s_restore(group, &run);
    zr_blob_unref(run.why);
    *end = run.first + run.count - 1;
    return !reader->failed;
}

bool group_unpack(group_t *group, zr_span_t bytes) {
    reader_t reader = {.rest = bytes};
    uint64_t version = s_get(&reader), flags = s_get(&reader), end = 0;
    if (reader.failed || version != VERSION)
        return false;
    group->paused = flags & PAUSED;
    group->options.ordered = flags & ORDERED;
    group->options.keep = flags & KEEP;
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
