#include "bench_readers.h"

#include <stdlib.h>

void bench_readers_init(bench_readers_t *readers, const bench_plan_t *plan, size_t count) {
    const bench_schedule_t *schedule = &plan->schedule;
    *readers = (bench_readers_t){.count = count, .rooms = (size_t)schedule->rooms};
    readers->checks = calloc(count + 1, sizeof *readers->checks);
    uint64_t *expected = calloc(schedule->publishers, sizeof *expected);
    if (!readers->checks || !expected)
        abort();
    for (size_t reader = 0; reader < count; reader++) {
        for (uint64_t i = 0; i < schedule->publishers; i++)
            expected[i] = bench_expected(schedule, i, reader % schedule->rooms);
        bench_check_init(&readers->checks[reader], plan->run, expected, schedule->publishers);
        readers->done += readers->checks[reader].left == 0; /* fewer messages than rooms */
    }
    free(expected);
}

void bench_readers_finish(bench_readers_t *readers) {
    for (size_t i = 0; i < readers->count; i++)
        bench_check_finish(&readers->checks[i]);
    free(readers->checks);
    *readers = (bench_readers_t){0};
}

bool bench_readers_event(bench_readers_t *readers, size_t index, const zrelay_event_t *event, uint64_t *due) {
    bench_check_t *check = &readers->checks[index];
    if (event->type == ZRELAY_EPOCH)
        check->last_seq = 0; /* positions begin anew */
    if (event->type != ZRELAY_ENTRY || !bench_check_entry(check, event->seq, event->body, event->body_len, due))
        return false;
    readers->done += check->left == 0;
    return true;
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
