#include "timekeeper.h"

#include "unit.h"

#define SECOND 1000000ULL
#define DAY (86400 * SECOND)
#define YEAR (365 * DAY)
#define NOW (1800000000 * SECOND) /* 2027-01-15 */
#define UP (1000 * SECOND)        /* since the machine's start */

static timekeeper_t s_begun(uint64_t newest, uint64_t clock, time_news_t news) {
    timekeeper_t keeper;
    ck_assert_int_eq(timekeeper_begin(&keeper, newest, 0, clock, UP), news);
    return keeper;
}

TEST(test_it_follows_the_clock) {
    timekeeper_t keeper = s_begun(0, NOW, TIME_GOES);
    for (uint64_t second = 0; second < 100; second++) {
        uint64_t drift = second % 50 * SECOND; /* slowly ahead, and back within the slack */
        ck_assert_int_eq(timekeeper_look(&keeper, NOW + second * SECOND + drift, UP + second * SECOND), TIME_GOES);
        ck_assert_uint_eq(keeper.time, NOW + second * SECOND + drift);
        ck_assert(!timekeeper_doubts(&keeper));
    }
}

TEST(test_ahead_and_back) {
    timekeeper_t keeper = s_begun(NOW - SECOND, NOW, TIME_GOES);
    ck_assert_int_eq(timekeeper_look(&keeper, NOW + 10 * YEAR, UP + SECOND), TIME_AHEAD);
    ck_assert_uint_eq(keeper.time, NOW + 10 * YEAR);
    ck_assert_uint_eq(keeper.before, NOW + SECOND);
    ck_assert(timekeeper_doubts(&keeper));
    ck_assert_int_eq(timekeeper_look(&keeper, NOW + 10 * YEAR + SECOND, UP + 2 * SECOND), TIME_GOES); /* told once */
    ck_assert(timekeeper_doubts(&keeper));
    ck_assert_int_eq(timekeeper_look(&keeper, NOW + 3 * SECOND, UP + 3 * SECOND), TIME_BACK);
    ck_assert_uint_eq(keeper.time, NOW + 3 * SECOND);
    ck_assert(!timekeeper_doubts(&keeper));
    ck_assert_int_eq(timekeeper_look(&keeper, NOW + 4 * SECOND, UP + 4 * SECOND), TIME_GOES);
}

TEST(test_doubts_end) {
    timekeeper_t keeper = s_begun(0, NOW, TIME_GOES);
    timekeeper_look(&keeper, NOW + DAY, UP);
    timekeeper_look(&keeper, NOW + DAY + 3599 * SECOND, UP + 3599 * SECOND);
    ck_assert(timekeeper_doubts(&keeper));
    timekeeper_look(&keeper, NOW + DAY + 3600 * SECOND, UP + 3600 * SECOND);
    ck_assert(!timekeeper_doubts(&keeper));
}

/* The machine slept: both clocks went on. */
TEST(test_sleep_is_no_news) {
    timekeeper_t keeper = s_begun(0, NOW, TIME_GOES);
    ck_assert_int_eq(timekeeper_look(&keeper, NOW + DAY, UP + DAY), TIME_GOES);
}

TEST(test_a_log_from_the_future) {
    timekeeper_t keeper = s_begun(NOW + 10 * YEAR, NOW, TIME_BACK);
    ck_assert_uint_eq(keeper.time, NOW);
    ck_assert_uint_eq(keeper.before, NOW + 10 * YEAR);
    ck_assert(!timekeeper_doubts(&keeper));
    s_begun(NOW + 30 * SECOND, NOW, TIME_GOES);
}

TEST(test_an_old_log) {
    timekeeper_t keeper = s_begun(NOW - 2 * DAY, NOW, TIME_LATE);
    ck_assert_uint_eq(keeper.time, NOW);
    ck_assert(timekeeper_doubts(&keeper));
    keeper = s_begun(NOW - DAY, NOW, TIME_GOES);
    ck_assert(!timekeeper_doubts(&keeper));
}

/* The broker starts again within the hour, and the newest message has the new time already. */
TEST(test_doubts_outlast_a_restart) {
    timekeeper_t before = s_begun(0, NOW, TIME_GOES), keeper;
    timekeeper_look(&before, NOW + DAY, UP);
    ck_assert_uint_eq(before.hold, NOW + DAY + 3600 * SECOND);
    uint64_t clock = NOW + DAY + 600 * SECOND, left = 3000 * SECOND;
    ck_assert_int_eq(timekeeper_begin(&keeper, clock, before.hold, clock, UP), TIME_HELD);
    ck_assert_uint_eq(keeper.hold, before.hold);
    timekeeper_look(&keeper, clock + left - 1, UP + left - 1);
    ck_assert(timekeeper_doubts(&keeper));
    timekeeper_look(&keeper, clock + left, UP + left);
    ck_assert(!timekeeper_doubts(&keeper));
    /* The hour is over, or the clock was set right. */
    ck_assert_int_eq(timekeeper_begin(&keeper, clock, before.hold, before.hold, UP), TIME_GOES);
    ck_assert_int_eq(timekeeper_begin(&keeper, 0, before.hold, NOW, UP), TIME_GOES);
    ck_assert_int_eq(timekeeper_begin(&keeper, clock, before.hold, NOW, UP), TIME_BACK);
    ck_assert(!timekeeper_doubts(&keeper));
}

/* A machine without a clock of its own begins at 1970, and is told the time later. */
TEST(test_a_clock_that_is_not_set) {
    timekeeper_t keeper = s_begun(NOW, 5 * SECOND, TIME_UNSET);
    ck_assert_uint_eq(keeper.time, NOW);
    ck_assert_int_eq(timekeeper_look(&keeper, 8 * SECOND, UP + 3 * SECOND), TIME_GOES);
    ck_assert_uint_eq(keeper.time, NOW + 3 * SECOND);
    ck_assert_int_eq(timekeeper_look(&keeper, NOW + DAY, UP + 4 * SECOND), TIME_AHEAD);
    ck_assert_uint_eq(keeper.time, NOW + DAY);
    keeper = s_begun(0, 5 * SECOND, TIME_UNSET);
    ck_assert_uint_eq(keeper.time, 1735689600 * SECOND);
    keeper = s_begun(200 * YEAR, 5 * SECOND, TIME_UNSET); /* the log's time is not set either */
    ck_assert_uint_eq(keeper.time, 1735689600 * SECOND);
}

TEST(test_a_clock_that_loses_its_time) {
    timekeeper_t keeper = s_begun(0, NOW, TIME_GOES);
    ck_assert_int_eq(timekeeper_look(&keeper, 0, UP + SECOND), TIME_UNSET);
    ck_assert_uint_eq(keeper.time, NOW + SECOND);
    ck_assert_int_eq(timekeeper_look(&keeper, UINT64_MAX, UP + 2 * SECOND), TIME_GOES);
    ck_assert_uint_eq(keeper.time, NOW + 2 * SECOND);
    ck_assert_int_eq(timekeeper_look(&keeper, NOW + 3 * SECOND, UP + 3 * SECOND), TIME_GOES);
}

UNIT_SUITE("broker.timekeeper")
