#include "wrap.h"

#include "unit.h"

static zr_buffer_t s_out;

/* Rows of 10 columns, each but the first with 2 blanks before it. */
static zr_span_t s_wrapped(const char *text) {
    wrap_t wrap = {.columns = 10, .indent = 2};
    zr_buffer_clear(&s_out);
    wrap_text(&wrap, &s_out, zr_span(text));
    return zr_span_of(s_out.data, s_out.len);
}

static void s_end(void) {
    zr_buffer_finish(&s_out);
}

TEST(test_between_words) {
    ck_assert_span_eq(s_wrapped("one two"), zr_span("one two"));
    ck_assert_span_eq(s_wrapped("one two three four"), zr_span("one two\n  three\n  four"));
    ck_assert_span_eq(s_wrapped("0123456789"), zr_span("0123456789"));
    ck_assert_span_eq(s_wrapped("01234 6789"), zr_span("01234 6789"));
    ck_assert_span_eq(s_wrapped("01234 67890"), zr_span("01234\n  67890"));
}

TEST(test_links_stay_whole) {
    ck_assert_span_eq(s_wrapped("see http://example.org/x now"), zr_span("see\n  http://example.org/x now"));
    ck_assert_span_eq(s_wrapped("http://example.org/x a"), zr_span("http://example.org/x\n  a"));
}

TEST(test_own_newlines_and_tabs) {
    ck_assert_span_eq(s_wrapped("a\n\nb"), zr_span("a\n  \n  b"));
    ck_assert_span_eq(s_wrapped("a\tb c"), zr_span("a\tb\n  c"));
}

TEST(test_wide_characters_break_anywhere) {
    ck_assert_span_eq(s_wrapped("\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2"),
        zr_span("\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\n  \xe6\xbc\xa2"));
}

TEST(test_without_columns_nothing_is_broken) {
    wrap_t wrap = {.indent = 2};
    wrap_text(&wrap, &s_out, zr_span("one two three four\nfive"));
    ck_assert_span_eq(zr_span_of(s_out.data, s_out.len), zr_span("one two three four\n  five"));
}

UNIT_SUITE_WITH("client.cli.terminal.wrap", NULL, s_end)
