/* A token bucket: so much in a second, so much at once, and beyond that a debt. Pure, integers only, no clock: `now` is
 * given, in µs. A clock that goes back refills nothing until it has caught up. One that jumps ahead fills a bucket,
 * once. */
#ifndef BUCKET_H
#define BUCKET_H

#include <stdbool.h>
#include <stdint.h>

enum { BUCKET_SECONDS = 4 }; /* every bucket holds so many seconds' worth: that much may come at once */

/* The highest rate, per second; a higher one counts as this. */
#define BUCKET_RATE_MAX UINT64_C(100000000000)

/* What a bucket may hold, in millionths of a unit. */
typedef struct {
    uint64_t per_second; /* 0: no limit. Whole units; hence millionths a µs */
    uint64_t holds;
    uint64_t debt; /* the largest that is no flood */
} bucket_rate_t;

/* A zeroed one is full, whatever the time. */
typedef struct {
    uint64_t owed; /* millionths until it is full */
    uint64_t at;   /* when that was so */
} bucket_t;

/* `debt` in units. */
bucket_rate_t bucket_rate(uint64_t per_second, uint64_t debt);

/* Takes so many units, even if the bucket holds less. false: its debt is a flood. More is not remembered. */
bool bucket_take(bucket_t *bucket, const bucket_rate_t *rate, uint64_t units, uint64_t now);

/* The same, for what was allowed: it leaves a debt of one full bucket at most. */
void bucket_allow(bucket_t *bucket, const bucket_rate_t *rate, uint64_t units, uint64_t now);

/* The time until so many units are in the bucket, or it is full; in ms. 0: now. */
uint64_t bucket_wait(bucket_t *bucket, const bucket_rate_t *rate, uint64_t units, uint64_t now);

/* Forgives the debt: the bucket is empty at most. */
void bucket_forgive(bucket_t *bucket, const bucket_rate_t *rate);

/* Both count the same peer: from now on `bucket` owes the larger of the two. */
void bucket_merge(bucket_t *bucket, const bucket_t *other, const bucket_rate_t *rate, uint64_t now);

#endif
