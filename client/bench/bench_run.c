/* Publishers and readers at work: one thread each, so that neither waits for the other; a third shows progress. */
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <zmq.h>

#include "bench_pool.h"
#include "bench_process.h"
#include "bench_progress.h"
#include "bench_readers.h"
#include "fatal.h"
#include "pace.h"
#include "signals.h"

enum {
    CHUNK = 1000, /* messages published before acks are looked at */
    AHEAD_WAIT_MS = 1,
    WAIT_MS = 50,
    LOOK_MS = 100,
    QUEUE_BYTES = 64 << 20,
};

typedef struct {
    uint64_t total, next; /* messages: all of this publisher, and how many are published */
    uint64_t acked, refused;
} publisher_t;

typedef struct {
    const bench_plan_t *plan;
    void *context;
    char (*rooms)[BENCH_ROOM_SIZE];
    bench_pool_t out, in;
    publisher_t *publishers;
    bench_readers_t readers;
    char *body;
    int failed; /* zrelay_publish's error code; 0: none */
    uint64_t start;
    pace_t pace;  /* the publishers' thread's */
    bool blocked; /* likewise: readers or acks are too far behind for some publisher */
    uint64_t acked_at, delivered_at;
    zrelay_level_t level;
    histogram_t *latency, *late;
    atomic_uint_fast64_t published, acked, delivered; /* read by other threads meanwhile */
    atomic_bool stop;
    int ended; /* an eventfd: how many threads have ended */
} run_t;

/* --- Publishing --- */

static void s_on_publisher(size_t index, const zrelay_event_t *event, void *ctx) {
    run_t *run = ctx;
    publisher_t *publisher = &run->publishers[index];
    if (event->type == ZRELAY_ACKED) {
        run->level = event->level;
    } else if (event->type == ZRELAY_REFUSED && event->mid) {
        publisher->refused += event->upto - event->mid + 1;
    }
}

/* Whether readers are so far behind that publishing more would measure queues. */
static bool s_ahead(const run_t *run) {
    uint64_t behind = atomic_load_explicit(&run->published, memory_order_relaxed) * run->plan->readers -
                      atomic_load_explicit(&run->delivered, memory_order_relaxed);
    return run->plan->readers > 0 && (int64_t)behind > (int64_t)(run->plan->ahead * run->plan->readers);
}

/* Publishes what is due, at most a chunk. How many were. */
static uint64_t s_publish(run_t *run, size_t index) {
    const bench_schedule_t *schedule = &run->plan->schedule;
    publisher_t *publisher = &run->publishers[index];
    bench_head_t head = {.run = run->plan->run, .publisher = (uint32_t)index};
    uint64_t first = publisher->next;
    if (s_ahead(run)) {
        run->blocked = true;
        return 0;
    }
    for (; publisher->next < publisher->total && publisher->next - first < CHUNK; publisher->next++) {
        uint64_t now = 0, due = 0;
        if (schedule->rate) {
            due = run->start + bench_due(schedule, index, publisher->next);
            now = bench_clock();
            if (now < due)
                break;
            head.due = pace_from(&run->pace, due);
        }
        uint64_t room = bench_room(schedule, index, publisher->next, &head.number);
        bench_head_write(run->body, &head);
        int failed = zrelay_publish(run->out.relays[index], run->rooms[room], run->body, run->plan->size, NULL);
        if (failed) {
            run->blocked |= failed == ZRELAY_EFULL;
            run->failed = failed == ZRELAY_EFULL ? 0 : failed;
            break;
        }
        if (schedule->rate)
            histogram_add(run->late, now - due);
    }
    atomic_fetch_add_explicit(&run->published, publisher->next - first, memory_order_relaxed);
    return publisher->next - first;
}

/* When the next message is due; UINT64_MAX: all are published, or there is no rate. */
static uint64_t s_next_due(const run_t *run) {
    const bench_schedule_t *schedule = &run->plan->schedule;
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; schedule->rate && i < run->out.opened; i++)
        if (run->publishers[i].next < run->publishers[i].total) {
            uint64_t due = run->start + bench_due(schedule, i, run->publishers[i].next);
            next = due < next ? due : next;
        }
    return next;
}

/* Until a message is due acks do not wake the publishers, as answers do not wake the generators of other brokers. */
static void s_rest(run_t *run, bool unpublished) {
    uint64_t next = s_next_due(run), now = bench_clock();
    if (next == UINT64_MAX || run->blocked) {
        bench_pool_turn(&run->out, unpublished ? AHEAD_WAIT_MS : WAIT_MS);
        return;
    }
    if (next <= now)
        return;
    uint64_t wait = WAIT_MS * UINT64_C(1000000);
    bool soon = next - now < wait;
    pace_sleep(&run->pace, soon ? next : now + wait);
    if (!soon)
        bench_pool_turn(&run->out, 0); /* sessions have heartbeats of their own */
}

static void *s_publish_all(void *arg) {
    run_t *run = arg;
    prctl(PR_SET_TIMERSLACK, 1); /* pace.h says why */
    while (!atomic_load(&run->stop) && !run->failed) {
        uint64_t some = 0, acked = 0;
        bool unpublished = false, unacked = false;
        run->blocked = false;
        for (size_t i = 0; i < run->out.opened; i++) {
            publisher_t *publisher = &run->publishers[i];
            uint64_t published = publisher->next < publisher->total ? s_publish(run, i) : 0;
            if (published || zrelay_unacked(run->out.relays[i]))
                bench_pool_drain(&run->out, i);
            some += published;
            publisher->acked = publisher->next - zrelay_unacked(run->out.relays[i]) - publisher->refused;
            acked += publisher->acked + publisher->refused;
            unpublished |= publisher->next < publisher->total;
            unacked |= zrelay_unacked(run->out.relays[i]) > 0;
        }
        atomic_store_explicit(&run->acked, acked, memory_order_relaxed);
        if (!unpublished && !unacked)
            break;
        if (some == 0)
            s_rest(run, unpublished);
    }
    run->acked_at = bench_clock();
    if (run->failed)
        atomic_store(&run->stop, true);
    eventfd_write(run->ended, 1);
    return NULL;
}

/* --- Reading --- */

static void s_on_reader(size_t index, const zrelay_event_t *event, void *ctx) {
    run_t *run = ctx;
    uint64_t due;
    if (!bench_readers_event(&run->readers, index, event, &due) || !run->latency)
        return;
    uint64_t now = bench_clock();
    histogram_add(run->latency, now > due ? now - due : 0);
}

static void *s_read_all(void *arg) {
    run_t *run = arg;
    prctl(PR_SET_TIMERSLACK, 1);
    while (run->readers.done < run->readers.count && !atomic_load(&run->stop)) {
        bench_pool_turn(&run->in, WAIT_MS);
        atomic_store_explicit(&run->delivered, bench_readers_received(&run->readers), memory_order_relaxed);
    }
    run->delivered_at = bench_clock();
    eventfd_write(run->ended, 1);
    return NULL;
}

/* --- The beginning --- */

static void s_prepare(run_t *run) {
    const bench_schedule_t *schedule = &run->plan->schedule;
    run->rooms = fatal_calloc(schedule->rooms * sizeof *run->rooms);
    run->publishers = fatal_calloc(schedule->publishers * sizeof *run->publishers);
    run->body = fatal_check(malloc(run->plan->size));
    memset(run->body, 'x', run->plan->size);
    for (uint64_t room = 0; room < schedule->rooms; room++)
        bench_room_name(run->plan, room, run->rooms[room]);
    for (uint64_t i = 0; i < schedule->publishers; i++)
        run->publishers[i].total = bench_share(schedule, i);
    bench_readers_init(&run->readers, run->plan, 0, (size_t)(run->plan->readers * schedule->rooms));
}

static int s_open(run_t *run, target_t *target) {
    const bench_plan_t *plan = run->plan;
    if (!bench_process_fits(plan->schedule.publishers + run->readers.count))
        return CLI_USAGE;
    bench_pool_init(&run->out, target, plan->schedule.publishers, s_on_publisher, run);
    bench_pool_init(&run->in, target, run->readers.count, s_on_reader, run);
    run->in.turn = plan->spread;
    for (size_t i = 0; i < run->in.size; i++) {
        zrelay_t *relay = bench_pool_open(&run->in, run->context);
        if (!relay || zrelay_join(relay, run->rooms[i % plan->schedule.rooms], ZRELAY_FROM_NOW | ZRELAY_SILENT, 0) != 0)
            return CLI_USAGE;
    }
    for (size_t i = 0; i < run->out.size; i++) {
        zrelay_t *relay = bench_pool_open(&run->out, run->context);
        if (!relay)
            return CLI_USAGE;
        zrelay_set_queue(relay, plan->unacked, QUEUE_BYTES > plan->size * 2 ? QUEUE_BYTES : plan->size * 2);
        zrelay_set_packing(relay, plan->packed ? 0 : 1);
    }
    int code = bench_pool_ready(&run->out, 0);
    return code ? code : bench_pool_ready(&run->in, run->in.size);
}

/* --- While it runs --- */

static void s_watch(run_t *run, int threads, bench_result_t *result) {
    bench_progress_t progress;
    bench_progress_begin(&progress, run->plan->schedule.messages, run->plan->quiet_ms);
    for (eventfd_t ended = 0; (int)ended < threads;) {
        struct pollfd files[] = {{.fd = run->ended, .events = POLLIN}, {.fd = signals_fd(), .events = POLLIN}};
        poll(files, 2, LOOK_MS);
        if (files[0].revents) {
            eventfd_t more = 0;
            eventfd_read(run->ended, &more);
            ended += more;
        }
        if (files[1].revents)
            signals_drain();
        bool moves = bench_progress_look(
            &progress, atomic_load(&run->published), atomic_load(&run->acked), atomic_load(&run->delivered));
        result->interrupted |= signals_stop() > 0;
        result->quiet |= !moves && !result->interrupted;
        if (result->interrupted || result->quiet)
            atomic_store(&run->stop, true);
    }
    bench_progress_end(&progress);
}

static void s_measure(run_t *run, bench_result_t *result) {
    pthread_t publishing, reading;
    run->ended = eventfd(0, EFD_CLOEXEC);
    FATAL_UNLESS(run->ended >= 0);
    if (run->plan->schedule.rate) {
        run->latency = fatal_calloc(sizeof *run->latency);
        run->late = fatal_calloc(sizeof *run->late);
    }
    run->start = bench_clock();
    if (pthread_create(&reading, NULL, s_read_all, run) != 0 ||
        pthread_create(&publishing, NULL, s_publish_all, run) != 0)
        abort();
    s_watch(run, 2, result);
    pthread_join(publishing, NULL);
    pthread_join(reading, NULL);
    close(run->ended);
}

/* --- The end --- */

static double s_seconds(const run_t *run, uint64_t at) {
    return (double)(at - run->start) / 1e9;
}

static void s_sum_up(run_t *run, bench_result_t *result) {
    for (size_t i = 0; i < run->out.opened; i++) {
        result->published += run->publishers[i].next;
        result->acked += run->publishers[i].acked;
        result->refused += run->publishers[i].refused;
    }
    bench_readers_end(&run->readers, result);
    result->level = run->level;
    result->acked_s = s_seconds(run, run->acked_at);
    if (run->readers.count)
        result->delivered_s = s_seconds(run, run->delivered_at);
    const bench_pool_t *pools[] = {&run->in, &run->out};
    for (size_t i = 0; i < 2; i++) {
        result->gaps += pools[i]->gaps;
        result->repaired += pools[i]->repaired;
        result->lost += pools[i]->lost;
        result->disconnects += pools[i]->disconnects;
    }
    result->latency = run->latency;
    result->late = run->late;
}

static void s_finish(run_t *run) {
    bench_pool_close(&run->out);
    bench_pool_close(&run->in);
    while (zmq_ctx_term(run->context) != 0)
        ; /* a signal came */
    bench_readers_finish(&run->readers);
    free(run->publishers);
    free(run->rooms);
    free(run->body);
}

int bench_run(const bench_plan_t *plan, target_t *target, bench_result_t *result) {
    run_t run = {.plan = plan, .context = bench_context(plan)};
    s_prepare(&run);
    int code = s_open(&run, target);
    if (code == 0) {
        s_measure(&run, result);
        s_sum_up(&run, result);
        if (run.failed) {
            cli_say("%" PRIu64 " bytes: %s", plan->size, zrelay_strerror(run.failed));
            code = CLI_USAGE;
        }
    }
    s_finish(&run);
    return code;
}
