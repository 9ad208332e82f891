/* Which message of a benchmark is due when, goes to which room, and under which number. Pure: no clock. Publishers
 * share the rooms: as many or more publishers than rooms have one each, fewer go through theirs in turn. */
#ifndef BENCH_SCHEDULE_H
#define BENCH_SCHEDULE_H

#include <stdint.h>

typedef struct {
    uint64_t messages, publishers, rooms; /* each is at least 1 */
    uint64_t rate;                        /* messages a second from all publishers together; 0: as fast as they can */
} bench_schedule_t;

/* How many messages `publisher` has. */
uint64_t bench_share(const bench_schedule_t *schedule, uint64_t publisher);

/* Nanoseconds after the start at which message `number` of `publisher` is due. Counted from the start, not from the
 * message before: a publisher that was held up is late with all that was due meanwhile. */
uint64_t bench_due(const bench_schedule_t *schedule, uint64_t publisher, uint64_t number);

/* The room of message `number` of `publisher`, and its number among those of that publisher in that room. */
uint64_t bench_room(const bench_schedule_t *schedule, uint64_t publisher, uint64_t number, uint64_t *number_there);

/* How many of the messages of `publisher` go to `room`. */
uint64_t bench_expected(const bench_schedule_t *schedule, uint64_t publisher, uint64_t room);

#endif
