/* A token bucket, from both sides of each threshold, with clocks as they should not be. */
#include "bucket.h"

#include "unit.h"

#define MS UINT64_C(1000)
#define SECOND (1000 * MS)

static bucket_rate_t s_rate;
static bucket_t s_bucket;
static uint64_t s_now;

static void s_begin(uint64_t per_second, uint64_t debt) {
    s_rate = bucket_rate(per_second, debt);
    s_bucket = (bucket_t){0};
    s_now = 1700000000 * SECOND;
}

static bool s_take(uint64_t units) {
    return bucket_take(&s_bucket, &s_rate, units, s_now);
}

static void s_allow(uint64_t units) {
    bucket_allow(&s_bucket, &s_rate, units, s_now);
}

static uint64_t s_wait(uint64_t units) {
    return bucket_wait(&s_bucket, &s_rate, units, s_now);
}

TEST(test_four_seconds_worth_at_once_and_no_more) {
    s_begin(100, 1000);
    for (int i = 0; i < 399; i++)
        ck_assert(s_take(1));
    ck_assert_uint_eq(s_wait(1), 0);
    ck_assert_uint_eq(s_wait(2), 10);
    ck_assert(s_take(1));
    ck_assert_uint_eq(s_wait(1), 10);
    s_now += 10 * MS - 1;
    ck_assert_uint_eq(s_wait(1), 1);
    s_now += 1;
    ck_assert_uint_eq(s_wait(1), 0);
}

TEST(test_a_bucket_is_full_in_the_end) {
    s_begin(100, 1000);
    ck_assert_uint_eq(s_wait(400), 0);
    s_take(1);
    ck_assert_uint_eq(s_wait(400), 10);
    ck_assert_uint_eq(s_wait(UINT64_MAX), 10); /* more than it holds */
    s_now += 10 * MS;
    ck_assert_uint_eq(s_wait(UINT64_MAX), 0);
}

TEST(test_the_rate_is_kept_over_time) {
    s_begin(100, 1000);
    s_take(400);
    unsigned taken = 0;
    for (int ms = 0; ms < 60000; ms += 10) {
        s_now += 10 * MS;
        if (s_wait(1) == 0) {
            s_take(1);
            taken++;
        }
    }
    ck_assert_uint_eq(taken, 6000);
}

TEST(test_nothing_is_lost_between_small_steps) {
    s_begin(3, 100); /* a third of a second each: not a whole number of anything */
    s_take(12);
    for (uint64_t us = 0; us < 999999; us += 9)
        ck_assert(bucket_take(&s_bucket, &s_rate, 0, s_now + us));
    s_now += SECOND;
    ck_assert_uint_eq(s_wait(3), 0);
    ck_assert_uint_ne(s_wait(4), 0);
}

TEST(test_a_debt_beyond_its_limit_is_a_flood) {
    s_begin(100, 500);
    ck_assert(s_take(900));
    ck_assert_uint_eq(s_wait(1), 5010);
    ck_assert(!s_take(1));
    ck_assert(!s_take(100000)); /* it does not add up: soon after it is no flood any longer */
    s_now += 20 * MS;
    ck_assert(s_take(1));
    ck_assert_uint_eq(s_wait(1), 5000);
}

TEST(test_what_was_allowed_is_no_flood) {
    s_begin(100, 500);
    s_take(399);
    s_allow(1);
    ck_assert_uint_eq(s_wait(1), 10);
    for (int i = 0; i < 10; i++)
        s_allow(UINT64_MAX);
    ck_assert_uint_eq(s_wait(1), 4010); /* a full bucket is owed */
    ck_assert(s_take(100));
    s_allow(1); /* nor does it forgive anything */
    ck_assert(!s_take(1));
}

TEST(test_forgiving) {
    s_begin(100, 500);
    s_take(100);
    bucket_forgive(&s_bucket, &s_rate);
    ck_assert_uint_eq(s_wait(300), 0);
    s_take(700);
    bucket_forgive(&s_bucket, &s_rate);
    ck_assert_uint_eq(s_wait(1), 10);
}

TEST(test_no_limit) {
    s_begin(0, 0);
    bucket_t other = {.owed = 1};
    for (int i = 0; i < 1000; i++) {
        ck_assert(s_take(UINT64_MAX));
        s_allow(UINT64_MAX);
        bucket_merge(&s_bucket, &other, &s_rate, s_now);
        ck_assert_uint_eq(s_wait(UINT64_MAX), 0);
    }
}

TEST(test_the_largest_numbers) {
    s_begin(UINT64_MAX, UINT64_MAX);
    s_now = UINT64_MAX;
    ck_assert(s_take(UINT64_MAX));
    ck_assert(!s_take(UINT64_MAX));
    s_now = 0;
    ck_assert(!s_take(1));
    ck_assert_uint_gt(s_wait(1), 0);
    s_begin(1, UINT64_MAX);
    ck_assert(s_take(UINT64_MAX));
    ck_assert(!s_take(UINT64_MAX));
}

TEST(test_a_clock_that_goes_back) {
    s_begin(100, 500);
    s_take(400);
    s_now -= 3600 * SECOND;
    ck_assert_uint_eq(s_wait(1), 10); /* gives nothing, */
    s_now += 10 * MS;
    ck_assert_uint_eq(s_wait(1), 0); /* and refilling goes on from there */
}

TEST(test_a_clock_that_jumps_ahead) {
    s_begin(100, 500);
    s_take(400);
    s_now += UINT64_C(100) * 365 * 86400 * SECOND;
    ck_assert_uint_eq(s_wait(400), 0);
    s_take(400); /* full once */
    ck_assert_uint_eq(s_wait(1), 10);
    s_now = UINT64_MAX;
    ck_assert_uint_eq(s_wait(400), 0);
}

TEST(test_merging_keeps_the_larger_debt) {
    s_begin(100, 500);
    bucket_t fresh = {0}, spent = {0};
    bucket_take(&spent, &s_rate, 400, s_now);
    s_bucket = fresh;
    bucket_merge(&s_bucket, &spent, &s_rate, s_now);
    ck_assert_uint_eq(s_wait(1), 10);
    bucket_merge(&s_bucket, &fresh, &s_rate, s_now);
    ck_assert_uint_eq(s_wait(1), 10);
    /* Debt paid back long ago does not hide the debt of now. */
    s_bucket = fresh;
    s_now += 100 * SECOND;
    s_take(399);
    bucket_merge(&s_bucket, &spent, &s_rate, s_now);
    ck_assert_uint_eq(s_wait(2), 10);
}

UNIT_SUITE("broker.core.bucket")
