/* How much passes through a room, a session or the broker: in all, and in the last whole second. */
#ifndef METER_H
#define METER_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed it is ready. */
typedef struct {
    uint64_t entries, bytes;     /* in all */
    uint32_t second;             /* since 1970, that is counted now */
    uint32_t count, count_bytes; /* in it */
    uint32_t last, last_bytes;   /* in the second before it */
} meter_t;

typedef struct {
    uint64_t entries, bytes;
} meter_rate_t;

/* `now`: µs since 1970. */
static inline void meter_add(meter_t *meter, uint64_t entries, uint64_t bytes, uint64_t now) {
    uint32_t second = (uint32_t)(now / 1000000);
    if (meter->second != second) {
        bool next = meter->second + 1 == second;
        meter->last = next ? meter->count : 0;
        meter->last_bytes = next ? meter->count_bytes : 0;
        meter->count = meter->count_bytes = 0;
        meter->second = second;
    }
    meter->entries += entries;
    meter->bytes += bytes;
    meter->count += (uint32_t)entries;
    meter->count_bytes += (uint32_t)bytes;
}

/* Of the last whole second before `now`. */
static inline meter_rate_t meter_rate(const meter_t *meter, uint64_t now) {
    uint32_t second = (uint32_t)(now / 1000000);
    if (meter->second == second)
        return (meter_rate_t){meter->last, meter->last_bytes};
    if (meter->second + 1 == second)
        return (meter_rate_t){meter->count, meter->count_bytes};
    return (meter_rate_t){0, 0};
}

#endif
