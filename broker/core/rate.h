/* How much a session may do: token buckets for requests, entries and bytes (PROTOCOL.md, section 10). Pure, integers
 * only, no clock: `now` is given, in µs. A clock that goes back refills nothing until it has moved on; one that jumps
 * ahead fills a bucket, once.
 *
 * The buckets belong to the connection: a session that begins takes over what its connection has spent already, and one
 * that ends or moves leaves it there, so that nobody gains by saying bye and hello. */
#ifndef RATE_H
#define RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most that a rate may be, per second; more is as much. */
#define RATE_MAX UINT64_C(100000000000)

enum {
    RATE_OPS_BURST = 4,      /* so many seconds' worth of requests may come at once, */
    RATE_PUBLISH_BURST = 2,  /* of entries and bytes; */
    RATE_DEBT = 5,           /* and so many beyond it is a flood: who owes a full bucket, sends what costs
                                another, and then waits as told, is none */
    RATE_KEYED = 10,         /* entries that one with a key counts as: its value is looked up and kept, and with a
                                compare-and-set it is answered by itself */
    RATE_MESSAGE = 64,       /* bytes that a message counts for beside its own, as libzmq takes them */
    RATE_TOLD = 100000,      /* µs from telling a publisher to telling it again */
    RATE_CONNECTIONS = 4096, /* without a session, of which is remembered what they spent */
};

/* A bucket's measures, in millionths of what it counts. */
typedef struct {
    uint64_t per_second; /* 0: no limit. Whole ones; hence millionths a µs */
    uint64_t burst;      /* what may be owed */
    uint64_t flood;      /* more than this is owed by a flooder only */
} rate_t;

typedef struct {
    rate_t ops, entries, bytes;
} rate_limits_t;

/* A zeroed one is full, whatever the time. */
typedef struct {
    uint64_t owed; /* millionths */
    uint64_t at;   /* when that was so */
} bucket_t;

/* What one connection spent; a zeroed one spent nothing. */
typedef struct {
    bucket_t ops, entries, bytes;
    uint64_t told; /* when the publisher was last told to wait; 0: never */
} rates_t;

typedef enum {
    RATE_FITS,
    RATE_OVER,   /* tell it to wait */
    RATE_FLOODS, /* end it */
} rate_verdict_t;

/* The limits from rates per second (0: none). A client may have `window` bytes of PUBLISH under way before it can hear
 * that it is too fast: that much is no flood, however low the rates. */
rate_limits_t rate_limits(uint64_t ops, uint64_t entries, uint64_t bytes, size_t window);

/* A request of `cost`, beside what was noted of it already at the same `now` (rates_note), and will be each time it
 * comes again. If it does not fit it costs `refused`, and `*wait` is when it will, in ms, at least 1. What is more than
 * a full bucket costs just that. */
rate_verdict_t rates_ask(rates_t *rates, const rate_limits_t *limits, unsigned cost, unsigned noted, unsigned refused,
    uint64_t now, uint64_t *wait);

/* What is never refused: it fits or floods. More than a full bucket costs just that. */
rate_verdict_t rates_note(rates_t *rates, const rate_limits_t *limits, unsigned cost, uint64_t now);

/* An answer that may be left out costs 1, and is one that fits while no more than half a full bucket is owed: the other
 * half is for requests. */
bool rates_spare(rates_t *rates, const rate_limits_t *limits, uint64_t now);

/* Each error about a PUBLISH frame, or about entries of it, costs 1. RATE_OVER as below. */
rate_verdict_t rates_refused(
    rates_t *rates, const rate_limits_t *limits, unsigned errors, uint64_t now, uint64_t *wait);

/* A PUBLISH frame, which is taken even if it is too much. RATE_OVER: the publisher is to be told to send no more for
 * `*wait` ms; said once in RATE_TOLD. */
rate_verdict_t rates_publish(
    rates_t *rates, const rate_limits_t *limits, size_t entries, size_t bytes, uint64_t now, uint64_t *wait);

/* From now on it owes what the other owes, where that is more: both are of the same peer. */
void rates_merge(rates_t *rates, const rates_t *other, const rate_limits_t *limits, uint64_t now);

/* --- Connections without a session --- */

typedef struct {
    uint32_t route;
    rates_t rates;
} rate_connection_t;

/* What connections without a session owe. Routes are numbers in a row, so that a connection's place is taken by the one
 * that comes RATE_CONNECTIONS after it: more cannot be made to be remembered. Who takes a place takes over what is owed
 * there, but no more than the burst: two that share one get rid of nothing, and who comes later soon has nothing to
 * pay. */
typedef struct {
    rate_limits_t limits; /* of these, and of all others */
    rate_connection_t places[RATE_CONNECTIONS];
} rate_connections_t;

/* What the connection owes. Valid until the next call. */
rates_t *rate_connection(rate_connections_t *connections, uint32_t route);

/* From now on the connection owes `rates`, those of the session that leaves it, if it does not owe more. */
void rate_connection_leave(rate_connections_t *connections, uint32_t route, const rates_t *rates);

#endif
