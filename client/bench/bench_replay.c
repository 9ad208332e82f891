/* Reading a room's history: how fast it comes out of the log. */
#include <stdlib.h>
#include <zmq.h>

#include "bench_pool.h"
#include "bench_process.h"
#include "bench_progress.h"
#include "bench_readers.h"
#include "signals.h"

enum { TURN_MS = 50 };

typedef struct {
    bench_pool_t pool;
    bench_readers_t readers;
    size_t answered;
    uint64_t refused;
} replay_t;

static void s_on_event(size_t index, const zrelay_event_t *event, void *ctx) {
    replay_t *replay = ctx;
    uint64_t due;
    bench_readers_event(&replay->readers, index, event, &due);
    replay->answered += event->type == ZRELAY_DONE || event->type == ZRELAY_REFUSED;
    replay->refused += event->type == ZRELAY_REFUSED;
}

static int s_open(replay_t *replay, target_t *target, void *context) {
    if (!bench_process_fits(replay->readers.count))
        return CLI_USAGE;
    bench_pool_init(&replay->pool, target, replay->readers.count, s_on_event, replay);
    for (size_t i = 0; i < replay->readers.count; i++)
        if (!bench_pool_open(&replay->pool, context))
            return CLI_USAGE;
    return bench_pool_ready(&replay->pool, 0);
}

static void s_read(replay_t *replay, const bench_plan_t *plan, bench_result_t *result) {
    bench_progress_t progress;
    bench_progress_begin(&progress, plan->schedule.messages, plan->quiet_ms);
    uint64_t start = bench_clock();
    for (size_t i = 0; i < replay->readers.count; i++) {
        char room[BENCH_ROOM_SIZE];
        bench_room_name(plan, i % plan->schedule.rooms, room);
        replay->answered += zrelay_history(replay->pool.relays[i], room, 0, 0, 0, NULL) != 0;
        bench_pool_drain(&replay->pool, i);
    }
    while (replay->answered < replay->readers.count && !result->interrupted && !result->quiet) {
        bench_pool_turn(&replay->pool, TURN_MS);
        result->quiet =
            !bench_progress_look(&progress, result->published, result->acked, bench_readers_received(&replay->readers));
        result->interrupted = signals_stop() > 0;
    }
    result->delivered_s = (double)(bench_clock() - start) / 1e9;
    bench_progress_end(&progress);
}

int bench_replay(const bench_plan_t *plan, target_t *target, bench_result_t *result) {
    bench_plan_t filling = *plan;
    filling.readers = 0;
    int code = bench_run(&filling, target, result);
    if (code || result->interrupted || result->quiet)
        return code;
    replay_t replay = {.refused = 0};
    void *context = bench_context(plan);
    bench_readers_init(&replay.readers, plan, 0, (size_t)(plan->readers * plan->schedule.rooms));
    code = s_open(&replay, target, context);
    if (code == 0)
        s_read(&replay, plan, result);
    bench_readers_end(&replay.readers, result);
    result->refused += replay.refused;
    result->disconnects += replay.pool.disconnects;
    bench_pool_close(&replay.pool);
    bench_readers_finish(&replay.readers);
    while (zmq_ctx_term(context) != 0)
        ; /* a signal came */
    return code;
}
