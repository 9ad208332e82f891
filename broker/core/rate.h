/* How much a session may do: token buckets for requests, entries and bytes (PROTOCOL.md, section 10). Pure, integers
 * only, no clock: `now` is given, in µs. A clock that goes back refills nothing until it has caught up. One that jumps
 * ahead fills a bucket, once.
 *
 * The buckets belong to the connection. A session that begins takes over its connection's debt. One that ends or moves
 * leaves its debt there, so that a client gains nothing by saying bye and hello. */
#ifndef RATE_H
#define RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The highest rate, per second; a higher one counts as this. */
#define RATE_MAX UINT64_C(100000000000)

enum {
    RATE_OPS_BURST = 4,      /* so many seconds' worth of requests may come at once, */
    RATE_PUBLISH_BURST = 2,  /* of entries and bytes; */
    RATE_DEBT = 5,           /* and so many beyond it are a flood. A client that owes a full bucket, spends another and
                                then waits as told stays below that */
    RATE_KEYED = 10,         /* entries that one with a key counts as: its value is looked up and kept, and with a
                                compare-and-set it is answered by itself */
    RATE_MESSAGE = 64,       /* bytes that a message counts for beside its own, as libzmq takes them */
    RATE_TOLD = 100000,      /* µs from telling a publisher to telling it again */
    RATE_CONNECTIONS = 4096, /* without a session, whose debt is remembered */
};

/* A bucket's measures, in millionths of its unit (a request, an entry, a byte). */
typedef struct {
    uint64_t per_second; /* 0: no limit. Whole ones; hence millionths a µs */
    uint64_t burst;      /* the most that may be owed without being told to wait */
    uint64_t flood;      /* owing more than this is a flood */
} rate_t;

typedef struct {
    rate_t ops, entries, bytes;
} rate_limits_t;

/* A zeroed one is full, whatever the time. */
typedef struct {
    uint64_t owed; /* millionths */
    uint64_t at;   /* when that was so */
} bucket_t;

/* The debt of one connection; a zeroed one owes nothing. */
typedef struct {
    bucket_t ops, entries, bytes;
    uint64_t told; /* when the publisher was last told to wait; 0: never */
} rates_t;

typedef enum {
    RATE_FITS,
    RATE_OVER,   /* tell it to wait */
    RATE_FLOODS, /* end it */
} rate_verdict_t;

/* The limits for rates per second (0: none). A client may send `window` bytes of PUBLISH before it can hear that it is
 * too fast. That much is no flood, however low the rates. */
rate_limits_t rate_limits(uint64_t ops, uint64_t entries, uint64_t bytes, size_t window);

/* A request of `cost`. Beside that, `noted` was charged for it at the same `now` (rates_note), and will be each time it
 * is repeated. If it does not fit, it costs `refused`, and `*wait` is the time until it fits, in ms, at least 1. A cost
 * above a full bucket counts as a full bucket. */
rate_verdict_t rates_ask(rates_t *rates, const rate_limits_t *limits, unsigned cost, unsigned noted, unsigned refused,
    uint64_t now, uint64_t *wait);

/* A request that is never refused: it fits or floods. A cost above a full bucket counts as a full bucket. */
rate_verdict_t rates_note(rates_t *rates, const rate_limits_t *limits, unsigned cost, uint64_t now);

/* An answer that may be left out costs 1. It fits while no more than half a full bucket is owed: the other half is for
 * requests. */
bool rates_spare(rates_t *rates, const rate_limits_t *limits, uint64_t now);

/* Each error about a PUBLISH frame, or about entries of it, costs 1. RATE_OVER as below. */
rate_verdict_t rates_refused(
    rates_t *rates, const rate_limits_t *limits, unsigned errors, uint64_t now, uint64_t *wait);

/* A PUBLISH frame, which is taken even if it is too much. RATE_OVER: the publisher is to be told to send no more for
 * `*wait` ms; said once in RATE_TOLD. */
rate_verdict_t rates_publish(
    rates_t *rates, const rate_limits_t *limits, size_t entries, size_t bytes, uint64_t now, uint64_t *wait);

/* Both belong to the same peer: from now on `rates` owes the larger debt of the two, bucket by bucket. */
void rates_merge(rates_t *rates, const rates_t *other, const rate_limits_t *limits, uint64_t now);

/* --- Connections without a session --- */

typedef struct {
    uint32_t route;
    rates_t rates;
} rate_connection_t;

/* The debts of connections without a session. Routes are consecutive numbers: a connection takes the place of the one
 * RATE_CONNECTIONS before it, so the memory is bounded. It takes over the debt there, but no more than the burst. So
 * two connections that share a place get rid of nothing, and a later one soon has nothing to pay. */
typedef struct {
    rate_limits_t limits; /* of these, and of all others */
    rate_connection_t places[RATE_CONNECTIONS];
} rate_connections_t;

/* The connection's debt. Valid until the next call. */
rates_t *rate_connection(rate_connections_t *connections, uint32_t route);

/* A session with the debt `rates` leaves the connection. From now on the connection owes that, if it does not owe
 * more. */
void rate_connection_leave(rate_connections_t *connections, uint32_t route, const rates_t *rates);

#endif
