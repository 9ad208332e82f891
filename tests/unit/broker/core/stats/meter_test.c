#include "meter.h"
#include "unit.h"

#define S 1000000ULL

static void s_expect(const meter_t *meter, uint64_t now, uint64_t entries, uint64_t bytes) {
    ck_assert_uint_eq(meter_rate(meter, now).entries, entries);
    ck_assert_uint_eq(meter_rate(meter, now).bytes, bytes);
}

TEST(test_the_last_whole_second_counts) {
    meter_t meter = {0};
    s_expect(&meter, 100 * S, 0, 0);
    meter_add(&meter, 2, 30, 100 * S);
    meter_add(&meter, 1, 10, 101 * S - 1);
    s_expect(&meter, 101 * S - 1, 0, 0);
    s_expect(&meter, 101 * S, 3, 40);
    s_expect(&meter, 102 * S - 1, 3, 40);
    s_expect(&meter, 102 * S, 0, 0);
    meter_add(&meter, 5, 50, 101 * S);
    s_expect(&meter, 101 * S, 3, 40);
    s_expect(&meter, 102 * S, 5, 50);
    ck_assert_uint_eq(meter.entries, 8);
    ck_assert_uint_eq(meter.bytes, 90);
}

TEST(test_a_pause_is_no_rate) {
    meter_t meter = {0};
    meter_add(&meter, 2, 30, 100 * S);
    meter_add(&meter, 4, 5, 102 * S);
    s_expect(&meter, 102 * S, 0, 0);
    s_expect(&meter, 103 * S, 4, 5);
}

TEST(test_a_clock_that_is_set_back) {
    meter_t meter = {0};
    meter_add(&meter, 2, 30, 100 * S);
    meter_add(&meter, 4, 5, 50 * S);
    s_expect(&meter, 50 * S, 0, 0);
    s_expect(&meter, 51 * S, 4, 5);
    ck_assert_uint_eq(meter.entries, 6);
}

UNIT_SUITE("broker.core.stats.meter")
