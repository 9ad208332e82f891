#include "bench_crowd.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "bench_pool.h"
#include "bench_readers.h"
#include "fatal.h"
#include "signals.h"

enum {
    AT_ONCE = 100, /* clients of a process that may be on their way in */
    TURN_MS = 20,
};

/* What the restart did to a client: nothing that it noticed yet, its session is gone, it has one again. */
typedef enum { STAYS, AWAY, BACK } back_t;

typedef struct {
    const bench_plan_t *plan;
    bench_board_t *board;
    bench_share_t *share;
    bench_pool_t pool;
    bench_readers_t readers; /* `joins` of them are a client */
    back_t *away;            /* of each client since the restart; NULL: there was none */
} crowd_t;

/* --- Events --- */

/* The reader that an event of a client is about. */
static size_t s_reader(const crowd_t *crowd, size_t client, const zrelay_event_t *event) {
    size_t joins = (size_t)crowd->plan->joins;
    const char *number = event->room ? strrchr(event->room, '/') : NULL;
    if (joins == 1 || !number)
        return client * joins;
    return bench_readers_find(&crowd->readers, client * joins, joins, strtoull(number + 1, NULL, 10));
}

static void s_back(crowd_t *crowd, size_t client) {
    if (!crowd->away || crowd->away[client] != AWAY)
        return;
    uint64_t now = bench_clock();
    crowd->away[client] = BACK;
    if (atomic_load(&crowd->share->back) == 0)
        atomic_store(&crowd->share->first_at, now);
    atomic_store(&crowd->share->last_at, now);
    atomic_fetch_add(&crowd->share->back, 1);
}

static void s_on_client(size_t client, const zrelay_event_t *event, void *ctx) {
    crowd_t *crowd = ctx;
    size_t joins = (size_t)crowd->plan->joins, reader = s_reader(crowd, client, event);
    uint64_t due;
    if (event->type == ZRELAY_CONNECTED)
        s_back(crowd, client);
    if (event->type == ZRELAY_DISCONNECTED && crowd->away && crowd->away[client] == STAYS)
        crowd->away[client] = AWAY;
    if (event->type == ZRELAY_EPOCH)
        for (size_t i = 0; i < joins; i++)
            bench_readers_event(&crowd->readers, client * joins + i, event, &due);
    else if (reader < crowd->readers.count)
        bench_readers_event(&crowd->readers, reader, event, &due);
}

/* --- In, and out --- */

static bool s_join(zrelay_t *relay, const bench_plan_t *plan, uint64_t client) {
    int from = ZRELAY_FROM_NOW | (plan->presence ? ZRELAY_PRESENCE : ZRELAY_SILENT);
    for (uint64_t i = 0; i < plan->joins; i++) {
        char room[BENCH_ROOM_SIZE];
        bench_room_name(plan, (client * plan->joins + i) % plan->schedule.rooms, room);
        if (zrelay_join(relay, room, from, 0) != 0)
            return false;
    }
    return true;
}

/* Lets the next clients in, as long as not too many are on their way. False after telling why no more can be had. */
static bool s_let_in(crowd_t *crowd, uint64_t first, void *context) {
    bench_pool_t *pool = &crowd->pool;
    uint64_t joins = crowd->plan->joins;
    while (pool->opened < pool->size && pool->opened - pool->joined / joins < AT_ONCE) {
        uint64_t client = first + pool->opened;
        zrelay_t *relay = bench_pool_open(pool, context);
        if (!relay || !s_join(relay, crowd->plan, client))
            return false;
    }
    return true;
}

static void s_sum_up(crowd_t *crowd) {
    bench_share_t *share = crowd->share;
    bench_result_t result = {0};
    bench_readers_end(&crowd->readers, &result);
    share->expected = result.expected;
    share->received = result.received;
    share->missing = result.missing;
    share->disordered = result.disordered;
    share->foreign = result.foreign;
    share->one_order = result.one_order;
    for (size_t i = 0; i < crowd->readers.count; i++) {
        uint_fast64_t digest = crowd->readers.checks[i].digest, seen = 0;
        atomic_uint_fast64_t *first = &crowd->board->digests[bench_readers_room(&crowd->readers, i)];
        share->one_order &= atomic_compare_exchange_strong(first, &seen, digest) || seen == digest;
    }
    share->gaps = crowd->pool.gaps;
    share->repaired = crowd->pool.repaired;
    share->lost = crowd->pool.lost;
    share->disconnects = crowd->pool.disconnects;
    atomic_store(&share->ended, true);
}

/* --- While it runs --- */

/* Takes up what the board wants. */
static void s_heed(crowd_t *crowd) {
    bench_board_t *board = crowd->board;
    bench_share_t *share = crowd->share;
    uint64_t goal = atomic_load(&board->goal);
    if (goal != atomic_load(&share->goal)) {
        bench_readers_expect(&crowd->readers, crowd->plan, goal, atomic_load(&board->open));
        atomic_store(&share->done, crowd->readers.done);
        atomic_store(&share->goal, goal);
    }
    if (atomic_load(&board->restart) && !crowd->away) {
        /* Of several servers only one may be restarted, and its clients tell by their loss. */
        crowd->away = fatal_calloc((crowd->pool.size + 1) * sizeof *crowd->away);
        for (size_t i = 0; i < crowd->pool.size && !crowd->plan->spread; i++)
            crowd->away[i] = AWAY;
        atomic_store(&share->waits, true);
    }
}

static void s_tell(crowd_t *crowd) {
    bench_share_t *share = crowd->share;
    if (crowd->pool.joined > atomic_load(&share->ready))
        atomic_store(&share->ready_at, bench_clock());
    atomic_store(&share->ready, crowd->pool.joined);
    atomic_store(&share->done, crowd->readers.done);
    atomic_store(&share->aware, crowd->readers.aware);
}

void bench_crowd(bench_board_t *board, bench_share_t *share, uint64_t first, size_t count, const bench_plan_t *plan,
    target_t *target) {
    crowd_t crowd = {.plan = plan, .board = board, .share = share};
    void *context = bench_context(plan);
    bench_pool_init(&crowd.pool, target, count, s_on_client, &crowd);
    crowd.pool.turn = plan->spread ? first + 1 : 0;
    bench_readers_init(&crowd.readers, plan, (size_t)(first * plan->joins), count * (size_t)plan->joins);
    while (!atomic_load(&board->end) && !signals_stop()) {
        const char *why;
        s_heed(&crowd);
        int code = bench_pool_hopeless(&crowd.pool, &why);
        if (code && !atomic_exchange(&board->told, true))
            cli_say("%s", why);
        if (!code && !s_let_in(&crowd, first, context))
            code = CLI_USAGE;
        if (code) {
            atomic_store(&share->failed, code);
            break;
        }
        bench_pool_turn(&crowd.pool, TURN_MS);
        s_tell(&crowd);
    }
    s_sum_up(&crowd);
    bench_pool_close(&crowd.pool);
    bench_readers_finish(&crowd.readers);
    free(crowd.away);
    while (zmq_ctx_term(context) != 0)
        ; /* a signal came */
}
