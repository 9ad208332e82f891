#include "trunk_queue.h"

#include <errno.h>

#include "unit.h"

static trunk_queue_t s_queue;
static char s_sent[1000]; /* what went out: connection and text */
static size_t s_fits;     /* so many frames go out, */
static int s_then;        /* and then this */
static route_t s_lost;

static int s_send(void *ctx, route_t connection, zmq_msg_t *msg) {
    ck_assert_ptr_eq(ctx, s_sent);
    if (s_fits == 0)
        return s_then;
    s_fits--;
    size_t len = strlen(s_sent);
    snprintf(s_sent + len, sizeof s_sent - len, "%u:%.*s ", (unsigned)connection, (int)zmq_msg_size(msg),
        (const char *)zmq_msg_data(msg));
    zmq_msg_close(msg);
    return 0;
}

static void s_on_lost(void *ctx, route_t connection) {
    ck_assert_ptr_eq(ctx, s_sent);
    ck_assert(!trunk_queue_holds(&s_queue, connection));
    s_lost = connection;
}

static void s_begin(uint64_t trunk_bytes, uint64_t all_bytes) {
    s_queue = (trunk_queue_t){.trunk_bytes = trunk_bytes, .all_bytes = all_bytes};
    s_lost = 0;
    s_sent[0] = '\0';
}

static bool s_add(route_t connection, const char *text, uint64_t now) {
    zmq_msg_t msg;
    zmq_msg_init_size(&msg, strlen(text));
    memcpy(zmq_msg_data(&msg), text, strlen(text));
    bool added = trunk_queue_add(&s_queue, connection, &msg, now);
    if (!added)
        zmq_msg_close(&msg);
    return added;
}

/* So many go out, and then the send fails in that way. */
static const char *s_go(size_t fits, int then, uint64_t now) {
    static const trunk_queue_calls_t calls = {.send = s_send, .lost = s_on_lost, .ctx = s_sent};
    s_sent[0] = '\0';
    s_fits = fits;
    s_then = then;
    trunk_queue_send(&s_queue, &calls, now);
    return s_sent;
}

TEST(test_in_order) {
    s_begin(1000, 1000);
    ck_assert(!trunk_queue_waits(&s_queue));
    ck_assert(s_add(7, "a", 0) && s_add(7, "b", 0) && s_add(7, "c", 0));
    ck_assert(trunk_queue_waits(&s_queue) && trunk_queue_holds(&s_queue, 7) && !trunk_queue_holds(&s_queue, 8));
    ck_assert_str_eq(s_go(0, EAGAIN, 1), "");
    ck_assert_str_eq(s_go(2, EAGAIN, 2), "7:a 7:b ");
    ck_assert(s_add(7, "d", 2));
    ck_assert_uint_eq(trunk_queue_bytes(&s_queue, 7), 2 * (1 + TRUNK_QUEUE_MESSAGE));
    ck_assert_str_eq(s_go(9, EAGAIN, 3), "7:c 7:d ");
    ck_assert(!trunk_queue_waits(&s_queue));
    ck_assert_uint_eq(s_queue.bytes, 0);
    ck_assert_uint_eq(s_lost, 0);
}

TEST(test_bytes_of_one_and_of_all) {
    s_begin(2 * (1 + TRUNK_QUEUE_MESSAGE), 3 * (1 + TRUNK_QUEUE_MESSAGE));
    ck_assert(s_add(7, "a", 0) && s_add(7, "b", 0));
    ck_assert(!s_add(7, "c", 0));
    ck_assert(s_add(8, "c", 0));
    ck_assert(!s_add(8, "d", 0));
    ck_assert(!s_add(9, "d", 0) && !trunk_queue_holds(&s_queue, 9));
    s_go(1, EAGAIN, 1);
    ck_assert(s_add(9, "d", 0));
    trunk_queue_finish(&s_queue);
    ck_assert_uint_eq(s_queue.bytes, 0);
}

TEST(test_one_that_is_gone) {
    s_begin(1000, 1000);
    ck_assert(s_add(7, "a", 0) && s_add(7, "b", 0));
    s_go(1, EHOSTUNREACH, 1);
    ck_assert_uint_eq(s_lost, 7);
    ck_assert(!trunk_queue_waits(&s_queue));
    ck_assert_uint_eq(s_queue.bytes, 0);
}

TEST(test_one_that_is_stuck) {
    s_begin(1000, 1000);
    ck_assert(s_add(7, "a", 100) && s_add(7, "b", 100) && s_add(7, "c", 100));
    s_go(0, EAGAIN, 100 + TRUNK_QUEUE_STUCK_MS - 1);
    ck_assert_uint_eq(s_lost, 0);
    s_go(1, EAGAIN, 100 + TRUNK_QUEUE_STUCK_MS); /* it moves again */
    s_go(0, EAGAIN, 100 + 2 * TRUNK_QUEUE_STUCK_MS - 1);
    ck_assert_uint_eq(s_lost, 0);
    s_go(0, EAGAIN, 100 + 2 * TRUNK_QUEUE_STUCK_MS);
    ck_assert_uint_eq(s_lost, 7);
    ck_assert(!trunk_queue_waits(&s_queue));
}

UNIT_SUITE("broker.loop.trunk_queue")
