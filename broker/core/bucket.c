/* See bucket.h. */
#include "bucket.h"

#define MILLION UINT64_C(1000000)

/* The most that is taken at once, in units; keeps the products within 64 bits. */
#define UNITS_MAX (UINT64_C(1) << 40)

static uint64_t s_min(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static uint64_t s_millionths(uint64_t units) {
    return s_min(units, UNITS_MAX) * MILLION;
}

bucket_rate_t bucket_rate(uint64_t per_second, uint64_t debt) {
    per_second = s_min(per_second, BUCKET_RATE_MAX);
    return (bucket_rate_t){
        .per_second = per_second, .holds = per_second * BUCKET_SECONDS * MILLION, .debt = s_millionths(debt)};
}

static inline void s_refill(bucket_t *bucket, const bucket_rate_t *rate, uint64_t now) {
    if (now == bucket->at)
        return;
    uint64_t elapsed = now > bucket->at ? now - bucket->at : 0;
    bucket->at = now;
    bool all = elapsed > bucket->owed / rate->per_second;
    bucket->owed = all ? 0 : bucket->owed - elapsed * rate->per_second;
}

bool bucket_take(bucket_t *bucket, const bucket_rate_t *rate, uint64_t units, uint64_t now) {
    if (!rate->per_second)
        return true;
    s_refill(bucket, rate, now);
    uint64_t owed = bucket->owed + s_millionths(units), most = rate->holds + rate->debt;
    bucket->owed = s_min(owed, most);
    return owed <= most;
}

void bucket_allow(bucket_t *bucket, const bucket_rate_t *rate, uint64_t units, uint64_t now) {
    if (!rate->per_second)
        return;
    s_refill(bucket, rate, now);
    uint64_t most = 2 * rate->holds;
    if (bucket->owed < most)
        bucket->owed = s_min(bucket->owed + s_millionths(units), most);
}

uint64_t bucket_wait(bucket_t *bucket, const bucket_rate_t *rate, uint64_t units, uint64_t now) {
    if (!rate->per_second)
        return 0;
    s_refill(bucket, rate, now);
    uint64_t enough = rate->holds - s_min(s_millionths(units), rate->holds);
    return bucket->owed <= enough ? 0 : (bucket->owed - enough - 1) / (rate->per_second * 1000) + 1;
}

void bucket_forgive(bucket_t *bucket, const bucket_rate_t *rate) {
    bucket->owed = s_min(bucket->owed, rate->holds);
}

void bucket_merge(bucket_t *bucket, const bucket_t *other, const bucket_rate_t *rate, uint64_t now) {
    bucket_t theirs = *other;
    if (!rate->per_second)
        return;
    s_refill(bucket, rate, now);
    s_refill(&theirs, rate, now);
    if (theirs.owed > bucket->owed)
        *bucket = theirs;
}
