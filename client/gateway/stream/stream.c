/* See stream.h. The sockets are edge-triggered: what epoll said is kept in `readable` and `writable`, and nothing is
 * asked of it again. */
#include "stream.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "address_counts.h"
#include "clock.h"
#include "fatal.h"
#include "outflow.h"

enum {
    PROBES = 3 /* of TCP's keepalive */
};

typedef enum {
    STREAM_OPEN,
    STREAM_CLOSING, /* what is queued is written; input is not taken any more */
    STREAM_SHUT,    /* all was written; the peer's end is waited for */
    STREAM_DEAD     /* to be freed at the end of the turn */
} stream_state_t;

struct stream {
    stream_pool_t *pool;
    int fd;
    tls_session_t *tls; /* NULL: the connection is plain */
    poll_source_t source;
    const stream_events_t *events;
    void *ctx;
    address_t address;
    uint16_t port;
    bool secure;
    stream_state_t state;
    bool readable;
    bool ended;            /* the peer sends nothing more */
    bool told_end;         /* and the owner knows */
    bool reading, writing; /* in these lists */
    bool closing;          /* in the list of those that close */
    uint64_t born;         /* when it came */
    uint64_t due;          /* the end of the linger */
    uint64_t acked;        /* bytes that the peer had acknowledged at the last look */
    unsigned stalls;       /* looks since it acknowledged some of what waits */
    zr_blob_t *rest;       /* input that the owner did not take; NULL: nothing */
    outflow_t out;
    stream_t *prev, *next; /* in `all` */
    stream_t *reading_prev, *reading_next, *writing_prev, *writing_next, *closing_prev, *closing_next, *dying_next;
};

struct stream_pool {
    const gateway_config_t *config;
    poller_t *poller;
    queue_budget_t *budget;
    uint64_t now;
    stream_t *all, *reading, *writing, *dying;
    stream_t *closing; /* the first `due` first, since all linger equally long */
    uint64_t look;     /* when the next look for dead peers is due */
    address_counts_t *addresses;
    stream_counts_t counts;
    uint8_t buffer[STREAM_INPUT];
};

/* --- Lists --- */

static void s_want_read(stream_t *s) {
    if (!s->reading)
        DL_APPEND2(s->pool->reading, s, reading_prev, reading_next);
    s->reading = true;
}

static void s_want_write(stream_t *s) {
    if (!s->writing)
        DL_APPEND2(s->pool->writing, s, writing_prev, writing_next);
    s->writing = true;
}

static void s_unread(stream_t *s) {
    if (s->reading)
        DL_DELETE2(s->pool->reading, s, reading_prev, reading_next);
    s->reading = false;
}

static void s_unwrite(stream_t *s) {
    if (s->writing)
        DL_DELETE2(s->pool->writing, s, writing_prev, writing_next);
    s->writing = false;
}

static void s_die(stream_t *s) {
    if (s->state == STREAM_DEAD)
        return;
    s->state = STREAM_DEAD;
    LL_PREPEND2(s->pool->dying, s, dying_next);
}

/* --- Reading --- */

static bool s_may_read(const stream_t *s, bool hold) {
    if (s->state == STREAM_DEAD)
        return false;
    return s->state != STREAM_OPEN || (!hold && !s->events->paused(s->ctx));
}

static void s_forget_rest(stream_t *s) {
    zr_blob_unref(s->rest);
    s->rest = NULL;
}

/* Puts what the owner left at the beginning of the pool's buffer; returns its length. */
static size_t s_take_rest(stream_t *s) {
    size_t len = s->rest ? zr_blob_len(s->rest) : 0;
    if (len)
        memcpy(s->pool->buffer, zr_blob_data(s->rest), len);
    s_forget_rest(s);
    return len;
}

/* What waited for the end of the handshake can be written now. */
static ssize_t s_receive_tls(stream_t *s, void *out, size_t len) {
    bool was_ready = tls_session_is_ready(s->tls);
    ssize_t got = tls_session_receive(s->tls, out, len);
    if (!was_ready && tls_session_is_ready(s->tls)) {
        s->out.writable = true;
        s_want_write(s);
    }
    return got;
}

/* Returns how many bytes came behind the `len` that are in the buffer. */
static size_t s_receive(stream_t *s, size_t len) {
    size_t room = sizeof s->pool->buffer - len;
    if (!s->readable || room == 0)
        return 0;
    ssize_t got =
        s->tls ? s_receive_tls(s, s->pool->buffer + len, room) : recv(s->fd, s->pool->buffer + len, room, MSG_DONTWAIT);
    if (got > 0) {
        s->pool->counts.bytes_in += (uint64_t)got;
        return (size_t)got;
    }
    if (got == 0) {
        s->ended = true;
        s->readable = false;
    } else if (errno == EAGAIN)
        s->readable = false;
    else if (errno != EINTR)
        s_die(s);
    return 0;
}

/* Input that comes after the owner closed is thrown away, so that the peer gets no reset before it has read all. */
static void s_offer(stream_t *s, size_t len) {
    if (s->state != STREAM_OPEN || len == 0)
        return;
    size_t taken = s->events->bytes(s->ctx, zr_span_of(s->pool->buffer, len));
    FATAL_UNLESS(taken <= len);
    if (taken < len && s->state == STREAM_OPEN)
        s->rest = zr_blob_copy(s->pool->buffer + taken, len - taken);
}

static void s_tell_end(stream_t *s) {
    if (!s->ended || s->rest || s->told_end || s->state != STREAM_OPEN)
        return;
    s->told_end = true;
    s->events->end(s->ctx);
}

static void s_read(stream_t *s) {
    size_t len = s_take_rest(s);
    s_offer(s, len + s_receive(s, len));
    s_tell_end(s);
    if (s->ended && s->state == STREAM_SHUT)
        s_die(s); /* both halves have ended */
    if (!s->readable && !s->rest)
        s_unread(s);
}

/* --- Writing --- */

bool stream_ready(stream_t *s) {
    return outflow_is_ready(&s->out);
}

static ssize_t s_send(void *ctx, const struct iovec *pieces, size_t count) {
    stream_t *s = ctx;
    return s->tls ? tls_session_send(s->tls, pieces, count) : outflow_send(s->fd, pieces, count);
}

static void s_shut(stream_t *s) {
    s->state = STREAM_SHUT;
    if (s->tls)
        tls_session_end(s->tls);
    shutdown(s->fd, SHUT_WR);
    if (s->ended)
        s_die(s);
}

static void s_write(stream_t *s) {
    if (!outflow_write(&s->out, s_send, s))
        s_die(s);
    if (s->state == STREAM_DEAD)
        return;
    if (s->state == STREAM_OPEN && outflow_is_drained(&s->out))
        s->events->drained(s->ctx);
    if (s->out.queue.count == 0 && s->state == STREAM_CLOSING)
        s_shut(s);
    if (s->out.queue.count == 0 || !s->out.writable)
        s_unwrite(s);
}

/* Others need the room. */
static void s_evict(void *ctx) {
    stream_t *s = ctx;
    outflow_clear(&s->out);
    s->pool->counts.out.too_slow++;
    s_die(s);
}

bool stream_send(stream_t *s, zr_blob_t *bytes, bool live) {
    if (s->state != STREAM_OPEN)
        return false;
    outflow_verdict_t verdict = outflow_admit(&s->out, zr_blob_len(bytes), live);
    if (verdict == OUTFLOW_TOO_SLOW)
        s_die(s); /* a peer that leaves so much unread has no use for the rest */
    if (verdict != OUTFLOW_OK || s->state != STREAM_OPEN)
        return false;
    outflow_push(&s->out, bytes);
    s_want_write(s);
    return true;
}

void stream_put(stream_t *s, zr_span_t text) {
    zr_blob_t *blob = zr_blob_copy(text.ptr, text.len);
    stream_send(s, blob, false);
    zr_blob_unref(blob);
}

void stream_close(stream_t *s) {
    if (s->state != STREAM_OPEN)
        return;
    s->state = STREAM_CLOSING;
    s->closing = true;
    s->due = s->pool->now + STREAM_LINGER_MS;
    DL_APPEND2(s->pool->closing, s, closing_prev, closing_next);
    s_forget_rest(s);
    s_want_write(s);
    s_want_read(s);
}

/* --- Connections come and go --- */

const address_t *stream_address(const stream_t *s) {
    return &s->address;
}

unsigned stream_port(const stream_t *s) {
    return s->port;
}

bool stream_is_secure(const stream_t *s) {
    return s->secure;
}

static void s_ready(void *ctx, uint32_t events) {
    stream_t *s = ctx;
    if (events & EPOLLOUT) {
        s->out.writable = true;
        if (s->out.queue.count > 0 || s->state == STREAM_CLOSING)
            s_want_write(s);
    }
    bool handshakes = s->tls && !tls_session_is_ready(s->tls); /* it may have to write */
    if (handshakes || events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        s->readable = true;
        s_want_read(s);
    }
}

/* Finds a dead peer while nothing is under way to it. Sockets that are not TCP, as in tests, refuse this. */
static void s_keep_alive(const stream_pool_t *pool, int fd) {
    int on = 1, ping = (int)((pool->config->ping_ms + 999) / 1000), probes = PROBES;
    int probe = ping / PROBES > 0 ? ping / PROBES : 1;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &ping, sizeof ping);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &probe, sizeof probe);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

/* Peers on this machine share one address: only the limit of all holds for them. */
static bool s_count(stream_pool_t *pool, const address_t *address) {
    uint64_t most = address_is_loopback(address) ? UINT64_MAX : pool->config->max_address_connections;
    return pool->counts.open < pool->config->max_connections && address_counts_add(pool->addresses, address, most);
}

static void s_refuse(stream_pool_t *pool, int fd, const char *text) {
    pool->counts.refused++;
    if (text)
        (void)!send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
    close(fd);
}

stream_t *stream_new(
    stream_pool_t *pool, const stream_from_t *from, const char *text, const stream_events_t *events, void *ctx) {
    if (!s_count(pool, &from->address)) {
        s_refuse(pool, from->fd, text);
        return NULL;
    }
    stream_t *s = fatal_calloc(sizeof *s);
    *s = (stream_t){.pool = pool,
        .fd = from->fd,
        .events = events,
        .ctx = ctx,
        .address = from->address,
        .port = (uint16_t)from->port,
        .secure = from->secure,
        .tls = from->tls ? tls_session_new(from->tls, from->fd) : NULL,
        .born = pool->now};
    outflow_begin(&s->out, pool->config, pool->budget, &pool->counts.out, s_evict, s);
    s->source = (poll_source_t){s_ready, s};
    DL_APPEND(pool->all, s);
    pool->counts.open++;
    pool->counts.opened++;
    s_keep_alive(pool, s->fd);
    if (!poller_add(pool->poller, s->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, &s->source))
        s_die(s);
    return s;
}

static void s_free(stream_t *s) {
    stream_pool_t *pool = s->pool;
    s->events->gone(s->ctx);
    s_unread(s);
    s_unwrite(s);
    if (s->closing)
        DL_DELETE2(pool->closing, s, closing_prev, closing_next);
    DL_DELETE(pool->all, s);
    poller_remove(pool->poller, s->fd, &s->source);
    address_counts_remove(pool->addresses, &s->address);
    pool->counts.open--;
    outflow_clear(&s->out);
    s_forget_rest(s);
    tls_session_destroy(s->tls);
    close(s->fd);
    free(s);
}

/* --- The turn --- */

static void s_end_late(stream_pool_t *pool) {
    stream_t *s;
    DL_FOREACH2(pool->closing, s, closing_next) {
        if (s->due > pool->now)
            break;
        s_die(s);
    }
}

/* Keepalive is silent while bytes are under way, and the kernel sends those again for a quarter of an hour. */
static void s_look(stream_t *s) {
    int under_way = 0;
    ioctl(s->fd, SIOCOUTQ, &under_way);
    uint64_t acked = s->out.written - (uint64_t)under_way;
    bool waits = under_way > 0 || s->out.queue.count > 0;
    s->stalls = waits && acked == s->acked ? s->stalls + 1 : 0;
    s->acked = acked;
    bool handshakes = s->tls && !tls_session_is_ready(s->tls);
    bool too_long = handshakes && s->pool->now - s->born > s->pool->config->request_timeout_ms;
    if (s->stalls < STREAM_STALLS && !too_long)
        return;
    s->pool->counts.dead++;
    s_die(s);
}

static void s_look_around(stream_pool_t *pool) {
    stream_t *s;
    if (pool->now < pool->look)
        return;
    pool->look = pool->now + pool->config->ping_ms;
    DL_FOREACH(pool->all, s)
    s_look(s);
}

void stream_pool_turn(stream_pool_t *pool, bool hold, uint64_t now) {
    stream_t *s, *next;
    pool->now = now;
    for (s = pool->reading; s; s = next) {
        next = s->reading_next;
        if (s_may_read(s, hold))
            s_read(s);
    }
    s_end_late(pool);
    s_look_around(pool);
    for (s = pool->writing; s; s = next) {
        next = s->writing_next;
        s_write(s);
    }
    while ((s = pool->dying)) {
        LL_DELETE2(pool->dying, s, dying_next);
        s_free(s);
    }
}

int stream_pool_timeout(const stream_pool_t *pool, bool hold, uint64_t now) {
    const stream_t *s;
    if (pool->dying)
        return 0;
    for (s = pool->writing; s; s = s->writing_next)
        if (s->out.writable)
            return 0;
    for (s = pool->reading; s; s = s->reading_next)
        if (s_may_read(s, hold))
            return 0;
    if (!pool->all)
        return -1;
    uint64_t due = pool->closing && pool->closing->due < pool->look ? pool->closing->due : pool->look;
    if (pool->reading && now + STREAM_PAUSE_MS < due)
        return STREAM_PAUSE_MS;
    return due <= now ? 0 : (int)(due - now);
}

void stream_pool_close(stream_pool_t *pool, uint64_t wait_ms) {
    stream_t *s;
    uint64_t until = zr_mono_ms() + wait_ms;
    DL_FOREACH(pool->all, s) {
        if (s->state == STREAM_OPEN)
            s->events->stopping(s->ctx);
        stream_close(s);
    }
    while (pool->all && zr_mono_ms() < until) {
        stream_pool_turn(pool, false, zr_mono_ms());
        poller_wait(pool->poller, 10);
    }
}

const stream_counts_t *stream_counts(const stream_pool_t *pool) {
    return &pool->counts;
}

stream_pool_t *stream_pool_new(const gateway_config_t *config, poller_t *poller, queue_budget_t *budget) {
    stream_pool_t *pool = fatal_calloc(sizeof *pool);
    pool->config = config;
    pool->poller = poller;
    pool->budget = budget;
    pool->now = zr_mono_ms();
    pool->addresses = address_counts_new();
    return pool;
}

void stream_pool_destroy(stream_pool_t *pool) {
    if (!pool)
        return;
    while (pool->all)
        s_free(pool->all);
    address_counts_destroy(pool->addresses);
    free(pool);
}
