/* What all readers of a run are to see, and what they saw together. Reader i reads room i % rooms. Pure. */
#ifndef BENCH_READERS_H
#define BENCH_READERS_H

#include "bench.h"
#include "bench_check.h"

typedef struct {
    bench_check_t *checks;
    size_t count, rooms;
    size_t done; /* that have seen everything */
} bench_readers_t;

/* bench_readers_finish frees what it holds. */
void bench_readers_init(bench_readers_t *readers, const bench_plan_t *plan, size_t count);
void bench_readers_finish(bench_readers_t *readers);

/* An event of reader `index` came; what is no entry is left alone. True: it is the next message, `*due` is what it
 * holds. */
bool bench_readers_event(bench_readers_t *readers, size_t index, const zrelay_event_t *event, uint64_t *due);

uint64_t bench_readers_received(const bench_readers_t *readers);

/* No more will come: adds what they saw to `result`. */
void bench_readers_end(bench_readers_t *readers, bench_result_t *result);

#endif
