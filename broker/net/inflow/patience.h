/* How an I/O thread waits for the loop. The loop answers most frames within some microseconds, by a delivery and an
 * ack. To wake a thread that sleeps meanwhile takes as long again, as its processor may sleep, too. So the thread looks
 * for the answer for a while before it sleeps. If none comes, it looks more and more rarely: then the loop waits for
 * the disk, or other programs have the processors. A thread that reads nothing does not look, nor one that hardly
 * slept before: then there is much to do, and others need the processor. Pure. */
#ifndef PATIENCE_H
#define PATIENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PATIENCE_NS = 100000,     /* the longest that it looks */
    PATIENCE_BYTES = 96,      /* it looks only if it read as many at once: idle clients' pings are shorter */
    PATIENCE_REST_NS = 50000, /* it looks only if it slept as long before it read */
    PATIENCE_MISSES_MAX = 8,  /* after so many misses in a row it looks once in 256 times (2 to the power of it) */
};

/* Zeroed it is that of a new thread. */
typedef struct {
    bool rested;     /* its last sleep was long enough */
    bool asked;      /* enough was read since it last looked */
    unsigned misses; /* in a row */
    unsigned skip;   /* so many answers are not looked for */
} patience_t;

/* The thread has slept for so long. */
static inline void patience_slept(patience_t *patience, uint64_t ns) {
    patience->rested = ns >= PATIENCE_REST_NS;
}

/* The thread has read so many bytes, which the loop may answer. */
static inline void patience_read(patience_t *patience, size_t bytes) {
    patience->asked |= bytes >= PATIENCE_BYTES;
}

/* Before the thread sleeps: is it to look for PATIENCE_NS? If so, patience_found follows. */
static inline bool patience_begin(patience_t *patience) {
    bool wanted = patience->asked && patience->rested, look = wanted && patience->skip == 0;
    patience->skip -= wanted && !look;
    patience->asked = patience->rested = false;
    return look;
}

/* Did something come while it looked? */
static inline void patience_found(patience_t *patience, bool some) {
    patience->misses = some ? 0 : patience->misses + (patience->misses < PATIENCE_MISSES_MAX);
    patience->skip = some ? 0 : (1U << patience->misses) - 1;
}

#endif
