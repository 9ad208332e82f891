#include "keys.h"

#include <stdio.h>

#include "unit.h"

static keys_t s_keys;
static char s_told[8192];

/* What the bytes are, such as `text(ab) key(\r)`, when they come in pieces of `size`. */
static const char *s_in_pieces(const char *bytes, size_t len, size_t size) {
    static const char *const names[] = {[KEYS_TEXT] = "text",
        [KEYS_KEY] = "key",
        [KEYS_PASTED] = "paste",
        [KEYS_PASTE_END] = "end",
        [KEYS_INTERRUPT] = "interrupt"};
    zr_buffer_t out = {0}, told = {0};
    keys_kind_t last = KEYS_MORE;
    for (size_t at = 0; at < len; at += size) {
        keys_fed(&s_keys, zr_span_of(bytes + at, size < len - at ? size : len - at), 0);
        for (keys_kind_t kind; (kind = keys_next(&s_keys, &out)) != KEYS_MORE; last = kind) {
            bool goes_on = kind == last && (kind == KEYS_TEXT || kind == KEYS_PASTED);
            if (goes_on)
                told.len--;
            else
                zr_buffer_printf(&told, "%s%s(", told.len ? " " : "", names[kind]);
            zr_buffer_append(&told, out.data, out.len);
            zr_buffer_u8(&told, ')');
        }
        ck_assert(!keys_waiting(&s_keys));
    }
    snprintf(s_told, sizeof s_told, "%.*s", (int)told.len, told.len ? (const char *)told.data : "");
    zr_buffer_finish(&out);
    zr_buffer_finish(&told);
    return s_told;
}

/* However they come, bytes mean the same. */
static void s_are(const char *bytes, const char *expected) {
    for (size_t size = 1; size <= strlen(bytes) || size == 1; size++) {
        ck_assert_str_eq(s_in_pieces(bytes, strlen(bytes), size), expected);
        keys_finish(&s_keys);
    }
}

TEST(test_text_and_keys) {
    s_are("", "");
    s_are("ab", "text(ab)");
    s_are("a\rb", "text(a) key(\r) text(b)");
    s_are("h\xc3\xa4 \xe2\x98\x83 \xf0\x9f\x98\x80", "text(h\xc3\xa4 \xe2\x98\x83 \xf0\x9f\x98\x80)");
    s_are("a\x7f\x01", "text(a) key(\x7f) key(\x01)");
    s_are("a\x03", "text(a) interrupt()");
    s_are("a\xff\xc2\x9b"
          "b",
        "text(ab)"); /* no character, and one that controls */
}

TEST(test_keys_that_an_editor_knows) {
    s_are("\033[A\033OB", "key(\033[A) key(\033[B)");
    s_are("\033[1~\033[4~\033[3~", "key(\033[H) key(\033[F) key(\033[3~)");
    s_are("\033[1;5C\033[1;5D", "key(\033f) key(\033b)");
    s_are("\033f\033\x7f", "key(\033f) key(\033\x7f)");
}

/* Each as xterm, rxvt or Linux's console sends it. */
TEST(test_other_keys_type_nothing) {
    static const char *const keys[] = {"\033[6~", "\033[2~", "\033[15~", "\033[24~", "\033OP", "\033OS", "\033[[A",
        "\033[1;2A", "\033[1;6D", "\033[5;5~", "\033[3;2~", "\033[I", "\033[O", "\033[7$", "\033[200;1u",
        "\033[<0;10;20M", "\033[?1;2c", "\033O5Q", "\033[201~", "\033[E"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char bytes[40];
        snprintf(bytes, sizeof bytes, "a%sb", keys[i]);
        s_are(bytes, "text(ab)");
    }
    s_are("\033\033[6~x", "text(x)");
    s_are("\033[1\rx", "key(\r) text(x)"); /* broken off */
}

TEST(test_escape_alone_belongs_to_nothing) {
    zr_buffer_t out = {0};
    keys_fed(&s_keys, zr_span("\033"), 1000);
    ck_assert_int_eq(keys_next(&s_keys, &out), KEYS_MORE);
    keys_fed(&s_keys, zr_span("f"), 1000 + KEYS_ESCAPE_MS);
    ck_assert_int_eq(keys_next(&s_keys, &out), KEYS_TEXT);
    keys_fed(&s_keys, zr_span("\033"), 5000);
    ck_assert_int_eq(keys_next(&s_keys, &out), KEYS_MORE);
    keys_fed(&s_keys, zr_span("f"), 5000 + KEYS_ESCAPE_MS - 1);
    ck_assert_int_eq(keys_next(&s_keys, &out), KEYS_KEY);
    zr_buffer_finish(&out);
    keys_finish(&s_keys);
}

TEST(test_sequences_without_end_are_bounded) {
    char bytes[200] = "\033[";
    memset(bytes + 2, '1', sizeof bytes - 3);
    s_in_pieces(bytes, sizeof bytes - 1, 1);
    ck_assert_uint_gt(strlen(s_told), 100);
    keys_finish(&s_keys);
}

TEST(test_pastes) {
    s_are("x\033[200~a\tb\033[201~y", "text(x) paste(a\tb) end() text(y)");
    s_are("\033[200~a\r\r\nb\nc\n\033[201~", "paste(a\n\nb\nc) end()"); /* the last line end is not wanted */
    s_are("\033[200~\n\na\n\n\033[201~", "paste(\n\na\n) end()");
    s_are("\033[200~\033[201~", "end()");
    s_are("\033[200~/quit\r\x03\x04\033[A\033[201\033[201~\r", "paste(/quit\n[A[201) end() key(\r)");
    s_are("\033[200~\xe2\x98\x83\xff\033[201~", "paste(\xe2\x98\x83) end()");
}

/* A paste cannot leave itself by what it holds; a person can. */
TEST(test_a_paste_whose_end_is_missing) {
    zr_buffer_t out = {0};
    keys_fed(&s_keys, zr_span("\033[200~a\x03"), 1000);
    ck_assert_int_eq(keys_next(&s_keys, &out), KEYS_PASTED);
    keys_fed(&s_keys, zr_span("\x03"), 1000 + KEYS_ESCAPE_MS - 1);
    ck_assert_int_eq(keys_next(&s_keys, &out), KEYS_MORE);
    keys_fed(&s_keys, zr_span("\x03"), 9000);
    ck_assert_int_eq(keys_next(&s_keys, &out), KEYS_INTERRUPT);
    keys_fed(&s_keys, zr_span("b"), 9000);
    ck_assert_int_eq(keys_next(&s_keys, &out), KEYS_TEXT);
    zr_buffer_finish(&out);
    keys_finish(&s_keys);
}

UNIT_SUITE("client.cli.terminal.keys")
