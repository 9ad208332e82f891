/* Many idle clients. A client costs some file descriptors here, so that some thousands need several processes: each
 * drives its share and tells in shared memory how far it is; this one publishes a few messages in the end, which every
 * client must see. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "bench_pool.h"
#include "bench_process.h"
#include "bench_progress.h"
#include "bench_readers.h"
#include "conn.h"
#include "signals.h"

enum {
    AT_ONCE = 100, /* clients of a process that may be on their way in */
    PROCESSES_MAX = 64,
    TURN_NS = 20000000,
    LOOK_MS = 20,
};

/* What a process tells; written by it alone. */
typedef struct {
    atomic_uint_fast64_t ready, done; /* clients that are in; that saw all messages */
    atomic_uint_fast64_t ready_at;    /* when the last one was, bench_clock */
    atomic_int failed;                /* an exit code: it has said why */
    atomic_bool ended;                /* what follows is complete */
    uint64_t expected, received, missing, disordered, foreign, digest;
    uint64_t gaps, repaired, lost, disconnects;
    bool one_order;
} share_t;

/* Everything there is to share. */
typedef struct {
    atomic_bool end;  /* the processes are to sum up */
    atomic_bool told; /* one of them has said what is wrong with all */
    share_t shares[PROCESSES_MAX];
} board_t;

/* --- A process of clients --- */

typedef struct {
    bench_pool_t pool;
    bench_readers_t readers;
} crowd_t;

static void s_on_client(size_t index, const zrelay_event_t *event, void *ctx) {
    crowd_t *crowd = ctx;
    uint64_t due;
    bench_readers_event(&crowd->readers, index, event, &due);
}

static void s_sum_up(crowd_t *crowd, share_t *share) {
    bench_result_t result = {0};
    bench_readers_end(&crowd->readers, &result);
    share->expected = result.expected;
    share->received = result.received;
    share->missing = result.missing;
    share->disordered = result.disordered;
    share->foreign = result.foreign;
    share->one_order = result.one_order;
    share->digest = crowd->readers.checks[0].digest;
    share->gaps = crowd->pool.gaps;
    share->repaired = crowd->pool.repaired;
    share->lost = crowd->pool.lost;
    share->disconnects = crowd->pool.disconnects;
    atomic_store(&share->ended, true);
}

/* Lets the next clients in, as long as not too many are on their way. False after telling why no more can be had. */
static bool s_let_in(crowd_t *crowd, const bench_plan_t *plan, void *context) {
    bench_pool_t *pool = &crowd->pool;
    while (pool->opened < pool->size && pool->opened - pool->joined < AT_ONCE) {
        char room[BENCH_ROOM_SIZE];
        bench_room_name(plan, pool->opened % plan->schedule.rooms, room);
        zrelay_t *relay = bench_pool_open(pool, context);
        if (!relay || zrelay_join(relay, room, ZRELAY_FROM_NOW | ZRELAY_SILENT, 0) != 0)
            return false;
    }
    return true;
}

static int s_crowd(board_t *board, share_t *share, size_t clients, const bench_plan_t *plan, target_t *target) {
    crowd_t crowd = {.readers = {0}};
    void *context = bench_context(plan);
    bench_pool_init(&crowd.pool, target, clients, s_on_client, &crowd);
    bench_readers_init(&crowd.readers, plan, clients);
    while (!atomic_load(&board->end) && !signals_stop()) {
        const char *why;
        int code = bench_pool_hopeless(&crowd.pool, &why);
        if (code && !atomic_exchange(&board->told, true))
            cli_say("%s", why);
        if (!code && !s_let_in(&crowd, plan, context))
            code = CLI_USAGE;
        if (code) {
            atomic_store(&share->failed, code);
            break;
        }
        bench_pool_turn(&crowd.pool, TURN_NS);
        if (crowd.pool.joined > atomic_load(&share->ready))
            atomic_store(&share->ready_at, bench_clock());
        atomic_store(&share->ready, crowd.pool.joined);
        atomic_store(&share->done, crowd.readers.done);
    }
    s_sum_up(&crowd, share);
    bench_pool_close(&crowd.pool);
    bench_readers_finish(&crowd.readers);
    while (zmq_ctx_term(context) != 0)
        ; /* a signal came */
    return 0;
}

/* --- The process that watches --- */

typedef struct {
    const bench_plan_t *plan;
    target_t *target;
    bench_result_t *result;
    board_t *board;
    size_t processes;
    pid_t pids[PROCESSES_MAX];
} watch_t;

static bool s_start(watch_t *watch) {
    uint64_t most = bench_process_sessions(), clients = watch->plan->clients;
    if (most == 0 || (clients + most - 1) / most > PROCESSES_MAX) {
        cli_say(
            "too many clients for %d processes with %" PRIu64 " each, as RLIMIT_NOFILE allows", PROCESSES_MAX, most);
        return false;
    }
    watch->processes = (size_t)((clients + most - 1) / most);
    fflush(NULL);
    for (size_t i = 0; i < watch->processes; i++) {
        size_t share = (size_t)(clients / watch->processes + (i < clients % watch->processes));
        pid_t parent = getpid(), pid = fork();
        if (pid < 0) {
            cli_say("cannot start a process: %s", strerror(errno));
            watch->processes = i;
            return false;
        }
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGTERM);
            if (getppid() != parent)
                _exit(CLI_USAGE);
            _exit(s_crowd(watch->board, &watch->board->shares[i], share, watch->plan, watch->target));
        }
        watch->pids[i] = pid;
    }
    return true;
}

static void s_sleep(int ms) {
    struct pollfd file = {.fd = signals_fd(), .events = POLLIN};
    if (poll(&file, 1, ms) > 0)
        signals_drain();
}

/* Whether all clients are so far; also ends when a process failed, or it takes too long. */
static bool s_all(watch_t *watch, bool done) {
    bench_progress_t progress;
    bool all = false, failed = false, moves = true;
    bench_progress_begin(&progress, 0, watch->plan->quiet_ms);
    while (!all && !failed && moves && !signals_stop()) {
        uint64_t ready = 0, seen = 0;
        s_sleep(LOOK_MS);
        for (size_t i = 0; i < watch->processes; i++) {
            ready += atomic_load(&watch->board->shares[i].ready);
            seen += atomic_load(&watch->board->shares[i].done);
            failed |= atomic_load(&watch->board->shares[i].failed) || waitpid(watch->pids[i], NULL, WNOHANG) != 0;
        }
        watch->result->connected = ready;
        moves = bench_progress_clients(&progress, watch->plan->clients, ready, seen);
        all = (done ? seen : ready) == watch->plan->clients;
    }
    bench_progress_end(&progress);
    watch->result->quiet |= !moves && !all && !failed;
    watch->result->interrupted |= signals_stop() > 0;
    return all;
}

static void s_on_own(size_t index, const zrelay_event_t *event, void *ctx) {
    watch_t *watch = ctx;
    (void)index;
    if (event->type == ZRELAY_ACKED)
        watch->result->level = event->level;
    if (event->type == ZRELAY_REFUSED && event->mid)
        watch->result->refused += event->upto - event->mid + 1;
}

/* One session publishes what all are to see. */
static int s_publish(watch_t *watch) {
    const bench_plan_t *plan = watch->plan;
    bench_result_t *result = watch->result;
    bench_pool_t pool;
    bench_pool_init(&pool, watch->target, 1, s_on_own, watch);
    zrelay_t *relay = bench_pool_open(&pool, NULL);
    int code = relay ? bench_pool_ready(&pool, 0) : CLI_USAGE;
    bench_head_t head = {.run = plan->run};
    char *body = calloc(1, plan->size);
    if (!body)
        abort();
    for (uint64_t i = 0; code == 0 && i < plan->schedule.messages; i++) {
        char room[BENCH_ROOM_SIZE];
        bench_room_name(plan, bench_room(&plan->schedule, 0, i, &head.number), room);
        bench_head_write(body, &head);
        result->published += zrelay_publish(relay, room, body, plan->size, NULL) == 0;
    }
    uint64_t end = conn_clock() + plan->quiet_ms;
    while (code == 0 && zrelay_unacked(relay) > 0 && conn_clock() < end && !signals_stop())
        bench_pool_turn(&pool, TURN_NS);
    if (relay)
        result->acked = result->published - zrelay_unacked(relay) - result->refused;
    free(body);
    bench_pool_close(&pool);
    return code;
}

static void s_collect(watch_t *watch, uint64_t start) {
    bench_result_t *result = watch->result;
    uint64_t last = start;
    result->one_order = true;
    atomic_store(&watch->board->end, true);
    for (size_t i = 0; i < watch->processes; i++) {
        share_t *share = &watch->board->shares[i];
        while (waitpid(watch->pids[i], NULL, 0) < 0 && errno == EINTR)
            ;
        if (!atomic_load(&share->ended)) {
            result->one_order = false; /* it was killed: what its clients saw nobody knows */
            continue;
        }
        result->expected += share->expected;
        result->received += share->received;
        result->missing += share->missing;
        result->disordered += share->disordered;
        result->foreign += share->foreign;
        result->gaps += share->gaps;
        result->repaired += share->repaired;
        result->lost += share->lost;
        result->disconnects += share->disconnects;
        result->one_order &= share->one_order && share->digest == watch->board->shares[0].digest;
        uint64_t ready_at = atomic_load(&share->ready_at);
        last = ready_at > last ? ready_at : last;
    }
    result->connected_s = (double)(last - start) / 1e9;
}

int bench_connect(const bench_plan_t *plan, target_t *target, bench_result_t *result) {
    watch_t watch = {.plan = plan, .target = target, .result = result};
    watch.board = mmap(NULL, sizeof *watch.board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (watch.board == MAP_FAILED)
        abort();
    int code = 0;
    if (plan->broker_pid && !(result->memory_before = bench_process_memory(plan->broker_pid))) {
        cli_say("no memory figures of process %" PRIu64 " to be had", plan->broker_pid);
        code = CLI_USAGE;
    }
    uint64_t start = bench_clock();
    if (code == 0 && !s_start(&watch))
        code = CLI_USAGE;
    if (code == 0 && s_all(&watch, false)) {
        for (uint64_t end = conn_clock() + plan->hold_ms, now; (now = conn_clock()) < end && !signals_stop();)
            s_sleep((int)(end - now));
        if (plan->broker_pid)
            result->memory_after = bench_process_memory(plan->broker_pid);
        result->interrupted = signals_stop() > 0;
        if (!result->interrupted && (code = s_publish(&watch)) == 0)
            s_all(&watch, true);
    }
    s_collect(&watch, start);
    for (size_t i = 0; code == 0 && i < watch.processes; i++)
        code = atomic_load(&watch.board->shares[i].failed);
    if (code == 0 && result->connected == 0 && !result->interrupted) {
        target_tell_unreachable(target);
        code = CLI_UNREACHABLE;
    }
    munmap(watch.board, sizeof *watch.board);
    return code;
}
