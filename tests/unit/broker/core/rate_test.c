/* Token buckets, from both sides of each threshold, with clocks as they should not be. */
#include "rate.h"

#include "unit.h"

#define MS UINT64_C(1000)
#define SECOND (1000 * MS)

static rate_limits_t s_limits;
static rates_t s_rates;
static uint64_t s_now, s_wait;

/* 100 units a second, 1000 entries, 10000 bytes, unless told otherwise. */
static void s_begin(uint64_t ops, uint64_t entries, uint64_t bytes, size_t window) {
    s_limits = rate_limits(ops, entries, bytes, window);
    s_rates = (rates_t){0};
    s_now = 1700000000 * SECOND;
    s_wait = 0;
}

static rate_verdict_t s_ask(unsigned cost) {
    return rates_ask(&s_rates, &s_limits, cost, 0, 1, s_now, &s_wait);
}

static rate_verdict_t s_publish(size_t entries, size_t bytes) {
    return rates_publish(&s_rates, &s_limits, entries, bytes, s_now, &s_wait);
}

static void s_spend_burst(void) {
    for (unsigned i = 0; i < 40; i++)
        ck_assert_int_eq(s_ask(10), RATE_FITS);
}

START_TEST(test_a_burst_fits_and_no_more) {
    s_begin(100, 0, 0, 0);
    s_spend_burst(); /* four seconds' worth */
    ck_assert_int_eq(s_ask(1), RATE_OVER);
    ck_assert_uint_eq(s_wait, 20); /* the refusal cost one too */
    s_now += 19 * MS + 999;
    ck_assert_int_eq(s_ask(1), RATE_OVER);
    ck_assert_uint_eq(s_wait, 11);
    s_now += 11 * MS;
    ck_assert_int_eq(s_ask(1), RATE_FITS);
}
END_TEST

START_TEST(test_who_waits_as_told_is_served) {
    for (unsigned cost = 1; cost <= 40; cost++) {
        s_begin(7, 0, 0, 0);
        for (int i = 0; i < 1000; i++) {
            if (s_ask(cost) == RATE_FITS)
                continue;
            ck_assert_uint_gt(s_wait, 0);
            s_now += s_wait * MS;
            ck_assert_int_eq(s_ask(cost), RATE_FITS);
        }
    }
}
END_TEST

START_TEST(test_the_rate_is_kept_over_time) {
    s_begin(100, 0, 0, 0);
    s_spend_burst();
    unsigned fits = 0;
    for (int ms = 0; ms < 60000; ms += 10) { /* just what comes in, each time asked for at once */
        s_now += 10 * MS;
        fits += s_ask(1) == RATE_FITS;
    }
    ck_assert_uint_eq(fits, 6000);
}
END_TEST

START_TEST(test_nothing_is_lost_between_small_steps) {
    s_begin(3, 0, 0, 0); /* a third of a second each: not a whole number of anything */
    for (int i = 0; i < 12; i++)
        ck_assert_int_eq(s_ask(1), RATE_FITS);
    for (uint64_t us = 0; us < 999999; us += 9)
        ck_assert_int_eq(rates_note(&s_rates, &s_limits, 0, s_now + us), RATE_FITS);
    s_now += SECOND;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(s_ask(1), RATE_FITS);
    ck_assert_int_eq(s_ask(1), RATE_OVER);
}
END_TEST

START_TEST(test_a_request_dearer_than_the_bucket_waits_for_a_full_one) {
    s_begin(1, 0, 0, 0); /* four units */
    ck_assert_int_eq(s_ask(20), RATE_FITS);
    ck_assert_int_eq(s_ask(20), RATE_OVER);
    ck_assert_uint_eq(s_wait, 5000);
    s_now += 5 * SECOND - 1;
    ck_assert_int_eq(s_ask(20), RATE_OVER);
    s_now += s_wait * MS;
    ck_assert_int_eq(s_ask(20), RATE_FITS);
}
END_TEST

START_TEST(test_debt) {
    s_begin(100, 0, 0, 0);
    s_spend_burst();
    for (int i = 0; i < 500; i++) /* five seconds' worth more */
        ck_assert_int_eq(s_ask(20), RATE_OVER);
    ck_assert_uint_eq(s_wait, 5200);
    ck_assert_int_eq(s_ask(1), RATE_FLOODS);
    ck_assert_int_eq(s_ask(1), RATE_FLOODS);
    s_now += 20 * MS; /* it does not add up any more: soon after it is no flood any longer */
    ck_assert_int_eq(s_ask(1), RATE_OVER);
}
END_TEST

START_TEST(test_what_is_never_refused_counts) {
    s_begin(100, 0, 0, 0);
    for (int i = 0; i < 900; i++)
        ck_assert_int_eq(rates_note(&s_rates, &s_limits, 1, s_now), RATE_FITS);
    ck_assert_int_eq(s_ask(1), RATE_FLOODS);
    s_begin(100, 0, 0, 0);
    for (int i = 0; i < 900; i++)
        rates_note(&s_rates, &s_limits, 1, s_now);
    ck_assert_int_eq(rates_note(&s_rates, &s_limits, 1, s_now), RATE_FLOODS);
}
END_TEST

START_TEST(test_publishing_is_told_once_in_a_while) {
    s_begin(0, 1000, 0, 0);
    ck_assert_int_eq(s_publish(2000, 1 << 20), RATE_FITS);
    ck_assert_int_eq(s_publish(1, 1), RATE_OVER);
    ck_assert_uint_eq(s_wait, 1);
    for (int i = 0; i < 99; i++) {
        s_now += MS;
        ck_assert_int_eq(s_publish(2, 1), RATE_FITS); /* taken, and told before */
    }
    s_now += MS;
    ck_assert_int_eq(s_publish(2, 1), RATE_OVER);
    ck_assert_uint_eq(s_wait, 101);
    s_now += s_wait * MS;
    ck_assert_int_eq(s_publish(0, 1), RATE_FITS);
}
END_TEST

START_TEST(test_bytes_and_entries_each_count) {
    s_begin(0, 1000, 10000, 0);
    ck_assert_int_eq(s_publish(1, 20000), RATE_FITS);
    ck_assert_int_eq(s_publish(1, 10000), RATE_OVER);
    ck_assert_uint_eq(s_wait, 1000);
    s_begin(0, 1000, 10000, 0);
    ck_assert_int_eq(s_publish(2500, 21000), RATE_OVER); /* the longer one */
    ck_assert_uint_eq(s_wait, 500);
}
END_TEST

START_TEST(test_publishing_floods) {
    s_begin(0, 1000, 0, 0);
    for (int i = 0; i < 7; i++)
        ck_assert_int_ne(s_publish(1000, 1), RATE_FLOODS);
    ck_assert_int_eq(s_publish(1, 1), RATE_FLOODS);
    s_begin(0, 0, 1000, 0);
    ck_assert_int_ne(s_publish(1, 7000), RATE_FLOODS);
    ck_assert_int_eq(s_publish(1, 1), RATE_FLOODS);
}
END_TEST

START_TEST(test_a_window_is_no_flood) {
    s_begin(0, 10, 100, 14000);
    for (int i = 0; i < 14000 / 17; i++) /* a window of the smallest frames, before anything can have been heard */
        ck_assert_int_ne(s_publish(RATE_KEYED, 17 + RATE_MESSAGE), RATE_FLOODS);
    s_begin(0, 10, 0, 14000);
    ck_assert_int_ne(s_publish(14000 / 14 * RATE_KEYED + 20, 0), RATE_FLOODS); /* and the burst */
    ck_assert_int_eq(s_publish(1, 0), RATE_FLOODS);
    s_begin(0, 0, 100, 14000);
    ck_assert_int_ne(s_publish(1, 14000 + 14000 / 17 * RATE_MESSAGE + 200), RATE_FLOODS);
    ck_assert_int_eq(s_publish(1, 1), RATE_FLOODS);
}
END_TEST

START_TEST(test_no_limit) {
    s_begin(0, 0, 0, 0);
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(s_ask(1000000), RATE_FITS);
        ck_assert_int_eq(rates_note(&s_rates, &s_limits, 1000000, s_now), RATE_FITS);
        ck_assert_int_eq(s_publish(SIZE_MAX, SIZE_MAX), RATE_FITS);
    }
    rates_t other = {.ops.owed = 1};
    rates_merge(&s_rates, &other, &s_limits, s_now);
    ck_assert_int_eq(s_ask(1), RATE_FITS);
}
END_TEST

START_TEST(test_the_largest_numbers) {
    s_begin(UINT64_MAX, UINT64_MAX, UINT64_MAX, SIZE_MAX);
    s_now = UINT64_MAX;
    ck_assert_int_eq(s_ask(UINT32_MAX), RATE_FITS);
    for (int i = 0; i < 100; i++) {
        rate_verdict_t verdict = s_publish(SIZE_MAX, SIZE_MAX);
        ck_assert(i > 0 || verdict != RATE_FITS);
        ck_assert(i < 10 || verdict == RATE_FLOODS);
    }
    s_now = 0;
    ck_assert_int_eq(s_publish(1, 1), RATE_FLOODS);
    s_begin(1, 1, 1, SIZE_MAX);
    ck_assert_int_ne(s_publish(SIZE_MAX, SIZE_MAX), RATE_FITS);
    ck_assert_int_eq(s_publish(SIZE_MAX, SIZE_MAX), RATE_FLOODS);
}
END_TEST

START_TEST(test_a_clock_that_goes_back) {
    s_begin(100, 1000, 0, 0);
    s_spend_burst();
    s_now -= 3600 * SECOND;
    ck_assert_int_eq(s_ask(1), RATE_OVER); /* gives nothing, */
    ck_assert_uint_eq(s_wait, 20);
    s_now += 20 * MS;
    ck_assert_int_eq(s_ask(1), RATE_FITS); /* and refilling goes on from there */
    ck_assert_int_eq(s_publish(3000, 1), RATE_OVER);
    s_now -= SECOND;
    ck_assert_int_eq(s_publish(1, 1), RATE_OVER); /* told at once rather than an hour late */
}
END_TEST

START_TEST(test_a_clock_that_jumps_ahead) {
    s_begin(100, 0, 0, 0);
    s_spend_burst();
    s_now += UINT64_C(100) * 365 * 86400 * SECOND;
    s_spend_burst(); /* full once */
    ck_assert_int_eq(s_ask(1), RATE_OVER);
    s_now = UINT64_MAX;
    s_spend_burst();
    ck_assert_int_eq(s_ask(1), RATE_OVER);
}
END_TEST

START_TEST(test_merging_keeps_the_larger_debt) {
    s_begin(100, 1000, 10000, 0);
    rates_t fresh = {0}, spent = {0};
    for (int i = 0; i < 40; i++)
        ck_assert_int_eq(rates_ask(&spent, &s_limits, 10, 0, 1, s_now, &s_wait), RATE_FITS);
    rates_t one = fresh;
    rates_merge(&one, &spent, &s_limits, s_now);
    ck_assert_int_eq(rates_ask(&one, &s_limits, 1, 0, 1, s_now, &s_wait), RATE_OVER);
    one = spent;
    rates_merge(&one, &fresh, &s_limits, s_now);
    ck_assert_int_eq(rates_ask(&one, &s_limits, 1, 0, 1, s_now, &s_wait), RATE_OVER);
    /* Debt paid back long ago does not hide the debt of now. */
    one = fresh;
    uint64_t later = s_now + 100 * SECOND;
    ck_assert_int_eq(rates_note(&one, &s_limits, 399, later), RATE_FITS);
    rates_merge(&one, &spent, &s_limits, later);
    ck_assert_int_eq(rates_ask(&one, &s_limits, 2, 0, 1, later, &s_wait), RATE_OVER);
}
END_TEST

START_TEST(test_connections_are_remembered) {
    static rate_connections_t connections;
    s_begin(100, 0, 0, 0);
    connections.limits = s_limits;
    for (uint32_t route = 5; route < 5 + RATE_CONNECTIONS; route++)
        ck_assert_int_eq(rates_note(rate_connection(&connections, route), &s_limits, 400, s_now), RATE_FITS);
    for (uint32_t route = 5; route < 5 + RATE_CONNECTIONS; route++)
        ck_assert_int_eq(
            rates_ask(rate_connection(&connections, route), &s_limits, 1, 0, 1, s_now, &s_wait), RATE_OVER);
    /* One more takes the place of the first, with the debt there: neither gets rid of it by the other. */
    for (uint32_t i = 0; i < 100; i++)
        ck_assert_int_eq(
            rates_ask(rate_connection(&connections, 5 + i % 2 * RATE_CONNECTIONS), &s_limits, 1, 0, 1, s_now, &s_wait),
            RATE_OVER);
    ck_assert_int_eq(rates_ask(rate_connection(&connections, 6), &s_limits, 1, 0, 1, s_now, &s_wait), RATE_OVER);
    /* But never more than the burst: the next connection in a flooder's place is not taken for a flooder. */
    for (int i = 0; i < 100; i++)
        rates_note(rate_connection(&connections, 6), &s_limits, 400, s_now);
    ck_assert_int_eq(rates_ask(rate_connection(&connections, 6), &s_limits, 1, 0, 1, s_now, &s_wait), RATE_FLOODS);
    s_now += SECOND;
    ck_assert_int_eq(
        rates_ask(rate_connection(&connections, 6 + RATE_CONNECTIONS), &s_limits, 1, 0, 1, s_now, &s_wait), RATE_FITS);
}
END_TEST

START_TEST(test_a_session_leaves_its_debt) {
    static rate_connections_t connections;
    s_begin(100, 0, 0, 0);
    connections.limits = s_limits;
    rates_t spent = {0}, fresh = {0};
    ck_assert_int_eq(rates_note(&spent, &s_limits, 400, s_now), RATE_FITS);
    rate_connection_leave(&connections, 5, &spent);
    ck_assert_int_eq(rates_ask(rate_connection(&connections, 5), &s_limits, 1, 0, 1, s_now, &s_wait), RATE_OVER);
    rate_connection_leave(&connections, 5 + RATE_CONNECTIONS, &fresh); /* nor does another's leaving pay it */
    ck_assert_int_eq(rates_ask(rate_connection(&connections, 5), &s_limits, 1, 0, 1, s_now, &s_wait), RATE_OVER);
}
END_TEST

/* A client whose refusals cost the whole price waits longer, is served then, and floods soon. */
START_TEST(test_what_a_refusal_costs) {
    s_begin(100, 0, 0, 0);
    s_spend_burst();
    for (unsigned i = 1; i <= 25; i++) {
        ck_assert_int_eq(rates_ask(&s_rates, &s_limits, 20, 0, 20, s_now, &s_wait), RATE_OVER);
        ck_assert_uint_eq(s_wait, (i + 1) * 200);
    }
    ck_assert_int_eq(rates_ask(&s_rates, &s_limits, 20, 0, 20, s_now, &s_wait), RATE_FLOODS);
    for (unsigned cost = 1; cost <= 50; cost++) { /* even what is more than a full bucket */
        s_begin(7, 0, 0, 0);
        for (int i = 0; i < 100; i++) {
            if (rates_ask(&s_rates, &s_limits, cost, 0, cost, s_now, &s_wait) == RATE_FITS)
                continue;
            s_now += s_wait * MS;
            ck_assert_int_eq(rates_ask(&s_rates, &s_limits, cost, 0, cost, s_now, &s_wait), RATE_FITS);
        }
    }
}
END_TEST

START_TEST(test_what_was_noted_is_part_of_the_cost) {
    for (unsigned noted = 0; noted <= 50; noted++) {
        s_begin(7, 0, 0, 0); /* 28 */
        for (int i = 0; i < 100; i++) {
            rates_note(&s_rates, &s_limits, noted, s_now);
            if (rates_ask(&s_rates, &s_limits, 5, noted, 1, s_now, &s_wait) == RATE_FITS)
                continue;
            s_now += s_wait * MS;
            rates_note(&s_rates, &s_limits, noted, s_now);
            ck_assert_int_eq(rates_ask(&s_rates, &s_limits, 5, noted, 1, s_now, &s_wait), RATE_FITS);
        }
    }
}
END_TEST

START_TEST(test_what_was_refused_is_told_once_in_a_while) {
    s_begin(100, 0, 0, 0);
    for (int i = 0; i < 400; i++)
        ck_assert_int_eq(rates_refused(&s_rates, &s_limits, 1, s_now, &s_wait), RATE_FITS);
    ck_assert_int_eq(rates_refused(&s_rates, &s_limits, 1, s_now, &s_wait), RATE_OVER);
    ck_assert_uint_eq(s_wait, 10);
    for (int i = 0; i < 499; i++)
        ck_assert_int_eq(rates_refused(&s_rates, &s_limits, 1, s_now, &s_wait), RATE_FITS);
    ck_assert_int_eq(rates_refused(&s_rates, &s_limits, 1, s_now, &s_wait), RATE_FLOODS);
}
END_TEST

UNIT_MAIN("broker.core.rate", test_a_burst_fits_and_no_more, test_who_waits_as_told_is_served,
    test_the_rate_is_kept_over_time, test_nothing_is_lost_between_small_steps,
    test_a_request_dearer_than_the_bucket_waits_for_a_full_one, test_debt, test_what_is_never_refused_counts,
    test_publishing_is_told_once_in_a_while, test_bytes_and_entries_each_count, test_publishing_floods,
    test_a_window_is_no_flood, test_no_limit, test_the_largest_numbers, test_a_clock_that_goes_back,
    test_a_clock_that_jumps_ahead, test_merging_keeps_the_larger_debt, test_connections_are_remembered,
    test_a_session_leaves_its_debt, test_what_a_refusal_costs, test_what_was_noted_is_part_of_the_cost,
    test_what_was_refused_is_told_once_in_a_while)
