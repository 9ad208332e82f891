#include "undo.h"

#include "unit.h"

TEST(test_the_newest_comes_first) {
    undo_t undo = {0};
    zr_buffer_t text = {0};
    size_t cursor;
    ck_assert(!undo_pop(&undo, &text, &cursor));
    undo_push(&undo, zr_span("one"), 1);
    undo_push(&undo, zr_span(""), 0);
    ck_assert(undo_pop(&undo, &text, &cursor));
    ck_assert_uint_eq(text.len, 0);
    ck_assert(undo_pop(&undo, &text, &cursor));
    ck_assert_span_eq(zr_span_of(text.data, text.len), zr_span("one"));
    ck_assert_uint_eq(cursor, 1);
    zr_buffer_finish(&text);
}

TEST(test_bounds) {
    static char large[UNDO_BYTES / 2];
    undo_t undo = {0};
    for (int i = 0; i < UNDO_STEPS + 1; i++)
        undo_push(&undo, zr_span("x"), 0);
    ck_assert_uint_eq(undo.count, UNDO_STEPS);
    undo_push(&undo, zr_span_of(large, sizeof large), 0);
    undo_push(&undo, zr_span_of(large, sizeof large), 0);
    ck_assert_uint_eq(undo.count, 2);
    undo_push(&undo, zr_span("x"), 0);
    ck_assert_uint_eq(undo.count, 2);
    undo_clear(&undo);
    ck_assert_uint_eq(undo.bytes, 0);
}

UNIT_SUITE("client.cli.terminal.undo")
