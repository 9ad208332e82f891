#include "report.h"

#include "unit.h"

static const char *s_text(const report_t *report, size_t at) {
    static char text[100];
    zr_buffer_t out = {0};
    report_item(&report->items[at], &out);
    ck_assert_uint_lt(out.len, sizeof text);
    memcpy(text, out.data, out.len);
    text[out.len] = '\0';
    zr_buffer_finish(&out);
    return text;
}

TEST(test_neighbours_with_the_same_reason_are_told_together) {
    report_t report = {0};
    report_add(&report, 3, 3, zr_span("no"));
    report_add(&report, 4, 9, zr_span("no"));
    report_add(&report, 10, 10, zr_span("never"));
    report_add(&report, 12, 13, zr_span("never"));
    ck_assert_uint_eq(report.count, 3);
    ck_assert_str_eq(s_text(&report, 0), "lines 3-9: no");
    ck_assert_str_eq(s_text(&report, 1), "line 10: never");
    ck_assert_str_eq(s_text(&report, 2), "lines 12-13: never");
    ck_assert_uint_eq(report.lines, 10);
    report_finish(&report);
    ck_assert_uint_eq(report.count, 0);
}

TEST(test_no_more_than_a_screen) {
    report_t report = {0};
    for (uint64_t line = 1; line < 2000; line += 2)
        report_add(&report, line, line, zr_span("no"));
    ck_assert_uint_eq(report.count, REPORT_MAX);
    ck_assert_uint_eq(report.lines, 1000);
    ck_assert_uint_eq(report.left, 1000 - REPORT_MAX);
    report_add(&report, 40, 40, zr_span("no")); /* behind the last that was told, but out of order */
    ck_assert_str_eq(s_text(&report, REPORT_MAX - 1), "line 39: no");
    report_finish(&report);
}

UNIT_SUITE("client.cli.report")
