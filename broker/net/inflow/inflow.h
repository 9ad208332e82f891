/* How much libzmq may read from each connection before the broker has taken what came. libzmq's receive queues have no
 * limit here (sockets.c says why), so this is the limit. Pure: no socket is touched, no clock is read.
 *
 * Time is cut into turns. A turn of a side ends when the broker finds nothing to take there. In one turn libzmq may
 * read so much from a connection, and so much from all of them. Then it reads no more until the turn ends, and the peer
 * has to wait: nothing is lost. Bytes read in earlier turns and not taken belong to an incomplete message.
 *
 * Costs are counted in memory: the bytes read, and INFLOW_FRAME for each ZMTP frame.
 *
 * Two kinds of threads use it. libzmq's I/O threads read (inflow_calls.h). The loop takes. */
#ifndef INFLOW_H
#define INFLOW_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zmtp_scan.h"

enum { INFLOW_FRONT, INFLOW_BACK, INFLOW_SIDES };

enum {
    INFLOW_FRAME = 64,   /* bytes that libzmq takes for a frame beside its own */
    INFLOW_FRESH = 1024, /* the most that a connection may cost in a turn until a first message of it was taken */
    INFLOW_ALWAYS = 512, /* bytes of an older one of the front that may be read when the limit for all is used up (of a
                            newcomer, all of INFLOW_FRESH), */
    INFLOW_WAITING = 4,  /* while fewer frames of it than this wait to be taken, */
    INFLOW_FULL = 4,     /* and until all have used so many times that limit */
    INFLOW_LEAVES = 64,  /* readers that may leave at once, */
    INFLOW_TOPICS = 64 << 10, /* but fewer: their number times the bytes of all topics is at most this */
    INFLOW_PINGS = 10,        /* heartbeats of a connection in a tenth of a second, */
    INFLOW_PINGS_MAX = 100,   /* and at once: libzmq answers each with a send of its own */
    INFLOW_HIDDEN_MAX = 1000, /* the same for an encrypted one, where messages on their way cannot be told from them */
    INFLOW_LEAVING = 8,    /* while so many wait to leave, newcomers at the back wait too, else they would pile up: */
    INFLOW_NEWCOMERS = 2,  /* so many come for each that leaves, */
    INFLOW_CROWD = 4,      /* or one, once those that wait to leave have this part (a fourth) of all descriptors */
    INFLOW_FORGIVEN = 128, /* bytes of an incomplete message that an encrypted reader is forgiven each second: libzmq's
                              heartbeats, which cannot be told from messages there */
};

typedef struct {
    uint64_t first;  /* an incomplete message of a connection from which nothing was taken yet; its handshake counts */
    uint64_t frame;  /* the size of the largest frame that libzmq takes */
    uint64_t part;   /* an incomplete message of another connection */
    uint64_t turn;   /* the most that one connection may cost in a turn */
    uint64_t all;    /* the most that all connections of that side may cost in a turn, */
    uint64_t frames; /* and their most frames: each takes the broker some microseconds */
} inflow_limits_t;

/* Why a connection ends. */
typedef enum {
    INFLOW_FINE,
    INFLOW_PARTS,      /* it sends a message of several parts */
    INFLOW_INCOMPLETE, /* it sends an incomplete message that is larger than any may be */
    INFLOW_MOST,       /* incomplete messages are too much in all, and this connection's is the largest */
    INFLOW_HEARTBEATS, /* it sends too many heartbeats */
    INFLOW_MALFORMED,  /* it sends a command that libzmq refuses */
    INFLOW_BROKEN,     /* libzmq ended it by itself, and it was a reader */
    INFLOW_REASONS
} inflow_reason_t;

typedef struct {
    _Atomic int side; /* and 1; 0: no connection */
    /* The reading thread's. */
    _Atomic uint64_t turn; /* in which it was read last */
    uint64_t cost;         /* in that turn */
    uint64_t frames;       /* likewise */
    uint64_t taken_before; /* messages that the loop had taken when that turn began */
    zmtp_scan_t scan;
    /* Both sides'. */
    _Atomic uint64_t begun;      /* the cost of the frame that has begun and not ended */
    _Atomic uint64_t open;       /* the cost of all read that belongs to messages which the loop has yet to take */
    _Atomic uint64_t incomplete; /* of that, the cost of all read in turns that have ended */
    _Atomic uint64_t taken;      /* messages that the loop took */
    _Atomic uint32_t heartbeats; /* of late */
    _Atomic bool met;            /* the loop took a message */
    _Atomic bool opaque;         /* encrypted */
    _Atomic bool ending;         /* it is to end */
    /* Once it is gone: a new connection may have the descriptor from this turn of that side on. */
    int gone_side;
    _Atomic uint64_t free_turn;
} inflow_place_t;

typedef struct {
    inflow_limits_t limits[INFLOW_SIDES];
    uint64_t max_incomplete; /* the most that all incomplete messages may cost */
    inflow_place_t *places;  /* by descriptor */
    size_t size;
    _Atomic size_t top;                    /* above every descriptor that was ever a connection's */
    _Atomic uint64_t turns[INFLOW_SIDES];  /* that have ended */
    _Atomic uint64_t cost[INFLOW_SIDES];   /* of all connections in this turn */
    _Atomic uint64_t frames[INFLOW_SIDES]; /* likewise */
    _Atomic uint64_t incomplete;           /* of all connections */
    int swept;                             /* inflow_sweep looked at the descriptors below */
    _Atomic unsigned leaves;               /* readers that may still leave */
    _Atomic unsigned leaving;              /* readers that wait to leave; written by inflow_parking.c */
} inflow_t;

/* `descriptors` is the process's limit. Reserves room for all of them; only the used part costs memory. */
void inflow_init(inflow_t *inflow, size_t descriptors);
void inflow_finish(inflow_t *inflow);

/* --- The reading thread --- */

/* May a new connection have this descriptor? Messages tell their connection by its descriptor alone. So not while
 * messages of the connection before may wait to be taken: until inflow_release, and the end of the turn after it. */
bool inflow_is_free(const inflow_t *inflow, int fd);

/* `side` accepted a connection; it is gone. Descriptors beyond the reserved number are ignored. Neither may run at the
 * same time as inflow_sweep. */
void inflow_open(inflow_t *inflow, int side, int fd);
void inflow_close(inflow_t *inflow, int fd);

/* The side of the connection with that descriptor. -1: none. */
int inflow_side(const inflow_t *inflow, int fd);

/* Is the connection encrypted? False before the greeting came. */
bool inflow_is_opaque(const inflow_t *inflow, int fd);

/* May its handshake be over? Ask only while nothing is read from it. */
bool inflow_has_shook(const inflow_t *inflow, int fd);

/* Is it a reader from which nothing may be read until others have left? Of an encrypted one any bytes may make libzmq
 * end it, so nothing is read of it while no reader may leave. */
bool inflow_must_wait(const inflow_t *inflow, int fd);

/* How many more bytes of it may be read in this turn. */
size_t inflow_room(inflow_t *inflow, int fd);

/* The connection has to wait for the end of the turn, but the loop has taken all that came of it: it may go on now. */
bool inflow_is_served(const inflow_t *inflow, int fd);

/* These bytes were read; libzmq gets them changed (zmtp_scan.h). Not INFLOW_FINE: the connection is to end. */
inflow_reason_t inflow_read(inflow_t *inflow, int fd, uint8_t *data, size_t len);

/* Did inflow_read or inflow_sweep say that it is to end? */
bool inflow_is_ending(const inflow_t *inflow, int fd);

/* It is to end: nothing more of it may be read. */
void inflow_end(inflow_t *inflow, int fd);

/* The connection has ended. May libzmq hear of that now? When a reader leaves, XPUB walks the topics of all readers,
 * and the broker does nothing else meanwhile. */
bool inflow_may_leave(inflow_t *inflow, int fd);

/* The connection left without that question. Others then leave later. true: it was a reader that subscribed. */
bool inflow_left_unasked(inflow_t *inflow, int fd);

/* --- The loop --- */

/* The loop heard that the connection with that descriptor is gone. */
void inflow_release(inflow_t *inflow, int fd);

/* A message was taken that came by `fd` (-1: unknown). */
void inflow_took(inflow_t *inflow, int fd);

/* There was nothing to take: the turn ends. */
void inflow_end_turn(inflow_t *inflow, int side);

/* Sets how many readers may leave at once, by the bytes of all topics, and returns it. Readers that left before are
 * gone by now. */
unsigned inflow_let_leave(inflow_t *inflow, uint64_t topic_bytes);

/* All topics have so many bytes by now: lowers the number of readers that may still leave, if it is too high for
 * that. */
void inflow_limit_leaves(inflow_t *inflow, uint64_t topic_bytes);

/* Looks at connections from which nothing was read lately. Returns the descriptor of one that is to end now; -1: no
 * connection is. Call it ten times a second, and at the end of a turn in which much was read, each time until it
 * returns -1. */
int inflow_sweep(inflow_t *inflow, inflow_reason_t *reason);

/* A tenth of a second has passed. */
void inflow_forgive(inflow_t *inflow);

#endif
