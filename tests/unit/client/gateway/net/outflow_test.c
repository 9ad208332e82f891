#include "outflow.h"

#include <errno.h>

#include "unit.h"

static gateway_config_t s_config;
static queue_budget_t s_budget;
static outflow_counts_t s_counts;
static outflow_t s_out;

/* The socket: takes so many bytes, and then fails with `code`. */
static struct {
    size_t takes, taken, calls;
    int code;
} s_socket;

static ssize_t s_send(void *ctx, const struct iovec *pieces, size_t count) {
    size_t len = 0;
    (void)ctx;
    s_socket.calls++;
    for (size_t i = 0; i < count; i++)
        len += pieces[i].iov_len;
    len = len < s_socket.takes ? len : s_socket.takes;
    s_socket.takes -= len;
    s_socket.taken += len;
    errno = s_socket.code;
    return len ? (ssize_t)len : -1;
}

static void s_evict(void *ctx) {
    outflow_clear(ctx);
}

static void s_begin(void) {
    s_config = (gateway_config_t){.reader_queue = 100, .answer_queue = 200};
    s_budget = (queue_budget_t){.most = 1000};
    s_counts = (outflow_counts_t){0};
    memset(&s_socket, 0, sizeof s_socket);
    outflow_begin(&s_out, &s_config, &s_budget, &s_counts, s_evict, &s_out);
}

static void s_end(void) {
    outflow_clear(&s_out);
    ck_assert_uint_eq(s_counts.queued, 0);
}

static void s_push(size_t len) {
    static const char bytes[200];
    zr_blob_t *blob = zr_blob_copy(bytes, len);
    outflow_push(&s_out, blob);
    zr_blob_unref(blob);
}

TEST(test_live_ones_are_dropped_before_answers) {
    ck_assert_int_eq(outflow_admit(&s_out, 150, true), OUTFLOW_OK); /* of any size, where nothing waits */
    s_push(100);
    ck_assert_int_eq(outflow_admit(&s_out, 1, true), OUTFLOW_DROPPED);
    ck_assert_int_eq(outflow_admit(&s_out, 100, false), OUTFLOW_OK);
    ck_assert_int_eq(outflow_admit(&s_out, 101, false), OUTFLOW_TOO_SLOW);
    ck_assert_uint_eq(s_counts.dropped, 1);
    ck_assert_uint_eq(s_counts.too_slow, 1);
}

TEST(test_the_owner_hears_once_that_there_is_room) {
    s_push(51);
    ck_assert(!outflow_is_drained(&s_out));
    ck_assert(!outflow_is_ready(&s_out));
    s_socket.takes = 1;
    s_socket.code = EAGAIN;
    ck_assert(outflow_write(&s_out, s_send, NULL));
    ck_assert(outflow_is_drained(&s_out));
    ck_assert(!outflow_is_drained(&s_out));
    ck_assert(outflow_is_ready(&s_out));
}

TEST(test_a_full_socket_is_not_asked_again) {
    s_push(80);
    s_socket.takes = 50;
    s_socket.code = EAGAIN;
    ck_assert(outflow_write(&s_out, s_send, NULL));
    ck_assert(!s_out.writable);
    ck_assert_uint_eq(s_socket.calls, 2);
    ck_assert(outflow_write(&s_out, s_send, NULL));
    ck_assert_uint_eq(s_socket.calls, 2);
    s_out.writable = true;
    s_socket.takes = 30;
    ck_assert(outflow_write(&s_out, s_send, NULL));
    ck_assert_uint_eq(s_out.written, 80);
    ck_assert_uint_eq(s_counts.bytes_out, 80);
    ck_assert_uint_eq(s_counts.queued, 0);
    ck_assert(s_out.writable);
}

TEST(test_a_broken_connection) {
    s_push(10);
    s_socket.code = EPIPE;
    ck_assert(!outflow_write(&s_out, s_send, NULL));
}

TEST(test_a_frame_that_was_begun_is_kept) {
    s_push(10);
    s_push(20);
    s_socket.takes = 4;
    s_socket.code = EAGAIN;
    outflow_write(&s_out, s_send, NULL);
    outflow_cut(&s_out);
    ck_assert_uint_eq(s_counts.queued, 6);
}

UNIT_SUITE_WITH("client.gateway.net.outflow", s_begin, s_end)
