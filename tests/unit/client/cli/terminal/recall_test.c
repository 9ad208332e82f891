#include "recall.h"

#include <stdio.h>

#include "unit.h"

TEST(test_lines_are_kept_once) {
    recall_t recall = {0};
    ck_assert(recall_add(&recall, zr_span("one")));
    ck_assert(!recall_add(&recall, zr_span("one")));
    ck_assert(!recall_add(&recall, zr_span("")));
    ck_assert(!recall_add(&recall, zr_span(" hidden")));
    ck_assert(recall_add(&recall, zr_span("two")));
    ck_assert_str_eq(recall_at(&recall, 1), "two");
    ck_assert_str_eq(recall_at(&recall, 2), "one");
    ck_assert_ptr_null(recall_at(&recall, 3));
    ck_assert_ptr_null(recall_at(&recall, 0));
    ck_assert_uint_eq(recall_search(&recall, zr_span("o"), 1), 1);
    ck_assert_uint_eq(recall_search(&recall, zr_span("o"), 2), 2);
    ck_assert_uint_eq(recall_search(&recall, zr_span("o"), 3), 0);
    recall_finish(&recall);
}

TEST(test_the_oldest_are_forgotten) {
    recall_t recall = {0};
    char line[20];
    for (int i = 0; i <= RECALL_MAX; i++) {
        snprintf(line, sizeof line, "%d", i);
        recall_add(&recall, zr_span(line));
    }
    ck_assert_str_eq(recall_at(&recall, RECALL_MAX), "1");
    ck_assert_ptr_null(recall_at(&recall, RECALL_MAX + 1));
    recall_finish(&recall);
}

TEST(test_as_a_file) {
    zr_buffer_t out = {0};
    recall_write(&out, zr_span("one\ntwo\\n"));
    recall_write(&out, zr_span("three"));
    ck_assert_span_eq(zr_span_of(out.data, out.len), zr_span("one\\ntwo\\\\n\nthree\n"));
    recall_t recall = {0};
    recall_read(&recall, zr_span_of(out.data, out.len));
    ck_assert_str_eq(recall_at(&recall, 2), "one\ntwo\\n");
    ck_assert_str_eq(recall_at(&recall, 1), "three");
    recall_read(&recall, zr_span("cut\\"));
    ck_assert_str_eq(recall_at(&recall, 1), "cut");
    zr_buffer_finish(&out);
    recall_finish(&recall);
}

UNIT_SUITE("client.cli.terminal.recall")
