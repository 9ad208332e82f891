/* The buckets of a session and of a connection without one. */
#include "rate.h"

#include "unit.h"

#define MS UINT64_C(1000)
#define SECOND (1000 * MS)
#define COST(KIND, UNITS) (&(rate_cost_t){{[KIND] = UNITS}})

static rate_limits_t s_limits;
static rates_t s_rates;
static uint64_t s_now;

static void s_begin(const rate_cost_t *per_second, size_t max_control, size_t window) {
    s_limits = rate_limits(per_second, max_control, window);
    s_rates = (rates_t){0};
    s_now = 1700000000 * SECOND;
}

static bool s_take(const rate_cost_t *cost) {
    return rates_take(&s_rates, &s_limits, cost, s_now);
}

static uint64_t s_wait(const rate_cost_t *cost) {
    return rates_wait(&s_rates, &s_limits, cost, s_now);
}

TEST(test_each_kind_has_its_bucket) {
    s_begin(&(rate_cost_t){{1000, 1000, 1000, 1000}}, 0, 0);
    for (int kind = 0; kind < RATE_KINDS; kind++) {
        rate_cost_t cost = {{0}};
        cost.of[kind] = 3999;
        ck_assert(s_take(&cost));
        ck_assert_uint_eq(s_wait(&cost), 0);
        cost.of[kind] = 1;
        ck_assert(s_take(&cost));
        ck_assert_uint_eq(s_wait(&cost), 1);
        cost.of[kind] = 5000;
        ck_assert(s_take(&cost));
        cost.of[kind] = 1;
        ck_assert(!s_take(&cost));
        for (int other = kind + 1; other < RATE_KINDS; other++)
            ck_assert_uint_eq(s_wait(&(rate_cost_t){{other == 0, other == 1, other == 2, other == 3}}), 0);
    }
}

TEST(test_the_longest_wait_counts) {
    s_begin(&(rate_cost_t){{[RATE_ENTRIES] = 1000, [RATE_BYTES] = 10000}}, 0, 0);
    const rate_cost_t cost = {{[RATE_ENTRIES] = 4499, [RATE_BYTES] = 40999}};
    ck_assert(s_take(&cost));
    ck_assert_uint_eq(s_wait(&cost), 500);
    ck_assert_uint_eq(s_wait(COST(RATE_BYTES, 1)), 100);
    ck_assert_uint_eq(s_wait(COST(RATE_OPS, 1)), 0);
}

TEST(test_what_was_allowed_is_no_flood) {
    s_begin(&(rate_cost_t){{[RATE_OPS] = 100, [RATE_CONTROL] = 100}}, 0, 0);
    rates_allow(&s_rates, &s_limits, &(rate_cost_t){{[RATE_OPS] = 100000, [RATE_CONTROL] = 100000}}, s_now);
    ck_assert_uint_eq(s_wait(COST(RATE_OPS, 1)), 4010);
    ck_assert_uint_eq(s_wait(COST(RATE_CONTROL, 1)), 4010);
    ck_assert(s_take(COST(RATE_OPS, 100)));
    ck_assert(!s_take(COST(RATE_OPS, 1)));
}

TEST(test_what_comes_before_it_hears_is_no_flood) {
    s_begin(&(rate_cost_t){{0, 100, 10, 100}}, 2000, 14000);
    ck_assert(s_take(COST(RATE_CONTROL, 400 + 2000)));
    ck_assert(!s_take(COST(RATE_CONTROL, 1)));
    for (int i = 0; i < 14000 / 17; i++) /* a window of the smallest frames */
        ck_assert(s_take(&(rate_cost_t){{[RATE_ENTRIES] = RATE_KEYED, [RATE_BYTES] = 17 + RATE_MESSAGE}}));
    s_begin(&(rate_cost_t){{0, 100, 10, 100}}, 2000, 14000);
    ck_assert(s_take(COST(RATE_ENTRIES, 40 + 14000 / 14 * RATE_KEYED)));
    ck_assert(!s_take(COST(RATE_ENTRIES, 1)));
    ck_assert(s_take(COST(RATE_BYTES, 400 + 14000 + 14000 / 17 * RATE_MESSAGE)));
    ck_assert(!s_take(COST(RATE_BYTES, 1)));
}

TEST(test_no_limit) {
    s_begin(&(rate_cost_t){{0}}, SIZE_MAX, SIZE_MAX);
    const rate_cost_t all = {{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
    for (int i = 0; i < 1000; i++) {
        ck_assert(s_take(&all));
        ck_assert_uint_eq(s_wait(&all), 0);
    }
}

TEST(test_told_once_in_a_while) {
    s_begin(&(rate_cost_t){{0}}, 0, 0);
    ck_assert(rates_tell(&s_rates, s_now));
    ck_assert(!rates_tell(&s_rates, s_now + RATE_TOLD - 1));
    ck_assert(rates_tell(&s_rates, s_now + RATE_TOLD));
    ck_assert(rates_tell(&s_rates, s_now - SECOND)); /* the clock went back: rather at once than an hour late */
}

TEST(test_connections_are_remembered) {
    static rate_connections_t connections;
    s_begin(COST(RATE_OPS, 100), 0, 0);
    connections.limits = s_limits;
    for (uint32_t route = 5; route < 5 + RATE_CONNECTIONS; route++)
        ck_assert(rates_take(rate_connection(&connections, route), &s_limits, COST(RATE_OPS, 400), s_now));
    for (uint32_t route = 5; route < 5 + RATE_CONNECTIONS; route++)
        ck_assert_uint_eq(rates_wait(rate_connection(&connections, route), &s_limits, COST(RATE_OPS, 1), s_now), 10);
    /* One more takes the place of the first, with the bucket there: neither fills it by the other. */
    for (uint32_t i = 0; i < 100; i++) {
        rates_t *rates = rate_connection(&connections, 5 + i % 2 * RATE_CONNECTIONS);
        ck_assert_uint_eq(rates_wait(rates, &s_limits, COST(RATE_OPS, 1), s_now), 10);
    }
    /* But not the debt: the next connection in a flooder's place is not taken for a flooder. */
    ck_assert(!rates_take(rate_connection(&connections, 6), &s_limits, COST(RATE_OPS, 1000), s_now));
    rates_t *next = rate_connection(&connections, 6 + RATE_CONNECTIONS);
    ck_assert_uint_eq(rates_wait(next, &s_limits, COST(RATE_OPS, 1), s_now), 10);
}

TEST(test_a_session_leaves_its_debt) {
    static rate_connections_t connections;
    s_begin(COST(RATE_OPS, 100), 0, 0);
    connections.limits = s_limits;
    rates_t spent = {0}, fresh = {0};
    ck_assert(rates_take(&spent, &s_limits, COST(RATE_OPS, 400), s_now));
    rates_leave(rate_connection(&connections, 5), &spent, &s_limits);
    ck_assert_uint_eq(rates_wait(rate_connection(&connections, 5), &s_limits, COST(RATE_OPS, 1), s_now), 10);
    rates_leave(
        rate_connection(&connections, 5 + RATE_CONNECTIONS), &fresh, &s_limits); /* nor does another's leaving pay it */
    ck_assert_uint_eq(rates_wait(rate_connection(&connections, 5), &s_limits, COST(RATE_OPS, 1), s_now), 10);
}

UNIT_SUITE("broker.core.rate")
