/* Sets of line numbers, as ranges: those still to be published, those refused. Pure. */
#ifndef RANGES_H
#define RANGES_H

#include <stdbool.h>
#include <stdint.h>

#include "buffer.h"

#define RANGES_OPEN UINT64_MAX /* `last` of a range without end */

typedef struct {
    uint64_t first, last;
    uint64_t before; /* lines in the ranges before it */
} line_range_t;

/* Rising, with a gap between any two. A zeroed one is empty. */
typedef struct {
    line_range_t *items;
    size_t count, size;
} ranges_t;

void ranges_finish(ranges_t *ranges);

/* Adds the lines `first` to `last`, which are not there yet. */
void ranges_add(ranges_t *ranges, uint64_t first, uint64_t last);

/* The line at `index`, from 0; RANGES_OPEN: there are not so many. */
uint64_t ranges_at(const ranges_t *ranges, uint64_t index);

/* Adds to `out` the `count` lines (fewer, if there are fewer) of `ranges` from `index` on. */
void ranges_slice(ranges_t *out, const ranges_t *ranges, uint64_t index, uint64_t count);

/* "1-3,7,9-": at most `most` ranges, then "…". */
void ranges_print(const ranges_t *ranges, size_t most, zr_buffer_t *out);

/* Reads what ranges_print wrote, into an empty one; false: the text is not of that form. */
bool ranges_parse(ranges_t *ranges, const char *text);

#endif
