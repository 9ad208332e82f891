/* Slows logins that fail: per address and user, each failure in a row doubles the wait until the next try. Pure: the
 * caller brings the time. Bounded: the entry with the oldest failure is forgotten first. */
#ifndef THROTTLE_H
#define THROTTLE_H

#include <stddef.h>
#include <stdint.h>

#include "span.h"

enum {
    THROTTLE_MAX = 10000,
    THROTTLE_FIRST_MS = 250,
    THROTTLE_LONGEST_MS = 30000,
    THROTTLE_FORGET_MS = 10 * 60000, /* after the wait is over */
    THROTTLE_ADDRESS_MAX = 63,       /* bytes that count */
};

typedef struct throttle throttle_t;

/* `max` entries, at least one. */
throttle_t *throttle_new(size_t max);
void throttle_destroy(throttle_t *throttle); /* NULL is accepted */

/* Milliseconds until the next try; 0: now. `user` is at most ZR_NICK_MAX bytes. */
uint32_t throttle_wait(const throttle_t *throttle, zr_span_t address, zr_span_t user, uint64_t now_ms);

/* The try failed. Returns the wait until the next one. */
uint32_t throttle_failed(throttle_t *throttle, zr_span_t address, zr_span_t user, uint64_t now_ms);

/* It did not. */
void throttle_passed(throttle_t *throttle, zr_span_t address, zr_span_t user);

#endif
