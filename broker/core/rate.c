/* See rate.h. */
#include "rate.h"

/* In bytes: the smallest entry of a PUBLISH frame, and the smallest frame, which has one and a room of a byte. */
enum { SMALLEST_ENTRY = 14, SMALLEST_FRAME = 3 + SMALLEST_ENTRY };

static uint64_t s_max(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

rate_limits_t rate_limits(const rate_cost_t *per_second, size_t max_control, size_t window) {
    const uint64_t unheard[RATE_KINDS] = {
        [RATE_CONTROL] = max_control,
        [RATE_ENTRIES] = window / SMALLEST_ENTRY * RATE_KEYED,
        [RATE_BYTES] = window + window / SMALLEST_FRAME * RATE_MESSAGE,
    };
    rate_limits_t limits;
    for (int kind = 0; kind < RATE_KINDS; kind++) {
        uint64_t rate = per_second->of[kind] < BUCKET_RATE_MAX ? per_second->of[kind] : BUCKET_RATE_MAX;
        limits.of[kind] = bucket_rate(rate, s_max(rate * RATE_DEBT, unheard[kind]));
    }
    return limits;
}

bool rates_take(rates_t *rates, const rate_limits_t *limits, const rate_cost_t *cost, uint64_t now) {
    bool fits = true;
    for (int kind = 0; kind < RATE_KINDS; kind++)
        if (cost->of[kind])
            fits &= bucket_take(&rates->of[kind], &limits->of[kind], cost->of[kind], now);
    return fits;
}

void rates_allow(rates_t *rates, const rate_limits_t *limits, const rate_cost_t *cost, uint64_t now) {
    for (int kind = 0; kind < RATE_KINDS; kind++)
        if (cost->of[kind])
            bucket_allow(&rates->of[kind], &limits->of[kind], cost->of[kind], now);
}

uint64_t rates_wait(rates_t *rates, const rate_limits_t *limits, const rate_cost_t *cost, uint64_t now) {
    uint64_t wait = 0;
    for (int kind = 0; kind < RATE_KINDS; kind++)
        if (cost->of[kind])
            wait = s_max(wait, bucket_wait(&rates->of[kind], &limits->of[kind], 1, now));
    return wait;
}

bool rates_tell(rates_t *rates, uint64_t now) {
    if (rates->told && now >= rates->told && now - rates->told < RATE_TOLD)
        return false;
    rates->told = now;
    return true;
}

void rates_merge(rates_t *rates, const rates_t *other, const rate_limits_t *limits, uint64_t now) {
    for (int kind = 0; kind < RATE_KINDS; kind++)
        bucket_merge(&rates->of[kind], &other->of[kind], &limits->of[kind], now);
}

/* When one of the buckets was last looked at. */
static uint64_t s_latest(const rates_t *rates, uint64_t latest) {
    for (int kind = 0; kind < RATE_KINDS; kind++)
        latest = s_max(latest, rates->of[kind].at);
    return latest;
}

void rates_forgive(rates_t *rates, const rate_limits_t *limits) {
    for (int kind = 0; kind < RATE_KINDS; kind++)
        bucket_forgive(&rates->of[kind], &limits->of[kind]);
}

rates_t *rate_connection(rate_connections_t *connections, uint32_t route) {
    rate_connection_t *place = &connections->places[route % RATE_CONNECTIONS];
    if (place->route == route)
        return &place->rates;
    place->route = route;
    rates_forgive(&place->rates, &connections->limits);
    return &place->rates;
}

void rates_leave(rates_t *place, const rates_t *rates, const rate_limits_t *limits) {
    rates_merge(place, rates, limits, s_latest(place, s_latest(rates, 0)));
    place->told = rates->told;
}
