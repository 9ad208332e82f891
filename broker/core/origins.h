/* The addresses that peers come from: how many connections or channels each has, and how many it opens. An address
 * whose peers flood may open fewer for a while. Connections have a table (net/addresses.h), channels another. Times are
 * µs. */
#ifndef ORIGINS_H
#define ORIGINS_H

#include <stdbool.h>

#include "address.h"
#include "bucket.h"
#include "code.h"
#include "hash.h"

enum { ORIGINS_DEBT_S = 10 }; /* so many seconds' worth of new ones may be owed for floods */

typedef struct {
    zr_address_t address;
    size_t open;     /* connections or channels */
    bucket_t opened; /* new ones */
    bool kept;       /* the caller still points to it: origins_sweep keeps it */
    UT_hash_handle hh;
} origin_t;

typedef struct {
    size_t max;         /* of one address at a time, for origins_open */
    bucket_rate_t rate; /* of new ones; origins_rate */
    origin_t *by_address;
} origins_t;

/* So many new ones of one address a second; 0: no limit. */
bucket_rate_t origins_rate(uint64_t per_second);

/* Frees the origins: nobody may hold one. */
void origins_finish(origins_t *origins);

/* The origin of that address, made if it is not there yet. It stays while `open` or `kept` says so. */
origin_t *origins_of(origins_t *origins, const zr_address_t *address);

/* The time until the address may open so many more, in ms. 0: now. */
uint64_t origins_wait(const origins_t *origins, origin_t *origin, uint64_t count, uint64_t now);

/* The address opened one more. */
void origins_count_open(const origins_t *origins, origin_t *origin, uint64_t now);

/* A channel from that address. ZR_OK: `*origin` is its origin, which the channel holds until origins_close.
 * ZR_TOO_MANY_CHANNELS: the address has as many as it may. ZR_RATE_LIMITED: it opened too many of late; `*wait_ms`:
 * until the next one. */
zr_code_t origins_open(
    origins_t *origins, const zr_address_t *address, uint64_t now, origin_t **origin, uint64_t *wait_ms);
void origins_close(origin_t *origin); /* NULL is accepted: an address that is not counted */

/* A peer from there floods: the address may open fewer new ones for a while. NULL is accepted. */
void origins_charge(const origins_t *origins, origin_t *origin, uint64_t now);

/* Forgets addresses that have nothing open and owe nothing. Call it now and then, so that memory does not grow for
 * ever. */
void origins_sweep(origins_t *origins, uint64_t now);

size_t origins_count(const origins_t *origins); /* addresses remembered */

#endif
