/* The addresses that peers of channels come from: how many channels each has, and how many it opens. It limits both, as
 * net/addresses.h does for connections. Times are µs. */
#ifndef ORIGINS_H
#define ORIGINS_H

#include "address.h"
#include "bucket.h"
#include "code.h"

enum { ORIGINS_DEBT_S = 10 }; /* so many seconds' worth of channels may be owed for floods */

typedef struct origin origin_t;

typedef struct {
    size_t max;         /* channels of one address at a time */
    bucket_rate_t rate; /* of new ones; origins_rate */
    origin_t *by_address;
} origins_t;

/* So many new channels of one address a second; 0: no limit. */
bucket_rate_t origins_rate(uint64_t per_second);

/* All channels are closed before. */
void origins_finish(origins_t *origins);

/* A channel from that address. ZR_OK: `*origin` is its origin, which the channel holds until origins_close.
 * ZR_TOO_MANY_CHANNELS: the address has as many as it may. ZR_RATE_LIMITED: it opened too many of late; `*wait_ms`: until
 * the next one. */
zr_code_t origins_open(
    origins_t *origins, const zr_address_t *address, uint64_t now, origin_t **origin, uint64_t *wait_ms);
void origins_close(origin_t *origin); /* NULL is accepted: an address that is not counted */

/* A channel from there floods: the address may open fewer new ones for a while. NULL is accepted. */
void origins_charge(const origins_t *origins, origin_t *origin, uint64_t now);

/* Forgets addresses without a channel that owe nothing. Call it now and then, so that memory does not grow for ever. */
void origins_sweep(origins_t *origins, uint64_t now);

size_t origins_count(const origins_t *origins); /* addresses remembered */

#endif
