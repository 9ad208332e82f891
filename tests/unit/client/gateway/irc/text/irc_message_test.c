#include "irc_message.h"

#include "unit.h"

static irc_message_t s_message;

static irc_message_state_t s_parse(const char *line) {
    return irc_message_parse(&s_message, unit_at_edge(zr_span(line)));
}

TEST(test_a_line_has_tags_a_source_a_command_and_parameters) {
    ck_assert_int_eq(s_parse("@a=1;b :ann!u@h PRIVMSG #r :hello there"), IRC_MESSAGE_OK);
    ck_assert_span_eq(s_message.tags, zr_span("a=1;b"));
    ck_assert_span_eq(s_message.source, zr_span("ann!u@h"));
    ck_assert_span_eq(s_message.command, zr_span("PRIVMSG"));
    ck_assert_uint_eq(s_message.count, 2);
    ck_assert_span_eq(s_message.params[0], zr_span("#r"));
    ck_assert_span_eq(s_message.params[1], zr_span("hello there"));
}
END_TEST

TEST(test_spaces_between_parameters_do_not_count) {
    ck_assert_int_eq(s_parse("  USER  ann   0 * :"), IRC_MESSAGE_OK);
    ck_assert_uint_eq(s_message.count, 4);
    ck_assert_span_eq(s_message.params[2], zr_span("*"));
    ck_assert_uint_eq(s_message.params[3].len, 0);
}
END_TEST

TEST(test_the_fifteenth_parameter_has_the_rest) {
    ck_assert_int_eq(s_parse("X 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"), IRC_MESSAGE_OK);
    ck_assert_uint_eq(s_message.count, IRC_PARAMS);
    ck_assert_span_eq(s_message.params[IRC_PARAMS - 1], zr_span("15 16"));
}
END_TEST

static const struct {
    const char *line;
    irc_message_state_t state;
} s_states[] = {
    {"", IRC_MESSAGE_EMPTY},
    {"   ", IRC_MESSAGE_EMPTY},
    {":source", IRC_MESSAGE_BAD},
    {"@tag", IRC_MESSAGE_BAD},
    {"PING! x", IRC_MESSAGE_BAD},
    {"PRIVMSG #r :\xff", IRC_MESSAGE_NOT_UTF8},
    {"001 x", IRC_MESSAGE_OK},
};

TEST_TIMES(test_lines_that_are_no_message, sizeof s_states / sizeof s_states[0]) {
    ck_assert_int_eq(s_parse(s_states[_i].line), s_states[_i].state);
}
END_TEST

TEST(test_a_line_has_at_most_512_bytes_without_its_tags) {
    char line[600] = "PING ";
    memset(line + 5, 'x', 505);
    ck_assert_int_eq(s_parse(line), IRC_MESSAGE_OK);
    line[510] = 'x';
    ck_assert_int_eq(s_parse(line), IRC_MESSAGE_TOO_LONG);
}
END_TEST

TEST(test_tags_have_at_most_4096_bytes) {
    char line[4200] = "@";
    memset(line + 1, 'x', 4094);
    strcpy(line + 1 + 4094, " PING x");
    ck_assert_int_eq(s_parse(line), IRC_MESSAGE_OK);
    memset(line + 1, 'x', 4095);
    strcpy(line + 1 + 4095, " PING x");
    ck_assert_int_eq(s_parse(line), IRC_MESSAGE_TOO_LONG);
}
END_TEST

TEST(test_a_nul_is_refused) {
    ck_assert_int_eq(irc_message_parse(&s_message, LIT("PING a\0b")), IRC_MESSAGE_NOT_UTF8);
}
END_TEST

TEST(test_tags_are_unescaped_and_the_last_one_counts) {
    zr_buffer_t value = {0};
    s_parse("@label=old;label=a\\:b\\sc\\\\d\\r\\n\\x\\ PING x");
    ck_assert(irc_message_tag(&s_message, "label", &value));
    ck_assert_span_eq(zr_span_of(value.data, value.len), zr_span("a;b c\\d\r\nx"));
    ck_assert(!irc_message_tag(&s_message, "other", NULL));
    zr_buffer_finish(&value);
}
END_TEST

TEST(test_values_are_escaped) {
    zr_buffer_t out = {0};
    irc_put_escaped(&out, zr_span("a;b c\\d\r\n"));
    ck_assert_span_eq(zr_span_of(out.data, out.len), zr_span("a\\:b\\sc\\\\d\\r\\n"));
    zr_buffer_finish(&out);
}
END_TEST

TEST(test_parameters_cannot_break_a_line) {
    zr_buffer_t out = {0};
    irc_put_middle(&out, zr_span("ok"));
    irc_put_middle(&out, zr_span("a b"));
    irc_put_middle(&out, zr_span(""));
    irc_put_middle(&out, zr_span(":x"));
    irc_put_middle(&out, zr_span("a\nQUIT"));
    irc_put_trailing(&out, zr_span("a\r\nQUIT"));
    ck_assert_span_eq(zr_span_of(out.data, out.len), zr_span(" ok * * * * :a  QUIT"));
    zr_buffer_finish(&out);
}
END_TEST

TEST(test_only_ascii_letters_are_equal_in_both_cases) {
    ck_assert(irc_same(zr_span("#Room"), zr_span("#rOOM")));
    ck_assert(!irc_same(zr_span("#a["), zr_span("#a{")));
    ck_assert(!irc_same(zr_span("#a"), zr_span("#ab")));
}
END_TEST

TEST(test_numbers_have_at_most_ten_digits) {
    uint64_t number;
    ck_assert(irc_number(unit_at_edge(zr_span("302")), &number));
    ck_assert_uint_eq(number, 302);
    ck_assert(irc_number(unit_at_edge(zr_span("9999999999")), &number));
    ck_assert(!irc_number(unit_at_edge(zr_span("10000000000")), &number));
    ck_assert(!irc_number(zr_span(""), &number) && !irc_number(zr_span("1x"), &number) &&
              !irc_number(zr_span("-1"), &number));
}
END_TEST

UNIT_SUITE("client.gateway.irc.text.irc_message")
