#include "bench_schedule.h"

#include "pace.h"

uint64_t bench_share(const bench_schedule_t *schedule, uint64_t publisher) {
    return schedule->messages / schedule->publishers + (publisher < schedule->messages % schedule->publishers);
}

uint64_t bench_due(const bench_schedule_t *schedule, uint64_t publisher, uint64_t number) {
    return pace_offset(schedule->rate, number * schedule->publishers + publisher);
}

/* How many rooms are `publisher`'s. */
static uint64_t s_rooms(const bench_schedule_t *schedule, uint64_t publisher) {
    if (schedule->publishers >= schedule->rooms)
        return 1;
    return (schedule->rooms - publisher + schedule->publishers - 1) / schedule->publishers;
}

uint64_t bench_room(const bench_schedule_t *schedule, uint64_t publisher, uint64_t number, uint64_t *number_there) {
    uint64_t rooms = s_rooms(schedule, publisher);
    *number_there = number / rooms;
    return (publisher + number % rooms * schedule->publishers) % schedule->rooms;
}

uint64_t bench_expected(const bench_schedule_t *schedule, uint64_t publisher, uint64_t room) {
    uint64_t share = bench_share(schedule, publisher), rooms = s_rooms(schedule, publisher);
    if (schedule->publishers >= schedule->rooms)
        return publisher % schedule->rooms == room ? share : 0;
    if (room % schedule->publishers != publisher)
        return 0;
    return share / rooms + (room / schedule->publishers < share % rooms);
}
