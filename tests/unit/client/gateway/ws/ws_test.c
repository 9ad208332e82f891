#include "ws.h"

#include <stdio.h>
#include <sys/socket.h>

#include "unit.h"

static gateway_config_t s_config;
static poller_t *s_poller;
static ws_pool_t *s_pool;
static queue_budget_t s_budget;
static uint64_t s_now;

typedef struct {
    ws_t *ws;
    int fd; /* the other end */
    char log[2048];
    bool paused, gone;
    unsigned drained;
} peer_t;

static void s_on_message(void *ctx, bool text, zr_span_t message) {
    peer_t *peer = ctx;
    size_t len = strlen(peer->log);
    snprintf(peer->log + len, sizeof peer->log - len, "%c:%.*s;", text ? 't' : 'b', (int)message.len, message.ptr);
    if (zr_span_equal(message, LIT("close me")))
        ws_close(peer->ws, WS_POLICY, LIT("as you like"));
}

static bool s_on_paused(void *ctx) {
    return ((peer_t *)ctx)->paused;
}

static void s_on_drained(void *ctx) {
    ((peer_t *)ctx)->drained++;
}

static void s_on_gone(void *ctx) {
    ck_assert(!((peer_t *)ctx)->gone);
    ((peer_t *)ctx)->gone = true;
}

static const ws_events_t s_events = {s_on_message, s_on_paused, s_on_drained, s_on_gone};

static void s_begin(void) {
    gateway_config_default(&s_config);
    s_config.reader_queue = 1000;
    s_config.answer_queue = 3000;
    s_config.ping_ms = 1000;
    s_poller = poller_new();
    s_budget = (queue_budget_t){.most = 1000000};
    s_pool = ws_pool_new(&s_config, s_poller, &s_budget);
    s_now = 1000;
    ws_pool_turn(s_pool, false, s_now);
}

static void s_end(void) {
    ws_pool_destroy(s_pool);
    poller_destroy(s_poller);
}

static void s_open(peer_t *peer, zr_span_t extra) {
    int fds[2], small = 4096;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    memset(peer, 0, sizeof *peer);
    peer->fd = fds[1];
    peer->ws = ws_new(s_pool, fds[0], NULL, extra, &s_events, peer);
}

static void s_turns(uint64_t ms) {
    s_now += ms;
    for (int i = 0; i < 5; i++) {
        poller_wait(s_poller, 0);
        ws_pool_turn(s_pool, false, s_now);
    }
}

/* Without a mask key that changes anything. */
static void s_write(peer_t *peer, uint8_t first, zr_span_t payload) {
    char frame[200] = {(char)first, (char)(0x80 | payload.len)};
    memcpy(frame + 6, payload.ptr, payload.len);
    ck_assert_int_eq(send(peer->fd, frame, 6 + payload.len, 0), (ssize_t)(6 + payload.len));
}

static zr_span_t s_read(peer_t *peer) {
    static char bytes[1 << 20];
    ssize_t len = recv(peer->fd, bytes, sizeof bytes, 0);
    return zr_span_of(bytes, len > 0 ? (size_t)len : 0);
}

static bool s_send(peer_t *peer, size_t len, bool live) {
    zr_blob_t *frames = zr_blob_new(len);
    memset(zr_blob_data(frames), 'x', len);
    bool sent = ws_send(peer->ws, frames, live);
    zr_blob_unref(frames);
    return sent;
}

/* So that nothing more fits into the kernel. */
static void s_fill(peer_t *peer) {
    uint64_t before;
    do {
        before = ws_counts(s_pool)->out.bytes_out;
        ck_assert(s_send(peer, 500, true));
        s_turns(0);
    } while (ws_counts(s_pool)->out.bytes_out > before);
}

TEST(test_all_queues_together_are_bounded) {
    static peer_t slow[3], quick;
    for (size_t i = 0; i < 3; i++) {
        s_open(&slow[i], LIT(""));
        s_fill(&slow[i]);
        s_send(&slow[i], 400, true);
    }
    s_open(&quick, LIT(""));
    s_budget.most = s_budget.held + 100;
    ck_assert(s_send(&quick, 100, true));
    s_turns(0);
    ck_assert(!slow[0].gone);
    ck_assert(s_send(&quick, 101, true)); /* one more: the one that waits for the longest gives way */
    s_turns(0);
    ck_assert(slow[0].gone);
    ck_assert(!slow[1].gone);
    ck_assert_uint_eq(ws_counts(s_pool)->out.too_slow, 1);
    ck_assert_uint_eq(s_read(&quick).len, 201);
    ck_assert(!s_send(&quick, s_budget.most + 1, true)); /* more than there is for all */
    s_turns(0);
    ck_assert(slow[1].gone && slow[2].gone && !quick.gone);
    ck_assert_uint_eq(s_budget.held, 0);
    ck_assert_uint_eq(s_budget.evicted, 3);
    for (size_t i = 0; i < 3; i++)
        close(slow[i].fd);
    close(quick.fd);
}

/* The beginning of a message of 65,535 bytes, and so many of them. */
static void s_begin_message(peer_t *peer, size_t len) {
    static char bytes[8 + 4096] = "\x81\xfe\xff\xff";
    ck_assert_int_eq(send(peer->fd, bytes, 8 + len, 0), (ssize_t)(8 + len));
}

TEST(test_messages_that_are_not_whole_are_bounded_together) {
    static peer_t slow[3];
    s_budget.most = 3000;
    for (size_t i = 0; i < 3; i++) {
        s_open(&slow[i], LIT(""));
        s_begin_message(&slow[i], 1000 - 8 - 64);
        s_turns(0);
    }
    ck_assert_uint_eq(s_budget.held, 3000);
    ck_assert(!slow[0].gone);
    ck_assert_int_eq(send(slow[2].fd, "x", 1, 0), 1);
    s_turns(0);
    ck_assert_uint_eq(s_budget.held, 2001);
    ck_assert_uint_eq(s_budget.evicted, 1);
    s_turns(0);
    ck_assert_uint_eq((uint8_t)s_read(&slow[0]).ptr[0], 0x88);
    for (size_t i = 0; i < 3; i++)
        close(slow[i].fd);
    s_turns(0);
    ck_assert_uint_eq(s_budget.held, 0);
    ck_assert_ptr_null(s_budget.waiting);
}

/* A message of so many fragments of one byte. */
static void s_write_fragments(peer_t *peer, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char frame[7] = {(char)((i + 1 == count ? 0x80 : 0) | (i == 0 ? 2 : 0)), (char)0x81, 0, 0, 0, 0, 'x'};
        ck_assert_int_eq(send(peer->fd, frame, sizeof frame, 0), sizeof frame);
        if (i % 100 == 99)
            s_turns(0);
    }
    s_turns(0);
}

TEST(test_fragments_of_a_message_are_bounded) {
    static peer_t peer;
    s_open(&peer, LIT(""));
    s_write_fragments(&peer, WS_FRAGMENTS_MAX);
    ck_assert_uint_eq(ws_counts(s_pool)->messages_in, 1);
    s_write_fragments(&peer, WS_FRAGMENTS_MAX); /* each message has its own */
    ck_assert_uint_eq(ws_counts(s_pool)->messages_in, 2);
    ck_assert_uint_eq(s_budget.held, 0);
    s_write_fragments(&peer, WS_FRAGMENTS_MAX + 1);
    ck_assert_span_eq(s_read(&peer), LIT("\x88\x21\x03\xf1"
                                         "a message in too many fragments"));
    ck_assert_uint_eq(ws_counts(s_pool)->messages_in, 2);
    close(peer.fd);
}

TEST(test_messages_in_and_frames_out) {
    static peer_t peer;
    s_open(&peer, LIT("\x81\x82\0\0\0\0hi\x82"));
    s_write(&peer, 0x80, LIT("")); /* goes on after 0x82: the length of an empty message and so on */
    close(peer.fd);
    s_turns(0);
    ck_assert_int_eq(strncmp(peer.log, "t:hi;", 5), 0);
    ck_assert(peer.gone);
    s_open(&peer, LIT(""));
    s_write(&peer, 0x82, LIT("bytes"));
    s_write(&peer, 0x81, LIT("text"));
    s_turns(0);
    ck_assert_str_eq(peer.log, "b:bytes;t:text;");
    ck_assert(s_send(&peer, 3, true));
    ck_assert(s_send(&peer, 2, false));
    s_turns(0);
    ck_assert_span_eq(s_read(&peer), LIT("xxxxx"));
    ck_assert_uint_eq(ws_counts(s_pool)->out.queued, 0);
    close(peer.fd);
}

TEST(test_pings_are_answered) {
    static peer_t peer;
    s_open(&peer, LIT(""));
    s_write(&peer, 0x89, LIT("a"));
    s_write(&peer, 0x89, LIT("b"));
    s_turns(0);
    ck_assert_span_eq(s_read(&peer), LIT("\x8a\1a\x8a\1b"));
    close(peer.fd);
}

TEST(test_a_slow_reader_loses_live_frames_only) {
    static peer_t peer;
    s_open(&peer, LIT(""));
    s_fill(&peer);
    uint64_t dropped = ws_counts(s_pool)->out.dropped;
    ck_assert(s_send(&peer, 500, true));
    ck_assert(!s_send(&peer, 1, true)); /* beyond reader-queue */
    ck_assert_uint_eq(ws_counts(s_pool)->out.dropped, dropped + 1);
    ck_assert(s_send(&peer, 500, false));
    ck_assert(!ws_ready(peer.ws));
    while (s_read(&peer).len > 0)
        s_turns(0);
    ck_assert_uint_eq(peer.drained, 1);
    ck_assert(ws_ready(peer.ws));
    ck_assert(s_send(&peer, 500, true));
    s_turns(0);
    ck_assert_uint_eq(peer.drained, 1);
    close(peer.fd);
}

TEST(test_too_many_answers_end_it) {
    static peer_t peer;
    s_open(&peer, LIT(""));
    s_fill(&peer);
    while (s_send(&peer, 500, false))
        ck_assert_uint_le(ws_counts(s_pool)->out.queued, 3000);
    ck_assert_uint_eq(ws_counts(s_pool)->out.too_slow, 1);
    zr_span_t last = {0}, now;
    char tail[200] = "";
    while ((now = s_read(&peer)).len > 0) {
        size_t keep = now.len < sizeof tail ? now.len : sizeof tail - 1;
        memcpy(tail, now.ptr + now.len - keep, keep);
        last = zr_span_of(tail, keep);
        s_turns(0);
    }
    ck_assert_ptr_nonnull(memmem(last.ptr, last.len, "too slow", 8));
    close(peer.fd);
    s_turns(0);
    ck_assert(peer.gone);
}

TEST(test_closing_waits_for_what_is_queued_and_for_the_peer) {
    static peer_t peer;
    s_open(&peer, LIT(""));
    s_write(&peer, 0x81, LIT("close me"));
    s_write(&peer, 0x81, LIT("too late"));
    s_turns(0);
    ck_assert_str_eq(peer.log, "t:close me;");
    ck_assert(!s_send(&peer, 1, false));
    ck_assert_span_eq(s_read(&peer), LIT("\x88\x0d\3\360as you like"));
    ck_assert(!peer.gone);
    s_turns(2999);
    ck_assert(!peer.gone);
    s_turns(1); /* the peer has had its time */
    ck_assert(peer.gone);
    close(peer.fd);
}

TEST(test_a_peer_that_does_not_answer_pings) {
    static peer_t dead, alive;
    s_open(&dead, LIT(""));
    s_open(&alive, LIT(""));
    s_turns(999);
    ck_assert_uint_eq(s_read(&dead).len, 0);
    s_turns(1);
    ck_assert_span_eq(s_read(&dead), LIT("\x89\0"));
    ck_assert_span_eq(s_read(&alive), LIT("\x89\0"));
    s_write(&alive, 0x8a, LIT(""));
    s_turns(0);
    s_turns(1000);
    ck_assert(dead.gone);
    ck_assert(!alive.gone);
    ck_assert_uint_eq(ws_counts(s_pool)->dead, 1);
    close(dead.fd);
    close(alive.fd);
}

TEST(test_a_paused_peer_is_not_read) {
    static peer_t peer;
    s_open(&peer, LIT(""));
    peer.paused = true;
    s_write(&peer, 0x81, LIT("later"));
    s_turns(0);
    ck_assert_str_eq(peer.log, "");
    ck_assert_int_ne(ws_pool_timeout(s_pool, false, s_now), 0);
    peer.paused = false;
    ck_assert_int_eq(ws_pool_timeout(s_pool, true, s_now), 1000); /* nobody is read */
    ck_assert_int_eq(ws_pool_timeout(s_pool, false, s_now), 0);
    s_turns(0);
    ck_assert_str_eq(peer.log, "t:later;");
    close(peer.fd);
}

TEST(test_a_paused_peer_is_not_taken_for_dead) {
    static peer_t peer;
    s_open(&peer, LIT(""));
    peer.paused = true;
    for (int i = 0; i < 5; i++)
        s_turns(1000);
    ck_assert(!peer.gone);
    peer.paused = false;
    s_turns(1000);
    s_turns(1000);
    ck_assert(peer.gone);
    close(peer.fd);
}

TEST(test_all_are_told_of_the_end) {
    static peer_t a, b;
    s_open(&a, LIT(""));
    s_open(&b, LIT(""));
    close(b.fd);
    ws_pool_close(s_pool, 50);
    ck_assert_span_eq(s_read(&a), LIT("\x88\x13\3\351the gateway stops"));
    ck_assert(b.gone);
    close(a.fd);
}

UNIT_SUITE_WITH("client.gateway.ws", s_begin, s_end)
