#include "right.h"
#include "unit.h"

TEST(test_each_right_has_a_name) {
    static const char *const names[] = {
        "read", "write", "state", "presence", "create", "work", "kick", "admin", "gateway", "leaf"};
    rights_t all = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        rights_t right = right_named(zr_span(names[i]));
        ck_assert_str_eq(right_name(right), names[i]);
        ck_assert_uint_eq(all & right, 0);
        all |= right;
    }
    ck_assert_uint_eq(all, RIGHT_ALL | RIGHT_KICK | RIGHT_ADMIN | RIGHT_GATEWAY | RIGHT_LEAF);
}

TEST(test_all_is_short_for_several) {
    ck_assert_uint_eq(right_named(zr_span("all")), RIGHT_ALL);
    ck_assert_str_eq(right_name(RIGHT_STATE | RIGHT_WRITE), "write"); /* the first */
}

TEST(test_other_words_are_no_right) {
    ck_assert_uint_eq(right_named(zr_span("")), 0);
    ck_assert_uint_eq(right_named(zr_span("READ")), 0);
    ck_assert_uint_eq(right_named(zr_span("reads")), 0);
}

UNIT_SUITE("broker.core.right")
