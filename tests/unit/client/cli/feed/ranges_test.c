#include "ranges.h"

#include "unit.h"

static ranges_t s_read(const char *text) {
    ranges_t ranges = {0};
    ck_assert_msg(ranges_parse(&ranges, text), "%s", text);
    return ranges;
}

#define SHOWS(ranges, most, text)                                                                                      \
    do {                                                                                                               \
        zr_buffer_t shown = {0};                                                                                       \
        ranges_print(ranges, most, &shown);                                                                            \
        zr_buffer_u8(&shown, '\0');                                                                                    \
        ck_assert_str_eq((const char *)shown.data, text);                                                              \
        zr_buffer_finish(&shown);                                                                                      \
    } while (0)

TEST(test_text) {
    static const char *const good[] = {"1", "1-", "7", "2-3", "1-3,7,9-", "1,3,5,7-8", "10-"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        ranges_t ranges = s_read(good[i]);
        SHOWS(&ranges, SIZE_MAX, good[i]);
        ranges_finish(&ranges);
    }
    static const char *const bad[] = {"", "0", "-", "-3", "1,", ",1", "1-1", "3-2", "1,1", "1,2", "5,3", "1-,3", "1 ",
        "x", "1-3-5", "99999999999999999999999", "1-99999999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ranges_t ranges = {0};
        ck_assert_msg(!ranges_parse(&ranges, bad[i]), "%s", bad[i]);
        ranges_finish(&ranges);
    }
    ranges_t ranges = s_read("1,3,5,7-");
    SHOWS(&ranges, 2, "1,3,…");
    ranges_finish(&ranges);
}

TEST(test_adding) {
    ranges_t ranges = {0};
    ranges_add(&ranges, 10, 12);
    ranges_add(&ranges, 13, 13);
    ranges_add(&ranges, 20, RANGES_OPEN);
    ranges_add(&ranges, 2, 3);
    ranges_add(&ranges, 5, 5);
    SHOWS(&ranges, SIZE_MAX, "2-3,5,10-13,20-");
    ck_assert_uint_eq(ranges_at(&ranges, 3), 10);
    ranges_add(&ranges, 4, 4);
    SHOWS(&ranges, SIZE_MAX, "2-5,10-13,20-");
    ck_assert_uint_eq(ranges_at(&ranges, 3), 5);
    ranges_add(&ranges, 14, 19);
    SHOWS(&ranges, SIZE_MAX, "2-5,10-");
    ranges_finish(&ranges);
}

/* Against the lines one by one. */
TEST(test_places) {
    static const char *const texts[] = {"1-", "3", "2-4", "1,3,6-8", "1,3-9,12,20-", "5,9-"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ranges_t ranges = s_read(texts[i]);
        uint64_t lines[60], count = 0;
        for (uint64_t line = 1; line <= 60; line++)
            for (size_t j = 0; j < ranges.count; j++)
                if (ranges.items[j].first <= line && line <= ranges.items[j].last)
                    lines[count++] = line;
        bool open = ranges.items[ranges.count - 1].last == RANGES_OPEN;
        for (uint64_t at = 0; at < count; at++)
            ck_assert_uint_eq(ranges_at(&ranges, at), lines[at]);
        if (!open)
            ck_assert_uint_eq(ranges_at(&ranges, count), RANGES_OPEN);
        for (uint64_t from = 0; from < count; from++)
            for (uint64_t len = 0; from + len <= count; len++) {
                ranges_t slice = {0};
                ranges_slice(&slice, &ranges, from, len);
                for (uint64_t at = 0; at < len; at++)
                    ck_assert_uint_eq(ranges_at(&slice, at), lines[from + at]);
                ck_assert_uint_eq(ranges_at(&slice, len), RANGES_OPEN);
                ranges_finish(&slice);
            }
        ranges_t rest = {0};
        ranges_slice(&rest, &ranges, 1, UINT64_MAX);
        ck_assert_uint_eq(ranges_at(&rest, 0), count > 1 ? lines[1] : RANGES_OPEN);
        ck_assert(open == (rest.count > 0 && rest.items[rest.count - 1].last == RANGES_OPEN));
        ranges_finish(&rest);
        ranges_finish(&ranges);
    }
}

UNIT_SUITE("client.cli.ranges")
