#include "top_view.h"

#include "unit.h"

static top_sample_t s_sample(const char *text) {
    top_sample_t sample;
    json_t *answer = json_loads(text, 0, NULL);
    ck_assert_ptr_nonnull(answer);
    top_sample_read(&sample, answer);
    json_decref(answer);
    return sample;
}

#define ROW(name, value) "{\"name\":\"zrelay_" name "\",\"value\":" value "}"
#define FIRST                                                                                                          \
    "{\"time\":100000000,\"metrics\":[" ROW("sessions", "9000") "," ROW("sessions_max", "20000") "," ROW(              \
        "entries_total", "10") ",{\"name\":\"zrelay_cpu_seconds_total\",\"value\":1000000,\"per\":1000000},{\"name\":" \
                               "\"zrelay_start_time_seconds\",\"value\":40000000,\"per\":1000000},{\"name\":"          \
                               "\"zrelay_errors_total\",\"codes\":{\"bad-room\":2,\"forbidden\":3}}]}"
#define SECOND                                                                                                         \
    "{\"time\":102000000,\"metrics\":[" ROW(                                                                           \
        "entries_total", "30") ",{\"name\":\"zrelay_cpu_seconds_total\",\"value\":"                                    \
                               "2000000,\"per\":1000000}]}"

TEST(test_values_and_rates) {
    top_sample_t before = s_sample(FIRST), now = s_sample(SECOND), none = {0};
    ck_assert_int_eq((int)top_value(&before, "sessions"), 9000);
    ck_assert_int_eq((int)top_value(&before, "entries"), 10);
    ck_assert_int_eq((int)top_value(&before, "errors"), 5);
    ck_assert_int_eq((int)top_value(&before, "start_time_seconds"), 40);
    ck_assert_int_eq((int)top_value(&before, "nothing"), 0);
    ck_assert_int_eq((int)top_rate(&now, &before, "entries"), 10);
    ck_assert_int_eq((int)(100 * top_rate(&now, &before, "cpu_seconds")), 50);
    ck_assert_int_eq((int)top_rate(&before, &now, "entries"), 0); /* another broker, or its clock was set */
    ck_assert_int_eq((int)top_rate(&now, &none, "entries"), 0);
    top_sample_finish(&before);
    top_sample_finish(&now);
    top_sample_finish(&none);
}

static void s_expect_line(const char *text, size_t number, const char *expected) {
    while (number--)
        text = strchr(text, '\n') + 1;
    ck_assert_msg(strncmp(text, expected, strlen(expected)) == 0 && text[strlen(expected)] == '\n',
        "\"%s\" is expected in:\n%s", expected, text);
}

TEST(test_head) {
    top_sample_t before = s_sample(FIRST), now = s_sample(SECOND), none = {0};
    zr_buffer_t out = {0};
    top_head(&before, &none, "tcp://h:1", 80, &out);
    zr_buffer_u8(&out, '\0');
    s_expect_line((char *)out.data, 0, "zrelay top  up 60s  memory 0  tcp://h:1");
    s_expect_line((char *)out.data, 1, "sessions 9000/20.0k  detached 0  rooms 0  groups 0  channels 0  logins 0");
    s_expect_line((char *)out.data, 2, "in 10  bytes 0  out 0  errors 5  slowed 0  lost 0");
    zr_buffer_clear(&out);
    top_head(&now, &before, "tcp://h\x1b:1", 80, &out);
    zr_buffer_u8(&out, '\0');
    ck_assert_ptr_null(strchr((char *)out.data, '\x1b'));
    s_expect_line((char *)out.data, 2, "in 10/s  bytes 0/s  out 0/s  errors 0/s  slowed 0/s  lost 0/s");
    zr_buffer_finish(&out);
    top_sample_finish(&before);
    top_sample_finish(&now);
}

TEST(test_no_line_is_wider_than_the_terminal) {
    top_sample_t now = s_sample(FIRST), none = {0};
    for (int width = 1; width < 120; width++) {
        zr_buffer_t out = {0};
        top_head(&now, &none, "tcp://a-name-that-is-rather-long.example:12345", width, &out);
        int lines = 0, taken = 0;
        for (size_t i = 0; i < out.len; i++) {
            taken = out.data[i] == '\n' ? 0 : taken + 1;
            lines += out.data[i] == '\n';
            ck_assert_int_le(taken, width);
        }
        ck_assert_int_eq(lines, TOP_HEAD_LINES);
        zr_buffer_finish(&out);
    }
    top_sample_finish(&now);
}

UNIT_SUITE("client.cli.stats.top_view")
