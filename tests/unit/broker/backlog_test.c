#include "backlog.h"

#include "unit.h"

enum { FRONT, BACK, FIRST = 100, PART = 1000, QUEUE = 10000, ALL = 25000, FD = 7 };

static backlog_t s_backlog(void) {
    backlog_t all = {.limits = {{FIRST, PART, QUEUE, ALL}, {FIRST / 10, PART / 10, QUEUE / 10, ALL / 10}}};
    backlog_init(&all, 100);
    backlog_open(&all, FRONT, FD, 100);
    return all;
}

static bool s_look(backlog_t *all, int fd, uint64_t read) {
    uint64_t took = backlog_meet(all, fd);
    return backlog_look(all, fd, took, read);
}

/* Everything was taken; the kernel says how much came in all. */
static bool s_look_idle(backlog_t *all, uint64_t read) {
    backlog_empty(all, FRONT);
    return s_look(all, FD, read);
}

/* A connection of the front from which a message was taken. */
static backlog_t s_known(void) {
    backlog_t all = s_backlog();
    backlog_took(&all, FD, FIRST);
    ck_assert(!s_look(&all, FD, FIRST + BACKLOG_FRAME));
    ck_assert_uint_eq(backlog_waiting(&all, FD), 0);
    return all;
}
enum { KNOWN = FIRST + BACKLOG_FRAME };

START_TEST(test_a_message_without_end) {
    backlog_t all = s_known();
    ck_assert(!s_look_idle(&all, KNOWN + PART));
    ck_assert(!s_look_idle(&all, KNOWN + PART + 1)); /* some of it may have come after all was taken */
    ck_assert(s_look_idle(&all, KNOWN + PART + 1));
    backlog_finish(&all);
}
END_TEST

START_TEST(test_before_the_first_message) {
    backlog_t all = s_backlog();
    ck_assert(!s_look_idle(&all, FIRST));
    ck_assert(!s_look_idle(&all, FIRST + 1));
    ck_assert(s_look_idle(&all, FIRST + 1));
    backlog_took(&all, FD, 1); /* then the limit is another */
    ck_assert(!s_look_idle(&all, FIRST + 1));
    ck_assert(!s_look_idle(&all, FIRST + 1));
    backlog_finish(&all);
}
END_TEST

START_TEST(test_whole_messages) {
    backlog_t all = s_known();
    uint64_t read = KNOWN;
    for (unsigned i = 0; i < 100; i++) {
        read += 2 * PART;
        ck_assert(!s_look_idle(&all, read)); /* came, ... */
        backlog_took(&all, FD, 2 * PART);
        ck_assert(!s_look_idle(&all, read)); /* ... and was taken */
    }
    ck_assert(!s_look_idle(&all, read + PART));
    ck_assert(!s_look_idle(&all, read + PART));
    backlog_finish(&all);
}
END_TEST

START_TEST(test_before_all_is_taken_nothing_is_known) {
    backlog_t all = s_known();
    for (unsigned i = 0; i < 10; i++)
        ck_assert(!s_look(&all, FD, KNOWN + QUEUE));
    backlog_empty(&all, BACK); /* the other side */
    ck_assert(!s_look(&all, FD, KNOWN + QUEUE));
    ck_assert_uint_eq(backlog_waiting(&all, FD), QUEUE);
    ck_assert(s_look(&all, FD, KNOWN + QUEUE + 1)); /* but that is too much in any case */
    backlog_finish(&all);
}
END_TEST

/* A frame costs less than what is reckoned. A connection cannot save that up. */
START_TEST(test_there_is_no_saving_up) {
    backlog_t all = s_backlog();
    for (unsigned i = 0; i < 1000; i++)
        backlog_took(&all, FD, 1);
    ck_assert(!s_look(&all, FD, 3000));
    ck_assert(!s_look(&all, FD, 3000 + QUEUE));
    ck_assert(s_look(&all, FD, 3001 + QUEUE));
    backlog_finish(&all);
}
END_TEST

/* While the guard looks, the broker takes a message that libzmq reads meanwhile, again and again. */
START_TEST(test_taken_during_a_look) {
    backlog_t all = s_known();
    uint64_t read = KNOWN;
    for (unsigned i = 0; i < 100; i++) {
        uint64_t took = backlog_meet(&all, FD);
        backlog_took(&all, FD, PART);
        ck_assert(!backlog_look(&all, FD, took, read));
        read += PART + BACKLOG_FRAME;
        ck_assert(!s_look_idle(&all, read));
    }
    ck_assert_uint_eq(backlog_waiting(&all, FD), 0);
    backlog_finish(&all);
}
END_TEST

START_TEST(test_ended_during_a_look) {
    backlog_t all = s_known();
    uint64_t took = backlog_meet(&all, FD);
    backlog_close(&all, FD);
    backlog_open(&all, FRONT, FD, 101);
    ck_assert(!backlog_look(&all, FD, took, 2 * QUEUE));
    ck_assert(!s_look(&all, FD, QUEUE)); /* nothing of the other one's is reckoned */
    ck_assert_uint_eq(backlog_waiting(&all, FD), QUEUE);
    backlog_finish(&all);
}
END_TEST

START_TEST(test_ended_once) {
    backlog_t all = s_known();
    ck_assert(backlog_is_there(&all, FD));
    ck_assert(s_look(&all, FD, 2 * QUEUE));
    backlog_end(&all, FD);
    ck_assert(!backlog_is_there(&all, FD));
    ck_assert_uint_eq(all.waiting[FRONT], 0);
    backlog_close(&all, FD);
    backlog_open(&all, FRONT, FD, 101);
    ck_assert(backlog_is_there(&all, FD));
    backlog_finish(&all);
}
END_TEST

START_TEST(test_descriptors) {
    backlog_t all = s_backlog();
    backlog_took(&all, -1, 1);
    backlog_took(&all, 1 << 20, 1);
    backlog_open(&all, FRONT, 100, 5); /* beyond the reserved number */
    backlog_close(&all, 100);
    ck_assert_uint_eq(all.top, FD + 1);
    ck_assert(!s_look(&all, FD, QUEUE));
    ck_assert_uint_eq(all.waiting[FRONT], QUEUE);
    backlog_close(&all, FD);
    backlog_open(&all, BACK, FD, 101); /* another connection */
    ck_assert(!s_look(&all, FD, PART / 10));
    ck_assert_uint_eq(all.waiting[FRONT], 0);
    ck_assert_uint_eq(all.waiting[BACK], PART / 10);
    ck_assert(!s_look_idle(&all, PART)); /* the front does not tell of the back */
    backlog_empty(&all, BACK);
    ck_assert(s_look(&all, FD, PART));
    backlog_forget(&all, FD);
    ck_assert_uint_eq(backlog_waiting(&all, FD), 0);
    ck_assert_uint_eq(all.waiting[BACK], 0);
    backlog_finish(&all);
}
END_TEST

/* What was taken before anybody heard that the connection was accepted. */
START_TEST(test_taken_before_it_is_known) {
    backlog_t all = s_backlog();
    backlog_close(&all, FD);
    backlog_took(&all, FD, 500);
    backlog_open(&all, FRONT, FD, 101);
    ck_assert(!s_look(&all, FD, 500 + BACKLOG_FRAME + QUEUE));
    ck_assert(s_look(&all, FD, 500 + BACKLOG_FRAME + QUEUE + 1));
    backlog_finish(&all);
}
END_TEST

START_TEST(test_the_most_of_all) {
    enum { EACH = BACKLOG_SMALL };
    backlog_t all = {.limits = {{PART, EACH, 2 * EACH, 3 * EACH}, {0}}};
    backlog_init(&all, 100);
    for (int fd = 1; fd <= 3; fd++) {
        backlog_open(&all, FRONT, fd, 100 + (uint64_t)fd);
        s_look(&all, fd, EACH);
    }
    ck_assert_int_eq(backlog_most(&all, FRONT), -1);
    s_look(&all, 2, EACH + 1);
    ck_assert_int_eq(backlog_most(&all, FRONT), 2);
    ck_assert_int_eq(backlog_most(&all, BACK), -1);
    backlog_forget(&all, 2);
    ck_assert_int_eq(backlog_most(&all, FRONT), -1);
    backlog_finish(&all);
}
END_TEST

START_TEST(test_small_ones_are_let_be) {
    backlog_t all = {.limits = {{0, 0, 0, 0}, {0}}};
    backlog_init(&all, 100);
    backlog_open(&all, FRONT, FD, 100);
    s_look(&all, FD, BACKLOG_SMALL - 1);
    ck_assert_int_eq(backlog_most(&all, FRONT), -1);
    s_look(&all, FD, BACKLOG_SMALL);
    ck_assert_int_eq(backlog_most(&all, FRONT), FD);
    backlog_finish(&all);
}
END_TEST

START_TEST(test_memory) {
    enum { MORE = 1000, BEGAN = 5000, WAITS = BACKLOG_QUIET };
    backlog_t all = {.limits = {{WAITS, WAITS, WAITS, WAITS}, {0}}};
    backlog_init(&all, 100);
    backlog_open(&all, FRONT, FD, 100);
    ck_assert(!backlog_grew(&all, (uint64_t)4 << 30)); /* nothing waits: it is somebody else's */
    ck_assert(!backlog_grew(&all, BEGAN));
    s_look(&all, FD, WAITS);
    uint64_t most = BEGAN + (uint64_t)BACKLOG_SLACK + BACKLOG_WEIGHT * (uint64_t)WAITS;
    ck_assert(!backlog_grew(&all, most));
    backlog_took(&all, -1, MORE - BACKLOG_FRAME);
    backlog_sent(&all, MORE);
    ck_assert(!backlog_grew(&all, most + 2 * BACKLOG_MOVED * MORE));
    ck_assert(backlog_grew(&all, most + 2 * BACKLOG_MOVED * MORE + 1));
    ck_assert(!backlog_grew(&all, most + 2 * BACKLOG_MOVED * MORE + 1)); /* from there on it begins anew */
    backlog_finish(&all);
}
END_TEST

START_TEST(test_memory_of_local_connections) {
    backlog_t all = s_backlog();
    backlog_look_local(&all, FD);
    backlog_look_local(&all, FD);
    ck_assert_uint_eq(all.uncounted, 1);
    ck_assert(!backlog_grew(&all, BACKLOG_SLACK));
    ck_assert(backlog_grew(&all, BACKLOG_SLACK + 1));
    backlog_close(&all, FD);
    backlog_forget(&all, FD);
    ck_assert_uint_eq(all.uncounted, 0);
    ck_assert(!backlog_grew(&all, (uint64_t)4 << 30));
    backlog_finish(&all);
}
END_TEST

UNIT_MAIN("broker.backlog", test_a_message_without_end, test_before_the_first_message, test_whole_messages,
    test_before_all_is_taken_nothing_is_known, test_there_is_no_saving_up, test_taken_during_a_look,
    test_ended_during_a_look, test_ended_once, test_descriptors, test_taken_before_it_is_known, test_the_most_of_all,
    test_small_ones_are_let_be, test_memory, test_memory_of_local_connections)
