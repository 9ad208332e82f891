/* Names, UTF-8 and escaping, each against a slower way to say the same. */
#include "fuzz.h"
#include "names.h"

static bool s_turns(int point) {
    return point == 0x200E || point == 0x200F || (point >= 0x2028 && point <= 0x202E) ||
           (point >= 0x2066 && point <= 0x2069);
}

static void s_check_names(zr_span_t text) {
    bool utf8 = true, name = text.len > 0, star = false;
    for (size_t at = 0; at < text.len;) {
        size_t before = at;
        int point = zr_utf8_next(text, &at);
        fuzz_require(at > before && at <= text.len && (point >= 0 || at == before + 1));
        utf8 &= point >= 0;
        star |= point == '*';
        name &= point > 0x20 && !(point >= 0x7F && point <= 0xA0) && !s_turns(point);
    }
    fuzz_require(zr_utf8_valid(text) == utf8);
    fuzz_require(zr_key_valid(text) == (name && text.len <= ZR_KEY_MAX));
    fuzz_require(zr_nick_valid(text) == (name && text.len <= ZR_NICK_MAX));
    fuzz_require(zr_room_valid(text) == (name && text.len <= ZR_ROOM_MAX && !star && text.ptr[0] != '{'));
    fuzz_require(!zr_hex_valid(text, 1, ZR_NICK_MAX) || zr_nick_valid(text));
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
