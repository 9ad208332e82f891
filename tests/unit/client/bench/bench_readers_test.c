#include "bench_readers.h"

#include "unit.h"

static const bench_plan_t s_plan = {.schedule = {4, 1, 2, 0}, .run = 7};
static bench_readers_t s_readers;
static bench_result_t s_result;

static void s_take(size_t reader, uint64_t seq, uint64_t number) {
    char body[BENCH_BODY_MIN];
    uint64_t due;
    bench_head_write(body, &(bench_head_t){.run = 7, .number = number});
    bench_readers_event(&s_readers, reader,
        &(zrelay_event_t){.type = ZRELAY_ENTRY, .seq = seq, .body = body, .body_len = sizeof body}, &due);
}

TEST(test_readers_of_two_rooms) {
    bench_readers_init(&s_readers, &s_plan, 0, 4);
    for (size_t reader = 0; reader < 4; reader++) {
        s_take(reader, 10 + reader % 2, 0);
        ck_assert_uint_eq(s_readers.done, reader);
        s_take(reader, 20, 1);
    }
    ck_assert_uint_eq(s_readers.done, 4);
    ck_assert_uint_eq(bench_readers_received(&s_readers), 8);
    bench_readers_end(&s_readers, &s_result);
    ck_assert_uint_eq(s_result.expected, 8);
    ck_assert_uint_eq(s_result.received, 8);
    ck_assert(s_result.one_order);
    bench_readers_finish(&s_readers);
}

TEST(test_two_of_a_room_see_different_orders) {
    bench_readers_init(&s_readers, &s_plan, 0, 4);
    s_take(0, 10, 0);
    s_take(2, 11, 0);
    bench_readers_end(&s_readers, &s_result);
    ck_assert(!s_result.one_order);
    ck_assert_uint_eq(s_result.missing, 6);
    bench_readers_finish(&s_readers);
}

TEST(test_positions_of_another_epoch_begin_anew) {
    uint64_t due;
    bench_readers_init(&s_readers, &s_plan, 0, 1);
    s_take(0, 10, 0);
    ck_assert(!bench_readers_event(&s_readers, 0, &(zrelay_event_t){.type = ZRELAY_EPOCH}, &due));
    s_take(0, 1, 1);
    ck_assert_uint_eq(s_readers.done, 1);
    bench_readers_finish(&s_readers);
}

TEST(test_a_room_without_messages) {
    bench_plan_t plan = {.schedule = {1, 1, 2, 0}};
    bench_readers_init(&s_readers, &plan, 0, 2);
    ck_assert_uint_eq(s_readers.done, 1);
    bench_readers_finish(&s_readers);
}

/* Those of one client, which is in some rooms, and not the first. */
TEST(test_readers_from_another_one_on) {
    bench_plan_t plan = {.schedule = {10, 1, 5, 0}, .run = 7};
    bench_readers_init(&s_readers, &plan, 6, 4);
    ck_assert_uint_eq(bench_readers_room(&s_readers, 0), 1);
    ck_assert_uint_eq(bench_readers_room(&s_readers, 3), 4);
    ck_assert_uint_eq(bench_readers_find(&s_readers, 0, 2, 1), 0);
    ck_assert_uint_eq(bench_readers_find(&s_readers, 0, 2, 2), 1);
    ck_assert_uint_eq(bench_readers_find(&s_readers, 0, 2, 3), 4);
    ck_assert_uint_eq(bench_readers_find(&s_readers, 2, 2, 4), 3);
    ck_assert_uint_eq(bench_readers_find(&s_readers, 2, 2, 1), 4);
    ck_assert_uint_eq(bench_readers_find(&s_readers, 2, 2, 6), 4);
    bench_readers_finish(&s_readers);
}

/* A later goal, which some have reached. */
TEST(test_what_is_expected_may_change) {
    bench_readers_init(&s_readers, &s_plan, 0, 2);
    bench_readers_expect(&s_readers, &s_plan, 2, true);
    s_take(0, 10, 0);
    s_take(0, 11, 1);
    ck_assert_uint_eq(s_readers.done, 1);
    bench_readers_expect(&s_readers, &s_plan, 3, false);
    ck_assert_uint_eq(s_readers.done, 1);
    s_take(1, 12, 0);
    ck_assert_uint_eq(s_readers.done, 2);
    bench_readers_finish(&s_readers);
}

static void s_tell(size_t reader, zrelay_event_type_t type, uint64_t count) {
    uint64_t due;
    ck_assert(!bench_readers_event(&s_readers, reader, &(zrelay_event_t){.type = type, .count = count}, &due));
}

TEST(test_who_knows_the_members) {
    bench_plan_t plan = {.schedule = {2, 1, 2, 0}, .clients = 3, .joins = 1, .presence = true};
    bench_readers_init(&s_readers, &plan, 0, 3);
    s_tell(0, ZRELAY_JOINED, 1);
    s_tell(1, ZRELAY_JOINED, 1);
    ck_assert_uint_eq(s_readers.aware, 1);
    s_tell(2, ZRELAY_JOINED, 2);
    s_tell(0, ZRELAY_PRESENCE_CHANGED, 2);
    ck_assert_uint_eq(s_readers.aware, 3);
    s_tell(0, ZRELAY_PRESENCE_CHANGED, 1);
    ck_assert_uint_eq(s_readers.aware, 2);
    bench_readers_finish(&s_readers);
}

UNIT_SUITE("client.cli.bench_readers")
