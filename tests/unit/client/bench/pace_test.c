#include "pace.h"

#include <sys/prctl.h>

#include "unit.h"

TEST(test_due_times_do_not_drift) {
    pace_t pace = {.start = 1000, .rate = 3};
    ck_assert_uint_eq(pace_due(&pace, 0), 1000);
    ck_assert_uint_eq(pace_due(&pace, 1), 333334333);
    ck_assert_uint_eq(pace_due(&pace, 3), 1000001000);
    ck_assert_uint_eq(pace_offset(3, UINT64_C(30000000000)), UINT64_C(10000000000000000000)); /* 317 years */
}

TEST(test_a_message_counts_from_the_nanosecond_at_which_it_is_due) {
    const uint64_t rates[] = {1, 3, 7, 5000, 99999989};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        pace_t pace = {.start = 12345, .rate = rates[i]};
        ck_assert_uint_eq(pace_count(&pace, pace.start - 1), 0);
        for (uint64_t number = 0; number < 1000; number++) {
            uint64_t due = pace_due(&pace, number);
            ck_assert_uint_eq(pace_count(&pace, due), number + 1);
            ck_assert_uint_eq(pace_count(&pace, due - 1), number);
        }
    }
}

TEST(test_a_late_wake_up_is_not_latency) {
    pace_t pace = {.start = 0, .rate = 1000};
    pace_note(&pace, 4200, 5000, 5070);
    ck_assert_uint_eq(pace_from(&pace, 5000), 5070); /* it was due in the sleep */
    ck_assert_uint_eq(pace_from(&pace, 5069), 5070); /* and so was the next */
    ck_assert_uint_eq(pace_from(&pace, 5070), 5070);
}

TEST(test_a_delay_without_sleep_is_latency) {
    pace_t pace = {.start = 0, .rate = 1000};
    pace_note(&pace, 4200, 5000, 5070);
    ck_assert_uint_eq(pace_from(&pace, 4199), 4199); /* it became due before the sleep: something held it up */
    ck_assert_uint_eq(pace_from(&pace, 6000), 6000); /* it became due after it */
}

TEST(test_a_sleep_that_a_signal_ends_changes_nothing) {
    pace_t pace = {.start = 0, .rate = 1000};
    pace_note(&pace, 4200, 5000, 4999);
    ck_assert_uint_eq(pace_from(&pace, 4500), 4500);
}

TEST(test_a_sleep_lasts_until_its_end) {
    pace_t pace = {.start = pace_clock(), .rate = 1000};
    prctl(PR_SET_TIMERSLACK, 1);
    for (uint64_t number = 1; number <= 20; number++) {
        uint64_t due = pace_due(&pace, number);
        pace_sleep(&pace, due);
        ck_assert_uint_ge(pace_clock(), due);
        ck_assert_uint_ge(pace_from(&pace, due), due);
    }
    uint64_t slept = pace.slept;
    pace_sleep(&pace, pace.start); /* it has passed */
    ck_assert_uint_eq(pace.slept, slept);
}

UNIT_SUITE("client.bench.pace")
