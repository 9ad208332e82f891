#include "bench_schedule.h"

#include "unit.h"

TEST(test_all_messages_are_shared_out) {
    bench_schedule_t schedule = {10, 3, 1, 0};
    ck_assert_uint_eq(bench_share(&schedule, 0), 4);
    ck_assert_uint_eq(bench_share(&schedule, 1), 3);
    ck_assert_uint_eq(bench_share(&schedule, 2), 3);
    schedule.messages = 2;
    ck_assert_uint_eq(bench_share(&schedule, 1), 1);
    ck_assert_uint_eq(bench_share(&schedule, 2), 0);
}

TEST(test_due_times_are_even_and_do_not_drift) {
    bench_schedule_t schedule = {1000, 1, 1, 3};
    ck_assert_uint_eq(bench_due(&schedule, 0, 0), 0);
    ck_assert_uint_eq(bench_due(&schedule, 0, 1), 333333333);
    ck_assert_uint_eq(bench_due(&schedule, 0, 2), 666666666);
    ck_assert_uint_eq(bench_due(&schedule, 0, 3), 1000000000);
    ck_assert_uint_eq(
        bench_due(&schedule, 0, 3000000000), UINT64_C(1000000000000000000)); /* no overflow in thirty years */
}

TEST(test_publishers_take_turns) {
    bench_schedule_t schedule = {1000, 4, 1, 1000};
    ck_assert_uint_eq(bench_due(&schedule, 0, 0), 0);
    ck_assert_uint_eq(bench_due(&schedule, 3, 0), 3000000);
    ck_assert_uint_eq(bench_due(&schedule, 0, 1), 4000000);
}

static uint64_t s_room(const bench_schedule_t *schedule, uint64_t publisher, uint64_t number, uint64_t there) {
    uint64_t number_there = 99, room = bench_room(schedule, publisher, number, &number_there);
    ck_assert_uint_eq(number_there, there);
    return room;
}

TEST(test_one_room_for_many_publishers) {
    bench_schedule_t schedule = {100, 5, 2, 0};
    ck_assert_uint_eq(s_room(&schedule, 0, 7, 7), 0);
    ck_assert_uint_eq(s_room(&schedule, 1, 7, 7), 1);
    ck_assert_uint_eq(s_room(&schedule, 4, 0, 0), 0);
}

TEST(test_many_rooms_for_one_publisher) {
    bench_schedule_t schedule = {100, 2, 5, 0}; /* the first has rooms 0, 2, 4, the second 1, 3 */
    ck_assert_uint_eq(s_room(&schedule, 0, 0, 0), 0);
    ck_assert_uint_eq(s_room(&schedule, 0, 1, 0), 2);
    ck_assert_uint_eq(s_room(&schedule, 0, 2, 0), 4);
    ck_assert_uint_eq(s_room(&schedule, 0, 3, 1), 0);
    ck_assert_uint_eq(s_room(&schedule, 1, 0, 0), 1);
    ck_assert_uint_eq(s_room(&schedule, 1, 1, 0), 3);
    ck_assert_uint_eq(s_room(&schedule, 1, 2, 1), 1);
}

/* Readers expect exactly the messages that publishers send, whatever the numbers. */
TEST(test_expected_is_what_is_published) {
    for (uint64_t publishers = 1; publishers <= 5; publishers++)
        for (uint64_t rooms = 1; rooms <= 7; rooms++)
            for (uint64_t messages = 1; messages <= 40; messages += 3) {
                bench_schedule_t schedule = {messages, publishers, rooms, 0};
                uint64_t all = 0;
                for (uint64_t publisher = 0; publisher < publishers; publisher++) {
                    uint64_t seen[7] = {0};
                    for (uint64_t i = 0; i < bench_share(&schedule, publisher); i++) {
                        uint64_t there, room = bench_room(&schedule, publisher, i, &there);
                        ck_assert_uint_lt(room, rooms);
                        ck_assert_uint_eq(there, seen[room]++);
                    }
                    for (uint64_t room = 0; room < rooms; room++) {
                        ck_assert_uint_eq(bench_expected(&schedule, publisher, room), seen[room]);
                        all += seen[room];
                    }
                }
                ck_assert_uint_eq(all, messages);
            }
}

UNIT_SUITE("client.cli.bench_schedule")
