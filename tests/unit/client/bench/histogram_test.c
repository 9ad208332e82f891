#include "histogram.h"

#include "unit.h"

static histogram_t s_h;

TEST(test_an_empty_one) {
    ck_assert_uint_eq(histogram_at(&s_h, 0.5), 0);
    ck_assert_uint_eq(histogram_at(&s_h, 1), 0);
}

TEST(test_small_values_are_exact) {
    for (uint64_t i = 1; i <= 200; i++)
        histogram_add(&s_h, i);
    ck_assert_uint_eq(histogram_at(&s_h, 0), 1);
    ck_assert_uint_eq(histogram_at(&s_h, 0.5), 100);
    ck_assert_uint_eq(histogram_at(&s_h, 0.99), 198);
    ck_assert_uint_eq(histogram_at(&s_h, 0.999), 200);
    ck_assert_uint_eq(histogram_at(&s_h, 1), 200);
}

/* Around each power of two and in between: the bucket's top is not below the value, and above it by less than one part
 * in 128. */
TEST(test_the_error_is_bounded) {
    for (int bit = 0; bit < 64; bit++)
        for (int step = -2; step <= 2; step++) {
            uint64_t value = (UINT64_C(1) << bit) + (UINT64_C(1) << bit) / 3 * (step == 2) + (uint64_t)(step % 2);
            histogram_t one = {.total = 0};
            histogram_add(&one, value);
            histogram_add(&one, UINT64_MAX); /* or the largest value, which is known exactly, would hide the bucket */
            uint64_t top = histogram_at(&one, 0.5);
            ck_assert_uint_ge(top, value);
            ck_assert_uint_le(top - value, value / 128);
        }
}

TEST(test_buckets_follow_each_other) {
    for (size_t i = 1; i < HISTOGRAM_BUCKETS; i++)
        ck_assert_uint_gt(histogram_bucket_top(i), histogram_bucket_top(i - 1));
    ck_assert_uint_eq(histogram_bucket_top(HISTOGRAM_BUCKETS - 1), UINT64_MAX);
}

TEST(test_no_percentile_is_above_the_largest) {
    for (int i = 0; i < 10; i++)
        histogram_add(&s_h, 1000001);
    ck_assert_uint_eq(histogram_at(&s_h, 0.5), 1000001);
    ck_assert_uint_eq(s_h.most, 1000001);
}

UNIT_SUITE("client.cli.histogram")
