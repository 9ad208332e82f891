#include "throttle.h"

#include <stdio.h>

#include "unit.h"

#define HOST LIT("127.0.0.1")
#define ALICE LIT("alice")

static throttle_t *throttle;

static void s_begin(void) {
    throttle = throttle_new(THROTTLE_MAX);
}

static void s_end(void) {
    throttle_destroy(throttle);
}

TEST(test_doubles) {
    static const uint32_t waits[] = {250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000};
    uint64_t now = 1000;
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        ck_assert_uint_eq(throttle_wait(throttle, HOST, ALICE, now), 0);
        ck_assert_uint_eq(throttle_failed(throttle, HOST, ALICE, now), waits[i]);
        ck_assert_uint_eq(throttle_wait(throttle, HOST, ALICE, now), waits[i]);
        ck_assert_uint_eq(throttle_wait(throttle, HOST, ALICE, now + waits[i] - 1), 1);
        now += waits[i];
    }
}

TEST(test_pairs) {
    throttle_failed(throttle, HOST, ALICE, 0);
    ck_assert_uint_eq(throttle_wait(throttle, LIT("::1"), ALICE, 0), 0);
    ck_assert_uint_eq(throttle_wait(throttle, zr_span(NULL), ALICE, 0), 0);
    ck_assert_uint_eq(throttle_wait(throttle, HOST, LIT("bob"), 0), 0);
    ck_assert_uint_eq(throttle_wait(throttle, HOST, LIT("alic"), 0), 0);
    ck_assert_uint_eq(throttle_wait(throttle, HOST, ALICE, 0), 250);
    throttle_failed(throttle, unit_fill('a', 500), ALICE, 0);
    ck_assert_uint_eq(throttle_wait(throttle, unit_fill('a', 500), ALICE, 0), 250);
    throttle_destroy(NULL);
}

TEST(test_forgiven) {
    throttle_failed(throttle, HOST, ALICE, 0);
    throttle_failed(throttle, HOST, ALICE, 250);
    throttle_passed(throttle, HOST, ALICE);
    throttle_passed(throttle, HOST, LIT("bob"));
    ck_assert_uint_eq(throttle_wait(throttle, HOST, ALICE, 250), 0);
    ck_assert_uint_eq(throttle_failed(throttle, HOST, ALICE, 250), 250);
    /* Not quite long enough ago, then long enough. */
    ck_assert_uint_eq(throttle_failed(throttle, HOST, ALICE, 500 + THROTTLE_FORGET_MS - 1), 500);
    ck_assert_uint_eq(throttle_failed(throttle, HOST, ALICE, 999 + 2 * THROTTLE_FORGET_MS), 250);
}

TEST(test_bounded) {
    s_end();
    throttle = throttle_new(3);
    throttle_failed(throttle, HOST, LIT("a"), 0);
    throttle_failed(throttle, HOST, LIT("b"), 0);
    throttle_failed(throttle, HOST, LIT("c"), 0);
    throttle_failed(throttle, HOST, LIT("a"), 1); /* the youngest now */
    throttle_failed(throttle, HOST, LIT("d"), 1);
    ck_assert_uint_gt(throttle_wait(throttle, HOST, LIT("a"), 1), 0);
    ck_assert_uint_eq(throttle_wait(throttle, HOST, LIT("b"), 1), 0);
    ck_assert_uint_gt(throttle_wait(throttle, HOST, LIT("c"), 1), 0);
    ck_assert_uint_gt(throttle_wait(throttle, HOST, LIT("d"), 1), 0);
}

TEST(test_many) {
    char name[32];
    for (unsigned i = 0; i <= THROTTLE_MAX; i++) {
        snprintf(name, sizeof name, "u%u", i);
        throttle_failed(throttle, HOST, zr_span(name), 0);
    }
    ck_assert_uint_eq(throttle_wait(throttle, HOST, LIT("u0"), 0), 0);
    ck_assert_uint_eq(throttle_wait(throttle, HOST, LIT("u1"), 0), 250);
}

UNIT_SUITE_WITH("broker.throttle", s_begin, s_end)
