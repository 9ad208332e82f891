/* See origins.h. */
#include "origins.h"

#include <stdlib.h>

#include "fatal.h"
#include "hash.h"

struct origin {
    zr_address_t address;
    size_t channels;
    bucket_t opened;
    UT_hash_handle hh;
};

bucket_rate_t origins_rate(uint64_t per_second) {
    return bucket_rate(per_second, per_second * ORIGINS_DEBT_S);
}

void origins_finish(origins_t *origins) {
    origin_t *origin, *next;
    HASH_ITER(hh, origins->by_address, origin, next) {
        HASH_DEL(origins->by_address, origin);
        free(origin);
    }
}

static origin_t *s_origin(origins_t *origins, const zr_address_t *address) {
    origin_t *origin;
    HASH_FIND(hh, origins->by_address, address, sizeof *address, origin);
    if (origin)
        return origin;
    origin = fatal_calloc(sizeof *origin);
    origin->address = *address;
    HASH_ADD(hh, origins->by_address, address, sizeof origin->address, origin);
    return origin;
}

zr_code_t origins_open(
    origins_t *origins, const zr_address_t *address, uint64_t now, origin_t **origin, uint64_t *wait_ms) {
    origin_t *from = s_origin(origins, address);
    if (from->channels >= origins->max)
        return ZR_TOO_MANY_CHANNELS;
    *wait_ms = bucket_wait(&from->opened, &origins->rate, 1, now);
    if (*wait_ms)
        return ZR_RATE_LIMITED;
    bucket_take(&from->opened, &origins->rate, 1, now);
    from->channels++;
    *origin = from;
    return ZR_OK;
}

void origins_close(origin_t *origin) {
    if (origin)
        origin->channels--;
}

void origins_charge(const origins_t *origins, origin_t *origin, uint64_t now) {
    if (origin)
        bucket_take(&origin->opened, &origins->rate, origins->rate.per_second * BUCKET_SECONDS, now);
}

void origins_sweep(origins_t *origins, uint64_t now) {
    uint64_t full = origins->rate.per_second * BUCKET_SECONDS;
    origin_t *origin, *next;
    HASH_ITER(hh, origins->by_address, origin, next) {
        if (origin->channels > 0 || bucket_wait(&origin->opened, &origins->rate, full, now) > 0)
            continue;
        HASH_DEL(origins->by_address, origin);
        free(origin);
    }
}

size_t origins_count(const origins_t *origins) {
    return HASH_COUNT(origins->by_address);
}
