/* One session that publishes what the clients of BENCH_CONNECT are to see: so much at once, then at a steady rate. */
#ifndef BENCH_SOURCE_H
#define BENCH_SOURCE_H

#include "bench_pool.h"

typedef struct {
    const bench_plan_t *plan;
    bench_pool_t pool;
    zrelay_t *relay;
    char *body;
    uint64_t published, refused, at_once; /* messages; those up to at_once are due */
    uint64_t steady_at, steady_from;      /* since when (bench_clock), and from which message on; 0: not steady */
    zrelay_level_t level;
} bench_source_t;

/* Connects. 0, or the exit code after telling why not; bench_source_finish in either case. A zeroed one may be finished
 * too. */
int bench_source_init(bench_source_t *source, const bench_plan_t *plan, target_t *target);
void bench_source_finish(bench_source_t *source);

/* So many more messages are due now. */
void bench_source_more(bench_source_t *source, uint64_t messages);

/* From now on messages are due at the plan's rate, or no more than is due already. */
void bench_source_steady(bench_source_t *source, bool steady);

/* Publishes what is due, and waits a moment at most. False: the message can never be published, which is told. */
bool bench_source_turn(bench_source_t *source);

/* All that is due is published, and acked or refused. */
bool bench_source_idle(const bench_source_t *source);

uint64_t bench_source_acked(const bench_source_t *source);

#endif
