#include "bench_check.h"

#include "unit.h"

enum { RUN = 7 };

static bench_check_t s_check;
static uint64_t s_seq, s_due;

static void s_begin(void) {
    s_seq = 0;
    bench_check_init(&s_check, RUN, (const uint64_t[]){3, 2}, 2);
    ck_assert_uint_eq(s_check.left, 5);
}

static bool s_take(uint32_t publisher, uint64_t number) {
    char body[BENCH_BODY_MIN + 10];
    bench_head_write(body, &(bench_head_t){.run = RUN, .publisher = publisher, .number = number, .due = 40 + number});
    return bench_check_entry(&s_check, ++s_seq, body, sizeof body, &s_due);
}

TEST(test_all_in_order) {
    s_begin();
    ck_assert(s_take(0, 0));
    ck_assert(s_take(1, 0)); /* publishers among each other have no order */
    ck_assert(s_take(1, 1));
    ck_assert_uint_eq(s_due, 41);
    ck_assert(s_take(0, 1) && s_take(0, 2));
    ck_assert_uint_eq(s_check.left, 0);
    ck_assert_uint_eq(s_check.received, 5);
    bench_check_end(&s_check);
    ck_assert_uint_eq(s_check.missing + s_check.disordered + s_check.foreign, 0);
    bench_check_finish(&s_check);
}

TEST(test_what_does_not_come_is_missing) {
    s_begin();
    ck_assert(s_take(0, 0));
    ck_assert(s_take(0, 2));
    ck_assert_uint_eq(s_check.missing, 1);
    ck_assert_uint_eq(s_check.left, 2);
    bench_check_end(&s_check);
    ck_assert_uint_eq(s_check.missing, 3);
    ck_assert_uint_eq(s_check.received, 2);
    bench_check_finish(&s_check);
}

TEST(test_what_comes_twice_or_late_is_out_of_order) {
    s_begin();
    s_take(0, 0);
    ck_assert(!s_take(0, 0));
    s_take(0, 2);
    ck_assert(!s_take(0, 1));
    s_seq = 0; /* and so is a position that was there before */
    ck_assert(!s_take(1, 0));
    ck_assert_uint_eq(s_check.disordered, 3);
    ck_assert_uint_eq(s_check.received, 2);
    bench_check_finish(&s_check);
}

TEST(test_what_is_not_ours_is_foreign) {
    char body[BENCH_BODY_MIN];
    s_begin();
    ck_assert(!s_take(2, 0)); /* no such publisher */
    ck_assert(!s_take(1, 2)); /* it has no such message */
    bench_head_write(body, &(bench_head_t){.run = RUN + 1});
    ck_assert(!bench_check_entry(&s_check, 9, body, sizeof body, &s_due));
    bench_head_write(body, &(bench_head_t){.run = RUN});
    ck_assert(!bench_check_entry(&s_check, 9, body, sizeof body - 1, &s_due));
    ck_assert(!bench_check_entry(&s_check, 9, NULL, 0, &s_due));
    ck_assert_uint_eq(s_check.foreign, 5);
    ck_assert_uint_eq(s_check.received, 0);
    bench_check_finish(&s_check);
}

/* As long as nobody knows how many there will be. */
TEST(test_more_than_expected) {
    const uint64_t first[] = {1, 1}, later[] = {3, 1};
    s_begin();
    bench_check_expect(&s_check, first, true);
    ck_assert_uint_eq(s_check.left, 2);
    ck_assert(s_take(0, 0));
    ck_assert(s_take(0, 1));
    ck_assert_uint_eq(s_check.left, 1);
    ck_assert(s_take(1, 0));
    ck_assert_uint_eq(s_check.left, 0);
    bench_check_expect(&s_check, later, false);
    ck_assert_uint_eq(s_check.left, 1);
    ck_assert(!s_take(0, 3));
    ck_assert_uint_eq(s_check.foreign, 1);
    ck_assert(s_take(0, 2));
    ck_assert_uint_eq(s_check.left, 0);
    bench_check_end(&s_check);
    ck_assert_uint_eq(s_check.missing, 0);
    bench_check_finish(&s_check);
}

/* The digest of each reader of a room is the same only if all saw the same at the same positions. */
TEST(test_digests_tell_orders_apart) {
    s_begin();
    s_take(0, 0);
    s_take(1, 0);
    uint64_t digest = s_check.digest;
    bench_check_finish(&s_check);
    s_begin();
    s_take(1, 0);
    s_take(0, 0);
    ck_assert_uint_ne(s_check.digest, digest);
    bench_check_finish(&s_check);
    s_begin();
    s_take(0, 0);
    s_take(1, 0);
    ck_assert_uint_eq(s_check.digest, digest);
    bench_check_finish(&s_check);
}

UNIT_SUITE("client.cli.bench_check")
