/* How many bytes libzmq has read from each connection that the broker did not take yet. libzmq's receive queues have no
 * limit here (sockets.c says why), so this is the limit. Pure: no socket is touched, no clock is read.
 *
 * Two threads use it. The loop says which connections there are and what it takes from them. The guard (guard.h) says
 * what the kernel received for a connection, and asks whether that is too much.
 *
 * What is waiting is one of two things. Whole messages wait because the broker is busy; a client that keeps to its
 * window has few of them. Parts of a message wait until the last part comes, which may be never. When the loop found
 * nothing to take, all that waits is of the second kind. */
#ifndef BACKLOG_H
#define BACKLOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BACKLOG_SIDES = 2,        /* the front, the back */
    BACKLOG_FRAME = 48,       /* bytes that a frame costs on the wire at most, beside its own: header, encryption */
    BACKLOG_SMALL = 16 << 10, /* a connection with less waiting is never ended for the sake of the others */
    BACKLOG_QUIET = 1 << 20,  /* with less than this waiting in all, memory that grew is not libzmq's */
    BACKLOG_SLACK = 64 << 20, /* bytes by which memory may grow without a reason that is known */
    BACKLOG_WEIGHT = 8,       /* bytes of memory that a waiting byte may take; of tiny parts it is up to 32 */
    BACKLOG_MOVED = 4         /* bytes of memory that a byte which was taken or sent may take */
};

typedef struct {
    uint64_t first; /* bytes of a connection before its first whole message: the handshake and that message */
    uint64_t part;  /* bytes of a message that is not complete */
    uint64_t queue; /* bytes of one connection, of both kinds */
    uint64_t all;   /* bytes of all connections of that side */
} backlog_limits_t;

typedef struct {
    _Atomic uint64_t socket; /* the connection's handle; 0: none. This and the next two are written by the loop */
    _Atomic uint64_t took;   /* bytes of its messages, since it was accepted */
    _Atomic int side;
    uint64_t seen;  /* the connection that the rest is about, which is the guard's; 0: none */
    uint64_t ended; /* the connection that the guard ended last; the loop may not have heard of its end yet */
    int seen_side;
    bool uncounted;       /* nobody counts its bytes */
    unsigned samples;     /* how often some were found unread */
    uint64_t read;        /* bytes that libzmq had read at the last look */
    uint64_t done;        /* of those, bytes that were taken */
    uint64_t counted;     /* of `took`, bytes that `done` has */
    uint64_t found_empty; /* the loop's count at the last look */
} backlog_place_t;

typedef struct {
    backlog_limits_t limits[BACKLOG_SIDES];
    backlog_place_t *places; /* by descriptor */
    size_t size;
    _Atomic size_t top;                          /* above every descriptor that was ever a connection's */
    _Atomic uint64_t found_empty[BACKLOG_SIDES]; /* how often the loop found nothing to take */
    _Atomic uint64_t moved;                      /* bytes taken and sent since the start */
    uint64_t waiting[BACKLOG_SIDES];             /* bytes; the guard's, as of its last look at each */
    size_t uncounted;                            /* connections whose bytes nobody counts */
    uint64_t memory, memory_moved;               /* resident memory and `moved` when all was quiet */
} backlog_t;

/* `descriptors` is the number that the process may have. Reserves room for all of them, which costs memory only where
 * it is used. */
void backlog_init(backlog_t *backlog, size_t descriptors);
void backlog_finish(backlog_t *backlog);

/* --- The loop --- */

/* `side` accepted a connection; it ended. Descriptors beyond the reserved number are ignored. */
void backlog_open(backlog_t *backlog, int side, int fd, uint64_t socket);
void backlog_close(backlog_t *backlog, int fd);

static inline void backlog_add(_Atomic uint64_t *sum, uint64_t bytes) {
    atomic_store_explicit(sum, atomic_load_explicit(sum, memory_order_relaxed) + bytes, memory_order_relaxed);
}

/* A message of `bytes` was taken that came by `fd` (-1: unknown). */
static inline void backlog_took(backlog_t *backlog, int fd, size_t bytes) {
    if ((size_t)fd < backlog->size)
        backlog_add(&backlog->places[fd].took, bytes + BACKLOG_FRAME);
    backlog_add(&backlog->moved, bytes + BACKLOG_FRAME);
}

/* `bytes` were handed to libzmq for peers, with what it keeps for each of them. */
static inline void backlog_sent(backlog_t *backlog, size_t bytes) {
    backlog_add(&backlog->moved, bytes);
}

/* There was nothing to take on that side. */
static inline void backlog_empty(backlog_t *backlog, int side) {
    backlog_add(&backlog->found_empty[side], 1);
}

/* --- The guard --- */

/* A look at the connection that has `fd` begins. Returns what was taken of it. That is asked before the kernel is:
 * bytes that are taken in between would be credited before they count as read, and what is credited beyond that is
 * lost. */
uint64_t backlog_meet(backlog_t *backlog, int fd);

/* The look ends: libzmq has read `read` bytes of that connection, `took` is what backlog_meet said. true: too many of
 * them wait, end it. */
bool backlog_look(backlog_t *backlog, int fd, uint64_t took, uint64_t read);

/* Nobody counts the bytes of that connection: it is a local one. */
void backlog_look_local(backlog_t *backlog, int fd);

/* The connection is gone. */
void backlog_forget(backlog_t *backlog, int fd);

/* It is ended now. It is not to be looked at again, as it would be ended, and charged for it, once more. */
void backlog_end(backlog_t *backlog, int fd);

/* Is there a connection to look at? */
bool backlog_is_there(const backlog_t *backlog, int fd);

/* Bytes of that connection that were waiting at the last look. */
uint64_t backlog_waiting(const backlog_t *backlog, int fd);

/* The connection with the most bytes waiting, while its side has more of them in all than it may; else -1. */
int backlog_most(const backlog_t *backlog, int side);

/* The process has `memory` bytes resident. true: it grew by more than what waits, and what was moved, can explain. Then
 * what waits is made of tiny parts, or is a local connection's. */
bool backlog_grew(backlog_t *backlog, uint64_t memory);

#endif
