/* How many connections other machines have, and how many they make: by address, with a limit on either. Pure: no socket
 * is touched, no clock is read.
 *
 * Its input is the events of libzmq's socket monitors. Events of the two sockets, and of two I/O threads, may come out
 * of order. libzmq also drops some connections without an event. So the next use of a descriptor corrects its old
 * entry, and addresses_sweep removes the rest. */
#ifndef ADDRESSES_H
#define ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"

enum {
    ADDRESSES_SHED_S = 1,    /* an address that makes too many is shed until it may make so many seconds' worth, */
    ADDRESSES_SHED_MAX = 64, /* so many addresses at a time */
};

typedef struct addresses addresses_t;

/* Of one address: connections at a time, and new ones a second (0: no limit). */
addresses_t *addresses_new(size_t max_connections, uint64_t per_second);
void addresses_set_limits(addresses_t *all, size_t max_connections, uint64_t per_second); /* for new connections */
void addresses_destroy(addresses_t *all);                                                 /* NULL is accepted */

/* `side`, one of the two sockets, accepted a connection from `address` with descriptor `fd`. `inode` tells it from
 * others that had the descriptor. false: it is one too many. It still counts until addresses_closed, unless it came too
 * fast. A connection that is known already is not counted again. */
bool addresses_opened(addresses_t *all, int side, int fd, uint64_t inode, const zr_address_t *address, uint64_t now_ms);

/* Is there a descriptor left for the connection with `fd` at `side`? `descriptors` is the process's limit (0: unknown).
 * The highest ones are kept for its files. Some of these are kept for the back (side 1), so that a client with a
 * session can read. The kernel gives out the lowest free descriptor. So if `fd` is one of those kept, all others are in
 * use, and the connection is one too many. Without this limit libzmq would run out of descriptors, and its I/O thread
 * would try to accept the next connection over and over. */
bool addresses_has_room(int side, int fd, uint64_t descriptors);

/* The address of the connection that has descriptor `fd`. false: it is not counted. */
bool addresses_find(const addresses_t *all, int fd, zr_address_t *address);

/* The connection that `side` had under that descriptor ended. */
void addresses_closed(addresses_t *all, int side, int fd);

/* That connection is ended for flooding. Its address may make fewer new ones for a while, so that the flood does not
 * begin anew at once. Its other connections stay. */
void addresses_charge(addresses_t *all, int fd, uint64_t inode, uint64_t now_ms);

/* The addresses that make too many connections. The kernel turns them away, because accepting and closing each
 * connection would cost more than all else. addresses_shed_changed drops addresses that may make connections again. It
 * returns whether the list changed since its last call. addresses_shed writes the list, at most ADDRESSES_SHED_MAX, and
 * returns its length. */
bool addresses_shed_changed(addresses_t *all, uint64_t now_ms);
size_t addresses_shed(const addresses_t *all, zr_address_t *addresses);

/* Forgets connections that `alive` does not know, and addresses with nothing to remember. Call it now and then, so that
 * neither grows for ever. */
typedef bool(addresses_alive_fn)(void *ctx, int fd, uint64_t inode);
void addresses_sweep(addresses_t *all, addresses_alive_fn *alive, void *ctx, uint64_t now_ms);

/* Addresses remembered. */
size_t addresses_count(const addresses_t *all);

#endif
