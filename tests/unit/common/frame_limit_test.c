#include "frame_limit.h"

#include "unit.h"

enum { MOST = 256 << 10 };

TEST(test_a_new_room_has_small_frames) {
    frame_limit_t limit = {0};
    ck_assert_uint_eq(frame_limit(&limit, MOST), FRAME_LIMIT_LEAST);
    ck_assert_uint_eq(frame_limit(&limit, 1000), 1000); /* the setting may be smaller */
}

TEST(test_a_backlog_doubles_the_limit_up_to_the_setting) {
    frame_limit_t limit = {0};
    for (size_t bytes = FRAME_LIMIT_LEAST; bytes < MOST; bytes *= 2) {
        ck_assert_uint_eq(frame_limit(&limit, MOST), bytes);
        frame_limit_fill(&limit, MOST);
    }
    ck_assert_uint_eq(frame_limit(&limit, MOST), MOST);
    frame_limit_fill(&limit, MOST);
    ck_assert_uint_eq(frame_limit(&limit, MOST), MOST);
}

TEST(test_the_setting_need_not_be_a_power_of_two) {
    frame_limit_t limit = {0};
    frame_limit_fill(&limit, 30000);
    ck_assert_uint_eq(frame_limit(&limit, 30000), 30000);
    limit = (frame_limit_t){0};
    frame_limit_fill(&limit, 1000);
    ck_assert_uint_eq(frame_limit(&limit, 1000), 1000);
}

TEST(test_a_pass_with_less_than_a_fourth_halves_it) {
    frame_limit_t limit = {.bytes = MOST};
    frame_limit_end_pass(&limit, MOST / 4, MOST);
    ck_assert_uint_eq(frame_limit(&limit, MOST), MOST); /* enough */
    frame_limit_end_pass(&limit, MOST / 4 - 1, MOST);
    ck_assert_uint_eq(frame_limit(&limit, MOST), MOST / 2);
    for (int pass = 0; pass < 10; pass++)
        frame_limit_end_pass(&limit, 100, MOST);
    ck_assert_uint_eq(frame_limit(&limit, MOST), FRAME_LIMIT_LEAST);
}

TEST(test_the_rest_of_a_full_pass_does_not_halve_it) {
    frame_limit_t limit = {0};
    frame_limit_fill(&limit, MOST);
    frame_limit_end_pass(&limit, 100, MOST); /* what did not fit into the large frames before */
    ck_assert_uint_eq(frame_limit(&limit, MOST), 2 * FRAME_LIMIT_LEAST);
    frame_limit_end_pass(&limit, 100, MOST); /* the next pass has nothing else */
    ck_assert_uint_eq(frame_limit(&limit, MOST), FRAME_LIMIT_LEAST);
}

TEST(test_a_setting_below_the_least_is_the_limit_always) {
    frame_limit_t limit = {0};
    frame_limit_end_pass(&limit, 0, 1000);
    ck_assert_uint_eq(frame_limit(&limit, 1000), 1000);
    frame_limit_end_pass(&limit, 0, 1);
    ck_assert_uint_eq(frame_limit(&limit, 1), 1);
}

UNIT_SUITE("common.frame_limit")
