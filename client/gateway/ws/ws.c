/* See ws.h. The sockets are edge-triggered: what epoll said is kept in `readable` and `writable`, and nothing is asked
 * of it again. wslay's state is large, so a socket has one only while a message of it is incomplete. */
#include "ws.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>
#include <wslay/wslay.h>

#include "clock.h"
#include "fatal.h"
#include "names.h"
#include "blob_queue.h"

enum {
    READ_SIZE = 65536,
    REPLIES_MAX = 65536, /* bytes of pongs that wait; beyond it the peer is not read */
    PIECES = 64,         /* of one system call */
    WRITES = 16,         /* system calls for one socket in a turn */
    FRAGMENT_COST = 64,  /* bytes that wslay takes for a fragment beside its own, about */
    SPARE_MAX = 64,      /* states of wslay that are kept for the next message */
    LINGER_MS = 3000     /* for the peer's end after ours */
};

typedef enum {
    WS_OPEN,
    WS_CLOSING, /* a close frame is queued or sent; messages are not taken any more */
    WS_SHUT,    /* all was sent; the peer's end is waited for */
    WS_DEAD     /* to be freed at the end of the turn */
} ws_state_t;

struct ws {
    ws_pool_t *pool;
    int fd;
    web_pipe_t *pipe;
    poll_source_t source;
    const ws_events_t *events;
    void *ctx;
    ws_state_t state;
    bool readable, writable, ended; /* ended: the peer sends nothing more */
    bool reading, writing, dying;   /* in these lists */
    bool was_open;                  /* when it died: the list that it is in */
    bool wants_room;                /* `drained` is to be called */
    bool heard;                     /* something came since the last ping */
    bool in_message;                /* of several frames */
    ws_code_t fault;                /* of a frame that wslay takes, and RFC 6455 does not; 0: none */
    uint64_t due;                   /* the next ping, or the end of the linger */
    size_t replies;                 /* bytes of the queue that answer pings, about */
    blob_queue_t queue;
    wslay_event_context_ptr wslay; /* NULL: no frame is incomplete */
    uint64_t handed, consumed;     /* bytes given to wslay, and those of whole frames */
    uint64_t ended_at;             /* `consumed` at the end of the last message */
    unsigned fragments;            /* of the message that is not whole */
    queue_holder_t partial;        /* that message */
    size_t partial_bytes;
    zr_blob_t *extra;  /* came before; NULL: none */
    ws_t *prev, *next; /* in `open` or `closing` */
    ws_t *reading_prev, *reading_next, *writing_prev, *writing_next, *dying_next;
};

struct ws_pool {
    const gateway_config_t *config;
    poller_t *poller;
    queue_budget_t *budget;
    uint64_t now;
    bool hold;            /* no socket is read now */
    ws_t *open, *closing; /* by `due`: within each, all wait equally long */
    ws_t *reading, *writing, *dying;
    wslay_event_context_ptr spare[SPARE_MAX];
    size_t spare_count;
    ws_t *current; /* that wslay works for */
    zr_span_t input;
    zr_buffer_t replies;
    ws_counts_t counts;
    uint8_t buffer[READ_SIZE];
};

/* --- Lists --- */

static void s_want_read(ws_t *ws) {
    if (!ws->reading)
        DL_APPEND2(ws->pool->reading, ws, reading_prev, reading_next);
    ws->reading = true;
}

static void s_want_write(ws_t *ws) {
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
static void s_begin_closing(ws_t *ws) {
    DL_DELETE(ws->pool->open, ws);
    ws->state = WS_CLOSING;
    s_set_due(ws, LINGER_MS);
    s_want_write(ws);
    s_want_read(ws);
}

/* --- wslay --- */

static ssize_t s_wslay_recv(wslay_event_context_ptr wslay, uint8_t *to, size_t max, int flags, void *ctx) {
    ws_pool_t *pool = ctx;
    size_t len = pool->input.len < max ? pool->input.len : max;
    (void)flags;
    if (len == 0) {
        wslay_event_set_error(wslay, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    memcpy(to, pool->input.ptr, len);
    pool->input = zr_span_of(pool->input.ptr + len, pool->input.len - len);
    pool->current->handed += len;
    return (ssize_t)len;
}

static ssize_t s_wslay_send(wslay_event_context_ptr wslay, const uint8_t *data, size_t len, int flags, void *ctx) {
    ws_pool_t *pool = ctx;
    (void)wslay;
    (void)flags;
    zr_buffer_append(&pool->replies, data, len);
    return (ssize_t)len;
}

static void s_wslay_start(
    wslay_event_context_ptr wslay, const struct wslay_event_on_frame_recv_start_arg *frame, void *ctx) {
    ws_t *ws = ((ws_pool_t *)ctx)->current;
    uint64_t len = frame->payload_length;
    (void)wslay;
    ws->consumed += 2 + 4 + (len > UINT16_MAX ? 8 : len > 125 ? 2 : 0) + len; /* the mask has 4 bytes */
    if (frame->opcode == WSLAY_CONNECTION_CLOSE && len == 1)
        ws->fault = WS_PROTOCOL; /* half a code: wslay lets it pass */
    if (wslay_is_ctrl_frame(frame->opcode))
        return;
    ws->in_message = !frame->fin;
    if (++ws->fragments > WS_FRAGMENTS_MAX)
        ws->fault = WS_TOO_BIG;
}

static void s_wslay_message(
    wslay_event_context_ptr wslay, const struct wslay_event_on_msg_recv_arg *message, void *ctx) {
    ws_pool_t *pool = ctx;
    ws_t *ws = pool->current;
    (void)wslay;
    if (message->opcode == WSLAY_CONNECTION_CLOSE && message->msg_length > 2 &&
        !zr_utf8_valid(zr_span_of(message->msg + 2, message->msg_length - 2)))
        ws->fault = WS_NOT_UTF8; /* wslay misses some, and would send them back */
    if (wslay_is_ctrl_frame(message->opcode) || ws->state != WS_OPEN || ws->fault)
        return;
    ws->ended_at = ws->consumed;
    ws->fragments = 0;
    pool->counts.messages_in++;
    ws->events->message(ws->ctx, message->opcode == WSLAY_TEXT_FRAME, zr_span_of(message->msg, message->msg_length));
}

static wslay_event_context_ptr s_wslay_new(ws_pool_t *pool) {
    static const struct wslay_event_callbacks callbacks = {.recv_callback = s_wslay_recv,
        .send_callback = s_wslay_send,
        .on_frame_recv_start_callback = s_wslay_start,
        .on_msg_recv_callback = s_wslay_message};
    wslay_event_context_ptr wslay = NULL;
    if (pool->spare_count > 0)
        return pool->spare[--pool->spare_count];
    FATAL_UNLESS(wslay_event_context_server_init(&wslay, &callbacks, pool) == 0);
    wslay_event_config_set_max_recv_msg_length(wslay, pool->config->max_message);
    return wslay;
}

static void s_wslay_free(ws_pool_t *pool, wslay_event_context_ptr wslay) {
    if (wslay && pool->spare_count < SPARE_MAX)
        pool->spare[pool->spare_count++] = wslay;
    else if (wslay)
        wslay_event_context_free(wslay);
}

/* Pongs and the answer to a close, which wslay makes. */
static void s_take_replies(ws_t *ws) {
    ws_pool_t *pool = ws->pool;
    while (wslay_event_want_write(ws->wslay) && wslay_event_send(ws->wslay) == 0)
        ;
    if (pool->replies.len == 0)
        return;
    zr_blob_t *frames = zr_blob_copy(pool->replies.data, pool->replies.len);
    blob_queue_push(&ws->queue, frames);
    pool->counts.queued += pool->replies.len;
    ws->replies += pool->replies.len;
    zr_blob_unref(frames);
    zr_buffer_clear(&pool->replies);
    s_want_write(ws);
}

/* Between two messages wslay's state says nothing, and another socket may have it. */
static void s_lend_on(ws_t *ws) {
    bool between = ws->handed == ws->consumed && !ws->in_message && wslay_event_get_read_enabled(ws->wslay) &&
                   !wslay_event_want_write(ws->wslay);
    if (!between)
        return;
    s_wslay_free(ws->pool, ws->wslay);
    ws->wslay = NULL;
    ws->handed = ws->consumed = ws->ended_at = 0;
}

/* What wslay holds of the message that is not whole. */
static void s_set_partial(ws_t *ws, size_t bytes) {
    queue_holder_release(&ws->partial, ws->partial_bytes);
    queue_holder_hold(&ws->partial, bytes);
    ws->partial_bytes = bytes;
    (bytes > 0 ? queue_holder_begin : queue_holder_end)(&ws->partial);
}

static void s_forget_partial(ws_t *ws) {
    s_set_partial(ws, 0);
    if (ws->wslay)
        wslay_event_context_free(ws->wslay); /* within a message it is of no use to others */
    ws->wslay = NULL;
}

/* Others need the room. wslay may be at work for this very socket: then s_take_input forgets the message. */
static void s_evict_partial(void *ctx) {
    ws_t *ws = ctx;
    ws_close(ws, WS_LATER, zr_span("too much waits for all: send this message again"));
    if (ws->pool->current == ws)
        s_set_partial(ws, 0);
    else
        s_forget_partial(ws);
}

static void s_give_to_wslay(ws_t *ws, zr_span_t input) {
    ws_pool_t *pool = ws->pool;
    if (!ws->wslay)
        ws->wslay = s_wslay_new(pool);
    pool->current = ws;
    pool->input = input;
    int code = wslay_event_recv(ws->wslay);
    pool->current = NULL;
    if (ws->state != WS_OPEN)
        return; /* a message ended it */
    if (code != 0 || ws->fault) {
        bool fragments = ws->fault == WS_TOO_BIG; /* wslay's own close has no code for a frame that it cannot read */
        ws_close(ws, ws->fault ? ws->fault : WS_PROTOCOL,
            zr_span(fragments ? "a message in too many fragments" : "not a frame of RFC 6455"));
        return;
    }
    s_take_replies(ws);
    if (!wslay_event_get_read_enabled(ws->wslay))
        s_begin_closing(ws); /* the peer's close or fault: wslay's answer is queued */
    else
        s_lend_on(ws);
}

static void s_take_input(ws_t *ws, zr_span_t input) {
    ws->pool->counts.bytes_in += input.len;
    ws->heard = true;
    if (ws->state == WS_OPEN && !queue_budget_make_room(ws->pool->budget, input.len))
        s_evict_partial(ws);
    if (ws->state != WS_OPEN)
        return; /* it is read to its end only */
    s_give_to_wslay(ws, input);
    if (ws->state != WS_OPEN)
        s_forget_partial(ws);
    else
        s_set_partial(ws, ws->wslay ? ws->handed - ws->ended_at + ws->fragments * FRAGMENT_COST : 0);
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
        s_take_input(ws, zr_span_of(pool->buffer, (size_t)len));
    } else if (len < 0 && (errno == EAGAIN || errno == EINTR))
        ws->readable = errno == EINTR;
    else
        s_die(ws);
}

static void s_read_some(ws_t *ws) {
    if (ws->extra) {
        zr_blob_t *extra = ws->extra;
        ws->extra = NULL;
        s_take_input(ws, zr_span_of(zr_blob_data(extra), zr_blob_len(extra)));
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

static bool s_has_room(const ws_t *ws) {
    return ws->queue.bytes <= ws->pool->config->reader_queue / 2;
}

bool ws_ready(ws_t *ws) {
    ws->wants_room |= !s_has_room(ws);
    return s_has_room(ws);
}

static void s_tell_drained(ws_t *ws) {
    if (!ws->wants_room || ws->state != WS_OPEN || !s_has_room(ws))
        return;
    ws->wants_room = false;
    ws->events->drained(ws->ctx);
}

/* False: the socket takes no more now, or is gone. */
static bool s_write_once(ws_t *ws) {
    struct iovec pieces[PIECES];
    struct msghdr message = {.msg_iov = pieces};
    message.msg_iovlen = (size_t)blob_queue_peek(&ws->queue, pieces, PIECES);
    ssize_t len = sendmsg(ws->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
        ws->writable = errno == EINTR;
        return false;
    }
    if (len < 0) {
        s_die(ws);
        return false;
    }
    blob_queue_drop(&ws->queue, (size_t)len);
    ws->pool->counts.bytes_out += (uint64_t)len;
    ws->pool->counts.queued -= (uint64_t)len;
    return true;
}

static void s_write(ws_t *ws) {
    for (int i = 0; i < WRITES && ws->writable && ws->queue.count > 0 && s_write_once(ws); i++)
        ;
    if (ws->state == WS_DEAD)
        return;
    if (ws->replies > ws->queue.bytes)
        ws->replies = ws->queue.bytes;
    if (ws->queue.count == 0 && ws->state == WS_CLOSING)
        s_shut(ws);
    s_tell_drained(ws);
    if (ws->queue.count == 0 || !ws->writable)
        s_unwrite(ws);
}

/* Others need the room. A frame that was begun cannot be ended with a code. */
static void s_evict(void *ctx) {
    ws_t *ws = ctx;
    ws->pool->counts.too_slow += ws->state == WS_OPEN;
    ws->pool->counts.queued -= ws->queue.bytes;
    blob_queue_finish(&ws->queue);
    s_die(ws);
}

bool ws_send(ws_t *ws, zr_blob_t *frames, bool live) {
    ws_pool_t *pool = ws->pool;
    size_t after = ws->queue.bytes + zr_blob_len(frames);
    if (ws->state != WS_OPEN)
        return false;
    if (live && after > pool->config->reader_queue && ws->queue.count > 0) {
        ws->wants_room = true;
        pool->counts.frames_dropped++;
        return false;
    }
    if (after > pool->config->answer_queue && ws->queue.count > 0) {
        pool->counts.too_slow++;
        pool->counts.queued -= ws->queue.bytes;
        blob_queue_cut(&ws->queue);
        pool->counts.queued += ws->queue.bytes;
        ws_close(ws, WS_LATER, zr_span("too slow: more answers wait than limits/answer-queue"));
        return false;
    }
    if (!queue_budget_make_room(pool->budget, zr_blob_len(frames)) || ws->state != WS_OPEN)
        return false;
    blob_queue_push(&ws->queue, frames);
    pool->counts.queued += zr_blob_len(frames);
    s_want_write(ws);
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
    blob_queue_push(&ws->queue, frame);
    ws->pool->counts.queued += zr_blob_len(frame);
    zr_blob_unref(frame);
    s_begin_closing(ws);
}

/* --- Sockets come and go --- */

static void s_ready(void *ctx, uint32_t events) {
    ws_t *ws = ctx;
    if (events & EPOLLOUT) {
        ws->writable = true;
        if (ws->queue.count > 0 || ws->state == WS_CLOSING)
            s_want_write(ws);
    }
    ws->ended |= (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        ws->readable = true;
        s_want_read(ws);
    }
}

ws_t *ws_new(ws_pool_t *pool, int fd, web_pipe_t *pipe, zr_span_t extra, const ws_events_t *events, void *ctx) {
    ws_t *ws = fatal_calloc(sizeof *ws);
    *ws = (ws_t){.pool = pool, .fd = fd, .pipe = pipe, .events = events, .ctx = ctx, .heard = true, .writable = true};
    ws->partial = (queue_holder_t){.budget = pool->budget, .evict = s_evict_partial, .ctx = ws};
    ws->queue.holder = (queue_holder_t){.budget = pool->budget, .evict = s_evict, .ctx = ws};
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
    pool->counts.queued -= ws->queue.bytes;
    blob_queue_finish(&ws->queue);
    zr_blob_unref(ws->extra);
    s_forget_partial(ws);
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
        if (ws->writable)
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
    for (size_t i = 0; i < pool->spare_count; i++)
        wslay_event_context_free(pool->spare[i]);
    zr_buffer_finish(&pool->replies);
    free(pool);
}
