#include "span.h"
#include "unit.h"

TEST(test_cut) {
    zr_span_t text = zr_span("a.b.");
    ck_assert_span_eq(zr_span_cut(&text, '.'), zr_span("a"));
    ck_assert_span_eq(zr_span_cut(&text, '.'), zr_span("b"));
    ck_assert_uint_eq(text.len, 0);
    ck_assert_uint_eq(zr_span_cut(&text, '.').len, 0);
}

TEST(test_words) {
    zr_span_t text = zr_span(" a\tbc \r");
    ck_assert_span_eq(zr_span_word(&text), zr_span("a"));
    ck_assert_span_eq(zr_span_word(&text), zr_span("bc"));
    ck_assert_uint_eq(zr_span_word(&text).len, 0);
}

TEST(test_trim) {
    ck_assert_span_eq(zr_span_trim(zr_span(" a b\t")), zr_span("a b"));
    ck_assert_uint_eq(zr_span_trim(zr_span("  ")).len, 0);
}

/* A text without memory is empty. Sanitizers look on. */
TEST(test_nothing) {
    zr_span_t nothing = zr_span(NULL);
    ck_assert_uint_eq(zr_span_cut(&nothing, '.').len, 0);
    ck_assert_uint_eq(zr_span_word(&nothing).len, 0);
    ck_assert_uint_eq(zr_span_trim(nothing).len, 0);
    ck_assert(zr_span_equal(nothing, zr_span("")));
    ck_assert(zr_span_starts(zr_span("a"), nothing));
    ck_assert_int_lt(zr_span_compare(nothing, zr_span("a")), 0);
}

UNIT_SUITE("common.span")
