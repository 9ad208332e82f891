/* The options of a group (PROTOCOL.md, "Groups"): their names, bounds and defaults, in one table. Pure. */
#ifndef GROUP_OPTIONS_H
#define GROUP_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "names.h"

enum {
    GROUP_EACH_MAX = 10000,  /* entries that one worker may hold */
    GROUP_TOTAL_MAX = 50000, /* entries of a group that are handed out or wait for that */
    GROUP_REASONS = 1 << 20, /* bytes of reasons that a group keeps for entries that are to be buried */
    GROUP_BACKOFF_TIMES = 64 /* the back-off grows up to so many times */
};

typedef struct {
    uint64_t time_ms, deliveries, backoff_ms, each, total;
    bool ordered;
    bool keep;              /* the room keeps the entries that the group did not finish */
    char dead[ZR_ROOM_MAX]; /* the room for dead entries, `dead_len` bytes; 0: none */
    size_t dead_len;
} group_options_t;

/* An option that is a number. */
typedef struct {
    const char *name;
    size_t offset; /* of a uint64_t in group_options_t */
    uint64_t least, most, initial;
} group_number_t;

enum { GROUP_NUMBERS = 5 };
extern const group_number_t group_numbers[GROUP_NUMBERS];

void group_options_default(group_options_t *options);

static inline uint64_t *group_number(group_options_t *options, const group_number_t *number) {
    return (uint64_t *)((char *)options + number->offset);
}

static inline zr_span_t group_options_dead(const group_options_t *options) {
    return zr_span_of(options->dead, options->dead_len);
}

/* Are all numbers within their bounds, and is the room's name valid? */
bool group_options_valid(const group_options_t *options);

/* Milliseconds until an entry that was handed out so many times is handed out again. */
uint64_t group_backoff_ms(const group_options_t *options, uint64_t deliveries);

#endif
