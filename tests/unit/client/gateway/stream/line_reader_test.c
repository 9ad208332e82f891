#include "line_reader.h"

#include <stdio.h>

#include "unit.h"

enum { MAX = 8 };

static line_reader_t s_reader;
static char s_log[512];

static void s_begin(void) {
    s_reader = (line_reader_t){0};
    s_log[0] = '\0';
}

static void s_end(void) {
    line_reader_finish(&s_reader);
}

static void s_note(zr_span_t text, char end) {
    size_t len = strlen(s_log);
    snprintf(s_log + len, sizeof s_log - len, "%.*s%c", (int)text.len, text.ptr, end);
}

static void s_feed(const char *text) {
    zr_span_t input = zr_span(text), line;
    for (;;) {
        line_state_t state = line_reader_next(&s_reader, MAX, &input, &line);
        if (state == LINE_MORE)
            break;
        s_note(state == LINE_WHOLE ? line : LIT("LONG"), ';');
    }
    ck_assert_uint_eq(input.len, 0);
}

static void s_finish(void) {
    zr_span_t line;
    if (line_reader_end(&s_reader, &line))
        s_note(line, '.');
}

TEST(test_lines_end_with_lf_or_crlf) {
    s_feed("one\ntwo\r\n\n\r\nthree\r\r\n");
    ck_assert_str_eq(s_log, "one;two;;;three\r;");
}

TEST(test_a_line_may_come_in_pieces) {
    s_feed("o");
    s_feed("");
    s_feed("ne\r");
    s_feed("\ntw");
    s_feed("o\nthree");
    s_finish();
    ck_assert_str_eq(s_log, "one;two;three.");
}

TEST(test_nothing_follows_the_last_lf) {
    s_feed("one\n");
    s_finish();
    ck_assert_str_eq(s_log, "one;");
}

TEST(test_the_largest_line_passes_and_one_more_byte_does_not) {
    s_feed("12345678\n12345678\r\n123456789\nok\n");
    ck_assert_str_eq(s_log, "12345678;12345678;LONG;ok;");
}

TEST(test_a_long_line_in_pieces_is_told_once) {
    s_feed("1234");
    s_feed("5678\r");
    ck_assert_str_eq(s_log, "");
    s_feed("x");
    s_feed("and much more of it");
    s_feed("and its end\nok\n");
    ck_assert_str_eq(s_log, "LONG;ok;");
    s_finish();
    ck_assert_str_eq(s_log, "LONG;ok;");
}

TEST(test_between_lines_no_memory_is_kept) {
    s_feed("on");
    s_feed("e\n");
    s_feed("");
    ck_assert_ptr_null(s_reader.part.data);
}

UNIT_SUITE_WITH("client.gateway.stream.line_reader", s_begin, s_end)
