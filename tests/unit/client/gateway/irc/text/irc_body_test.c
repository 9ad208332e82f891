#include "irc_body.h"

#include "names.h"
#include "unit.h"

/* All pieces, with | between lines and + before one that continues. */
static const char *s_pieces(zr_span_t bytes, size_t max) {
    static char out[8192];
    irc_body_t body;
    zr_span_t piece;
    size_t len = 0;
    irc_body_begin(&body, unit_at_edge(bytes));
    for (bool first = true; irc_body_next(&body, max, &piece); first = false) {
        ck_assert_uint_le(piece.len, max);
        ck_assert(zr_utf8_valid(piece));
        if (!first)
            out[len++] = body.concat ? '+' : '|';
        memcpy(out + len, piece.ptr, piece.len);
        len += piece.len;
    }
    out[len] = '\0';
    irc_body_finish(&body);
    return out;
}

static const struct {
    const char *body, *pieces;
} s_bodies[] = {
    {"hello", "hello"},
    {"", ""},
    {"a\nb", "a|b"},
    {"a\r\nb\rc\n", "a|b|c"},
    {"a\n\nb", "a||b"},
    {"0123456789abcdefXYZ", "0123456789abcdef+XYZ"},
    {"0123456789abcdef", "0123456789abcdef"},
    {"0123456789abcdef\nx", "0123456789abcdef|x"},
    {"0123456789abcde\xc3\xa9z", "0123456789abcde+\xc3\xa9z"},
    {"/notice done", "done"},
    {"/notices", "/notices"},
};

TEST_TIMES(test_bodies_come_in_pieces_of_whole_characters, sizeof s_bodies / sizeof s_bodies[0]) {
    ck_assert_str_eq(s_pieces(zr_span(s_bodies[_i].body), 16), s_bodies[_i].pieces);
}
END_TEST

TEST(test_actions_and_notices_go_both_ways) {
    zr_buffer_t out = {0};
    irc_body_t body;
    irc_body_write(&out, IRC_PRIVMSG, zr_span("\001ACTION waves\001"));
    ck_assert_span_eq(zr_span_of(out.data, out.len), zr_span("/me waves"));
    ck_assert_str_eq(s_pieces(zr_span("/me waves"), 400), "\001ACTION waves\001");
    zr_buffer_clear(&out);
    irc_body_write(&out, IRC_NOTICE, zr_span("done"));
    ck_assert_span_eq(zr_span_of(out.data, out.len), zr_span("/notice done"));
    irc_body_begin(&body, zr_span("/notice done"));
    ck_assert_int_eq(body.verb, IRC_NOTICE);
    irc_body_finish(&body);
    zr_buffer_clear(&out);
    irc_body_write(&out, IRC_PRIVMSG, zr_span("\001VERSION\001"));
    ck_assert_span_eq(zr_span_of(out.data, out.len), zr_span("\001VERSION\001"));
    zr_buffer_finish(&out);
}
END_TEST

TEST(test_long_actions_are_actions_in_each_piece) {
    ck_assert_str_eq(s_pieces(zr_span("/me 01234567"), 16), "\001ACTION 0123456\001+\001ACTION 7\001");
    const char *pieces = s_pieces(zr_span("/me 0123456789"), 18);
    ck_assert_str_eq(pieces, "\001ACTION 012345678\001+\001ACTION 9\001");
}
END_TEST

TEST(test_bytes_that_are_no_text_are_told_as_such) {
    ck_assert_str_eq(s_pieces(LIT("\xff\0a"), 400), "[3 bytes that are no UTF-8 text] \\xff\\x00a");
    ck_assert_str_eq(s_pieces(LIT("a\0b"), 400), "[3 bytes that are no UTF-8 text] a\\x00b");
}
END_TEST

TEST(test_a_message_has_at_most_a_hundred_pieces_and_one_that_tells_the_rest) {
    char lines[2 * IRC_PIECES_MAX + 8] = "";
    for (int i = 0; i < IRC_PIECES_MAX; i++)
        strcat(lines, "x\n");
    const char *pieces = s_pieces(zr_span(lines), 400);
    ck_assert_ptr_null(strstr(pieces, "more bytes"));
    strcat(lines, "y\nz");
    pieces = s_pieces(zr_span(lines), 400);
    ck_assert_str_eq(pieces + strlen(pieces) - strlen("|[3 more bytes]"), "|[3 more bytes]");
    char long_lines[2 * IRC_PIECES_MAX + 1001] = "";
    for (int i = 0; i < IRC_PIECES_MAX; i++)
        strcat(long_lines, "x\n");
    memset(long_lines + 2L * IRC_PIECES_MAX, 'y', 999);
    pieces = s_pieces(zr_span(long_lines), 16);
    ck_assert_str_eq(pieces + strlen(pieces) - strlen("|[999 more bytes]"), "|[999 more bytes]");
    long_lines[2 * IRC_PIECES_MAX + 999] = 'y';
    pieces = s_pieces(zr_span(long_lines), 16);
    ck_assert_str_eq(pieces + strlen(pieces) - strlen("|[more]"), "|[more]");
}
END_TEST

UNIT_SUITE("client.gateway.irc.text.irc_body")
