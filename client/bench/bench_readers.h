/* The messages that all readers of a run must see, and those that they saw. Reader i reads room (first + i) % rooms.
 * Pure. */
#ifndef BENCH_READERS_H
#define BENCH_READERS_H

#include "bench.h"
#include "bench_check.h"

typedef struct {
    bench_check_t *checks;
    uint64_t *members; /* of each one's room, as it was last told */
    uint64_t present;  /* readers of all rooms together that presence names; 0: none */
    size_t count, rooms, first;
    size_t done;  /* that have seen everything */
    size_t aware; /* that know how many members their room has in the end */
} bench_readers_t;

/* bench_readers_finish frees what it holds. */
void bench_readers_init(bench_readers_t *readers, const bench_plan_t *plan, size_t first, size_t count);
void bench_readers_finish(bench_readers_t *readers);

/* Expects the first `messages` of the schedule; `open`: more may come. */
void bench_readers_expect(bench_readers_t *readers, const bench_plan_t *plan, uint64_t messages, bool open);

/* The room of reader `index`, and the reader of `room` among the `count` ones from reader `from` on; readers->count:
 * none of these reads it. */
uint64_t bench_readers_room(const bench_readers_t *readers, size_t index);
size_t bench_readers_find(const bench_readers_t *readers, size_t from, size_t count, uint64_t room);

/* An event of reader `index` came. Only entries and counts of members are used. True: it is the next message, and
 * `*due` is its head's. */
bool bench_readers_event(bench_readers_t *readers, size_t index, const zrelay_event_t *event, uint64_t *due);

uint64_t bench_readers_received(const bench_readers_t *readers);

/* No more will come: adds what they saw to `result`. */
void bench_readers_end(bench_readers_t *readers, bench_result_t *result);

#endif
