/* The clocks that the log on disk looks at. */
#ifndef STORE_CLOCK_H
#define STORE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* µs since 1970, UTC. */
static inline uint64_t store_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* ms that do not jump. */
static inline uint64_t store_mono_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

#endif
