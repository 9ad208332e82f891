/* The guard: one thread of the process that looks at the connections of all its sessions. It is needed because a
 * program may be busy for minutes while a broker sends. It bounds the bytes in libzmq (ahead.h), and passes on events
 * of libzmq's monitors.
 * It sleeps while nothing arrives, blocks all signals, and ends with the last session. */
#ifndef GUARD_H
#define GUARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct guard guard_t;
typedef struct watch watch_t;

/* Counts of a socket that the program's thread keeps. Only that thread writes; relaxed atomics, no lock. */
typedef struct {
    _Atomic uint64_t took;    /* bytes of frames taken, AHEAD_FRAME for each included */
    _Atomic uint64_t largest; /* frame taken */
    atomic_bool quiet; /* there was nothing more when last asked; anything new shows on the socket's descriptor */
} guard_counts_t;

/* Called in the guard's thread. */
typedef struct {
    /* An event of the socket's monitor. true: the socket must end. */
    bool (*event)(void *ctx, uint16_t event, uint32_t value);
    /* Stops the socket's monitor and closes the socket. Comes at most once; no call follows it. */
    void (*end)(void *ctx);
} guard_calls_t;

/* The guard of this process, made if it is not there yet. NULL: the system has no thread or descriptor left. Each hold
 * needs its release; the last one ends the thread. */
guard_t *guard_hold(void);
void guard_release(guard_t *guard); /* NULL is accepted */

/* The libzmq context of the sessions that share one. It is made when it is first asked for, with as many sockets as
 * libzmq allows. It ends with the last hold, which waits until the frames of sessions that ended are sent, at most for
 * their linger. Ends the process when there is no memory. */
void *guard_context(guard_t *guard);

/* Does that context have its threads, as it had a socket? `guard_context_began` says so from now on. */
bool guard_context_runs(const guard_t *guard);
void guard_context_began(guard_t *guard);

/* Another number in a forked child than in its parent. The guard, and all that it watched, stayed in the parent. */
unsigned guard_process(void);

/* Watches `socket`, which has not connected yet, until watch_end or `calls->end`; `queue` bytes may wait in it.
 * `counts` begins at zero. `calls`, `counts` and `ctx` must outlive the watch. NULL: no socket is left, nothing is
 * watched. */
watch_t *watch_begin(guard_t *guard, void *context, void *socket, uint64_t queue, guard_counts_t *counts,
    const guard_calls_t *calls, void *ctx);

/* From its return on, the guard touches nothing of the socket, and calls nothing. The caller must hold no lock that
 * `calls` take. Frees the watch; NULL is accepted. */
void watch_end(watch_t *watch);

static inline void guard_took(guard_counts_t *counts, uint64_t bytes) {
    uint64_t took = atomic_load_explicit(&counts->took, memory_order_relaxed);
    atomic_store_explicit(&counts->took, took + bytes, memory_order_relaxed);
    if (bytes > atomic_load_explicit(&counts->largest, memory_order_relaxed))
        atomic_store_explicit(&counts->largest, bytes, memory_order_relaxed);
}

#endif
