/* Bytes of a WebSocket, over a pair of sockets. Whatever the pieces in which they come, the messages and the close are
 * the same. What the gateway sends is whole frames of RFC 6455, and nothing comes after its close.
 *
 * The input: a byte for the size of the pieces, then the bytes. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buffer.h"
#include "clock.h"
#include "names.h"
#include "script.h"
#include "ws.h"

enum { MESSAGE_MAX = 1024, TURNS = 4 };

typedef struct {
    ws_t *ws;
    zr_buffer_t messages; /* 't' or 'b', the bytes, '\n' for each */
    bool gone;
} peer_t;

typedef struct {
    zr_buffer_t messages, close, pongs;
} outcome_t;

static void s_on_message(void *ctx, bool text, zr_span_t message) {
    peer_t *peer = ctx;
    fuzz_require(message.len <= MESSAGE_MAX);
    fuzz_require(!text || zr_utf8_valid(message));
    zr_buffer_u8(&peer->messages, text ? 't' : 'b');
    zr_buffer_append(&peer->messages, message.ptr, message.len);
    zr_buffer_u8(&peer->messages, '\n');
}

static bool s_on_paused(void *ctx) {
    (void)ctx;
    return false;
}

static void s_on_drained(void *ctx) {
    (void)ctx;
}

static void s_on_gone(void *ctx) {
    ((peer_t *)ctx)->gone = true;
}

static const ws_events_t s_events = {s_on_message, s_on_paused, s_on_drained, s_on_gone};

static void s_turns(ws_pool_t *pool, poller_t *poller) {
    for (int i = 0; i < TURNS; i++) {
        poller_wait(poller, 0);
        ws_pool_turn(pool, false, zr_mono_ms());
    }
}

/* Takes what the gateway sent, in whole frames. */
static void s_check_sent(zr_span_t sent, outcome_t *outcome) {
    bool closed = false;
    while (sent.len > 0) {
        fuzz_require(!closed && sent.len >= 2);
        uint8_t first = (uint8_t)sent.ptr[0], len = (uint8_t)sent.ptr[1];
        fuzz_require(first == (0x80 | WS_PONG) || first == (0x80 | WS_CLOSE));
        fuzz_require(len <= 125 && sent.len >= 2u + len);
        closed = first == (0x80 | WS_CLOSE);
        fuzz_require(!closed || len == 0 || (len >= 2 && zr_utf8_valid(zr_span_of(sent.ptr + 4, len - 2u))));
        zr_buffer_append(closed ? &outcome->close : &outcome->pongs, sent.ptr + 2, len);
        sent = zr_span_of(sent.ptr + 2 + len, sent.len - 2 - len);
    }
}

static void s_read(int fd, zr_buffer_t *sent) {
    char bytes[65536];
    ssize_t len;
    while ((len = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        zr_buffer_append(sent, bytes, (size_t)len);
}

static void s_run(zr_span_t input, size_t piece, outcome_t *outcome) {
    static gateway_config_t config;
    gateway_config_default(&config);
    config.max_message = MESSAGE_MAX;
    queue_budget_t budget = {.most = config.all_queues};
    peer_t peer = {0};
    int fds[2];
    zr_buffer_t sent = {0};
    fuzz_require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    poller_t *poller = poller_new();
    ws_pool_t *pool = ws_pool_new(&config, poller, &budget);
    peer.ws = ws_new(pool, fds[0], NULL, zr_span(""), &s_events, &peer);
    while (input.len > 0 && !peer.gone) {
        size_t len = input.len < piece ? input.len : piece;
        ssize_t taken = send(fds[1], input.ptr, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (taken > 0)
            input = zr_span_of(input.ptr + taken, input.len - (size_t)taken);
        s_turns(pool, poller);
        s_read(fds[1], &sent);
        if (taken < 0 && errno != EAGAIN)
            break;
    }
    s_turns(pool, poller);
    s_read(fds[1], &sent);
    s_check_sent(zr_span_of(sent.data, sent.len), outcome);
    close(fds[1]);
    s_turns(pool, poller);
    fuzz_require(peer.gone && ws_counts(pool)->open == 0 && ws_counts(pool)->out.queued == 0 && budget.held == 0);
    ws_pool_destroy(pool);
    poller_destroy(poller);
    outcome->messages = peer.messages;
    zr_buffer_finish(&sent);
}

static bool s_same(const zr_buffer_t *a, const zr_buffer_t *b) {
    return zr_span_equal(zr_span_of(a->data, a->len), zr_span_of(b->data, b->len));
}

/* A close frame may have two faults, a wrong code and a reason that is not UTF-8: either may be told. Of a frame that is
 * not whole, a fault may be told or not. */
static bool s_is_fault(const zr_buffer_t *close) {
    unsigned code = close->len >= 2 ? (unsigned)close->data[0] << 8 | close->data[1] : 0;
    return close->len == 0 || code == WS_PROTOCOL || code == WS_NOT_UTF8;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    script_t script = {data, size};
    size_t piece = script_byte(&script) + 1u;
    zr_span_t input = script_bytes(&script, size);
    outcome_t whole = {0}, pieces = {0};
    s_run(input, input.len ? input.len : 1, &whole);
    s_run(input, input.len / 200 + piece, &pieces);
    fuzz_require(s_same(&whole.messages, &pieces.messages));
    fuzz_require(s_same(&whole.close, &pieces.close) || (s_is_fault(&whole.close) && s_is_fault(&pieces.close)));
    outcome_t *both[] = {&whole, &pieces};
    for (int i = 0; i < 2; i++) {
        zr_buffer_finish(&both[i]->messages);
        zr_buffer_finish(&both[i]->close);
        zr_buffer_finish(&both[i]->pongs);
    }
    return 0;
}
