#include "when.h"

#include <stdio.h>
#include <time.h>

#include "unit.h"

#define NOW 1764000000000007ULL /* 2025-11-24T16:00:00Z and a little */

static void s_zone(const char *zone) {
    setenv("TZ", zone, 1);
    tzset();
}

static void s_is(const char *text, uint64_t seconds) {
    uint64_t found = 7;
    ck_assert_msg(when_parse(text, NOW, &found), "%s", text);
    ck_assert_msg(found == seconds * 1000000, "%s: %llu", text, (unsigned long long)found);
}

TEST(test_ages) {
    static const struct {
        const char *text;
        uint64_t seconds;
    } ages[] = {
        {"0s", 0}, {"90s", 90}, {"15m", 900}, {"2h", 7200}, {"7d", 604800}, {"0007d", 604800}, {"20000d", 1728000000}};
    for (size_t i = 0; i < sizeof ages / sizeof ages[0]; i++) {
        uint64_t found;
        ck_assert_msg(when_parse(ages[i].text, NOW, &found), "%s", ages[i].text);
        ck_assert_uint_eq(found, NOW - ages[i].seconds * 1000000);
    }
    s_is("20417d", 0); /* before 1970 */
    s_is("1000000000d", 0);
}

TEST(test_utc) {
    s_zone("XYZ-5:30");
    s_is("1970-01-01Z", 0);
    s_is("1970-01-01T00:01Z", 60);
    s_is("2026-11-20Z", 1795132800);
    s_is("2026-11-20T10:15Z", 1795169700);
    s_is("2026-11-20T10:15:30Z", 1795169730);
    s_is("2026-11-20 10:15:30Z", 1795169730);
    s_is("2024-02-29Z", 1709164800);
    s_is("2000-02-29Z", 951782400);
    s_is("1969-12-31Z", 0);
    s_is("9999-12-31T23:59:59Z", 253402300799);
}

TEST(test_parts_of_a_second) {
    static const struct {
        const char *text;
        uint64_t micro;
    } parts[] = {{".5", 500000}, {".000001", 1}, {".123456789", 123456}, {".0", 0}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        char text[40];
        uint64_t found;
        snprintf(text, sizeof text, "2026-11-20T10:15:30%sZ", parts[i].text);
        ck_assert_msg(when_parse(text, NOW, &found), "%s", text);
        ck_assert_uint_eq(found, 1795169730000000 + parts[i].micro);
    }
}

TEST(test_local) {
    s_zone("XYZ-5:30");
    s_is("2026-11-20", 1795132800 - 19800);
    s_is("2026-11-20T10:15", 1795169700 - 19800);
    s_is("1970-01-01", 0); /* there it was 1969 still in UTC */
    s_zone("UTC0");
    s_is("2026-11-20T10:15:30", 1795169730);
    /* Summer time is the zone's business: one hour ahead in July, none in November. */
    s_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    s_is("2026-07-01", 1782864000 - 7200);
    s_is("2026-11-20", 1795132800 - 3600);
}

TEST(test_mistakes) {
    static const char *const bad[] = {"", "s", "7", "7w", "7dd", "7 d", "-7d", "1.5h", "1000000001ss",
        "99999999999999999999s", "now", "2026", "2026-11", "2026-11-2", "26-11-20", "2026/11/20", "2026-13-01",
        "2026-00-01", "2026-11-00", "2026-11-31", "2026-02-29", "1900-02-29", "0000-01-01", "2026-11-20T",
        "2026-11-20T10", "2026-11-20T24:00", "2026-11-20T10:60", "2026-11-20T10:15:", "2026-11-20T10:15:61",
        "2026-11-20T10:15:30.", "2026-11-20T10:15.5", "2026-11-20T10:15:30.x", "2026-11-20.5", "2026-11-20T10:15ZZ",
        "2026-11-20T10:15z", "2026-11-20T10:15+01:00", "2026-11-20  10:15", " 2026-11-20"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t found = 7;
        ck_assert_msg(!when_parse(bad[i], NOW, &found), "%s", bad[i]);
        ck_assert_uint_eq(found, 7);
    }
}

TEST(test_spans) {
    static const char *const bad[] = {"", "0s", "7", "s", "1.5h", "-7d", "7 d", "2026-11-20"};
    uint64_t ms = 7;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!when_span(bad[i], &ms), "%s", bad[i]);
    ck_assert_uint_eq(ms, 7);
    ck_assert(when_span("90s", &ms));
    ck_assert_uint_eq(ms, 90000);
    ck_assert(when_span("2h", &ms));
    ck_assert_uint_eq(ms, 7200000);
    ck_assert(when_span("99999999999999999999d", &ms)); /* the library refuses it */
    ck_assert_uint_eq(ms, UINT64_MAX);
}

UNIT_SUITE("client.cli.when")
