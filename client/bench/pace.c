/* See pace.h. */
#include "pace.h"

#include <time.h>

#include "clock.h"

#define SECOND UINT64_C(1000000000)

uint64_t pace_clock(void) {
    return zr_clock(CLOCK_MONOTONIC);
}

uint64_t pace_offset(uint64_t rate, uint64_t number) {
    return number / rate * SECOND + number % rate * SECOND / rate;
}

uint64_t pace_due(const pace_t *pace, uint64_t number) {
    return pace->start + pace_offset(pace->rate, number);
}

/* Offsets are cut off to nanoseconds. So message n is due when n / rate is below the time passed and one nanosecond. */
uint64_t pace_count(const pace_t *pace, uint64_t now) {
    if (now < pace->start)
        return 0;
    uint64_t below = now - pace->start + 1;
    return below / SECOND * pace->rate + (below % SECOND * pace->rate + SECOND - 1) / SECOND;
}

uint64_t pace_from(const pace_t *pace, uint64_t due) {
    return due >= pace->slept && due < pace->woke ? pace->woke : due;
}

void pace_note(pace_t *pace, uint64_t slept, uint64_t until, uint64_t woke) {
    if (woke < until)
        return; /* a signal ended it: nothing was due */
    pace->slept = slept;
    pace->woke = woke;
}

void pace_sleep(pace_t *pace, uint64_t until) {
    uint64_t now = pace_clock();
    if (until <= now)
        return;
    struct timespec at = {(time_t)(until / SECOND), (long)(until % SECOND)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
    pace_note(pace, now, until, pace_clock());
}
