/* How far a broker is ahead of the program: bytes that libzmq has read from one socket's connections, and that the
 * program has not taken yet. libzmq's own bound (ZMQ_RCVHWM) is off. With it, a broker that fills the queue and resets
 * the connection aborts the process (libzmq 4.3.4, stream_engine_base.cpp). Here is the bound instead. Pure: no socket,
 * no clock.
 *
 * Memory can be more than the bytes on the wire: an empty message has 2 bytes there and 64 in memory. So two things end
 * a connection: too many bytes, or too much growth of the process while bytes wait. The worst case for one socket is
 *     growth allowed (4 * queue, at least AHEAD_GROWTH_MIN) + bytes waiting (queue + largest frame taken, or one frame
 *     of AHEAD_FRAME_MAX) + bytes that arrive until the next look (about 20 MB at 2 GB/s).
 * With the default queue of 64 MiB that is about 600 MiB; honest traffic in large frames stays near 64 MiB.
 *
 * The kernel counts no bytes on Unix sockets. There the growth of the process alone decides, so a program that itself
 * grows by that much while frames wait loses its connection. The library then connects again and repairs the loss. */
#ifndef AHEAD_H
#define AHEAD_H

#include <stdbool.h>
#include <stdint.h>

#define AHEAD_QUEUE ((uint64_t)64 << 20)      /* default of the queue, in bytes */
#define AHEAD_QUEUE_MIN ((uint64_t)64 << 10)  /* the smallest queue */
#define AHEAD_QUEUE_MAX ((uint64_t)1 << 40)   /* the largest */
#define AHEAD_FRAME_MAX ((uint64_t)258 << 20) /* libzmq's largest message here (link.c), and what encryption adds */
#define AHEAD_GROWTH_MIN ((uint64_t)64 << 20) /* the process always grows a little: so much is never a sign */

enum {
    AHEAD_FRAME = 48,      /* bytes of a frame on the wire besides its own, at most: ZMTP's header, encryption */
    AHEAD_GRACE_MS = 1000, /* that a program has to take a frame larger than any before, once that is complete */
    AHEAD_ARRIVALS = 4,    /* looks with new data until growth counts on Unix sockets */
    AHEAD_WAIT_MIN_MS = 10,
    AHEAD_WAIT_MAX_MS = 200,
};

/* Zeroed but for `queue` it is ready for a fresh socket. */
typedef struct {
    uint64_t queue;    /* bytes that may wait */
    uint64_t read;     /* by libzmq, as of the last look */
    uint64_t done;     /* of those, taken by the program */
    uint64_t resident; /* memory of the process when next to nothing waited; 0: not known yet */
    uint64_t empty_at; /* when the queue was last seen empty, in ms; 0: never */
    unsigned arrivals; /* looks since then at which data had come */
} ahead_t;

/* The guard's observations at one look. `read` is taken before `empty`, and `empty` before `took`. */
typedef struct {
    uint64_t now;      /* ms */
    bool counted;      /* the kernel counts the bytes */
    uint64_t read;     /* by libzmq from all connections of the socket */
    bool empty;        /* the program found nothing more to take, and nothing complete has come since */
    bool ended;        /* no connection stands: incomplete messages are gone */
    uint64_t took;     /* bytes taken since the last look, AHEAD_FRAME for each frame included */
    uint64_t largest;  /* frame that the program ever took */
    uint64_t resident; /* memory of the process; 0: not known */
} ahead_seen_t;

/* `arrived`: bytes from all connections, read by libzmq or not; `took` as in ahead_seen_t. true: next to nothing waits,
 * even if all of it is read. Then `arrived` may stand for `read`, which takes more system calls to find out. The error is
 * at most a 64th of the queue, and does not add up. */
bool ahead_is_calm(const ahead_t *ahead, uint64_t arrived, uint64_t took);

/* true: the broker is too far ahead, and its connection must end. */
bool ahead_look(ahead_t *ahead, const ahead_seen_t *seen);

/* Milliseconds until the next look: what still fits cannot arrive sooner at 2 GB/s. */
uint64_t ahead_wait_ms(const ahead_t *ahead);

#endif
