#include "slow_readers.h"

#include "unit.h"

enum { FD = 5, OTHER = 90 };

static connections_t s_all;
static unsigned s_now;

static void s_begin(void) {
    s_all = (connections_t){0};
    s_now = 0;
    connections_open(&s_all, CONNECTIONS_BACK, OTHER, 2, 1);
    connections_open(&s_all, CONNECTIONS_BACK, FD, 1, 1);
}

static void s_round(uint64_t confirmed, uint64_t others) {
    s_now++;
    slow_readers_look(connections_at(&s_all, FD), s_now, confirmed);
    slow_readers_look(connections_at(&s_all, OTHER), s_now, others);
}

TEST(test_stuck) {
    s_begin();
    for (unsigned i = 0; i < SLOW_READERS_STUCK; i++) {
        s_round(1000, i);
        ck_assert_int_eq(slow_readers_next_stuck(&s_all, s_now, 0), -1);
    }
    s_round(1000, 1000);
    ck_assert_int_eq(slow_readers_next_stuck(&s_all, s_now, 0), FD);
    ck_assert_int_eq(slow_readers_next_stuck(&s_all, s_now, FD + 1), -1);
    s_round(1001, 1001); /* it reads again */
    ck_assert_int_eq(slow_readers_next_stuck(&s_all, s_now, 0), -1);
    connections_finish(&s_all);
}

TEST(test_slowest) {
    s_begin();
    ck_assert_int_eq(slow_readers_slowest(&s_all, 1), -1);
    s_round(0, 1000000);
    ck_assert_int_eq(slow_readers_slowest(&s_all, s_now), -1); /* nobody knows yet */
    s_round(500, 1000400);
    ck_assert_int_eq(slow_readers_slowest(&s_all, s_now), OTHER);
    s_round(600, 1001400);
    ck_assert_int_eq(slow_readers_slowest(&s_all, s_now), FD);
    connections_at(&s_all, FD)->dropped = true;
    ck_assert_int_eq(slow_readers_slowest(&s_all, s_now), OTHER);
    slow_readers_look(connections_at(&s_all, OTHER), ++s_now, 1009000); /* nothing waits for the first any more */
    ck_assert_int_eq(slow_readers_slowest(&s_all, s_now), OTHER);
    connections_finish(&s_all);
}

/* Another connection with the same descriptor begins anew. */
TEST(test_descriptors_are_reused) {
    s_begin();
    for (unsigned i = 0; i <= SLOW_READERS_STUCK; i++)
        s_round(0, i);
    ck_assert_int_eq(slow_readers_next_stuck(&s_all, s_now, 0), FD);
    connections_open(&s_all, CONNECTIONS_BACK, FD, 3, 1);
    slow_readers_look(connections_at(&s_all, FD), ++s_now, 0);
    ck_assert_int_eq(slow_readers_next_stuck(&s_all, s_now, 0), -1);
    ck_assert_int_eq(slow_readers_slowest(&s_all, s_now), -1);
    connections_finish(&s_all);
}

UNIT_SUITE("broker.slow_readers")
