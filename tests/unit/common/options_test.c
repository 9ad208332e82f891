#include <limits.h>

#include "options.h"
#include "unit.h"

static bool s_json, s_quiet, s_given;
static const char *s_text;
static uint64_t s_count, s_wait;
static zr_error_t s_error;

static const zr_option_t s_own[] = {
    {"count", 'c', ZR_OPTION_NUMBER, &s_count, &s_given, 1, 1000},
    {"timeout", 't', ZR_OPTION_SECONDS, &s_wait, NULL, 0, 0},
};
static const zr_option_t s_shared[] = {
    {"json", 'j', ZR_OPTION_FLAG, &s_json, NULL, 0, 0},
    {"quiet", 'q', ZR_OPTION_FLAG, &s_quiet, NULL, 0, 0},
    {"server", 's', ZR_OPTION_TEXT, &s_text, NULL, 0, 0},
};
static const zr_option_list_t s_lists[] = {{s_own, 2}, {s_shared, 3}};

static bool s_parse(bool stop, int *argc, char **argv) {
    s_json = s_quiet = s_given = false;
    s_text = NULL;
    s_count = s_wait = 0;
    s_error = (zr_error_t){0};
    *argc = 0;
    while (argv[*argc])
        ++*argc;
    return zr_options_parse(s_lists, 2, stop, argc, argv, &s_error);
}

static void s_wrong(char **argv, const char *says) {
    int argc;
    ck_assert(!s_parse(false, &argc, argv));
    ck_assert_ptr_nonnull(strstr(s_error.text, says));
}
#define WORDS(...) ((char *[]){"name", __VA_ARGS__, NULL} + 1)

TEST(test_mixed_with_words) {
    int argc;
    char **argv = WORDS("room", "-c", "3", "a", "--json", "--timeout=1.5", "b", "-sxyz");
    ck_assert(s_parse(false, &argc, argv));
    ck_assert_int_eq(argc, 3);
    ck_assert_str_eq(argv[0], "room");
    ck_assert_str_eq(argv[2], "b");
    ck_assert(s_json && s_given);
    ck_assert_uint_eq(s_count, 3);
    ck_assert_uint_eq(s_wait, 1500);
    ck_assert_str_eq(s_text, "xyz");
}

TEST(test_double_dash_and_lone_dash) {
    int argc;
    char **argv = WORDS("-", "-jq", "--", "--json", "-x", "--");
    ck_assert(s_parse(false, &argc, argv));
    ck_assert_int_eq(argc, 4);
    ck_assert_str_eq(argv[0], "-");
    ck_assert_str_eq(argv[1], "--json");
    ck_assert_str_eq(argv[3], "--");
    ck_assert(s_json && s_quiet);
}

TEST(test_stops_at_the_command) {
    int argc;
    char **argv = WORDS("-s", "tcp://x", "sub", "--unknown");
    ck_assert(s_parse(true, &argc, argv));
    ck_assert_int_eq(argc, 2);
    ck_assert_str_eq(argv[0], "sub");
    ck_assert_str_eq(argv[1], "--unknown");
    ck_assert_str_eq(s_text, "tcp://x");
}

TEST(test_mistakes) {
    s_wrong(WORDS("--nope=1"), "unknown option --nope");
    s_wrong(WORDS("--jso"), "unknown option --jso");
    s_wrong(WORDS("-x"), "unknown option -x");
    s_wrong(WORDS("-5"), "after --");
    s_wrong(WORDS("--server"), "--server needs a value");
    s_wrong(WORDS("-s"), "-s needs a value");
    s_wrong(WORDS("--json=yes"), "--json takes no value");
    s_wrong(WORDS("--count", "0"), "from 1 to 1000");
    s_wrong(WORDS("--count", "1001"), "from 1 to 1000");
    s_wrong(WORDS("--count", "3x"), "not '3x'");
    s_wrong(WORDS("--count", ""), "not ''");
    s_wrong(WORDS("--timeout", "soon"), "takes seconds");
}

TEST(test_numbers) {
    uint64_t value = 7;
    ck_assert(zr_number_parse("18446744073709551615", UINT64_MAX, &value));
    ck_assert_uint_eq(value, UINT64_MAX);
    value = 7;
    ck_assert(!zr_number_parse("18446744073709551616", UINT64_MAX - 1, &value));
    ck_assert(!zr_number_parse("-1", 10, &value));
    ck_assert(!zr_number_parse(" 1", 10, &value));
    ck_assert(!zr_number_parse("11", 10, &value));
    ck_assert(!zr_number_parse("9", 5, &value));
    ck_assert_uint_eq(value, 7);
}

TEST(test_quantities) {
    uint64_t value;
    ck_assert(zr_quantity_parse("64k", zr_units_of_size, &value));
    ck_assert_uint_eq(value, 65536);
    ck_assert(zr_quantity_parse("2d", zr_units_of_time, &value));
    ck_assert_uint_eq(value, 172800000);
    ck_assert(zr_quantity_parse("7", zr_units_of_time, &value));
    ck_assert_uint_eq(value, 7);
    ck_assert(zr_quantity_parse("17179869184G", zr_units_of_size, &value));
    ck_assert_uint_eq(value, UINT64_MAX);
    static const char *const bad[] = {"", "k", "-1", "1kk", "1 k", "1s", "0x1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!zr_quantity_parse(bad[i], zr_units_of_size, &value), "%s", bad[i]);
}

TEST(test_repeated) {
    zr_texts_t rooms = {0};
    const zr_option_t options[] = {{"room", 'r', ZR_OPTION_TEXTS, &rooms, NULL, 0, 0}};
    const zr_option_list_t list = {options, 1};
    int argc = 6;
    ck_assert(zr_options_parse(&list, 1, false, &argc, WORDS("--room=a", "x", "-r", "b", "--room", "c"), &s_error));
    ck_assert_int_eq(argc, 1);
    ck_assert_uint_eq(rooms.count, 3);
    ck_assert_str_eq(rooms.items[0], "a");
    ck_assert_str_eq(rooms.items[2], "c");
    free(rooms.items);
}

TEST(test_seconds) {
    static const struct {
        const char *text;
        uint64_t ms;
    } good[] = {{"0", 0}, {"2", 2000}, {"0.5", 500}, {".25", 250}, {"1.", 1000}, {"0.0001", 1}, {"0.000", 0},
        {"1.0019999", 1001}, {"2147483.647", INT_MAX}};
    static const char *const bad[] = {
        "", ".", "-1", "1e3", "1,5", "1.5s", "2147483.648", "4294968", "99999999999999999999"};
    uint64_t ms;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        ck_assert_msg(zr_seconds_parse(good[i].text, &ms), "%s", good[i].text);
        ck_assert_uint_eq(ms, good[i].ms);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!zr_seconds_parse(bad[i], &ms), "%s", bad[i]);
}

UNIT_SUITE("common.options")
