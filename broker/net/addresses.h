/* How many connections other machines have, and how many they make: by address, with a limit on either. Pure: no socket
 * is touched, no clock is read.
 *
 * It is told what libzmq's socket monitors tell. Events of the two sockets, and of two I/O threads, may come in another
 * order than things happened, and libzmq lets some connections go without a word; so a descriptor that is in use again
 * corrects what was known of it, and addresses_sweep does the rest. */
#ifndef ADDRESSES_H
#define ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    ADDRESSES_BURST_S = 4,   /* so many seconds' worth of connections may be made at once, */
    ADDRESSES_FLOOD_S = 4,   /* so many a flood costs, */
    ADDRESSES_DEBT_S = 10,   /* and so many may be owed for floods */
    ADDRESSES_SHED_S = 1,    /* who makes too many is shed until so many seconds' worth may be made again; */
    ADDRESSES_SHED_MAX = 64, /* so many addresses at a time */
};

/* Who is counted as one: an IPv4 address, or the first 64 bits of an IPv6 address, which is what one gets. */
typedef struct {
    uint8_t bytes[16];
} address_t;

/* false: nobody else's (loopback, a local socket), and not counted. */
bool address_of_peer(const struct sockaddr *peer, socklen_t len, address_t *address);

bool address_is_ipv4(const address_t *address); /* in the last four bytes */

typedef struct addresses addresses_t;

/* Of one address: connections at a time, and new ones a second (0: no limit). */
addresses_t *addresses_new(size_t max_connections, uint64_t per_second);
void addresses_destroy(addresses_t *all); /* NULL is accepted */

/* A connection from `address` with descriptor `fd` was accepted by `side`, one of the two sockets; `inode` tells it
 * from others that had the descriptor. false: it is one too many. It counts until addresses_closed all the same, unless it
 * came too fast. A connection that is known already is not counted again. */
bool addresses_opened(addresses_t *all, int side, int fd, uint64_t inode, const address_t *address, uint64_t now_ms);

/* Of `descriptors` that the process may have (0: nobody knows) some are kept for its files, and some of these for the
 * back (side 1), so that who has a session can read. A descriptor is always the lowest that is free: when `fd` is one
 * of those, the others are in use, and its connection is one too many. Without that libzmq would run out of them, and
 * its I/O thread try to accept the next connection over and over. */
bool addresses_has_room(int side, int fd, uint64_t descriptors);

/* The address of the connection that has descriptor `fd`. false: it is not counted. */
bool addresses_find(const addresses_t *all, int fd, address_t *address);

/* What `side` had under that descriptor ended. */
void addresses_closed(addresses_t *all, int side, int fd);

/* That connection is ended for flooding: its address may make the fewer new ones, lest the flood begin anew at once.
 * Those it has are let be. */
void addresses_charge(addresses_t *all, int fd, uint64_t inode, uint64_t now_ms);

/* The addresses that make too many connections, for the kernel to turn away: to accept and close each of theirs would
 * itself cost more than all else. addresses_shed_changed lets go those who may make some again, and tells whether there are
 * others than when it was asked before; addresses_shed writes ADDRESSES_SHED_MAX at most, and returns how many. */
bool addresses_shed_changed(addresses_t *all, uint64_t now_ms);
size_t addresses_shed(const addresses_t *all, address_t *addresses);

/* Forgets connections that `alive` does not know, and addresses about which there is nothing to remember. Now and then,
 * so that neither grows for ever. */
typedef bool(addresses_alive_fn)(void *ctx, int fd, uint64_t inode);
void addresses_sweep(addresses_t *all, addresses_alive_fn *alive, void *ctx, uint64_t now_ms);

/* Addresses remembered. */
size_t addresses_count(const addresses_t *all);

#endif
