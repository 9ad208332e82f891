/* The bound on what libzmq holds for a program that does not take it. */
#include "ahead.h"

#include "unit.h"

#define MB ((uint64_t)1 << 20)

static ahead_t ahead;
static uint64_t now = 5000;

static bool s_look(ahead_seen_t seen) {
    seen.counted = true;
    seen.now = now;
    return ahead_look(&ahead, &seen);
}

TEST(test_bytes_that_wait_are_bounded_on_both_sides) {
    ahead = (ahead_t){.queue = 64 * MB};
    ck_assert(!s_look((ahead_seen_t){.read = 64 * MB, .resident = 100 * MB}));
    ck_assert(s_look((ahead_seen_t){.read = 64 * MB + 1, .resident = 100 * MB}));
}

TEST(test_one_frame_of_a_known_size_fits_on_top) {
    ahead = (ahead_t){.queue = 64 * MB};
    ck_assert(!s_look((ahead_seen_t){.read = 94 * MB, .largest = 30 * MB, .resident = 100 * MB}));
    ck_assert(s_look((ahead_seen_t){.read = 94 * MB + 1, .largest = 30 * MB, .resident = 100 * MB}));
}

TEST(test_what_the_program_takes_makes_room) {
    ahead = (ahead_t){.queue = MB};
    for (uint64_t read = MB; read < 1000 * MB; read += MB)
        ck_assert(!s_look((ahead_seen_t){.read = read, .took = MB, .resident = 100 * MB}));
    ck_assert_uint_le(ahead.done, ahead.read);
}

TEST(test_taking_more_than_was_read_gives_no_credit) {
    ahead = (ahead_t){.queue = MB};
    ck_assert(!s_look((ahead_seen_t){.read = 10, .took = 500 * MB, .resident = 1}));
    ck_assert(s_look((ahead_seen_t){.read = 10 + MB + 1, .resident = 1}));
}

TEST(test_a_large_frame_may_be_incomplete_when_the_queue_is_empty) {
    ahead = (ahead_t){.queue = MB};
    ck_assert(!s_look((ahead_seen_t){.read = AHEAD_FRAME_MAX, .empty = true, .resident = 100 * MB}));
    ck_assert(s_look((ahead_seen_t){.read = AHEAD_FRAME_MAX + 1, .empty = true, .resident = 100 * MB}));
}

TEST(test_a_program_has_a_second_to_take_its_largest_frame) {
    ahead = (ahead_t){.queue = MB};
    now = 5000;
    ck_assert(!s_look((ahead_seen_t){.read = 10 * MB, .empty = true, .resident = 100 * MB}));
    now += AHEAD_GRACE_MS;
    ck_assert(!s_look((ahead_seen_t){.read = 100 * MB, .resident = 100 * MB}));
    now += 1;
    ck_assert(s_look((ahead_seen_t){.read = 100 * MB, .resident = 100 * MB}));
}

TEST(test_small_frames_that_cost_memory_end_it) {
    /* 2 bytes on the wire, 64 in memory: parts without end, or whole frames that nobody takes. */
    for (int empty = 0; empty < 2; empty++) {
        uint64_t read = 0;
        ahead = (ahead_t){.queue = 64 * MB};
        while (!s_look((ahead_seen_t){.read = read, .empty = empty, .resident = 100 * MB + 32 * read}))
            read += MB / 4;
        ck_assert_uint_le(32 * read, 4 * 64 * MB + 2 * read + 32 * MB);
    }
}

TEST(test_a_program_that_grows_by_itself_keeps_its_connection) {
    ahead = (ahead_t){.queue = 64 * MB};
    ck_assert(!s_look((ahead_seen_t){.read = MB, .resident = 100 * MB}));
    ck_assert(!s_look((ahead_seen_t){.read = 2 * MB, .resident = 9000 * MB}));
}

TEST(test_what_never_comes_up_is_forgiven) {
    ahead = (ahead_t){.queue = MB};
    for (uint64_t i = 1; i < 100; i++)
        ck_assert(!s_look((ahead_seen_t){.read = i * MB / 2, .empty = true, .took = 50, .resident = 1}));
    ck_assert(!s_look((ahead_seen_t){.read = 99 * MB / 2 + MB, .resident = 1}));
    ck_assert(!s_look((ahead_seen_t){.read = 99 * MB / 2 + MB, .empty = true, .ended = true, .resident = 1}));
    ck_assert(!s_look((ahead_seen_t){.read = 99 * MB / 2 + 2 * MB, .resident = 1}));
}

TEST(test_where_nobody_counts_the_growth_decides) {
    ahead_seen_t seen = {.resident = 100 * MB};
    ahead = (ahead_t){.queue = 64 * MB};
    ck_assert(!ahead_look(&ahead, &seen));
    seen.resident = 2000 * MB;
    ck_assert(!ahead_look(&ahead, &seen)); /* the program's own growth, perhaps */
    ck_assert(!ahead_look(&ahead, &seen));
    ck_assert(ahead_look(&ahead, &seen));

    ahead = (ahead_t){.queue = 64 * MB};
    for (int i = 0; i < 20; i++) { /* a program that takes what comes may grow */
        ahead_seen_t taken = {.resident = 100 * MB * (uint64_t)(i + 1), .empty = true, .took = 50};
        ck_assert(!ahead_look(&ahead, &taken));
    }
}

TEST(test_the_next_look_comes_before_what_fits_can_have_come) {
    ahead = (ahead_t){.queue = 100000000};
    ck_assert_uint_eq(ahead_wait_ms(&ahead), 50);
    ahead.queue = 10000000000;
    ck_assert_uint_eq(ahead_wait_ms(&ahead), AHEAD_WAIT_MAX_MS);
    ahead.read = 2 * ahead.queue;
    ck_assert_uint_eq(ahead_wait_ms(&ahead), AHEAD_WAIT_MIN_MS);
}

TEST(test_it_is_calm_while_next_to_nothing_can_wait) {
    ahead = (ahead_t){.queue = 64 * MB};
    ck_assert(ahead_is_calm(&ahead, MB, 0));
    ck_assert(!ahead_is_calm(&ahead, MB + 1, 0));
    ck_assert(ahead_is_calm(&ahead, 3 * MB, 2 * MB)); /* the program took the rest */
    ck_assert(!ahead_is_calm(&ahead, 3 * MB + 1, 2 * MB));
}

/* A program that keeps pace, where `arrived` stands for `read` at each look; then it stops. */
TEST(test_calm_looks_do_not_move_the_bound) {
    ahead = (ahead_t){.queue = 64 * MB};
    uint64_t arrived = 0;
    for (int i = 0; i < 1000; i++) {
        arrived += MB;
        ck_assert(ahead_is_calm(&ahead, arrived, i ? MB : 0));
        ck_assert(!s_look((ahead_seen_t){.read = arrived, .took = i ? MB : 0, .resident = 100 * MB}));
    }
    ck_assert(!s_look((ahead_seen_t){.read = arrived + 63 * MB, .resident = 100 * MB}));
    ck_assert(s_look((ahead_seen_t){.read = arrived + 64 * MB + 1, .resident = 100 * MB}));
}

UNIT_SUITE("client.lib.ahead")
