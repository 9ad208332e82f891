#include "backlog.h"

#include "unit.h"

enum { FRONT, BACK, PART = 1000, QUEUE = 10000, FD = 7 };

static backlog_t s_backlog(void) {
    backlog_t all = {.limits = {{PART, QUEUE}, {PART / 10, QUEUE / 10}}};
    backlog_open(&all, FRONT, FD, 100);
    return all;
}

/* Everything was taken; the kernel says how much came in all. */
static bool s_look_idle(backlog_t *all, uint64_t read) {
    backlog_empty(all, FRONT);
    return backlog_look(all, FD, read);
}

START_TEST(test_a_message_without_end) {
    backlog_t all = s_backlog();
    ck_assert(!s_look_idle(&all, PART));
    ck_assert(!s_look_idle(&all, PART + 1)); /* some of it may have come after all was taken */
    ck_assert(s_look_idle(&all, PART + 1));
    backlog_finish(&all);
}
END_TEST

START_TEST(test_whole_messages) {
    backlog_t all = s_backlog();
    uint64_t read = 0;
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
    backlog_t all = s_backlog();
    for (unsigned i = 0; i < 10; i++)
        ck_assert(!backlog_look(&all, FD, QUEUE));
    backlog_empty(&all, BACK); /* the other side */
    ck_assert(!backlog_look(&all, FD, QUEUE));
    ck_assert(backlog_look(&all, FD, QUEUE + 1)); /* but that is too much in any case */
    backlog_finish(&all);
}
END_TEST

START_TEST(test_what_is_taken_counts) {
    backlog_t all = s_backlog();
    backlog_took(&all, FD, 500);
    ck_assert(!backlog_look(&all, FD, QUEUE + 500 + BACKLOG_FRAME));
    ck_assert(backlog_look(&all, FD, QUEUE + 501 + BACKLOG_FRAME));
    backlog_finish(&all);
}
END_TEST

/* Frames cost less than what is reckoned: that gives nobody an advantage later. */
START_TEST(test_there_is_no_saving_up) {
    backlog_t all = s_backlog();
    for (unsigned i = 0; i < 1000; i++)
        backlog_took(&all, FD, 1);
    ck_assert(!backlog_look(&all, FD, 3000));
    ck_assert(!backlog_look(&all, FD, 3000 + QUEUE));
    ck_assert(backlog_look(&all, FD, 3001 + QUEUE));
    backlog_finish(&all);
}
END_TEST

/* What never comes up, such as heartbeats of ZMTP, does not add up as long as the peer speaks. */
START_TEST(test_heartbeats) {
    backlog_t all = s_backlog();
    uint64_t read = 0;
    for (unsigned i = 0; i < 1000; i++) {
        backlog_took(&all, FD, 10);
        ck_assert(!s_look_idle(&all, read += PART / 2));
    }
    backlog_finish(&all);
}
END_TEST

START_TEST(test_descriptors) {
    backlog_t all = s_backlog();
    backlog_took(&all, -1, 1);
    backlog_took(&all, 1 << 20, 1);
    ck_assert(!s_look_idle(&all, 5 * PART));
    backlog_open(&all, BACK, FD, 101); /* another connection */
    ck_assert_uint_eq(all.places[FD].socket, 101);
    ck_assert(!backlog_suspects(&all, FD, PART / 10));
    ck_assert(backlog_suspects(&all, FD, PART / 10 + 1));
    ck_assert(!s_look_idle(&all, PART));
    ck_assert(!s_look_idle(&all, PART)); /* the front does not tell of the back */
    backlog_empty(&all, BACK);
    ck_assert(backlog_look(&all, FD, PART));
    backlog_close(&all, FD);
    ck_assert_uint_eq(all.places[FD].socket, 0);
    backlog_finish(&all);
}
END_TEST

UNIT_MAIN("broker.backlog", test_a_message_without_end, test_whole_messages, test_before_all_is_taken_nothing_is_known,
    test_what_is_taken_counts, test_there_is_no_saving_up, test_heartbeats, test_descriptors)
