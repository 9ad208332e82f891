/* Many sessions driven by one thread: opening, waiting, handing out their events, closing. */
#ifndef BENCH_POOL_H
#define BENCH_POOL_H

#include "bench.h"

typedef void bench_event_fn(size_t index, const zrelay_event_t *event, void *ctx);

typedef struct {
    zrelay_t **relays; /* NULL: not opened yet */
    target_t *target;
    bool *connected_each;
    uint64_t *wake_ms; /* when each wants to be asked again; UINT64_MAX: when its descriptor says so */
    size_t size, opened;
    size_t turn; /* of target_session, for the first session; the next has the next one. 0, from the beginning: all have
                    0 */
    int epoll;
    bench_event_fn *on_event; /* gets ZRELAY_CONNECTED, ZRELAY_DISCONNECTED after it, and all events that are not about
                                 connections and repairs. The pool itself counts those */
    void *ctx;
    uint64_t connected, joined, closed; /* sessions; rooms of all sessions */
    uint64_t gaps, repaired, lost, disconnects;
    char *refused;      /* why the broker does not take a session or a join, the first time; NULL: it does */
    char *failed;       /* why a connection came to nothing, the last time; NULL: none did */
    uint64_t failed_ms; /* the first time */
} bench_pool_t;

/* A pool of `size` sessions, none opened yet. */
void bench_pool_init(bench_pool_t *pool, target_t *target, size_t size, bench_event_fn *on_event, void *ctx);

/* Opens the next session, in libzmq's `context` (NULL: one of its own), and returns it. Set its options and joins
 * before the pool is driven. NULL: it failed, and stderr says why. */
zrelay_t *bench_pool_open(bench_pool_t *pool, void *context);

/* Takes the events of session `index`, at most some thousands. */
void bench_pool_drain(bench_pool_t *pool, size_t index);

/* Waits for at most `ms` milliseconds until something comes or is due, then takes the events. */
void bench_pool_turn(bench_pool_t *pool, uint64_t ms);

/* Waits until all sessions are connected and `joined` rooms are. 0, or the exit code after telling why not. */
int bench_pool_ready(bench_pool_t *pool, uint64_t joined);

/* The exit code when going on is in vain, as a session is refused, or none can be connected; `*why` says it. Else 0. */
int bench_pool_hopeless(const bench_pool_t *pool, const char **why);

/* Says bye for all, waits a moment for the answers, frees everything. A pool that was not opened is accepted, zeroed.
 */
void bench_pool_close(bench_pool_t *pool);

/* A libzmq context for many sessions. */
void *bench_context(const bench_plan_t *plan);

#endif
