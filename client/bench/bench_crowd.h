/* A process of clients for BENCH_CONNECT: it drives its share of them, and tells in shared memory how far it is. */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include <stdatomic.h>

#include "bench.h"

enum { CROWDS_MAX = 64 };

/* A process's counts; only the process writes them. */
typedef struct {
    atomic_uint_fast64_t ready;             /* rooms joined */
    atomic_uint_fast64_t ready_at;          /* when the last one was, bench_clock */
    atomic_uint_fast64_t goal, done;        /* done: readers that reached the goal */
    atomic_uint_fast64_t aware;             /* readers that know how many members their room has */
    atomic_bool waits;                      /* for the effect of the restart on its clients */
    atomic_uint_fast64_t back;              /* clients that have a session again since */
    atomic_uint_fast64_t first_at, last_at; /* when the first and the last had; first_at 0: none has */
    atomic_int failed;                      /* an exit code: it has said why */
    atomic_bool ended;                      /* the members below are complete */
    uint64_t expected, received, missing, disordered, foreign;
    uint64_t gaps, repaired, lost, disconnects;
    bool one_order;
} bench_share_t;

/* Everything there is to share. */
typedef struct {
    atomic_uint_fast64_t goal; /* messages that all are to see */
    atomic_bool open;          /* there may be more; written before goal, read after it */
    atomic_bool restart;       /* the broker is about to be restarted */
    atomic_bool end;           /* the processes are to sum up */
    atomic_bool told;          /* one of them has said what is wrong with all */
    bench_share_t shares[CROWDS_MAX];
    atomic_uint_fast64_t digests[]; /* of each room: what its first reader saw; 0: none told yet */
} bench_board_t;

/* Drives `count` clients from client `first` on until the board says so. The process is to end then. */
void bench_crowd(bench_board_t *board, bench_share_t *share, uint64_t first, size_t count, const bench_plan_t *plan,
    target_t *target);

#endif
