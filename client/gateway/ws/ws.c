/* See ws.h. The sockets are edge-triggered: what epoll said is kept in `readable` and `writable`, and nothing is asked
 * of it again. */
#include "ws.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "clock.h"
#include "fatal.h"
#include "ws_state.h"

enum {
    REPLIES_MAX = 65536, /* bytes of pongs that wait; beyond it the peer is not read */
    LINGER_MS = 3000     /* for the peer's end after ours */
};

/* --- Lists --- */

static void s_want_read(ws_t *ws) {
    if (!ws->reading)
        DL_APPEND2(ws->pool->reading, ws, reading_prev, reading_next);
    ws->reading = true;
}

void ws_want_write(ws_t *ws) {
    if (!ws->writing)
        DL_APPEND2(ws->pool->writing, ws, writing_prev, writing_next);
    ws->writing = true;
}

static void s_unread(ws_t *ws) {
    if (ws->reading)
        DL_DELETE2(ws->pool->reading, ws, reading_prev, reading_next);
    ws->reading = false;
}

static void s_unwrite(ws_t *ws) {
    if (ws->writing)
        DL_DELETE2(ws->pool->writing, ws, writing_prev, writing_next);
    ws->writing = false;
}

static void s_die(ws_t *ws) {
    if (ws->dying)
        return;
    ws->was_open = ws->state == WS_OPEN;
    ws->state = WS_DEAD;
    ws->dying = true;
    LL_PREPEND2(ws->pool->dying, ws, dying_next);
}

static ws_t **s_list(ws_t *ws) {
    return ws->state == WS_OPEN || ws->was_open ? &ws->pool->open : &ws->pool->closing;
}

static void s_set_due(ws_t *ws, uint64_t wait) {
    ws_t **list = s_list(ws);
    ws->due = ws->pool->now + wait;
    DL_APPEND(*list, ws);
}

/* A dead one stays in its list until it is freed. */
void ws_begin_closing(ws_t *ws) {
    DL_DELETE(ws->pool->open, ws);
    ws->state = WS_CLOSING;
    s_set_due(ws, LINGER_MS);
    ws_want_write(ws);
    s_want_read(ws);
}

/* --- Reading --- */

static bool s_may_read(const ws_t *ws, bool hold) {
    if (ws->state != WS_OPEN)
        return ws->state != WS_DEAD;
    return !hold && ws->replies < REPLIES_MAX && !ws->events->paused(ws->ctx);
}

static void s_read(ws_t *ws) {
    ws_pool_t *pool = ws->pool;
    ssize_t len = recv(ws->fd, pool->buffer, sizeof pool->buffer, MSG_DONTWAIT);
    if (len > 0) {
        ws->readable = ws->ended || len == (ssize_t)sizeof pool->buffer;
        ws_input_take(ws, zr_span_of(pool->buffer, (size_t)len));
    } else if (len < 0 && (errno == EAGAIN || errno == EINTR))
        ws->readable = errno == EINTR;
    else
        s_die(ws);
}

static void s_read_some(ws_t *ws) {
    if (ws->extra) {
        zr_blob_t *extra = ws->extra;
        ws->extra = NULL;
        ws_input_take(ws, zr_span_of(zr_blob_data(extra), zr_blob_len(extra)));
        zr_blob_unref(extra);
    } else
        s_read(ws);
    if (!ws->readable && !ws->extra)
        s_unread(ws);
}

/* --- Writing --- */

static void s_shut(ws_t *ws) {
    ws->state = WS_SHUT;
    shutdown(ws->fd, SHUT_WR);
}

bool ws_ready(ws_t *ws) {
    return outflow_is_ready(&ws->out);
}

static ssize_t s_send(void *ctx, const struct iovec *pieces, size_t count) {
    return outflow_send(((ws_t *)ctx)->fd, pieces, count);
}

static void s_write(ws_t *ws) {
    if (!outflow_write(&ws->out, s_send, ws))
        s_die(ws);
    if (ws->state == WS_DEAD)
        return;
    if (ws->replies > ws->out.queue.bytes)
        ws->replies = ws->out.queue.bytes;
    if (ws->out.queue.count == 0 && ws->state == WS_CLOSING)
        s_shut(ws);
    if (ws->state == WS_OPEN && outflow_is_drained(&ws->out))
        ws->events->drained(ws->ctx);
    if (ws->out.queue.count == 0 || !ws->out.writable)
        s_unwrite(ws);
}

/* Others need the room. A frame that was begun cannot be ended with a code. */
static void s_evict(void *ctx) {
    ws_t *ws = ctx;
    ws->pool->counts.out.too_slow += ws->state == WS_OPEN;
    outflow_clear(&ws->out);
    s_die(ws);
}

bool ws_send(ws_t *ws, zr_blob_t *frames, bool live) {
    if (ws->state != WS_OPEN)
        return false;
    outflow_verdict_t verdict = outflow_admit(&ws->out, zr_blob_len(frames), live);
    if (verdict == OUTFLOW_TOO_SLOW) {
        outflow_cut(&ws->out);
        ws_close(ws, WS_LATER, zr_span("too slow: more answers wait than limits/answer-queue"));
    }
    if (verdict != OUTFLOW_OK || ws->state != WS_OPEN)
        return false;
    outflow_push(&ws->out, frames);
    ws_want_write(ws);
    return true;
}

void ws_close(ws_t *ws, ws_code_t code, zr_span_t reason) {
    uint8_t payload[2 + WS_REASON_MAX] = {(uint8_t)(code >> 8), (uint8_t)code};
    size_t len = reason.len < WS_REASON_MAX ? reason.len : 0; /* a reason that was cut may end within a character */
    if (ws->state != WS_OPEN)
        return;
    if (len)
        memcpy(payload + 2, reason.ptr, len);
    zr_blob_t *frame = ws_blob(WS_CLOSE, zr_span_of(payload, 2 + len));
    outflow_push(&ws->out, frame);
    zr_blob_unref(frame);
    ws_begin_closing(ws);
}

/* --- Sockets come and go --- */

static void s_ready(void *ctx, uint32_t events) {
    ws_t *ws = ctx;
    if (events & EPOLLOUT) {
        ws->out.writable = true;
        if (ws->out.queue.count > 0 || ws->state == WS_CLOSING)
            ws_want_write(ws);
    }
    ws->ended |= (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        ws->readable = true;
        s_want_read(ws);
    }
}

ws_t *ws_new(ws_pool_t *pool, int fd, web_pipe_t *pipe, zr_span_t extra, const ws_events_t *events, void *ctx) {
    ws_t *ws = fatal_calloc(sizeof *ws);
    *ws = (ws_t){.pool = pool, .fd = fd, .pipe = pipe, .events = events, .ctx = ctx, .heard = true};
    ws_input_begin(ws);
    outflow_begin(&ws->out, pool->config, pool->budget, &pool->counts.out, s_evict, ws);
    ws->source = (poll_source_t){s_ready, ws};
    s_set_due(ws, pool->config->ping_ms);
    pool->counts.open++;
    pool->counts.opened++;
    if (extra.len) {
        ws->extra = zr_blob_copy(extra.ptr, extra.len);
        s_want_read(ws);
    }
    if (!poller_add(pool->poller, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, &ws->source))
        s_die(ws);
    return ws;
}

static void s_free(ws_t *ws) {
    ws_pool_t *pool = ws->pool;
    ws_t **list = s_list(ws);
    ws->events->gone(ws->ctx);
    s_unread(ws);
    s_unwrite(ws);
    DL_DELETE(*list, ws);
    poller_remove(pool->poller, ws->fd, &ws->source);
    pool->counts.open--;
    outflow_clear(&ws->out);
    zr_blob_unref(ws->extra);
    ws_input_forget(ws);
    if (ws->pipe)
        web_pipe_close(ws->pipe);
    else
        close(ws->fd);
    free(ws);
}

/* --- The turn --- */

static void s_ping(ws_t *ws) {
    static const uint8_t ping[] = {0x80 | WS_PING, 0};
    bool unread = ws->pool->hold || ws->events->paused(ws->ctx); /* its answer may be there */
    if (!ws->heard && !unread) {
        ws->pool->counts.dead++;
        s_die(ws);
        return;
    }
    ws->heard = false;
    DL_DELETE(ws->pool->open, ws);
    s_set_due(ws, ws->pool->config->ping_ms);
    zr_blob_t *frame = zr_blob_copy(ping, sizeof ping);
    ws_send(ws, frame, false);
    zr_blob_unref(frame);
}

static void s_keep_time(ws_pool_t *pool) {
    ws_t *ws, *next;
    DL_FOREACH_SAFE(pool->open, ws, next) {
        if (ws->due > pool->now)
            break;
        if (ws->state == WS_OPEN)
            s_ping(ws);
    }
    DL_FOREACH_SAFE(pool->closing, ws, next) {
        if (ws->due > pool->now)
            break;
        s_die(ws);
    }
}

void ws_pool_turn(ws_pool_t *pool, bool hold, uint64_t now) {
    ws_t *ws, *next;
    pool->now = now;
    pool->hold = hold;
    for (ws = pool->reading; ws; ws = next) {
        next = ws->reading_next;
        if (s_may_read(ws, hold))
            s_read_some(ws);
    }
    s_keep_time(pool);
    for (ws = pool->writing; ws; ws = next) {
        next = ws->writing_next;
        s_write(ws);
    }
    while ((ws = pool->dying)) {
        LL_DELETE2(pool->dying, ws, dying_next);
        s_free(ws);
    }
}

int ws_pool_timeout(const ws_pool_t *pool, bool hold, uint64_t now) {
    const ws_t *ws;
    for (ws = pool->writing; ws; ws = ws->writing_next)
        if (ws->out.writable)
            return 0;
    for (ws = pool->reading; ws; ws = ws->reading_next)
        if (s_may_read(ws, hold))
            return 0;
    if (pool->dying)
        return 0;
    uint64_t open = pool->open ? pool->open->due : UINT64_MAX,
             closing = pool->closing ? pool->closing->due : UINT64_MAX;
    uint64_t due = open < closing ? open : closing;
    if (due == UINT64_MAX)
        return -1;
    return due <= now ? 0 : due - now > 60000 ? 60000 : (int)(due - now);
}

void ws_pool_close(ws_pool_t *pool, uint64_t wait_ms) {
    ws_t *ws, *next;
    uint64_t until = zr_mono_ms() + wait_ms;
    DL_FOREACH_SAFE(pool->open, ws, next)
    ws_close(ws, WS_AWAY, zr_span("the gateway stops"));
    while ((pool->open || pool->closing) && zr_mono_ms() < until) {
        ws_pool_turn(pool, false, zr_mono_ms());
        poller_wait(pool->poller, 10);
    }
}

const ws_counts_t *ws_counts(const ws_pool_t *pool) {
    return &pool->counts;
}

ws_pool_t *ws_pool_new(const gateway_config_t *config, poller_t *poller, queue_budget_t *budget) {
    ws_pool_t *pool = fatal_calloc(sizeof *pool);
    pool->config = config;
    pool->poller = poller;
    pool->budget = budget;
    pool->now = zr_mono_ms();
    return pool;
}

void ws_pool_destroy(ws_pool_t *pool) {
    if (!pool)
        return;
    while (pool->open)
        s_free(pool->open);
    while (pool->closing)
        s_free(pool->closing);
    ws_input_finish(pool);
    free(pool);
}
