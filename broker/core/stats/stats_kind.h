/* The things that the op `stats` lists: rooms, and sessions. Each kind has an order, which pages follow, and columns of
 * numbers, by which they are ranked. */
#ifndef STATS_KIND_H
#define STATS_KIND_H

#include <jansson.h>

#include "ranking.h"
#include "relay.h"

typedef struct {
    const char *name; /* in a row, and in `by` */
    uint64_t (*of)(const relay_t *relay, const void *thing);
} stats_column_t;

typedef struct stats_kind {
    const char *name; /* in `of`, and of the array in the answer */
    const stats_column_t *columns;
    size_t column_count;
    /* The first thing behind `key`, or with its name and id if `from`; NULL: none. */
    void *(*next)(const relay_t *relay, const stats_key_t *key, bool from);
    /* Where the thing stands in the order. */
    void (*key)(const void *thing, stats_key_t *key);
    /* What is no number of its row: an object, the caller's. */
    json_t *(*names)(const relay_t *relay, const void *thing);
} stats_kind_t;

extern const stats_kind_t stats_rooms, stats_sessions;

/* The kind of that name; NULL: no kind has it. */
const stats_kind_t *stats_kind(zr_span_t name);

/* The column of that name; `column_count`: no column has it. */
size_t stats_column(const stats_kind_t *kind, zr_span_t name);

/* The row of `thing`; the caller's. */
json_t *stats_row(const stats_kind_t *kind, const relay_t *relay, const void *thing);

#endif
