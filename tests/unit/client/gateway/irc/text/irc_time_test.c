#include "irc_time.h"

#include "unit.h"

static const struct {
    uint64_t us;
    const char *text;
} s_times[] = {
    {0, "1970-01-01T00:00:00.000Z"},
    {1700000000123000, "2023-11-14T22:13:20.123Z"},
    {1709164800000000, "2024-02-29T00:00:00.000Z"},
};

TEST_TIMES(test_times_are_written_and_read_back, sizeof s_times / sizeof s_times[0]) {
    char text[IRC_TIME_TEXT];
    uint64_t us;
    irc_time_write(text, s_times[_i].us);
    ck_assert_str_eq(text, s_times[_i].text);
    ck_assert(irc_time_read(unit_at_edge(zr_span(text)), &us));
    ck_assert_uint_eq(us, s_times[_i].us);
}
END_TEST

TEST(test_fractions_may_be_missing_or_longer) {
    uint64_t us;
    ck_assert(irc_time_read(zr_span("2023-11-14T22:13:20Z"), &us));
    ck_assert_uint_eq(us, 1700000000000000);
    ck_assert(irc_time_read(zr_span("2023-11-14T22:13:20.123456Z"), &us));
    ck_assert_uint_eq(us, 1700000000123456);
    ck_assert(!irc_time_read(zr_span("2023-11-14T22:13:20.1234567Z"), &us));
}
END_TEST

TEST(test_times_beyond_the_year_9999_are_its_end) {
    char text[IRC_TIME_TEXT];
    irc_time_write(text, UINT64_MAX);
    ck_assert_str_eq(text, "9999-12-31T23:59:59.999Z");
}
END_TEST

static const char *const s_wrong[] = {"", "now", "2023-11-14", "2023-11-14T22:13:20.Z", "2023-11-14T22:13:20.1",
    "2023-13-14T22:13:20Z", "1969-12-31T23:59:59Z", "2023-11-14T24:13:20Z", "2023-11-14T22:13:20Zx",
    "+023-11-14T22:13:20Z"};

TEST_TIMES(test_what_is_no_time_is_refused, sizeof s_wrong / sizeof s_wrong[0]) {
    uint64_t us;
    ck_assert(!irc_time_read(unit_at_edge(zr_span(s_wrong[_i])), &us));
}
END_TEST

UNIT_SUITE("client.gateway.irc.text.irc_time")
