#include "bench_readers.h"

#include <stdlib.h>

#include "fatal.h"

void bench_readers_init(bench_readers_t *readers, const bench_plan_t *plan, size_t first, size_t count) {
    uint64_t publishers = plan->schedule.publishers;
    *readers = (bench_readers_t){.count = count, .rooms = (size_t)plan->schedule.rooms, .first = first};
    readers->checks = fatal_calloc((count + 1) * sizeof *readers->checks);
    readers->members = fatal_calloc((count + 1) * sizeof *readers->members);
    readers->present = plan->presence ? plan->clients * plan->joins : 0;
    uint64_t *expected = fatal_calloc(publishers * sizeof *expected);
    for (size_t reader = 0; reader < count; reader++)
        bench_check_init(&readers->checks[reader], plan->run, expected, publishers);
    free(expected);
    bench_readers_expect(readers, plan, plan->schedule.messages, false);
}

void bench_readers_finish(bench_readers_t *readers) {
    for (size_t i = 0; i < readers->count; i++)
        bench_check_finish(&readers->checks[i]);
    free(readers->checks);
    free(readers->members);
    *readers = (bench_readers_t){0};
}

void bench_readers_expect(bench_readers_t *readers, const bench_plan_t *plan, uint64_t messages, bool open) {
    bench_schedule_t schedule = plan->schedule;
    uint64_t *expected = fatal_calloc(schedule.publishers * sizeof *expected);
    schedule.messages = messages;
    readers->done = 0;
    for (size_t reader = 0; reader < readers->count; reader++) {
        for (uint64_t i = 0; i < schedule.publishers; i++)
            expected[i] = bench_expected(&schedule, i, bench_readers_room(readers, reader));
        bench_check_expect(&readers->checks[reader], expected, open);
        readers->done += readers->checks[reader].left == 0; /* fewer messages than rooms */
    }
    free(expected);
}

uint64_t bench_readers_room(const bench_readers_t *readers, size_t index) {
    return (readers->first + index) % readers->rooms;
}

size_t bench_readers_find(const bench_readers_t *readers, size_t from, size_t count, uint64_t room) {
    size_t step = (size_t)(room + readers->rooms - bench_readers_room(readers, from)) % readers->rooms;
    return room < readers->rooms && step < count ? from + step : readers->count;
}

/* How many of the present are in the room of reader `index`. */
static uint64_t s_members(const bench_readers_t *readers, size_t index) {
    return readers->present / readers->rooms + (bench_readers_room(readers, index) < readers->present % readers->rooms);
}

static void s_told(bench_readers_t *readers, size_t index, uint64_t count) {
    uint64_t members = s_members(readers, index);
    readers->aware -= readers->members[index] == members;
    readers->members[index] = count;
    readers->aware += count == members;
}

bool bench_readers_event(bench_readers_t *readers, size_t index, const zrelay_event_t *event, uint64_t *due) {
    bench_check_t *check = &readers->checks[index];
    if (event->type == ZRELAY_ENTRY) {
        uint64_t left = check->left;
        bool next = bench_check_entry(check, event->seq, event->body, event->body_len, due);
        readers->done += left > 0 && check->left == 0;
        return next;
    }
    if (event->type == ZRELAY_EPOCH)
        check->last_seq = 0; /* positions begin anew */
    if (readers->present && (event->type == ZRELAY_JOINED || event->type == ZRELAY_PRESENCE_CHANGED))
        s_told(readers, index, event->count);
    return false;
}

uint64_t bench_readers_received(const bench_readers_t *readers) {
    uint64_t received = 0;
    for (size_t i = 0; i < readers->count; i++)
        received += readers->checks[i].received;
    return received;
}

void bench_readers_end(bench_readers_t *readers, bench_result_t *result) {
    result->one_order = true;
    for (size_t i = 0; i < readers->count; i++) {
        bench_check_t *check = &readers->checks[i];
        for (size_t j = 0; j < check->publishers; j++)
            result->expected += check->expected[j];
        bench_check_end(check);
        result->received += check->received;
        result->missing += check->missing;
        result->disordered += check->disordered;
        result->foreign += check->foreign;
        if (i >= readers->rooms && check->digest != readers->checks[i - readers->rooms].digest)
            result->one_order = false;
    }
}
