#include "view.h"

#include "unit.h"

static view_t s_view;
static zr_buffer_t s_out;

static void s_end(void) {
    zr_buffer_finish(&s_out);
}

static zr_span_t s_draw(size_t columns, size_t rows, const char *label, const char *text, size_t cursor) {
    view_screen_t screen = {.columns = columns, .rows = rows};
    zr_buffer_clear(&s_out);
    view_draw(&s_view, &s_out, &screen, zr_span(label), zr_span(text), cursor);
    return zr_span_of(s_out.data, s_out.len);
}

static zr_span_t s_wipe(void) {
    zr_buffer_clear(&s_out);
    view_wipe(&s_view, &s_out);
    return zr_span_of(s_out.data, s_out.len);
}

TEST(test_one_row) {
    ck_assert_span_eq(s_wipe(), zr_span(""));
    ck_assert_span_eq(s_draw(20, 10, "> ", "text", 4), zr_span("> text"));
    ck_assert_span_eq(s_wipe(), zr_span("\r\033[J"));
    ck_assert_span_eq(s_draw(20, 10, "> ", "text", 1), zr_span("> text\r> t"));
    ck_assert_span_eq(s_draw(20, 10, "> ", "", 0), zr_span("> "));
}

TEST(test_rows_leave_the_last_column_free) {
    ck_assert_span_eq(s_draw(8, 10, "> ", "12345678", 8), zr_span("> 12345\r\n678"));
    ck_assert_uint_eq(s_view.rows, 2);
    ck_assert_span_eq(s_wipe(), zr_span("\033[1A\r\033[J"));
    ck_assert_span_eq(s_draw(8, 10, "> ", "12345678", 2), zr_span("> 12345\r\n678\033[1A\r> 12"));
    ck_assert_span_eq(s_wipe(), zr_span("\r\033[J"));
    ck_assert_span_eq(s_draw(8, 10, "> ", "1234\xe6\xbc\xa2", 7), zr_span("> 1234\r\n\xe6\xbc\xa2"));
}

TEST(test_newlines_and_tabs) {
    ck_assert_span_eq(s_draw(20, 10, "> ", "a\nb", 3), zr_span("> a\r\nb"));
    ck_assert_span_eq(s_draw(20, 10, "> ", "a\n", 2), zr_span("> a\r\n"));
    ck_assert_span_eq(s_draw(20, 10, "> ", "\tb", 2), zr_span(">       b"));
}

/* Such text may come from a file, or from a message that is edited. */
TEST(test_nothing_is_obeyed) {
    ck_assert_span_eq(s_draw(40, 10, "> ", "a\033[2J\x7f\r\xc2\x9b\xe2\x80\xae\xff.", 14), zr_span("> a?[2J?????."));
    ck_assert_uint_eq(s_view.widths[0], 13);
}

TEST(test_a_part_of_many_rows) {
    ck_assert_span_eq(s_draw(20, 4, "> ", "a\nb\nc\nd", 7), zr_span("c\r\nd"));
    ck_assert_span_eq(s_draw(20, 4, "> ", "a\nb\nc\nd", 0), zr_span("> a\r\nb\033[1A\r> "));
    ck_assert_span_eq(s_draw(20, 2, "> ", "a\nb\nc", 2), zr_span("b\r") /* one row */);
}

TEST(test_narrow_terminals) {
    ck_assert_span_eq(s_draw(2, 10, "room> ", "ab", 2), zr_span("a\r\nb"));
    ck_assert_span_eq(s_draw(2, 10, "", "\xe6\xbc\xa2", 3), zr_span("?"));
    ck_assert_span_eq(s_draw(10, 10, "a-long-room> ", "ab", 2), zr_span("om> ab"));
}

TEST(test_resized) {
    s_draw(20, 10, "> ", "123456789012\nab", 15);
    view_resized(&s_view, 8, true);
    ck_assert_span_eq(s_wipe(), zr_span("\033[2A\r\033[J")); /* 14 columns take two rows now */
    s_draw(20, 10, "> ", "123456789012\nab", 15);
    view_resized(&s_view, 8, false);
    ck_assert_span_eq(s_wipe(), zr_span("\033[1A\r\033[J"));
}

UNIT_SUITE_WITH("client.cli.terminal.view", NULL, s_end)
