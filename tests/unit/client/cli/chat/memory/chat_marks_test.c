#include "chat_marks.h"

#include <stdio.h>

#include "unit.h"

#define EPOCH "00000000000000aa"
#define OTHER "00000000000000bb"

static marks_t s_marks;

static void s_end(void) {
    marks_finish(&s_marks);
}

TEST(test_the_highest_of_an_epoch) {
    marks_note(&s_marks, EPOCH, "room", 5);
    marks_note(&s_marks, EPOCH, "room", 3);
    ck_assert_uint_eq(marks_find(&s_marks, EPOCH, "room"), 5);
    ck_assert_uint_eq(marks_find(&s_marks, OTHER, "room"), 0);
    marks_note(&s_marks, "", "room", 9);
    marks_note(&s_marks, EPOCH, "empty", 0);
    ck_assert_uint_eq(s_marks.count, 1);
}

TEST(test_as_a_file) {
    marks_parse(&s_marks, zr_span(EPOCH " 5 room\nrubbish\n" OTHER " x room\n" EPOCH " 7 a b\n" OTHER " 8 a/b"));
    zr_buffer_t out = {0};
    marks_write(&s_marks, &out);
    ck_assert_span_eq(zr_span_of(out.data, out.len), zr_span(EPOCH " 5 room\n" OTHER " 8 a/b\n"));
    zr_buffer_finish(&out);
}

TEST(test_bounds) {
    char room[20];
    for (int i = 0; i <= MARKS_MAX; i++) {
        snprintf(room, sizeof room, "r%d", i);
        marks_note(&s_marks, EPOCH, room, 1);
    }
    ck_assert_uint_eq(s_marks.count, MARKS_MAX);
    ck_assert_uint_eq(marks_find(&s_marks, EPOCH, "r0"), 0);
    ck_assert_uint_eq(marks_find(&s_marks, EPOCH, "r1"), 1);
}

UNIT_SUITE_WITH("client.cli.chat.chat_marks", NULL, s_end)
