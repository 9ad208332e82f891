/* How many connections other machines have, and how many they make: by address, with a limit on either. Pure: no socket
 * is touched, no clock is read.
 *
 * It is told what libzmq's socket monitors tell. Events of the two sockets, and of two I/O threads, may come in another
 * order than things happened, and libzmq lets some connections go without a word; so a descriptor that is in use again
 * corrects what was known of it, and gate_sweep does the rest. */
#ifndef GATE_H
#define GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    GATE_BURST_S = 4,   /* so many seconds' worth of connections may be made at once, */
    GATE_FLOOD_S = 4,   /* so many a flood costs, */
    GATE_DEBT_S = 10,   /* and so many may be owed for floods */
    GATE_SHED_S = 1,    /* who makes too many is shed until so many seconds' worth may be made again; */
    GATE_SHED_MAX = 64, /* so many addresses at a time */
};

/* Who is counted as one: an IPv4 address, or the first 64 bits of an IPv6 address, which is what one gets. */
typedef struct {
    uint8_t bytes[16];
} gate_address_t;

/* false: nobody else's (loopback, a local socket), and not counted. */
bool gate_address(const struct sockaddr *peer, socklen_t len, gate_address_t *address);

bool gate_is_ipv4(const gate_address_t *address); /* in the last four bytes */

typedef struct gate gate_t;

/* Of one address: connections at a time, and new ones a second (0: no limit). */
gate_t *gate_new(size_t max_connections, uint64_t per_second);
void gate_destroy(gate_t *gate); /* NULL is accepted */

/* A connection from `address` with descriptor `fd` was accepted by `side`, one of the two sockets; `inode` tells it
 * from others that had the descriptor. false: it is one too many. It counts until gate_closed all the same, unless it
 * came too fast. A connection that is known already is not counted again. */
bool gate_opened(gate_t *gate, int side, int fd, uint64_t inode, const gate_address_t *address, uint64_t now_ms);

/* Of `descriptors` that the process may have (0: nobody knows) some are kept for its files, and some of these for the
 * back (side 1), so that who has a session can read. A descriptor is always the lowest that is free: when `fd` is one
 * of those, the others are in use, and its connection is one too many. Without that libzmq would run out of them, and
 * its I/O thread try to accept the next connection over and over. */
bool gate_has_room(int side, int fd, uint64_t descriptors);

/* The address of the connection that has descriptor `fd`. false: it is not counted. */
bool gate_address_of(const gate_t *gate, int fd, gate_address_t *address);

/* What `side` had under that descriptor ended. */
void gate_closed(gate_t *gate, int side, int fd);

/* That connection is ended for flooding: its address may make the fewer new ones, lest the flood begin anew at once.
 * Those it has are let be. */
void gate_charge(gate_t *gate, int fd, uint64_t inode, uint64_t now_ms);

/* The addresses that make too many connections, for the kernel to turn away: to accept and close each of theirs would
 * itself cost more than all else. gate_shed_changed lets go those who may make some again, and tells whether there are
 * others than when it was asked before; gate_shed writes GATE_SHED_MAX at most, and returns how many. */
bool gate_shed_changed(gate_t *gate, uint64_t now_ms);
size_t gate_shed(const gate_t *gate, gate_address_t *addresses);

/* Forgets connections that `alive` does not know, and addresses about which there is nothing to remember. Now and then,
 * so that neither grows for ever. */
typedef bool(gate_alive_fn)(void *ctx, int fd, uint64_t inode);
void gate_sweep(gate_t *gate, gate_alive_fn *alive, void *ctx, uint64_t now_ms);

/* Addresses remembered. */
size_t gate_addresses(const gate_t *gate);

#endif
