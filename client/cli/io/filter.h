/* Which entries of a room are wanted, and the last few of them. Pure: entries in, a verdict out. */
#ifndef FILTER_H
#define FILTER_H

#include <regex.h>

#include "buffer.h"
#include "errors.h"
#include "zrelay.h"

typedef struct {
    uint64_t since, until; /* µs: not before, and before; until 0: no end */
    uint64_t newest;       /* µs: of the room's newest entry; 0: not known */
    const char *sender;    /* NULL: anybody */
    regex_t pattern;
    bool has_pattern;
    zr_buffer_t body; /* the text being matched */
} filter_t;

/* A zeroed filter wants everything. */
void filter_finish(filter_t *filter);

/* Wants entries whose body a POSIX extended regular expression matches, line by line, as grep does. On false `error`
 * says the fault of the expression. Call it once. */
bool filter_set_pattern(filter_t *filter, const char *pattern, zr_error_t *error);

/* Whether it wants fewer than all. */
bool filter_active(const filter_t *filter);

bool filter_wants(filter_t *filter, const zrelay_event_t *entry);

/* Whether neither `entry` nor any after it is wanted. An entry later than the newest one is from a clock that was ahead
 * and was set right, so earlier times follow it. */
bool filter_past(const filter_t *filter, const zrelay_event_t *entry);

/* The last `max` texts of those that came. Zeroed but for `max` (not 0) it is empty. */
typedef struct {
    uint64_t max;
    zr_buffer_t *texts; /* the oldest one at `first`, round */
    size_t size, count, first;
} tail_t;

void tail_finish(tail_t *tail);

/* An empty buffer for the next text; the oldest goes if there are `max`. */
zr_buffer_t *tail_add(tail_t *tail);

/* The texts, 0 the oldest. */
zr_span_t tail_text(const tail_t *tail, size_t index);

#endif
