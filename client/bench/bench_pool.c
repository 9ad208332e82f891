#include "bench_pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <zmq.h>

#include "clock.h"
#include "conn.h"
#include "fatal.h"
#include "format.h"
#include "signals.h"

enum { READY = 256, DRAIN_MAX = 20000, GOODBYE_MS = 2000, TURN_MS = 100 };

void *bench_context(const bench_plan_t *plan) {
    void *context = fatal_check(zmq_ctx_new());
    zmq_ctx_set(context, ZMQ_IO_THREADS, (int)plan->io_threads);
    zmq_ctx_set(context, ZMQ_MAX_SOCKETS, zmq_ctx_get(context, ZMQ_SOCKET_LIMIT));
    return context;
}

uint64_t bench_clock(void) {
    return zr_clock(CLOCK_MONOTONIC);
}

void bench_pool_init(bench_pool_t *pool, target_t *target, size_t size, bench_event_fn *on_event, void *ctx) {
    *pool = (bench_pool_t){.target = target, .size = size, .on_event = on_event, .ctx = ctx};
    pool->relays = fatal_calloc((size + 1) * sizeof *pool->relays);
    pool->connected_each = fatal_calloc((size + 1) * sizeof *pool->connected_each);
    pool->wake_ms = fatal_calloc((size + 1) * sizeof *pool->wake_ms);
    pool->epoll = epoll_create1(EPOLL_CLOEXEC);
    FATAL_UNLESS(pool->epoll >= 0);
}

zrelay_t *bench_pool_open(bench_pool_t *pool, void *context) {
    zrelay_t *relay;
    size_t turn = pool->turn ? pool->turn + pool->opened : 0;
    if (target_session(pool->target, "zrelay/" ZRELAY_VERSION " bench", turn, &relay) != 0)
        return NULL;
    if (context)
        zrelay_set_context(relay, context);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = pool->opened};
    if (epoll_ctl(pool->epoll, EPOLL_CTL_ADD, zrelay_fd(relay), &event) != 0) {
        cli_say("no file descriptors left for %zu sessions", pool->size);
        zrelay_destroy(relay);
        return NULL;
    }
    pool->wake_ms[pool->opened] = 0;
    return pool->relays[pool->opened++] = relay;
}

/* --- Events --- */

static void s_refused(bench_pool_t *pool, const zrelay_event_t *event) {
    if (pool->refused)
        return;
    zr_buffer_t text = {0};
    format_note(&text, event, false);
    zr_buffer_u8(&text, '\0');
    pool->refused = (char *)text.data;
}

/* A session lost its connection, or could not have one. */
static void s_disconnected(bench_pool_t *pool, size_t index, const zrelay_event_t *event) {
    zr_buffer_t text = {0};
    bool was = pool->connected_each[index];
    pool->connected_each[index] = false;
    pool->connected -= was;
    pool->disconnects += was;
    if (was)
        pool->on_event(index, event, pool->ctx);
    if (was || !target_describe(pool->target, event, &text))
        return;
    zr_buffer_u8(&text, '\0');
    char **why = strcmp(event->code, "refused") == 0 ? &pool->refused : &pool->failed;
    if (!pool->failed_ms)
        pool->failed_ms = zr_mono_ms();
    free(*why);
    *why = (char *)text.data;
}

static void s_event(bench_pool_t *pool, size_t index, const zrelay_event_t *event) {
    if (event->type == ZRELAY_ENTRY) { /* nearly all */
        pool->on_event(index, event, pool->ctx);
        return;
    }
    switch (event->type) {
    case ZRELAY_CONNECTED:
        pool->connected += !pool->connected_each[index];
        pool->connected_each[index] = true;
        pool->failed_ms = 0;
        pool->on_event(index, event, pool->ctx);
        break;
    case ZRELAY_JOINED:
        pool->joined++;
        pool->on_event(index, event, pool->ctx);
        break;
    case ZRELAY_DISCONNECTED:
        s_disconnected(pool, index, event);
        break;
    case ZRELAY_GAP:
        pool->gaps++;
        break;
    case ZRELAY_REPAIRED:
        pool->repaired++;
        break;
    case ZRELAY_LOST:
        pool->lost++;
        break;
    case ZRELAY_CLOSED:
        pool->closed++;
        break;
    case ZRELAY_REFUSED:
        s_refused(pool, event);
        pool->on_event(index, event, pool->ctx);
        break;
    default:
        pool->on_event(index, event, pool->ctx);
    }
}

void bench_pool_drain(bench_pool_t *pool, size_t index) {
    zrelay_t *relay = pool->relays[index];
    const zrelay_event_t *event;
    int taken = 0;
    while (taken < DRAIN_MAX && (event = zrelay_next(relay, 0))) {
        s_event(pool, index, event);
        taken++;
    }
    int timeout = taken < DRAIN_MAX ? zrelay_timeout(relay) : 0;
    pool->wake_ms[index] = timeout < 0 ? UINT64_MAX : timeout == 0 ? 0 : zr_mono_ms() + (uint64_t)timeout;
}

void bench_pool_turn(bench_pool_t *pool, uint64_t ms) {
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; i < pool->opened; i++)
        if (pool->wake_ms[i] < next)
            next = pool->wake_ms[i];
    uint64_t now = next < UINT64_MAX ? zr_mono_ms() : 0;
    uint64_t left = next > now ? next - now : 0;
    struct epoll_event ready[READY];
    int count = epoll_wait(pool->epoll, ready, READY, (int)(left < ms ? left : ms));
    for (int i = 0; i < count; i++)
        bench_pool_drain(pool, (size_t)ready[i].data.u64);
    if (next == UINT64_MAX)
        return;
    now = zr_mono_ms();
    for (size_t i = 0; i < pool->opened; i++)
        if (pool->wake_ms[i] <= now)
            bench_pool_drain(pool, i);
}

/* --- The beginning and the end --- */

int bench_pool_hopeless(const bench_pool_t *pool, const char **why) {
    *why = pool->refused ? pool->refused : pool->failed;
    if (pool->refused)
        return CLI_REFUSED;
    /* One of many may come to nothing, as when the broker has no time for so many handshakes at once. */
    return pool->failed && pool->connected == 0 && zr_mono_ms() - pool->failed_ms >= CONN_HANDSHAKE_MS ? CLI_UNREACHABLE
                                                                                                       : 0;
}

int bench_pool_ready(bench_pool_t *pool, uint64_t joined) {
    const char *why;
    /* As long for each hundred sessions as for one. */
    uint64_t end = zr_mono_ms() + pool->target->config->connect_ms * (1 + pool->opened / 100);
    while (pool->connected < pool->opened || pool->joined < joined) {
        bench_pool_turn(pool, TURN_MS);
        int code = bench_pool_hopeless(pool, &why);
        if (code) {
            cli_say("%s", why);
            return code;
        }
        if (signals_stop())
            return CLI_UNREACHABLE;
        if (zr_mono_ms() < end)
            continue;
        if (pool->connected == 0)
            target_tell_unreachable(pool->target);
        else
            cli_say("of %zu sessions only %llu are connected, and %llu of %llu rooms joined", pool->opened,
                (unsigned long long)pool->connected, (unsigned long long)pool->joined, (unsigned long long)joined);
        return CLI_UNREACHABLE;
    }
    target_connected(pool->target);
    return 0;
}

void bench_pool_close(bench_pool_t *pool) {
    if (!pool->relays)
        return;
    size_t closing = 0;
    if (pool->connected > 0)
        for (size_t i = 0; i < pool->opened; i++) {
            closing += zrelay_close(pool->relays[i]) == 0;
            bench_pool_drain(pool, i);
        }
    for (uint64_t end = zr_mono_ms() + GOODBYE_MS; pool->closed < closing && zr_mono_ms() < end;)
        bench_pool_turn(pool, TURN_MS);
    for (size_t i = 0; i < pool->opened; i++)
        zrelay_destroy(pool->relays[i]);
    close(pool->epoll);
    free(pool->relays);
    free(pool->connected_each);
    free(pool->wake_ms);
    free(pool->refused);
    free(pool->failed);
    *pool = (bench_pool_t){0};
}
