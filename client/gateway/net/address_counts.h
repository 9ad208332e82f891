/* How many connections each peer has. An IPv6 network of 64 bits is one peer. Pure. */
#ifndef ADDRESS_COUNTS_H
#define ADDRESS_COUNTS_H

#include <stdint.h>

#include "netblock.h"

typedef struct address_counts address_counts_t;

address_counts_t *address_counts_new(void);
void address_counts_destroy(address_counts_t *counts); /* NULL is accepted */

/* Counts one more connection of `address`, unless the peer has `max` already: false then. */
bool address_counts_add(address_counts_t *counts, const address_t *address, uint64_t max);

/* One of the counted connections is gone. */
void address_counts_remove(address_counts_t *counts, const address_t *address);

#endif
