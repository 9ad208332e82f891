#include "bench_source.h"

#include <inttypes.h>
#include <stdlib.h>

#include "bench_check.h"
#include "fatal.h"

enum { TURN_MS = 20, CHUNK = 1000 };

static void s_on_event(size_t index, const zrelay_event_t *event, void *ctx) {
    bench_source_t *source = ctx;
    (void)index;
    if (event->type == ZRELAY_ACKED)
        source->level = event->level;
    if (event->type == ZRELAY_REFUSED && event->mid)
        source->refused += event->upto - event->mid + 1;
}

int bench_source_init(bench_source_t *source, const bench_plan_t *plan, target_t *target) {
    *source = (bench_source_t){.plan = plan, .body = fatal_calloc(plan->size)};
    bench_pool_init(&source->pool, target, 1, s_on_event, source);
    source->relay = bench_pool_open(&source->pool, NULL);
    return source->relay ? bench_pool_ready(&source->pool, 0) : CLI_USAGE;
}

void bench_source_finish(bench_source_t *source) {
    bench_pool_close(&source->pool);
    free(source->body);
    *source = (bench_source_t){0};
}

void bench_source_more(bench_source_t *source, uint64_t messages) {
    source->at_once = source->published + messages;
}

void bench_source_steady(bench_source_t *source, bool steady) {
    source->steady_at = steady ? bench_clock() : 0;
    source->steady_from = source->published;
}

static bool s_is_due(const bench_source_t *source) {
    if (source->published < source->at_once)
        return true;
    if (!source->steady_at)
        return false;
    uint64_t passed = source->published - source->steady_from;
    return bench_clock() >= source->steady_at + bench_due(&source->plan->schedule, 0, passed);
}

bool bench_source_turn(bench_source_t *source) {
    const bench_plan_t *plan = source->plan;
    bench_head_t head = {.run = plan->run};
    int failed = 0;
    for (int i = 0; i < CHUNK && s_is_due(source); i++) {
        char room[BENCH_ROOM_SIZE];
        bench_room_name(plan, bench_room(&plan->schedule, 0, source->published, &head.number), room);
        bench_head_write(source->body, &head);
        failed = zrelay_publish(source->relay, room, source->body, plan->size, NULL);
        if (failed)
            break;
        source->published++;
    }
    if (failed && failed != ZRELAY_EFULL) {
        cli_say("%" PRIu64 " bytes: %s", plan->size, zrelay_strerror(failed));
        return false;
    }
    bench_pool_drain(&source->pool, 0);
    bench_pool_turn(&source->pool, !failed && s_is_due(source) ? 0 : TURN_MS);
    return true;
}

bool bench_source_idle(const bench_source_t *source) {
    return source->published >= source->at_once && zrelay_unacked(source->relay) == 0;
}

uint64_t bench_source_acked(const bench_source_t *source) {
    return source->published - zrelay_unacked(source->relay) - source->refused;
}
