/* How much a session may do: a token bucket for each kind of cost (PROTOCOL.md, "Rates"). Pure: `now` is given, in µs.
 *
 * The buckets belong to the connection. A session that begins takes over its connection's debt. One that ends or moves
 * leaves its debt there, so that a client gains nothing by saying bye and hello. */
#ifndef RATE_H
#define RATE_H

#include <stddef.h>

#include "bucket.h"

enum {
    RATE_DEBT = 5,           /* s: a debt of more than that much is a flood */
    RATE_KEYED = 10,         /* entries that one with a key counts as: its value is looked up and kept, and with a
                                compare-and-set it is answered by itself */
    RATE_MESSAGE = 64,       /* bytes that a message counts for beside its own, as libzmq takes them */
    RATE_TOLD = 100000,      /* µs from telling a publisher to telling it again */
    RATE_CONNECTIONS = 4096, /* without a session, whose debt is remembered */
};

typedef enum {
    RATE_OPS,     /* the costs of requests, and errors */
    RATE_CONTROL, /* bytes of control frames */
    RATE_ENTRIES, /* entries of PUBLISH frames */
    RATE_BYTES,   /* bytes of PUBLISH frames */
    RATE_KINDS,
} rate_kind_t;

/* Units of each kind. */
typedef struct {
    uint64_t of[RATE_KINDS];
} rate_cost_t;

typedef struct {
    bucket_rate_t of[RATE_KINDS];
} rate_limits_t;

/* The buckets of one connection; zeroed they are full. */
typedef struct {
    bucket_t of[RATE_KINDS];
    uint64_t told; /* when the publisher was last told to wait; 0: never */
} rates_t;

/* The limits for rates per second (0: none). A client may send `window` bytes of PUBLISH, or a control frame of
 * `max_control` bytes, before it can hear that it is too fast. That much is no flood, however low the rates. */
rate_limits_t rate_limits(const rate_cost_t *per_second, size_t max_control, size_t window);

/* Takes the cost of what came already. false: it is a flood. */
bool rates_take(rates_t *rates, const rate_limits_t *limits, const rate_cost_t *cost, uint64_t now);

/* Takes the cost of what was allowed, which never is a flood. */
void rates_allow(rates_t *rates, const rate_limits_t *limits, const rate_cost_t *cost, uint64_t now);

/* The time until all buckets for `cost` hold something, in ms. 0: they do. */
uint64_t rates_wait(rates_t *rates, const rate_limits_t *limits, const rate_cost_t *cost, uint64_t now);

/* Is the publisher to be told now? Once in RATE_TOLD. */
bool rates_tell(rates_t *rates, uint64_t now);

/* Both belong to the same peer: from now on `rates` owes the larger debt of the two, bucket by bucket. */
void rates_merge(rates_t *rates, const rates_t *other, const rate_limits_t *limits, uint64_t now);

/* The limits are other ones now: what is owed beyond them is forgiven, so that nothing that came before is a flood. */
void rates_forgive(rates_t *rates, const rate_limits_t *limits);

/* --- Connections without a session --- */

typedef struct {
    uint32_t route;
    rates_t rates;
} rate_connection_t;

/* The debts of connections without a session. Routes are consecutive numbers: a connection takes the place of the one
 * RATE_CONNECTIONS before it, so the memory is bounded. It takes over what is missing in the buckets there, but no
 * debt. So two connections that share a place get rid of nothing, and a later one soon has nothing to pay. */
typedef struct {
    rate_limits_t limits; /* of these, and of all others */
    rate_connection_t places[RATE_CONNECTIONS];
} rate_connections_t;

/* The connection's buckets. Valid until the next call. */
rates_t *rate_connection(rate_connections_t *connections, uint32_t route);

/* A session with the debt `rates` leaves its connection, whose buckets are `place`. From now on the connection owes
 * that, if it does not owe more. */
void rates_leave(rates_t *place, const rates_t *rates, const rate_limits_t *limits);

#endif
