#include "slow_readers.h"

#include "unit.h"

enum { FD = 5, OTHER = 90 };

static void s_round(slow_readers_t *readers, uint64_t confirmed, uint64_t others) {
    slow_readers_begin(readers);
    slow_readers_look(readers, FD, 1, confirmed);
    slow_readers_look(readers, OTHER, 2, others);
}

START_TEST(test_stuck) {
    slow_readers_t readers = {0};
    for (unsigned i = 0; i < SLOW_READERS_STUCK; i++) {
        s_round(&readers, 1000, i);
        ck_assert_int_eq(slow_readers_next_stuck(&readers, 0), -1);
    }
    s_round(&readers, 1000, 1000);
    ck_assert_int_eq(slow_readers_next_stuck(&readers, 0), FD);
    ck_assert_int_eq(slow_readers_next_stuck(&readers, FD + 1), -1);
    s_round(&readers, 1001, 1001); /* it reads again */
    ck_assert_int_eq(slow_readers_next_stuck(&readers, 0), -1);
    slow_readers_finish(&readers);
}
END_TEST

START_TEST(test_slowest) {
    slow_readers_t readers = {0};
    ck_assert_int_eq(slow_readers_slowest(&readers), -1);
    s_round(&readers, 0, 1000000);
    ck_assert_int_eq(slow_readers_slowest(&readers), -1); /* nobody knows yet */
    s_round(&readers, 500, 1000400);
    ck_assert_int_eq(slow_readers_slowest(&readers), OTHER);
    s_round(&readers, 600, 1001400);
    ck_assert_int_eq(slow_readers_slowest(&readers), FD);
    slow_readers_drop(&readers, FD);
    ck_assert_int_eq(slow_readers_slowest(&readers), OTHER);
    slow_readers_begin(&readers); /* nothing waits for it any more */
    slow_readers_look(&readers, OTHER, 2, 1009000);
    ck_assert_int_eq(slow_readers_slowest(&readers), OTHER);
    slow_readers_finish(&readers);
}
END_TEST

/* Another connection with the same descriptor begins anew. */
START_TEST(test_descriptors_are_reused) {
    slow_readers_t readers = {0};
    for (unsigned i = 0; i <= SLOW_READERS_STUCK; i++)
        s_round(&readers, 0, i);
    ck_assert_int_eq(slow_readers_next_stuck(&readers, 0), FD);
    slow_readers_begin(&readers);
    slow_readers_look(&readers, FD, 3, 0);
    ck_assert_int_eq(slow_readers_next_stuck(&readers, 0), -1);
    ck_assert_int_eq(slow_readers_slowest(&readers), -1);
    slow_readers_finish(&readers);
}
END_TEST

UNIT_MAIN("broker.slow_readers", test_stuck, test_slowest, test_descriptors_are_reused)
