#include "zpl.h"

#include "unit.h"

typedef struct {
    zr_buffer_t seen;   /* LINE:SECTION[/NAME]=VALUE; for each item */
    const char *refuse; /* the section that is not taken */
} reader_t;

static bool s_on_item(void *ctx, const zr_zpl_item_t *item, zr_error_t *error) {
    reader_t *reader = ctx;
    if (!item) {
        zr_buffer_printf(&reader->seen, "end");
        return true;
    }
    zr_buffer_printf(&reader->seen, "%u:%s%s%s=%s;", item->line, item->section, item->name ? "/" : "",
        item->name ? item->name : "", item->value);
    return !reader->refuse || item->name || strcmp(item->section, reader->refuse) != 0 || zr_fail(error, "refused");
}

static void s_expect(const char *text, const char *refuse, const char *seen, const char *errors) {
    reader_t reader = {.refuse = refuse};
    zr_error_t error = {0};
    zr_buffer_t all = {0};
    bool good = zr_zpl_parse("f", unit_at_edge(zr_span(text)), s_on_item, &reader, &error);
    for (const char *line = NULL; (line = zr_error_next(&error, line));)
        zr_buffer_printf(&all, "%s|", line);
    zr_buffer_u8(&all, '\0');
    ck_assert_str_eq((const char *)all.data, errors);
    ck_assert_int_eq(good, !*errors);
    ck_assert_span_eq(zr_span_of(reader.seen.data, reader.seen.len), zr_span(seen));
    zr_buffer_finish(&all);
    zr_buffer_finish(&reader.seen);
    /* Lines that are added later are not about the file. */
    zr_fail(&error, "later");
    ck_assert_str_eq(error.text + error.len - sizeof "later", "later");
}

TEST(test_values) {
    s_expect("", NULL, "end", "");
    s_expect("a\n    b = c\n    d='e # f' # g\r\nh = \"i\"", NULL, "1:a=;2:a/b=c;3:a/d=e # f;4:h=i;end", "");
    s_expect("a = b c  # d\na=b # c # d ##\na =\t# b\n", NULL, "1:a=b c;2:a=b;3:a=;end", "");
    s_expect("# a\n\n   # b\na # b\n", NULL, "4:a=;end", "");
}

/* A # between other characters, as in a key, is no comment. */
TEST(test_hash_signs) {
    s_expect("a = b#c\na = b#\na = b##c # d\n", NULL, "1:a=b#c;2:a=b#;3:a=b##c;end", "");
    s_expect("a = #b\n", NULL, "end",
        "f:1: a # that is part of the value needs quotes around it; a comment's has a blank on both sides|");
    s_expect("a = b# c\n", NULL, "end",
        "f:1: a # that is part of the value needs quotes around it; a comment's has a blank on both sides|");
}

TEST(test_byte_order_mark) {
    s_expect("\xef\xbb\xbf"
             "a = b\n",
        NULL, "1:a=b;end", "");
    s_expect("\xef\xbb\xbf", NULL, "end", "");
    s_expect("a = b\n\xef\xbb\xbf"
             "c = d\n",
        NULL, "1:a=b;end", "f:2: a line starts with a name, or with # for a comment|");
}

TEST(test_all_faults_are_told) {
    s_expect("a\n  b = c\n    d e\n    f = g\n", NULL, "1:a=;4:a/f=g;end",
        "f:2: indent members with exactly 4 spaces, sections with none|"
        "f:3: a name is followed by \"= value\" or by nothing|");
    s_expect("a\nb\n    c\na\n", "a", "1:a=;2:b=;3:b/c=;4:a=;end", "f:1: a: refused|f:4: a: refused|");
}

/* What stands in a section that is wrong is not told as well. */
TEST(test_members_of_a_wrong_section_are_passed_over) {
    s_expect("a\n    b = c\n    = d\n", "a", "1:a=;end",
        "f:1: a: refused|f:3: a line starts with a name, or with # for a comment|");
    s_expect("a {\n    b = c\nd\n    e = f\n", NULL, "3:d=;4:d/e=f;end",
        "f:1: a name is followed by \"= value\" or by nothing|");
}

TEST(test_no_text) {
    reader_t reader = {0};
    zr_error_t error = {0};
    ck_assert(!zr_zpl_parse("f", LIT("a\0b\n"), s_on_item, &reader, &error));
    ck_assert_str_eq(error.text, "f: this is no text file");
    ck_assert_uint_eq(reader.seen.len, 0);
}

TEST(test_long_lines) {
    char text[3000];
    for (size_t len = 990; len < 2500; len += len < 1010 ? 1 : 500) {
        reader_t reader = {0};
        zr_error_t error = {0};
        memset(text, 'x', len);
        ck_assert_int_eq(
            zr_zpl_parse("f", unit_at_edge(zr_span_of(text, len)), s_on_item, &reader, &error), len <= 1000);
        memset(text, ' ', len);
        ck_assert(zr_zpl_parse("f", unit_at_edge(zr_span_of(text, len)), s_on_item, &reader, &error) || len > 1000);
        zr_buffer_finish(&reader.seen);
    }
}

UNIT_SUITE("common.zpl")
