/* The configuration of rooms by name patterns: how durable they are and how much of them is kept. */
#ifndef POLICY_H
#define POLICY_H

#include <stdint.h>

#include "names.h"
#include "wire.h"

typedef struct {
    char pattern[ZR_ROOM_MAX + 2]; /* a room name, or the beginning of one and '*' */
    bool has_level;
    zr_level_t level;     /* if has_level; else the log's own. A log in memory cannot give ZR_LEVEL_DISK */
    uint64_t max_age;     /* µs; 0: no limit */
    uint64_t max_entries; /* 0: no limit */
    uint64_t max_bytes;   /* 0: no limit */
    uint64_t max_key_age; /* µs, of values of keys; 0: no limit */
} policy_t;

typedef struct {
    const policy_t *policies; /* the first that fits counts */
    size_t count;
} policies_t;

/* The policy of a room; one without limits and level when none fits. Never NULL. */
const policy_t *policy_of(const policies_t *policies, zr_span_t room);

/* Does the valid `pattern` name `room`? */
bool policy_pattern_fits(zr_span_t pattern, zr_span_t room);

/* A pattern is a room name, or one that ends in '*'; "*" alone fits all. The fault of a pattern and its remedy, in words that follow the pattern (static); NULL: it is valid. */
const char *policy_pattern_fault(zr_span_t pattern);

#endif
