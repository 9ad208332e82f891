#include "cells.h"

#include "unit.h"

TEST(test_widths) {
    ck_assert_uint_eq(cells_width(zr_span("abc")), 3);
    ck_assert_uint_eq(cells_width(zr_span("\xc3\xa4\xe2\x98\x83")), 2);
    ck_assert_uint_eq(cells_width(zr_span("\xe6\xbc\xa2\xe5\xad\x97")), 4);
    ck_assert_uint_eq(cells_width(zr_span("e\xcc\x81")), 1);
    ck_assert_uint_eq(cells_width(zr_span("\xf0\x9f\x98\x80")), 2);
    ck_assert_uint_eq(cells_width(zr_span("\xff")), 1);
    ck_assert_uint_eq(cells_width(zr_span("\n\t")), 0);
}

TEST(test_characters) {
    zr_span_t text = zr_span("ae\xcc\x81\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa\xff.");
    static const size_t ends[] = {1, 4, 12, 13, 14};
    size_t at = 0, i = 0;
    for (; at < text.len; i++) {
        size_t begin = at;
        cells_next(text, &at);
        ck_assert_uint_eq(at, ends[i]);
        ck_assert_uint_eq(cells_before(text, at), begin);
    }
    ck_assert_uint_eq(i, 5);
    ck_assert_uint_eq(cells_before(text, 0), 0);
}

TEST(test_reads_nothing_behind_the_text) {
    size_t at = 0;
    cells_next(unit_at_edge(zr_span("e\xcc")), &at);
    at = 0;
    cells_next(unit_at_edge(zr_span("\xe6\xbc\xa2")), &at);
    ck_assert_uint_eq(at, 3);
}

UNIT_SUITE("client.cli.terminal.cells")
