/* See rate.h. */
#include "rate.h"

#define MILLION UINT64_C(1000000)

/* The most that a bucket counts in one request; keeps the products within 64 bits. */
#define COST_MAX (UINT64_C(1) << 40)

/* In bytes: the smallest entry of a PUBLISH frame, and the smallest frame, which has one and a room of a byte. */
enum { SMALLEST_ENTRY = 14, SMALLEST_FRAME = 3 + SMALLEST_ENTRY };

static uint64_t s_max(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

static uint64_t s_min(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* `allowed` is what a client may owe beyond the burst in any case. */
static rate_t s_rate(uint64_t per_second, uint64_t burst_seconds, uint64_t debt_seconds, uint64_t allowed) {
    per_second = s_min(per_second, RATE_MAX);
    uint64_t burst = per_second * burst_seconds * MILLION;
    uint64_t debt = s_max(per_second * debt_seconds, s_min(allowed, COST_MAX)) * MILLION;
    return (rate_t){.per_second = per_second, .burst = burst, .flood = burst + debt};
}

rate_limits_t rate_limits(uint64_t ops, uint64_t entries, uint64_t bytes, size_t window) {
    return (rate_limits_t){
        .ops = s_rate(ops, RATE_OPS_BURST, RATE_DEBT, 0),
        .entries = s_rate(entries, RATE_PUBLISH_BURST, RATE_DEBT, window / SMALLEST_ENTRY * RATE_KEYED),
        .bytes = s_rate(bytes, RATE_PUBLISH_BURST, RATE_DEBT, window + window / SMALLEST_FRAME * RATE_MESSAGE),
    };
}

/* Reduces the debt by the time that has passed. */
static inline void s_refill(bucket_t *bucket, const rate_t *rate, uint64_t now) {
    if (now == bucket->at)
        return;
    uint64_t elapsed = now > bucket->at ? now - bucket->at : 0;
    bucket->at = now;
    bool all = elapsed > bucket->owed / rate->per_second;
    bucket->owed = all ? 0 : bucket->owed - elapsed * rate->per_second;
}

/* Adds to the debt, but to no more than just above `flood`. */
static inline void s_spend(bucket_t *bucket, const rate_t *rate, uint64_t millionths) {
    bucket->owed = s_min(bucket->owed + millionths, rate->flood + 1);
}

/* ms until no more than `left` is owed. */
static uint64_t s_wait(const bucket_t *bucket, const rate_t *rate, uint64_t left) {
    if (bucket->owed <= left)
        return 0;
    return (bucket->owed - left - 1) / (rate->per_second * 1000) + 1;
}

rate_verdict_t rates_ask(rates_t *rates, const rate_limits_t *limits, unsigned cost, unsigned noted, unsigned refused,
    uint64_t now, uint64_t *wait) {
    const rate_t *rate = &limits->ops;
    bucket_t *bucket = &rates->ops;
    if (!rate->per_second)
        return RATE_FITS;
    s_refill(bucket, rate, now);
    uint64_t paid = s_min(s_min(noted * MILLION, rate->burst), bucket->owed);
    uint64_t millionths = s_min((noted + (uint64_t)cost) * MILLION, rate->burst);
    if (bucket->owed - paid + millionths <= rate->burst) {
        bucket->owed += millionths - paid;
        return RATE_FITS;
    }
    s_spend(bucket, rate, s_min(refused * MILLION, rate->burst));
    if (bucket->owed > rate->flood)
        return RATE_FLOODS;
    *wait = s_wait(bucket, rate, rate->burst - millionths);
    return RATE_OVER;
}

/* RATE_FITS or RATE_FLOODS, or RATE_OVER when it owes more than the burst. */
static inline rate_verdict_t s_take(bucket_t *bucket, const rate_t *rate, uint64_t cost, uint64_t now) {
    if (!rate->per_second)
        return RATE_FITS;
    s_refill(bucket, rate, now);
    s_spend(bucket, rate, s_min(cost, COST_MAX) * MILLION);
    if (bucket->owed <= rate->burst)
        return RATE_FITS;
    return bucket->owed > rate->flood ? RATE_FLOODS : RATE_OVER;
}

rate_verdict_t rates_note(rates_t *rates, const rate_limits_t *limits, unsigned cost, uint64_t now) {
    const rate_t *rate = &limits->ops;
    uint64_t most = rate->burst / MILLION;
    return s_take(&rates->ops, rate, s_min(cost, most), now) == RATE_FLOODS ? RATE_FLOODS : RATE_FITS;
}

bool rates_spare(rates_t *rates, const rate_limits_t *limits, uint64_t now) {
    const rate_t *rate = &limits->ops;
    if (!rate->per_second)
        return true;
    s_refill(&rates->ops, rate, now);
    bool fits = rates->ops.owed + MILLION <= rate->burst / 2;
    rates->ops.owed += fits ? MILLION : 0;
    return fits;
}

/* Is the publisher to be told now? Once in a while. */
static bool s_tell(rates_t *rates, uint64_t now) {
    if (rates->told && now >= rates->told && now - rates->told < RATE_TOLD)
        return false;
    rates->told = now;
    return true;
}

rate_verdict_t rates_refused(
    rates_t *rates, const rate_limits_t *limits, unsigned errors, uint64_t now, uint64_t *wait) {
    rate_verdict_t verdict = s_take(&rates->ops, &limits->ops, errors, now);
    if (verdict != RATE_OVER)
        return verdict;
    if (!s_tell(rates, now))
        return RATE_FITS;
    *wait = s_wait(&rates->ops, &limits->ops, limits->ops.burst);
    return RATE_OVER;
}

rate_verdict_t rates_publish(
    rates_t *rates, const rate_limits_t *limits, size_t entries, size_t bytes, uint64_t now, uint64_t *wait) {
    rate_verdict_t one = s_take(&rates->entries, &limits->entries, entries, now);
    rate_verdict_t two = s_take(&rates->bytes, &limits->bytes, bytes, now);
    if (one == RATE_FITS && two == RATE_FITS)
        return RATE_FITS;
    if (one == RATE_FLOODS || two == RATE_FLOODS)
        return RATE_FLOODS;
    if (!s_tell(rates, now))
        return RATE_FITS;
    uint64_t entries_wait = one == RATE_OVER ? s_wait(&rates->entries, &limits->entries, limits->entries.burst) : 0;
    uint64_t bytes_wait = two == RATE_OVER ? s_wait(&rates->bytes, &limits->bytes, limits->bytes.burst) : 0;
    *wait = s_max(entries_wait, bytes_wait);
    return RATE_OVER;
}

static void s_merge(bucket_t *bucket, const bucket_t *other, const rate_t *rate, uint64_t now) {
    bucket_t theirs = *other;
    if (!rate->per_second)
        return;
    s_refill(bucket, rate, now);
    s_refill(&theirs, rate, now);
    if (theirs.owed > bucket->owed)
        *bucket = theirs;
}

void rates_merge(rates_t *rates, const rates_t *other, const rate_limits_t *limits, uint64_t now) {
    s_merge(&rates->ops, &other->ops, &limits->ops, now);
    s_merge(&rates->entries, &other->entries, &limits->entries, now);
    s_merge(&rates->bytes, &other->bytes, &limits->bytes, now);
}

/* Forgives the debt beyond the burst. */
static void s_forgive(bucket_t *bucket, const rate_t *rate) {
    bucket->owed = s_min(bucket->owed, rate->burst);
}

/* When one of the buckets was last looked at. */
static uint64_t s_latest(const rates_t *rates) {
    return s_max(rates->ops.at, s_max(rates->entries.at, rates->bytes.at));
}

rates_t *rate_connection(rate_connections_t *connections, uint32_t route) {
    rate_connection_t *place = &connections->places[route % RATE_CONNECTIONS];
    if (place->route != route) {
        const rate_limits_t *limits = &connections->limits;
        place->route = route;
        place->rates.told = 0;
        s_forgive(&place->rates.ops, &limits->ops);
        s_forgive(&place->rates.entries, &limits->entries);
        s_forgive(&place->rates.bytes, &limits->bytes);
    }
    return &place->rates;
}

void rate_connection_leave(rate_connections_t *connections, uint32_t route, const rates_t *rates) {
    rates_t *place = rate_connection(connections, route);
    uint64_t now = s_max(s_latest(place), s_latest(rates));
    rates_merge(place, rates, &connections->limits, now);
    place->told = rates->told;
}
