/* See origins.h. */
#include "origins.h"

#include <stdlib.h>

#include "fatal.h"

bucket_rate_t origins_rate(uint64_t per_second) {
    return bucket_rate(per_second, per_second * ORIGINS_DEBT_S);
}

static void s_forget(origins_t *origins, origin_t *origin) {
    HASH_DEL(origins->by_address, origin);
    free(origin);
}

void origins_finish(origins_t *origins) {
    origin_t *origin, *next;
    HASH_ITER(hh, origins->by_address, origin, next) {
        s_forget(origins, origin);
    }
}

origin_t *origins_of(origins_t *origins, const zr_address_t *address) {
    origin_t *origin;
    HASH_FIND(hh, origins->by_address, address, sizeof *address, origin);
    if (origin)
        return origin;
    origin = fatal_calloc(sizeof *origin);
    origin->address = *address;
    HASH_ADD(hh, origins->by_address, address, sizeof origin->address, origin);
    return origin;
}

uint64_t origins_wait(const origins_t *origins, origin_t *origin, uint64_t count, uint64_t now) {
    return bucket_wait(&origin->opened, &origins->rate, count, now);
}

void origins_count_open(const origins_t *origins, origin_t *origin, uint64_t now) {
    bucket_take(&origin->opened, &origins->rate, 1, now);
    origin->open++;
}

zr_code_t origins_open(
    origins_t *origins, const zr_address_t *address, uint64_t now, origin_t **origin, uint64_t *wait_ms) {
    origin_t *from = origins_of(origins, address);
    if (from->open >= origins->max)
        return ZR_TOO_MANY_CHANNELS;
    *wait_ms = origins_wait(origins, from, 1, now);
    if (*wait_ms)
        return ZR_RATE_LIMITED;
    origins_count_open(origins, from, now);
    *origin = from;
    return ZR_OK;
}

void origins_close(origin_t *origin) {
    if (origin)
        origin->open--;
}

/* As many as may be opened at once. */
static uint64_t s_full(const origins_t *origins) {
    return origins->rate.per_second * BUCKET_SECONDS;
}

void origins_charge(const origins_t *origins, origin_t *origin, uint64_t now) {
    if (origin)
        bucket_take(&origin->opened, &origins->rate, s_full(origins), now);
}

void origins_sweep(origins_t *origins, uint64_t now) {
    origin_t *origin, *next;
    HASH_ITER(hh, origins->by_address, origin, next) {
        if (origin->open == 0 && !origin->kept && origins_wait(origins, origin, s_full(origins), now) == 0)
            s_forget(origins, origin);
    }
}

size_t origins_count(const origins_t *origins) {
    return HASH_COUNT(origins->by_address);
}
