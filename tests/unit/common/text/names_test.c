#include "names.h"

#include <utf8proc.h>

#include <stdio.h>

#include "code.h"
#include "unicode.h"
#include "unit.h"

/* The next code point to look at: each one, or from above the common scripts on each 61st. */
static unsigned s_next(unsigned point) {
    return point + (unit_is_slow() && point >= 0x3000 ? 61 : 1);
}

/* Encodes without asking whether the code point may be encoded. */
static zr_span_t s_encode(char out[4], unsigned point) {
    if (point < 0x80) {
        out[0] = (char)point;
        return zr_span_of(out, 1);
    }
    size_t len = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const unsigned leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = len - 1; i > 0; i--, point >>= 6)
        out[i] = (char)(0x80 | (point & 0x3F));
    out[0] = (char)(leads[len] | point);
    return zr_span_of(out, len);
}

/* Names are tried where reading too far crashes. */
static bool s_room(zr_span_t name) {
    return zr_room_valid(unit_at_edge(name));
}
static bool s_nick(zr_span_t name) {
    return zr_nick_valid(unit_at_edge(name));
}
static bool s_key(zr_span_t name) {
    return zr_key_valid(unit_at_edge(name));
}

TEST(test_lengths) {
    static const struct {
        bool (*valid)(zr_span_t);
        size_t max;
    } rules[] = {{s_room, 128}, {s_nick, 32}, {s_key, 255}};
    for (size_t i = 0; i < 3; i++)
        for (size_t len = 0; len <= 300; len++)
            ck_assert_msg(rules[i].valid(unit_fill('r', len)) == (len >= 1 && len <= rules[i].max),
                "rule %zu, %zu bytes", i, len);
}

TEST(test_lengths_are_bytes) {
    char name[128];
    for (size_t i = 0; i < sizeof name; i += 2)
        memcpy(name + i, "\xC3\xBC", 2);
    ck_assert(s_room(zr_span_of(name, 128)));
    ck_assert(s_nick(zr_span_of(name, 32)));
    ck_assert(!s_nick(zr_span_of(name, 34)));
    ck_assert(!s_nick(zr_span_of(name, 31))); /* cut in the middle of a character */
}

static bool s_forbidden(unsigned point) {
    return point <= 0x20 || (point >= 0x7F && point <= 0xA0) || point == 0x2028 || point == 0x2029 || point == 0x200E ||
           point == 0x200F || (point >= 0x202A && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069) ||
           (point >= 0xD800 && point <= 0xDFFF) || point > 0x10FFFF;
}

/* Nothing would be seen of it: Default_Ignorable_Code_Point, blanks, and Braille without a dot. */
static bool s_unseen(unsigned point) {
    return point == 0xAD || point == 0x34F || point == 0x61C || point == 0x115F || point == 0x1160 || point == 0x17B4 ||
           point == 0x17B5 || (point >= 0x180B && point <= 0x180F) || (point >= 0x2000 && point <= 0x200F) ||
           point == 0x1680 || point == 0x2800 || point == 0x3000 || (point >= 0x202A && point <= 0x202F) ||
           (point >= 0x205F && point <= 0x206F) || point == 0x3164 || (point >= 0xFE00 && point <= 0xFE0F) ||
           point == 0xFEFF || point == 0xFFA0 || (point >= 0xFFF0 && point <= 0xFFF8) ||
           (point >= 0x1BCA0 && point <= 0x1BCA3) || (point >= 0x1D173 && point <= 0x1D17A) ||
           (point >= 0xE0000 && point <= 0xE0FFF);
}

/* Format characters, private use, what Unicode does not assign. */
static bool s_no_character(unsigned point) {
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)point);
    return category == UTF8PROC_CATEGORY_CF || category == UTF8PROC_CATEGORY_CN || category == UTF8PROC_CATEGORY_CO;
}

/* The loops over all code points call Check only on failure, since each assertion costs it a write to a file. */

static bool s_is_composed(zr_span_t text) {
    zr_buffer_t composed = {0};
    zr_nfc(&composed, text);
    bool same = zr_span_equal(zr_span_of(composed.data, composed.len), text);
    zr_buffer_finish(&composed);
    return same;
}

/* Every code point, alone and between digits, at each place in a word of eight bytes. Digits go with every script. */
TEST(test_every_code_point) {
    for (unsigned point = 0; point < 0x110400; point = s_next(point)) {
        char code[4], name[32];
        zr_span_t character = s_encode(code, point);
        size_t before = point % 9;
        memset(name, '1', sizeof name);
        memcpy(name + before, character.ptr, character.len);
        zr_span_t within = zr_span_of(name, before + character.len + 9);
        bool allowed = !s_forbidden(point) && s_is_composed(character);
        bool room_allowed = allowed && point != '*' && (point != '{' || before > 0);
        if (zr_key_valid(character) != allowed ||
            zr_nick_valid(within) != (allowed && !s_unseen(point) && !s_no_character(point)) ||
            zr_room_valid(within) != room_allowed)
            ck_abort_msg("U+%04X", point);
    }
}

TEST(test_every_byte_at_every_place) {
    for (unsigned byte = 0; byte < 256; byte++)
        for (size_t len = 1; len <= 17; len++)
            for (size_t at = 0; at < len; at++) {
                char name[17];
                memset(name, '~', sizeof name);
                name[at] = (char)byte;
                ck_assert_msg(s_key(zr_span_of(name, len)) == (byte > 0x20 && byte < 0x7F), "byte %02x at %zu of %zu",
                    byte, at, len);
            }
}

TEST(test_room_rules_of_its_own) {
    ck_assert(s_room(LIT("metrics/cpu")));
    ck_assert(s_room(LIT("/")));
    ck_assert(s_room(LIT("a{b}")));
    ck_assert(s_room(LIT("#general")));
    ck_assert(!s_room(LIT("{")));
    ck_assert(!s_room(LIT("{a")));
    ck_assert(!s_room(LIT("*")));
    ck_assert(!s_room(LIT("metrics/*")));
    ck_assert(!s_room(LIT("room\0")));
    ck_assert(s_nick(LIT("{a*")));
    ck_assert(s_key(LIT("{a*")));
}

static const struct {
    zr_span_t bytes;
    bool valid;
} s_utf8[] = {
    {{"", 0}, true},
    {{"\x7F", 1}, true},
    {{"\x80", 1}, false}, /* alone, it goes on from nothing */
    {{"\xBF", 1}, false},
    {{"\xC0\x80", 2}, false}, /* overlong NUL */
    {{"\xC0\xAF", 2}, false}, /* overlong slash */
    {{"\xC1\xBF", 2}, false},
    {{"\xC2\x80", 2}, true},
    {{"\xDF\xBF", 2}, true},
    {{"\xC2", 1}, false},
    {{"\xC2\x7F", 2}, false},
    {{"\xC2\xC0", 2}, false},
    {{"\xE0\x80\x80", 3}, false},
    {{"\xE0\x9F\xBF", 3}, false}, /* overlong U+07FF */
    {{"\xE0\xA0\x80", 3}, true},
    {{"\xE2\x82", 2}, false},
    {{"\xE2\x82\x28", 3}, false},
    {{"\xED\x9F\xBF", 3}, true},
    {{"\xED\xA0\x80", 3}, false}, /* surrogates */
    {{"\xED\xBF\xBF", 3}, false},
    {{"\xEE\x80\x80", 3}, true},
    {{"\xEF\xBF\xBF", 3}, true},
    {{"\xF0\x80\x80\x80", 4}, false},
    {{"\xF0\x8F\xBF\xBF", 4}, false}, /* overlong U+FFFF */
    {{"\xF0\x90\x80\x80", 4}, true},
    {{"\xF0\x9F\x98", 3}, false},
    {{"\xF0\x9F\x98\x80", 4}, true},
    {{"\xF0\x9F\x98\xC0", 4}, false},
    {{"\xF4\x8F\xBF\xBF", 4}, true}, /* U+10FFFF */
    {{"\xF4\x90\x80\x80", 4}, false},
    {{"\xF5\x80\x80\x80", 4}, false},
    {{"\xF8\x88\x80\x80\x80", 5}, false},
    {{"\xFE", 1}, false},
    {{"\xFF", 1}, false},
};

/* Each alone and behind enough plain text for the fast way. */
TEST(test_utf8_valid) {
    for (size_t i = 0; i < sizeof s_utf8 / sizeof s_utf8[0]; i++)
        for (size_t before = 0; before < 18; before++) {
            char text[32];
            memset(text, 'a', sizeof text);
            memcpy(text + before, s_utf8[i].bytes.ptr, s_utf8[i].bytes.len);
            zr_span_t edge = unit_at_edge(zr_span_of(text, before + s_utf8[i].bytes.len));
            ck_assert_msg(zr_utf8_valid(edge) == s_utf8[i].valid, "sequence %zu after %zu", i, before);
            zr_span_t within = unit_at_edge(zr_span_of(text, before + s_utf8[i].bytes.len + 8));
            ck_assert_msg(zr_utf8_valid(within) == s_utf8[i].valid, "sequence %zu after %zu, within", i, before);
        }
}

TEST(test_utf8_next_reads_every_code_point) {
    for (unsigned point = 0; point < 0x110400; point = s_next(point)) {
        char code[4];
        zr_span_t character = s_encode(code, point);
        size_t at = 0;
        int got = zr_utf8_next(character, &at);
        bool bad = (point >= 0xD800 && point <= 0xDFFF) || point > 0x10FFFF;
        if (got != (bad ? -1 : (int)point) || at != (bad ? 1 : character.len))
            ck_abort_msg("U+%04X", point);
    }
}

TEST(test_utf8_next_takes_one_bad_byte) {
    zr_span_t text = unit_at_edge(LIT("a\xE2\x82z\xF0\x9F"));
    static const struct {
        int point;
        size_t at;
    } steps[] = {{'a', 1}, {-1, 2}, {-1, 3}, {'z', 4}, {-1, 5}, {-1, 6}};
    size_t at = 0;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        ck_assert_int_eq(zr_utf8_next(text, &at), steps[i].point);
        ck_assert_uint_eq(at, steps[i].at);
    }
}

TEST(test_hex_valid) {
    ck_assert(zr_hex_valid(LIT("0123456789abcdef"), 16, 16));
    ck_assert(!zr_hex_valid(LIT("0123456789abcdeF"), 16, 16));
    ck_assert(!zr_hex_valid(LIT("0123456789abcdeg"), 16, 16));
    ck_assert(!zr_hex_valid(LIT("0123456789abcde/"), 16, 16));
    ck_assert(!zr_hex_valid(LIT("0123456789abcde:"), 16, 16));
    ck_assert(!zr_hex_valid(LIT("0123456789abcde`"), 16, 16));
    ck_assert(zr_hex_valid(LIT(""), 0, 8));
    for (size_t len = 0; len <= 40; len++) {
        zr_span_t digits = unit_at_edge(unit_fill('7', len));
        ck_assert_int_eq(zr_hex_valid(digits, ZR_NONCE_MIN, ZR_NONCE_MAX), len >= 8 && len <= 32);
        ck_assert_int_eq(zr_hex_valid(digits, ZR_CLIENT_ID_LEN, ZR_CLIENT_ID_LEN), len == 32);
    }
}

static void s_check_escape(zr_span_t text, zr_span_t expected) {
    zr_buffer_t out = {0};
    zr_buffer_append(&out, ">", 1); /* it appends */
    zr_escape(&out, unit_at_edge(text));
    ck_assert_int_eq(out.data[0], '>');
    ck_assert_span_eq(zr_span_of(out.data + 1, out.len - 1), expected);
    zr_buffer_finish(&out);
}

TEST(test_escape) {
    s_check_escape(LIT(""), LIT(""));
    s_check_escape(LIT("plain text, a \\ and a gr\xC3\xBC\xC3\x9F"), LIT("plain text, a \\ and a gr\xC3\xBC\xC3\x9F"));
    s_check_escape(LIT("a\tb\nc\rd"), LIT("a\\x09b\\x0ac\\x0dd"));
    s_check_escape(LIT("\x1b[31m"), LIT("\\x1b[31m"));
    s_check_escape(LIT("\0"), LIT("\\x00"));
    s_check_escape(LIT("\x7f"), LIT("\\x7f"));
    s_check_escape(LIT("\xC2\x9B"), LIT("\\u{009b}"));
    s_check_escape(LIT("\x9B"), LIT("\\x9b"));
    s_check_escape(LIT("\xC2\xA0"), LIT("\xC2\xA0"));
    s_check_escape(LIT("\xE2\x80\xA8\xE2\x80\xA9"), LIT("\\u{2028}\\u{2029}"));
    s_check_escape(LIT("\xE2\x80\xAE\xE2\x81\xA6\xE2\x80\x8F\xD8\x9C"), LIT("\\u{202e}\\u{2066}\\u{200f}\\u{061c}"));
    s_check_escape(LIT("\xED\xA0\x80"), LIT("\\xed\\xa0\\x80"));
    s_check_escape(LIT("\xF0\x9F\x98\x80\xF0\x9F"), LIT("\xF0\x9F\x98\x80\\xf0\\x9f"));
    s_check_escape(LIT("abcdefgh\nabcdefgh\n"), LIT("abcdefgh\\x0aabcdefgh\\x0a"));
}

/* Of every code point: shown as it is, or escaped, as the header says. */
TEST(test_escape_every_code_point) {
    zr_buffer_t out = {0};
    for (unsigned point = 0; point < 0x110000; point = s_next(point)) {
        char code[4];
        if (point >= 0xD800 && point <= 0xDFFF)
            continue;
        zr_span_t character = s_encode(code, point);
        bool escaped = point < 0x20 || (point >= 0x7F && point <= 0x9F) || point == 0x061C ||
                       (point >= 0x200E && point <= 0x200F) || (point >= 0x2028 && point <= 0x202E) ||
                       (point >= 0x2066 && point <= 0x2069);
        zr_buffer_clear(&out);
        zr_escape(&out, character);
        bool changed = !zr_span_equal(zr_span_of(out.data, out.len), character);
        if (changed != escaped || (escaped && out.data[0] != '\\'))
            ck_abort_msg("U+%04X", point);
    }
    zr_buffer_finish(&out);
}

TEST(test_hex) {
    char text[7] = "zzzzzz";
    zr_hex(text, (const uint8_t *)"\x00\x9f\xa0", 3);
    ck_assert_str_eq(text, "009fa0");
    zr_hex(text, NULL, 0);
    ck_assert_str_eq(text, "");
    ck_assert_int_eq(text[1], '0');
}

/* A name that is not in form C would have a twin that looks the same. */
TEST(test_names_are_in_form_c) {
    static const char *const twins[][2] = {
        {"jos\u00e9", "jose\u0301"}, {"\u00c5ngstr\u00f6m", "\u212bngstr\u00f6m"}, /* the unit's sign */
        {"\uac00", "\u1100\u1161"},                                                /* Hangul, in letters */
        {"\u1ec7", "\u00ea\u0323"},                                                /* a mark more */
        {"\u1ea1\u0307", "a\u0307\u0323"},                                         /* marks in another order */
    };
    for (size_t i = 0; i < sizeof twins / sizeof *twins; i++) {
        zr_span_t good = zr_span(twins[i][0]), bad = zr_span(twins[i][1]);
        ck_assert_msg(s_room(good) && s_nick(good) && s_key(good), "name %zu", i);
        ck_assert_msg(!s_room(bad) && !s_nick(bad) && !s_key(bad), "twin %zu", i);
        ck_assert_ptr_nonnull(strstr(zr_room_fault(bad), "normalization form C"));
        ck_assert_ptr_nonnull(strstr(zr_nick_fault(bad), "normalization form C"));
        ck_assert_ptr_nonnull(strstr(zr_key_fault(bad), "normalization form C"));
    }
}

/* Rooms and keys are names of things. Nicks and users are names of persons, and pass for each other. */
TEST(test_nicks_do_not_mix_scripts_that_look_alike) {
    zr_span_t mixed = LIT("j\u043es\u00e9"); /* the second letter is Cyrillic */
    ck_assert(s_room(mixed) && s_key(mixed) && !s_nick(mixed));
    ck_assert_ptr_nonnull(strstr(zr_nick_fault(mixed), "scripts"));
    ck_assert(s_nick(LIT("\u0438\u0432\u0430\u043d-7")));
    ck_assert(s_nick(LIT("ann\u7530\u4e2d")));
}

TEST(test_faults) {
    ck_assert_ptr_null(zr_room_fault(LIT("a")));
    ck_assert_ptr_null(zr_nick_fault(LIT("a")));
    ck_assert_ptr_null(zr_key_fault(LIT("a")));
    ck_assert_str_eq(zr_room_fault(LIT("")), zr_code_text(ZR_BAD_ROOM));
    ck_assert_str_eq(zr_room_fault(LIT("{a")), zr_code_text(ZR_BAD_ROOM));
    ck_assert_str_eq(zr_room_fault(LIT("a*")), zr_code_text(ZR_BAD_ROOM));
    ck_assert_str_eq(zr_room_fault(unit_fill('r', 129)), zr_code_text(ZR_BAD_ROOM));
    ck_assert_str_eq(zr_nick_fault(LIT("a b")), zr_code_text(ZR_BAD_NICK));
    ck_assert_str_eq(zr_nick_fault(LIT("\xff")), zr_code_text(ZR_BAD_NICK));
    ck_assert_str_eq(zr_key_fault(unit_fill('k', 256)), zr_code_text(ZR_BAD_KEY));
    ck_assert_ptr_nonnull(strstr(zr_nick_fault(LIT("a\u200bb")), "show nothing"));
}

TEST(test_reserved_nicks) {
    static const char *const reserved[] = {"anonymous", "Anonymous", "ADMIN", "admin", "broker", "operator", "server",
        "system", "zrelay", "zrelayd", "ZRelayD", "\uff41\uff44\uff4d\uff49\uff4e", "\u24d0dmin"};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        ck_assert_msg(zr_nick_reserved(zr_span(reserved[i])), "%s", reserved[i]);
    static const char *const others[] = {"a", "ann", "admin1", "anonymou", "anonymousx", "the-server", "\u00e4dmin"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        ck_assert_msg(!zr_nick_reserved(zr_span(others[i])), "%s", others[i]);
}

TEST(test_tokens_that_an_application_signed) {
    static const char *const good[] = {"e.e.e", "eyJ9.e30.c2ln", "e..", "e.-_.", "e.a.Z09"};
    static const char *const bad[] = {
        "", "e", "e.", "e.e", "..", ".e.e", "f.e.e", "e.e.e.e", "e.e.e=", "e.e e.e", "e.\u00e9.e"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert_msg(zr_is_jwt(zr_span(good[i])), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!zr_is_jwt(zr_span(bad[i])), "%s", bad[i]);
    char token[ZR_JWT_MAX + 1];
    memset(token, 'e', sizeof token);
    ck_assert(zr_token_fits(zr_span_of(token, ZR_TOKEN_MAX)) && !zr_token_fits(zr_span_of(token, ZR_TOKEN_MAX + 1)));
    token[1] = token[3] = '.';
    ck_assert(zr_token_fits(zr_span_of(token, ZR_JWT_MAX)) && !zr_token_fits(zr_span_of(token, ZR_JWT_MAX + 1)));
    ck_assert(!zr_token_fits(zr_span(NULL)));
}

UNIT_SUITE("common.names")
