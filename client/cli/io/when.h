/* Moments as people write them: an age, or a date and time. Pure but for the time zone, which is the process's. */
#ifndef WHEN_H
#define WHEN_H

#include <stdbool.h>
#include <stdint.h>

#define WHEN_FORMS                                                                                                     \
    "an age (90s, 15m, 2h, 7d) or a time (2026-11-20, 2026-11-20T10:15, 2026-11-20T10:15:30.5, each also with Z)"

/* Microseconds since 1970 into `*out_us`. An age is taken from `now_us`; a date alone means its midnight; a time
 * without Z is local. Times before 1970 become 0. false: it is no moment, and `*out_us` stays as it was. */
bool when_parse(const char *text, uint64_t now_us, uint64_t *out_us);

/* "90s", "15m", "2h", "7d": above 0. Milliseconds into `*out_ms`, UINT64_MAX for what does not fit. false: it is no such
 * time, and `*out_ms` stays as it was. */
bool when_span(const char *text, uint64_t *out_ms);

#endif
