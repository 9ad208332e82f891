/* The clocks. */
#ifndef ZR_CLOCK_H
#define ZR_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds of one of clock_gettime's clocks. */
static inline uint64_t zr_clock(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The time of day: microseconds since 1970, UTC. */
static inline uint64_t zr_time_us(void) {
    return zr_clock(CLOCK_REALTIME) / 1000;
}

/* Microseconds since the machine's start, its sleep counted. This clock cannot be set. */
static inline uint64_t zr_boot_us(void) {
    return zr_clock(CLOCK_BOOTTIME) / 1000;
}

/* A time that lies further ahead than this (µs) comes from a clock that was wrong. */
#define ZR_CLOCK_SLACK 60000000ULL

/* Milliseconds of a clock that only rises. */
static inline uint64_t zr_mono_ms(void) {
    return zr_clock(CLOCK_MONOTONIC) / 1000000;
}

#endif
