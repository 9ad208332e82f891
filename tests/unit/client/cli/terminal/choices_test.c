#include "choices.h"

#include "unit.h"

static zr_span_t s_next(choices_t *choices, bool back) {
    zr_span_t choice;
    ck_assert(choices_next(choices, back, &choice));
    return choice;
}

TEST(test_in_turn) {
    choices_t choices = {0};
    zr_span_t choice;
    ck_assert(!choices_next(&choices, false, &choice));
    choices_begin(&choices, 3, zr_span("one\ntwo\nthree\n"));
    ck_assert_span_eq(s_next(&choices, false), zr_span("one"));
    ck_assert_span_eq(s_next(&choices, false), zr_span("two"));
    ck_assert_span_eq(s_next(&choices, true), zr_span("one"));
    ck_assert_span_eq(s_next(&choices, true), zr_span("three"));
    ck_assert_span_eq(s_next(&choices, false), zr_span("one"));
    choices_end(&choices);
    ck_assert(!choices_next(&choices, false, &choice));
    choices_begin(&choices, 0, zr_span(""));
    ck_assert(!choices_next(&choices, false, &choice));
    choices_finish(&choices);
}

UNIT_SUITE("client.cli.terminal.choices")
