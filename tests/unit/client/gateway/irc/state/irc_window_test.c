#include "irc_window.h"
#include "unit.h"

/* Messages of 10 bytes each: their digit, ten times. */
static void s_add(irc_window_t *window, zr_buffer_t *lines, int count) {
    for (int i = 0; i < count; i++) {
        size_t at = lines->len;
        for (int n = 0; n < 10; n++)
            zr_buffer_u8(lines, (uint8_t)('0' + i % 10));
        irc_window_add(window, lines, at);
    }
}

static const struct {
    bool newest;
    size_t most;
    int count;
    const char *kept; /* the digits of the messages */
} s_cases[] = {
    {true, 30, 3, "012"},
    {true, 30, 4, "123"},
    {true, 29, 4, "23"},
    {true, 5, 4, "3"},
    {false, 30, 3, "012"},
    {false, 30, 4, "012"},
    {false, 29, 4, "01"},
    {false, 5, 4, "0"},
};

TEST_TIMES(test_some_messages_are_kept, sizeof s_cases / sizeof s_cases[0]) {
    irc_window_t window = {.newest = s_cases[_i].newest, .most = s_cases[_i].most, .begin = 2};
    zr_buffer_t lines = {0};
    zr_buffer_append(&lines, "ab", 2);
    s_add(&window, &lines, s_cases[_i].count);
    ck_assert_uint_eq(lines.len, 2 + 10 * strlen(s_cases[_i].kept));
    ck_assert_int_eq(memcmp(lines.data, "ab", 2), 0);
    for (size_t i = 2; i < lines.len; i++)
        ck_assert_int_eq(lines.data[i], s_cases[_i].kept[(i - 2) / 10]);
    zr_buffer_finish(&lines);
}
END_TEST

TEST_TIMES(test_a_window_has_at_most_1000_messages, 2) {
    irc_window_t window = {.newest = _i == 1};
    zr_buffer_t lines = {0};
    s_add(&window, &lines, IRC_WINDOW_MAX);
    ck_assert_uint_eq(lines.len, 10 * IRC_WINDOW_MAX);
    s_add(&window, &lines, 1);
    ck_assert_uint_eq(lines.len, 10 * IRC_WINDOW_MAX);
    ck_assert_int_eq(lines.data[lines.len - 1], _i == 1 ? '0' : '9');
    zr_buffer_finish(&lines);
}
END_TEST

UNIT_SUITE("client.gateway.irc.state.irc_window")
