#include "lines.h"
#include "unit.h"

/* Feeds `text` in pieces of `step` bytes and takes what comes out as lines, each followed by '|', or by '!' if it is cut. */
static lines_result_t s_cut(zr_span_t text, size_t step, size_t chunk, size_t max, char *out, uint64_t *number) {
    lines_t lines;
    lines_init(&lines, chunk, max);
    lines_result_t result;
    size_t fed = 0;
    size_t used = 0;
    for (;;) {
        zr_span_t line;
        while ((result = lines_next(&lines, &line)) != LINES_MORE) {
            memcpy(out + used, line.ptr, line.len);
            used += line.len;
            out[used++] = result == LINES_LINE ? '|' : '!';
        }
        if (lines.ended)
            break;
        size_t room;
        char *to = lines_space(&lines, &room);
        size_t len = text.len - fed < step ? text.len - fed : step;
        if (len > room)
            len = room;
        memcpy(to, text.ptr + fed, len);
        lines_fed(&lines, len);
        fed += len;
        if (len == 0)
            lines_end(&lines);
    }
    out[used] = '\0';
    *number = lines.number;
    lines_finish(&lines);
    return result;
}

TEST(test_any_borders) {
    static const struct {
        const char *text, *lines;
        unsigned count;
    } cases[] = {{"", "", 0}, {"\n", "|", 1}, {"a", "a|", 1}, {"a\n", "a|", 1}, {"a\n\nb", "a||b|", 3},
        {"\n\n\n", "|||", 3}, {"one\ntwo\nthree\r\n", "one|two|three\r|", 3},
        {"abcdefghijklmnop\nq\n", "abcdefghijklmnop|q|", 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t step = 1; step < 20; step++)
            for (size_t chunk = 1; chunk < 20; chunk++) {
                char out[64];
                uint64_t number;
                ck_assert_int_eq(s_cut(zr_span(cases[i].text), step, chunk, 16, out, &number), LINES_MORE);
                ck_assert_str_eq(out, cases[i].lines);
                ck_assert_uint_eq(number, cases[i].count);
            }
}

TEST(test_any_bytes) {
    lines_t lines;
    zr_span_t line;
    size_t room;
    lines_init(&lines, 16, 16);
    memcpy(lines_space(&lines, &room), "\0\377\r\0\n", 5);
    lines_fed(&lines, 5);
    ck_assert_int_eq(lines_next(&lines, &line), LINES_LINE);
    ck_assert(zr_span_equal(line, zr_span_of("\0\377\r\0", 4)));
    lines_finish(&lines);
}

/* Of a line that is too long come the first bytes; the lines behind it are whole. */
TEST(test_too_long) {
    for (size_t step = 1; step < 24; step++)
        for (size_t chunk = 1; chunk < 12; chunk++) {
            char out[64];
            uint64_t number;
            s_cut(zr_span("1234\n12345\nab\n1234567890123\n\nx"), step, chunk, 4, out, &number);
            ck_assert_str_eq(out, "1234|12345!ab|12345!|x|");
            ck_assert_uint_eq(number, 6);
            s_cut(zr_span("12345"), step, chunk, 4, out, &number);
            ck_assert_str_eq(out, "12345!");
            ck_assert_uint_eq(number, 1);
        }
}

TEST(test_a_line_without_end_takes_no_memory) {
    lines_t lines;
    zr_span_t line;
    size_t room;
    lines_init(&lines, 16, 100);
    for (int turn = 0, found = 0; turn < 1000; turn++) {
        char *to = lines_space(&lines, &room);
        memset(to, 'x', room);
        lines_fed(&lines, room);
        lines_result_t result = lines_next(&lines, &line);
        ck_assert_int_eq(result, lines.end < 101 && !found ? LINES_MORE : found++ ? LINES_MORE : LINES_LONG);
        ck_assert_uint_le(lines.size, 256);
    }
    lines_finish(&lines);
}

TEST(test_other_delimiters) {
    lines_t lines;
    zr_span_t line;
    size_t room;
    lines_init(&lines, 16, 16);
    lines.delimiter = '\0';
    memcpy(lines_space(&lines, &room), "a\nb\0c", 5);
    lines_fed(&lines, 5);
    ck_assert_int_eq(lines_next(&lines, &line), LINES_LINE);
    ck_assert(zr_span_equal(line, zr_span("a\nb")));
    ck_assert_int_eq(lines_next(&lines, &line), LINES_MORE);
    lines_finish(&lines);
}

TEST(test_a_stream_that_is_one_line) {
    static const char *const texts[] = {"", "a", "\n", "a\nb\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        lines_t lines;
        zr_span_t line;
        size_t room;
        lines_init(&lines, 16, 16);
        lines.whole = true;
        memcpy(lines_space(&lines, &room), texts[i], strlen(texts[i]));
        lines_fed(&lines, strlen(texts[i]));
        ck_assert_int_eq(lines_next(&lines, &line), LINES_MORE);
        lines_end(&lines);
        ck_assert_int_eq(lines_next(&lines, &line), LINES_LINE);
        ck_assert(zr_span_equal(line, zr_span(texts[i])));
        ck_assert_int_eq(lines_next(&lines, &line), LINES_MORE);
        lines_finish(&lines);
    }
}

UNIT_SUITE("client.cli.lines")
