/* From bytes to messages, by wslay. Its state is large, so a socket has one only while a message of it is incomplete. */
#include "fatal.h"
#include "names.h"
#include "ws_state.h"

enum { FRAGMENT_COST = 64 }; /* bytes that wslay takes for a fragment beside its own, about */

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
    if (wslay && pool->spare_count < WS_SPARE_MAX)
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
    outflow_push(&ws->out, frames);
    ws->replies += pool->replies.len;
    zr_blob_unref(frames);
    zr_buffer_clear(&pool->replies);
    ws_want_write(ws);
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

void ws_input_forget(ws_t *ws) {
    s_set_partial(ws, 0);
    if (ws->wslay)
        wslay_event_context_free(ws->wslay); /* within a message it is of no use to others */
    ws->wslay = NULL;
}

/* Others need the room. wslay may be at work for this very socket: then ws_input_take forgets the message. */
static void s_evict_partial(void *ctx) {
    ws_t *ws = ctx;
    ws_close(ws, WS_LATER, zr_span("too much waits for all: send this message again"));
    if (ws->pool->current == ws)
        s_set_partial(ws, 0);
    else
        ws_input_forget(ws);
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
        ws_begin_closing(ws); /* the peer's close or fault: wslay's answer is queued */
    else
        s_lend_on(ws);
}

void ws_input_take(ws_t *ws, zr_span_t input) {
    ws->pool->counts.bytes_in += input.len;
    ws->heard = true;
    if (ws->state == WS_OPEN && !queue_budget_make_room(ws->pool->budget, input.len))
        s_evict_partial(ws);
    if (ws->state != WS_OPEN)
        return; /* it is read to its end only */
    s_give_to_wslay(ws, input);
    if (ws->state != WS_OPEN)
        ws_input_forget(ws);
    else
        s_set_partial(ws, ws->wslay ? ws->handed - ws->ended_at + ws->fragments * FRAGMENT_COST : 0);
}

void ws_input_begin(ws_t *ws) {
    ws->partial = (queue_holder_t){.budget = ws->pool->budget, .evict = s_evict_partial, .ctx = ws};
}

void ws_input_finish(ws_pool_t *pool) {
    for (size_t i = 0; i < pool->spare_count; i++)
        wslay_event_context_free(pool->spare[i]);
    zr_buffer_finish(&pool->replies);
}
