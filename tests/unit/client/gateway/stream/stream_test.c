#include "stream.h"

#include <stdio.h>
#include <sys/socket.h>

#include "unit.h"

static gateway_config_t s_config;
static poller_t *s_poller;
static stream_pool_t *s_pool;
static queue_budget_t s_budget;
static uint64_t s_now;

typedef struct {
    stream_t *stream;
    int fd; /* the other end; -1: closed */
    char log[2048];
    size_t takes; /* bytes of one call at most */
    bool paused, gone, ended;
    unsigned drained;
} peer_t;

static size_t s_on_bytes(void *ctx, zr_span_t bytes) {
    peer_t *peer = ctx;
    size_t used = strlen(peer->log), len = bytes.len < peer->takes ? bytes.len : peer->takes;
    ck_assert(!peer->ended);
    snprintf(peer->log + used, sizeof peer->log - used, "%.*s;", (int)len, bytes.ptr);
    if (zr_span_equal(bytes, LIT("close me"))) {
        stream_put(peer->stream, LIT("goodbye"));
        stream_close(peer->stream);
    }
    return len;
}

static void s_on_end(void *ctx) {
    ck_assert(!((peer_t *)ctx)->ended);
    ((peer_t *)ctx)->ended = true;
}

static bool s_on_paused(void *ctx) {
    return ((peer_t *)ctx)->paused;
}

static void s_on_drained(void *ctx) {
    ((peer_t *)ctx)->drained++;
}

static void s_on_stopping(void *ctx) {
    stream_put(((peer_t *)ctx)->stream, LIT("we stop"));
}

static void s_on_gone(void *ctx) {
    ck_assert(!((peer_t *)ctx)->gone);
    ((peer_t *)ctx)->gone = true;
}

static const stream_events_t s_events = {s_on_bytes, s_on_end, s_on_paused, s_on_drained, s_on_stopping, s_on_gone};

static void s_begin(void) {
    gateway_config_default(&s_config);
    s_config.reader_queue = 1000;
    s_config.answer_queue = 3000;
    s_config.max_connections = 3;
    s_config.max_address_connections = 2;
    s_poller = poller_new();
    s_budget = (queue_budget_t){.most = 1000000};
    s_pool = stream_pool_new(&s_config, s_poller, &s_budget);
    s_now = 1000;
    stream_pool_turn(s_pool, false, s_now);
}

static void s_end(void) {
    stream_pool_destroy(s_pool);
    poller_destroy(s_poller);
}

static void s_open_from(peer_t *peer, const char *address) {
    int fds[2], small = 4096;
    stream_from_t from = {.port = 4711, .secure = true};
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    ck_assert(address_parse(zr_span(address), &from.address));
    from.fd = fds[0];
    memset(peer, 0, sizeof *peer);
    peer->takes = SIZE_MAX;
    peer->fd = fds[1];
    peer->stream = stream_new(s_pool, &from, "full\n", &s_events, peer);
}

static void s_open(peer_t *peer) {
    s_open_from(peer, "127.0.0.1");
}

static void s_turns_held(uint64_t ms, bool hold) {
    s_now += ms;
    for (int i = 0; i < 5; i++) {
        poller_wait(s_poller, 0);
        stream_pool_turn(s_pool, hold, s_now);
    }
}

static void s_turns(uint64_t ms) {
    s_turns_held(ms, false);
}

static void s_write(peer_t *peer, zr_span_t bytes) {
    ck_assert_int_eq(send(peer->fd, bytes.ptr, bytes.len, 0), (ssize_t)bytes.len);
}

static zr_span_t s_read(peer_t *peer) {
    static char bytes[1 << 20];
    ssize_t len = recv(peer->fd, bytes, sizeof bytes, 0);
    return zr_span_of(bytes, len > 0 ? (size_t)len : 0);
}

static void s_close(peer_t *peer) {
    close(peer->fd);
    peer->fd = -1;
}

static bool s_send(peer_t *peer, size_t len, bool live) {
    zr_blob_t *bytes = zr_blob_new(len);
    memset(zr_blob_data(bytes), 'x', len);
    bool sent = stream_send(peer->stream, bytes, live);
    zr_blob_unref(bytes);
    return sent;
}

/* So that nothing more fits into the kernel. */
static void s_fill(peer_t *peer) {
    uint64_t before;
    do {
        before = stream_counts(s_pool)->out.bytes_out;
        ck_assert(s_send(peer, 500, true));
        s_turns(0);
    } while (stream_counts(s_pool)->out.bytes_out > before);
}

TEST(test_bytes_in_and_out) {
    static peer_t peer;
    s_open(&peer);
    ck_assert_uint_eq(stream_port(peer.stream), 4711);
    ck_assert(stream_is_secure(peer.stream));
    ck_assert(address_is_loopback(stream_address(peer.stream)));
    s_write(&peer, LIT("hello"));
    s_turns(0);
    s_write(&peer, LIT("again"));
    s_turns(0);
    ck_assert_str_eq(peer.log, "hello;again;");
    ck_assert(s_send(&peer, 3, true));
    stream_put(peer.stream, LIT("yy"));
    s_turns(0);
    ck_assert_span_eq(s_read(&peer), LIT("xxxyy"));
    ck_assert_uint_eq(stream_counts(s_pool)->out.queued, 0);
    ck_assert_uint_eq(stream_counts(s_pool)->bytes_in, 10);
    ck_assert_uint_eq(stream_counts(s_pool)->out.bytes_out, 5);
    s_close(&peer);
}

TEST(test_what_the_owner_leaves_comes_again_before_the_rest) {
    static peer_t peer;
    s_open(&peer);
    peer.takes = 2;
    s_write(&peer, LIT("abc"));
    poller_wait(s_poller, 0);
    stream_pool_turn(s_pool, false, s_now);
    ck_assert_str_eq(peer.log, "ab;");
    ck_assert_int_eq(stream_pool_timeout(s_pool, false, s_now), 0);
    peer.paused = true;
    ck_assert_int_gt(stream_pool_timeout(s_pool, false, s_now), 0);
    s_write(&peer, LIT("def"));
    s_turns(0);
    ck_assert_str_eq(peer.log, "ab;");
    peer.paused = false;
    s_turns(0);
    ck_assert_str_eq(peer.log, "ab;cd;ef;");
    s_close(&peer);
}

TEST(test_an_owner_that_takes_nothing_is_not_read_on) {
    static peer_t peer;
    static char bytes[2 * STREAM_INPUT];
    s_open(&peer);
    peer.takes = 0;
    memset(bytes, 'x', sizeof bytes);
    ck_assert_int_gt(send(peer.fd, bytes, sizeof bytes, 0), STREAM_INPUT);
    s_turns(0);
    ck_assert_uint_eq(stream_counts(s_pool)->bytes_in, STREAM_INPUT);
    peer.takes = SIZE_MAX;
    s_turns(0);
    ck_assert_uint_gt(stream_counts(s_pool)->bytes_in, STREAM_INPUT);
    s_close(&peer);
}

TEST(test_no_connection_is_read_while_the_broker_is_behind) {
    static peer_t peer;
    s_open(&peer);
    s_write(&peer, LIT("hello"));
    s_turns_held(0, true);
    ck_assert_str_eq(peer.log, "");
    ck_assert_int_gt(stream_pool_timeout(s_pool, true, s_now), 0);
    s_turns(0);
    ck_assert_str_eq(peer.log, "hello;");
    s_close(&peer);
}

TEST(test_a_peer_may_end_its_half_and_read_on) {
    static peer_t peer;
    s_open(&peer);
    peer.takes = 1;
    s_write(&peer, LIT("abc"));
    shutdown(peer.fd, SHUT_WR);
    s_turns(0);
    ck_assert_str_eq(peer.log, "a;b;c;");
    ck_assert(peer.ended);
    ck_assert(!peer.gone);
    stream_put(peer.stream, LIT("still here"));
    s_turns(0);
    ck_assert_span_eq(s_read(&peer), LIT("still here"));
    stream_close(peer.stream);
    s_turns(0);
    ck_assert(peer.gone);
    ck_assert_uint_eq(stream_counts(s_pool)->open, 0);
    s_close(&peer);
}

TEST(test_a_closed_connection_writes_what_waits) {
    static peer_t peer;
    s_open(&peer);
    s_write(&peer, LIT("close me"));
    s_turns(0);
    s_write(&peer, LIT("too late"));
    s_turns(0);
    ck_assert_str_eq(peer.log, "close me;");
    ck_assert_span_eq(s_read(&peer), LIT("goodbye"));
    ck_assert(!s_send(&peer, 1, false));
    ck_assert_uint_eq(s_read(&peer).len, 0);
    ck_assert(!peer.gone);
    s_close(&peer);
    s_turns(0);
    ck_assert(peer.gone);
}

TEST(test_a_closed_connection_is_not_waited_for_for_ever) {
    static peer_t peer;
    s_open(&peer);
    stream_close(peer.stream);
    s_turns(STREAM_LINGER_MS - 1);
    ck_assert(!peer.gone);
    ck_assert_int_eq(stream_pool_timeout(s_pool, false, s_now), 1);
    s_turns(1);
    ck_assert(peer.gone);
    s_close(&peer);
}

TEST(test_a_slow_reader_loses_live_bytes_only) {
    static peer_t peer;
    s_open(&peer);
    s_fill(&peer);
    uint64_t dropped = stream_counts(s_pool)->out.dropped;
    ck_assert(s_send(&peer, 500, true));
    ck_assert(!s_send(&peer, 1, true)); /* beyond reader-queue */
    ck_assert_uint_eq(stream_counts(s_pool)->out.dropped, dropped + 1);
    ck_assert(s_send(&peer, 500, false));
    ck_assert(!stream_ready(peer.stream));
    ck_assert_uint_eq(peer.drained, 0);
    while (s_read(&peer).len > 0)
        s_turns(0);
    ck_assert_uint_eq(peer.drained, 1);
    ck_assert(stream_ready(peer.stream));
    s_close(&peer);
}

TEST(test_all_queues_together_are_bounded) {
    static peer_t slow, quick;
    s_open(&slow);
    s_fill(&slow);
    s_open(&quick);
    s_budget.most = s_budget.held + 100;
    ck_assert(s_send(&quick, 100, true));
    s_turns(0);
    ck_assert(!slow.gone);
    ck_assert(s_send(&quick, 101, true)); /* one more: the one that waits for the longest gives way */
    s_turns(0);
    ck_assert(slow.gone);
    ck_assert_uint_eq(stream_counts(s_pool)->out.too_slow, 1);
    ck_assert_uint_eq(s_read(&quick).len, 201);
    s_close(&slow);
    s_close(&quick);
    s_turns(0);
    ck_assert_uint_eq(s_budget.held, 0);
}

TEST(test_beyond_the_answer_queue_the_connection_ends) {
    static peer_t peer;
    s_open(&peer);
    s_fill(&peer);
    for (int i = 0; i < 5; i++)
        ck_assert(s_send(&peer, 500, false)); /* 500 wait already: 3000 */
    s_turns(0);
    ck_assert(!peer.gone);
    ck_assert(!s_send(&peer, 1, false));
    s_turns(0);
    ck_assert(peer.gone);
    ck_assert_uint_eq(stream_counts(s_pool)->out.too_slow, 1);
    ck_assert_uint_eq(stream_counts(s_pool)->out.queued, 0);
    s_close(&peer);
}

TEST(test_a_peer_that_takes_nothing_is_dead_in_the_end) {
    static peer_t dead, idle;
    s_open(&dead);
    s_open(&idle);
    s_fill(&dead);
    s_turns(s_config.ping_ms); /* it took something before this look */
    for (int i = 1; i < STREAM_STALLS; i++)
        s_turns(s_config.ping_ms);
    ck_assert(!dead.gone);
    s_turns(s_config.ping_ms);
    ck_assert(dead.gone);
    ck_assert(!idle.gone);
    ck_assert_uint_eq(stream_counts(s_pool)->dead, 1);
    s_close(&dead);
    s_close(&idle);
}

TEST(test_limits_of_connections) {
    static peer_t one, two, three, four;
    s_open_from(&one, "192.0.2.1");
    s_open_from(&two, "192.0.2.1");
    s_open_from(&three, "192.0.2.1");
    ck_assert_ptr_nonnull(two.stream);
    ck_assert_ptr_null(three.stream);
    ck_assert_span_eq(s_read(&three), LIT("full\n"));
    s_open_from(&three, "192.0.2.2");
    ck_assert_ptr_nonnull(three.stream);
    s_open_from(&four, "192.0.2.3");
    ck_assert_ptr_null(four.stream);
    ck_assert_uint_eq(stream_counts(s_pool)->refused, 2);
    close(one.fd);
    stream_close(one.stream);
    s_turns(0);
    ck_assert(one.gone);
    s_open_from(&one, "192.0.2.1");
    ck_assert_ptr_nonnull(one.stream);
}

TEST(test_a_reset_connection_is_gone) {
    static peer_t peer;
    s_open(&peer);
    s_send(&peer, 100, false);
    s_close(&peer);
    s_turns(0);
    ck_assert(peer.gone);
}

TEST(test_the_gateway_stops_politely) {
    static peer_t peer;
    s_open(&peer);
    shutdown(peer.fd, SHUT_WR);
    stream_pool_close(s_pool, 5000);
    ck_assert(peer.gone);
    ck_assert_span_eq(s_read(&peer), LIT("we stop"));
    s_close(&peer);
}

UNIT_SUITE_WITH("client.gateway.stream.stream", s_begin, s_end)
