#include "ranges.h"

#include <inttypes.h>
#include <stdlib.h>

#include "fatal.h"

void ranges_finish(ranges_t *ranges) {
    free(ranges->items);
    *ranges = (ranges_t){0};
}

static uint64_t s_count(const line_range_t *range) {
    return range->last == RANGES_OPEN ? RANGES_OPEN : range->last - range->first + 1;
}

/* The counts from `at` on are wrong. */
static void s_recount(ranges_t *ranges, size_t at) {
    for (; at < ranges->count; at++)
        ranges->items[at].before = at == 0 ? 0 : ranges->items[at - 1].before + s_count(&ranges->items[at - 1]);
}

static void s_remove(ranges_t *ranges, size_t at) {
    ranges->count--;
    memmove(ranges->items + at, ranges->items + at + 1, (ranges->count - at) * sizeof *ranges->items);
}

void ranges_add(ranges_t *ranges, uint64_t first, uint64_t last) {
    size_t at = ranges->count;
    while (at > 0 && ranges->items[at - 1].first > last)
        at--;
    if (at > 0 && ranges->items[at - 1].last + 1 == first) {
        ranges->items[--at].last = last;
    } else {
        FATAL_GROW(ranges->items, ranges->count, ranges->size);
        memmove(ranges->items + at + 1, ranges->items + at, (ranges->count - at) * sizeof *ranges->items);
        ranges->items[at] = (line_range_t){.first = first, .last = last};
        ranges->count++;
    }
    if (at + 1 < ranges->count && last + 1 == ranges->items[at + 1].first) {
        ranges->items[at].last = ranges->items[at + 1].last;
        s_remove(ranges, at + 1);
    }
    s_recount(ranges, at);
}

/* The range that the line at `index` is in; `count`: there are not so many. */
static size_t s_find(const ranges_t *ranges, uint64_t index) {
    size_t low = 0, high = ranges->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index - ranges->items[middle].before < s_count(&ranges->items[middle]) &&
            index >= ranges->items[middle].before)
            return middle;
        if (index < ranges->items[middle].before)
            high = middle;
        else
            low = middle + 1;
    }
    return ranges->count;
}

uint64_t ranges_at(const ranges_t *ranges, uint64_t index) {
    size_t at = s_find(ranges, index);
    return at < ranges->count ? ranges->items[at].first + (index - ranges->items[at].before) : RANGES_OPEN;
}

void ranges_slice(ranges_t *out, const ranges_t *ranges, uint64_t index, uint64_t count) {
    for (size_t at = s_find(ranges, index); at < ranges->count && count > 0; at++) {
        const line_range_t *range = &ranges->items[at];
        uint64_t first = range->first + (index - range->before);
        uint64_t left = range->last == RANGES_OPEN ? RANGES_OPEN : range->last - first + 1;
        uint64_t taken = left < count ? left : count;
        ranges_add(out, first, taken == RANGES_OPEN ? RANGES_OPEN : first + taken - 1);
        index += taken;
        count -= count == RANGES_OPEN ? 0 : taken; /* without end it stays */
    }
}

void ranges_print(const ranges_t *ranges, size_t most, zr_buffer_t *out) {
    for (size_t i = 0; i < ranges->count && i < most; i++) {
        const line_range_t *range = &ranges->items[i];
        zr_buffer_printf(out, "%s%" PRIu64, i ? "," : "", range->first);
        if (range->last == RANGES_OPEN)
            zr_buffer_printf(out, "-");
        else if (range->last > range->first)
            zr_buffer_printf(out, "-%" PRIu64, range->last);
    }
    if (ranges->count > most)
        zr_buffer_printf(out, ",…");
}

/* Digits; moves `*text` behind them. */
static bool s_number(const char **text, uint64_t *out) {
    uint64_t value = 0;
    const char *at = *text;
    for (; *at >= '0' && *at <= '9' && value < UINT64_MAX / 20; at++)
        value = value * 10 + (uint64_t)(*at - '0');
    bool good = at > *text && !(*at >= '0' && *at <= '9');
    *text = at;
    *out = value;
    return good;
}

bool ranges_parse(ranges_t *ranges, const char *text) {
    for (uint64_t above = 0; above < RANGES_OPEN; text++) {
        uint64_t first, last;
        if (!s_number(&text, &first) || first <= above)
            return false;
        last = first;
        if (*text == '-') {
            text++;
            last = RANGES_OPEN;
            if (*text && *text != ',' && (!s_number(&text, &last) || last <= first))
                return false;
        }
        ranges_add(ranges, first, last);
        if (!*text)
            return true;
        if (*text != ',' || last == RANGES_OPEN)
            return false;
        above = last + 1; /* adjoining ranges would have been one */
    }
    return false;
}
