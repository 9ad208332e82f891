#include "edit.h"

#include <stdio.h>

#include "unit.h"

static edit_t s_edit;
static char s_shown[256];

static void s_end(void) {
    edit_finish(&s_edit);
}

/* The line, with the cursor as '|'. */
static const char *s_line(void) {
    zr_span_t text = edit_text(&s_edit);
    snprintf(s_shown, sizeof s_shown, "%.*s|%.*s", (int)s_edit.cursor, text.len ? text.ptr : "",
        (int)(text.len - s_edit.cursor), text.len ? text.ptr + s_edit.cursor : "");
    return s_shown;
}

static void s_type(const char *text) {
    ck_assert_int_eq(edit_type(&s_edit, zr_span(text)), EDIT_MORE);
}

static const char *s_key(const char *key) {
    ck_assert_int_eq(edit_key(&s_edit, zr_span(key)), EDIT_MORE);
    return s_line();
}

static void s_enter(const char *text) {
    s_type(text);
    ck_assert_int_eq(edit_key(&s_edit, zr_span("\r")), EDIT_ENTER);
    edit_taken(&s_edit);
}

TEST(test_moves) {
    s_type("one two-three");
    ck_assert_str_eq(s_key("\033b"), "one two-|three");
    ck_assert_str_eq(s_key("\033b"), "one |two-three");
    ck_assert_str_eq(s_key("\x01"), "|one two-three");
    ck_assert_str_eq(s_key("\033f"), "one| two-three");
    ck_assert_str_eq(s_key("\033[C"), "one |two-three");
    ck_assert_str_eq(s_key("\x02"), "one| two-three");
    ck_assert_str_eq(s_key("\x05"), "one two-three|");
    ck_assert_str_eq(s_key("\033[H"), "|one two-three");
    ck_assert_str_eq(s_key("\x02"), "|one two-three");
    ck_assert_str_eq(s_key("\033[F"), "one two-three|");
    ck_assert_str_eq(s_key("\x06"), "one two-three|");
}

TEST(test_cut_line_by_line) {
    s_type("one");
    s_key("\033\r");
    s_type("two");
    ck_assert_str_eq(s_key("\x15"), "one\n|");
    ck_assert_str_eq(s_key("\x15"), "one|");
    ck_assert_str_eq(s_key("\x15"), "|");
    ck_assert_str_eq(s_key("\x15"), "|");
    ck_assert_str_eq(s_key("\x19"), "one\ntwo|");
}

TEST(test_characters_of_several_code_points) {
    s_type("e\xcc\x81\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbdx"); /* e and an acute; a thumb with a colour */
    s_key("\x02");
    ck_assert_str_eq(s_key("\x02"), "e\xcc\x81|\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbdx");
    ck_assert_str_eq(s_key("\x7f"), "|\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbdx");
    ck_assert_str_eq(s_key("\x04"), "|x");
}

TEST(test_cut_and_put_back) {
    s_type("one two three");
    ck_assert_str_eq(s_key("\x17"), "one two |");
    ck_assert_str_eq(s_key("\x17"), "one |");
    ck_assert_str_eq(s_key("\x19"), "one two three|"); /* both, as one followed the other */
    s_key("\x01");
    ck_assert_str_eq(s_key("\x0b"), "|");
    ck_assert_str_eq(s_key("\x19"), "one two three|");
    ck_assert_str_eq(s_key("\033\x7f"), "one two |");
    ck_assert_str_eq(s_key("\x15"), "|");
    ck_assert_str_eq(s_key("\x19"), "one two three|");
    s_key("\x01");
    ck_assert_str_eq(s_key("\033d"), "| two three");
    ck_assert_str_eq(s_key("\x05"), " two three|");
    ck_assert_str_eq(s_key("\x17"), " two |"); /* a key lay between: not added */
    ck_assert_str_eq(s_key("\x19"), " two three|");
}

TEST(test_swap) {
    ck_assert_str_eq(s_key("\x14"), "|");
    s_type("a");
    ck_assert_str_eq(s_key("\x14"), "a|");
    s_type("bc");
    ck_assert_str_eq(s_key("\x14"), "acb|");
    s_key("\x02");
    s_key("\x02");
    ck_assert_str_eq(s_key("\x14"), "ca|b");
}

TEST(test_undo) {
    s_type("one ");
    s_type("tw");
    s_type("o");
    s_key("\x15");
    ck_assert_str_eq(s_key("\x1f"), "one two|");
    ck_assert_str_eq(s_key("\x1f"), "one |");
    ck_assert_str_eq(s_key("\x1f"), "|");
    ck_assert_str_eq(s_key("\x1f"), "|");
    for (int i = 0; i < 3 * UNDO_STEPS; i++)
        s_type("x ");
    for (int i = 0; i < UNDO_STEPS; i++)
        s_key("\x1f");
    ck_assert_uint_eq(edit_text(&s_edit).len, 4 * UNDO_STEPS); /* the oldest are forgotten */
    s_key("\x1f");
    ck_assert_uint_eq(edit_text(&s_edit).len, 4 * UNDO_STEPS);
}

TEST(test_interrupt_clears_then_ends) {
    s_type("text");
    ck_assert_int_eq(edit_interrupt(&s_edit), EDIT_MORE);
    ck_assert_str_eq(s_line(), "|");
    ck_assert_str_eq(s_key("\x1f"), "text|");
    ck_assert_int_eq(edit_key(&s_edit, zr_span("\x04")), EDIT_MORE); /* Ctrl-D deletes */
    edit_interrupt(&s_edit);
    ck_assert_int_eq(edit_interrupt(&s_edit), EDIT_END);
    ck_assert_int_eq(edit_key(&s_edit, zr_span("\x04")), EDIT_END);
    ck_assert_str_eq(s_key("\033[3~"), "|"); /* Delete is no end */
}

TEST(test_earlier_lines) {
    s_enter("one");
    s_enter("two");
    s_enter("two");
    s_enter(" a secret");
    s_type("now");
    ck_assert_str_eq(s_key("\033[A"), "two|");
    ck_assert_str_eq(s_key("\x10"), "one|");
    ck_assert_str_eq(s_key("\033[A"), "one|");
    ck_assert_str_eq(s_key("\033[B"), "two|");
    ck_assert_str_eq(s_key("\x0e"), "now|");
    ck_assert_str_eq(s_key("\033[B"), "now|");
}

TEST(test_search) {
    s_enter("the first line");
    s_enter("the second line");
    s_enter("something else");
    s_type("now");
    s_key("\x12");
    s_type("line");
    ck_assert_str_eq(s_line(), "the second line|");
    ck_assert_str_eq(s_key("\x12"), "the first line|");
    ck_assert_str_eq(s_key("\x12"), "the first line|");
    ck_assert_str_eq(s_key("\x07"), "now|");
    s_key("\x12");
    s_type("sec");
    zr_buffer_t label = {0};
    ck_assert(edit_label(&s_edit, &label));
    ck_assert_span_eq(zr_span_of(label.data, label.len), zr_span("search: sec> "));
    ck_assert_str_eq(s_key("\x01"), "|the second line"); /* any other key takes it over */
    zr_buffer_clear(&label);
    ck_assert(!edit_label(&s_edit, &label));
    s_key("\x12");
    s_type("nowhere");
    ck_assert(edit_label(&s_edit, &label));
    ck_assert_span_eq(zr_span_of(label.data, label.len), zr_span("failed search: nowhere> "));
    ck_assert_int_eq(edit_interrupt(&s_edit), EDIT_MORE);
    ck_assert_str_eq(s_line(), "the second line|");
    zr_buffer_finish(&label);
}

TEST(test_several_lines) {
    s_enter("before");
    edit_paste(&s_edit, zr_span("first\nsecond\nx"));
    ck_assert_str_eq(s_key("\033[A"), "first\ns|econd\nx");
    ck_assert_str_eq(s_key("\x05"), "first\nsecond|\nx");
    ck_assert_str_eq(s_key("\033[A"), "first|\nsecond\nx");
    ck_assert_str_eq(s_key("\033[B"), "first\nsecon|d\nx");
    ck_assert_str_eq(s_key("\x01"), "first\n|second\nx");
    ck_assert_str_eq(s_key("\033\r"), "first\n\n|second\nx");
    s_key("\033[A");
    s_key("\033[A");
    ck_assert_str_eq(s_key("\033[A"), "before|");
    ck_assert_str_eq(s_key("\033[B"), "first\n\nsecond\nx|");
}

TEST(test_a_paste_is_no_command) {
    edit_paste(&s_edit, zr_span("/quit"));
    ck_assert_str_eq(s_line(), "//quit|");
    edit_paste(&s_edit, zr_span("/quit"));
    ck_assert_str_eq(s_line(), "//quit/quit|");
}

TEST(test_the_longest_line) {
    static char text[EDIT_MAX];
    memset(text, 'x', sizeof text);
    ck_assert_int_eq(edit_paste(&s_edit, zr_span_of(text, EDIT_MAX)), EDIT_TOO_LONG); /* one byte is for a slash */
    ck_assert_int_eq(edit_type(&s_edit, zr_span_of(text, EDIT_MAX)), EDIT_MORE);
    ck_assert_int_eq(edit_type(&s_edit, zr_span("y")), EDIT_TOO_LONG);
    ck_assert_uint_eq(edit_text(&s_edit).len, EDIT_MAX);
    ck_assert_int_eq(edit_key(&s_edit, zr_span("\x19")), EDIT_MORE);
}

TEST(test_keys_of_the_caller) {
    static const struct {
        const char *key;
        edit_result_t result;
    } keys[] = {{"\t", EDIT_COMPLETE}, {"\033[Z", EDIT_BACK}, {"\x0c", EDIT_CLEAR}, {"\033[5~", EDIT_OLDER},
        {"\033n", EDIT_NEXT}, {"\033p", EDIT_PREVIOUS}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        ck_assert_int_eq(edit_key(&s_edit, zr_span(keys[i].key)), keys[i].result);
    ck_assert_str_eq(s_key("\033q"), "|"); /* unknown */
}

UNIT_SUITE_WITH("client.cli.terminal.edit", NULL, s_end)
