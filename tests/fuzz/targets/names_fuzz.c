/* Names, UTF-8 and escaping, each against a slower way to say the same. */
#include "fuzz.h"
#include <utf8proc.h>

#include "names.h"
#include "scripts.h"
#include "unicode.h"

static bool s_turns(int point) {
    return point == 0x200E || point == 0x200F || (point >= 0x2028 && point <= 0x202E) ||
           (point >= 0x2066 && point <= 0x2069);
}

/* Default ignorable code points, blanks, Braille without a dot, and the categories that PROTOCOL.md names
 * (spec_test.c). */
static bool s_is_unseen(int point) {
    const utf8proc_property_t *property = utf8proc_get_property(point);
    return property->ignorable || property->category == UTF8PROC_CATEGORY_CF ||
           property->category == UTF8PROC_CATEGORY_CO || property->category == UTF8PROC_CATEGORY_CN ||
           property->category == UTF8PROC_CATEGORY_ZS || property->category == UTF8PROC_CATEGORY_ZL ||
           property->category == UTF8PROC_CATEGORY_ZP || point == 0x2800;
}

/* Form C by way of a copy. */
static bool s_is_composed(zr_span_t text) {
    zr_buffer_t composed = {0};
    zr_nfc(&composed, text);
    bool same = zr_span_equal(zr_span_of(composed.data, composed.len), text);
    zr_buffer_finish(&composed);
    return same;
}

/* If a text's scripts may be mixed, those of any part of it may be mixed too. And folding a folded text changes
 * nothing. */
static void s_check_unicode(zr_span_t text) {
    for (size_t at = 0; zr_scripts_may_mix(text) && at < text.len;) {
        zr_utf8_next(text, &at);
        fuzz_require(zr_scripts_may_mix(zr_span_of(text.ptr, at)));
        fuzz_require(zr_scripts_may_mix(zr_span_of(text.ptr + at, text.len - at)));
    }
    zr_buffer_t once = {0}, twice = {0};
    zr_fold(&once, text);
    zr_fold(&twice, zr_span_of(once.data, once.len));
    fuzz_require(zr_span_equal(zr_span_of(once.data, once.len), zr_span_of(twice.data, twice.len)));
    zr_buffer_finish(&once);
    zr_buffer_finish(&twice);
}

static void s_check_names(zr_span_t text) {
    bool utf8 = true, name = text.len > 0, star = false, shown = true;
    for (size_t at = 0; at < text.len;) {
        size_t before = at;
        int point = zr_utf8_next(text, &at);
        fuzz_require(at > before && at <= text.len && (point >= 0 || at == before + 1));
        utf8 &= point >= 0;
        star |= point == '*';
        name &= point > 0x20 && !(point >= 0x7F && point <= 0xA0) && !s_turns(point);
        shown &= point >= 0 && !s_is_unseen(point);
    }
    name &= utf8 && s_is_composed(text);
    fuzz_require(zr_utf8_valid(text) == utf8);
    fuzz_require(zr_key_valid(text) == (name && text.len <= ZR_KEY_MAX));
    fuzz_require(zr_nick_valid(text) == (name && shown && text.len <= ZR_NICK_MAX && zr_scripts_may_mix(text)));
    fuzz_require(zr_room_valid(text) == (name && text.len <= ZR_ROOM_MAX && !star && text.ptr[0] != '{'));
    fuzz_require(!zr_hex_valid(text, 1, ZR_NICK_MAX) || zr_nick_valid(text));
    fuzz_require(zr_room_valid(text) == !zr_room_fault(text));
    fuzz_require(zr_nick_valid(text) == !zr_nick_fault(text));
    fuzz_require(zr_key_valid(text) == !zr_key_fault(text));
    if (zr_nick_valid(text))
        s_check_unicode(text);
}

/* Escaped text does nothing to a terminal, and escaping it again changes nothing. */
static void s_check_escape(zr_span_t text) {
    zr_buffer_t once = {0}, twice = {0};
    zr_escape(&once, text);
    zr_span_t shown = zr_span_of(once.data, once.len);
    fuzz_require(shown.len >= text.len && zr_utf8_valid(shown));
    for (size_t at = 0; at < shown.len;) {
        int point = zr_utf8_next(shown, &at);
        fuzz_require(point >= 0x20 && !(point >= 0x7F && point <= 0x9F) && !s_turns(point));
    }
    zr_escape(&twice, shown);
    fuzz_require(zr_span_equal(shown, zr_span_of(twice.data, twice.len)));
    zr_buffer_finish(&once);
    zr_buffer_finish(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    zr_span_t text = zr_span_of(data, size);
    s_check_names(text);
    s_check_escape(text);
    /* Names are short, inputs are not: the tail is one more try. */
    if (size > 16) {
        s_check_names(zr_span_of(data + size - 16, 16));
        s_check_names(zr_span_of(data, size % 40 < size ? size % 40 : size));
    }
    return 0;
}
