/* Rules for names, UTF-8, and showing peers' text. Eight bytes at a time where they are plain ASCII, as nearly all are.
 */
#include "names.h"

#include <ctype.h>

#include <sodium/utils.h>
#include <stdio.h>
#include <utf8proc.h>

#include "code.h"
#include "scripts.h"
#include "unicode.h"

#define ONES 0x0101010101010101ULL
#define HIGHS 0x8080808080808080ULL

static inline uint64_t s_word(const char *ptr) {
    uint64_t word;
    memcpy(&word, ptr, sizeof word);
    return word;
}

/* All eight bytes lie in 0x21 to 0x7E. Carries and borrows between bytes arise only from bytes that are outside
 * already. */
static inline bool s_word_plain(uint64_t word) {
    return ((word | (word + ONES) | (word - ONES * 0x21)) & HIGHS) == 0;
}

/* Plain ASCII altogether, as nearly all names are. The last word overlaps the one before. */
static inline bool s_all_plain(zr_span_t text) {
    if (text.len < sizeof(uint64_t)) {
        uint64_t word = ONES * 'a';
        memcpy(&word, text.ptr, text.len);
        return s_word_plain(word);
    }
    for (size_t at = 0; at + 8 < text.len; at += 8)
        if (!s_word_plain(s_word(text.ptr + at)))
            return false;
    return s_word_plain(s_word(text.ptr + text.len - 8));
}

bool zr_utf8_valid(zr_span_t text) {
    size_t at = 0;
    while (at < text.len) {
        if (text.len - at >= 8 && (s_word(text.ptr + at) & HIGHS) == 0)
            at += 8;
        else if (zr_utf8_next(text, &at) < 0)
            return false;
    }
    return true;
}

/* Line separators and what turns the direction of writing: characters that change how the text around them is shown. */
static bool s_turns_text(int point) {
    return (point >= 0x200E && point <= 0x200F) || (point >= 0x2028 && point <= 0x202E) ||
           (point >= 0x2066 && point <= 0x2069);
}

/* Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties.txt, 15.0), which RFC 8264, 9.13, keeps out of
 * identifiers, as 9.14 does blanks: most show nothing at all. And the Braille pattern without a dot. */
static bool s_is_unseen(int point) {
    static const struct {
        int first, last;
    } ranges[] = {{0x00AD, 0x00AD}, {0x034F, 0x034F}, {0x061C, 0x061C}, {0x115F, 0x1160}, {0x1680, 0x1680},
        {0x17B4, 0x17B5}, {0x180B, 0x180F}, {0x2000, 0x200F}, {0x202A, 0x202F}, {0x205F, 0x206F}, {0x2800, 0x2800},
        {0x3000, 0x3000}, {0x3164, 0x3164}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFF8},
        {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (point >= ranges[i].first && point <= ranges[i].last)
            return true;
    return false;
}

/* Format characters, those of private use and those that Unicode does not assign look like nothing, or like anything. */
static bool s_is_no_character(int point) {
    utf8proc_category_t category = utf8proc_category(point);
    return category == UTF8PROC_CATEGORY_CF || category == UTF8PROC_CATEGORY_CN || category == UTF8PROC_CATEGORY_CO ||
           category == UTF8PROC_CATEGORY_CS;
}

static bool s_all_show(zr_span_t name) {
    size_t at = 0;
    while (at < name.len) {
        int point = zr_utf8_next(name, &at);
        if (s_is_unseen(point) || s_is_no_character(point))
            return false;
    }
    return true;
}

/* Each code point by itself. */
static bool s_points_valid(zr_span_t name) {
    size_t at = 0;
    while (at < name.len) {
        int point = zr_utf8_next(name, &at); /* -1 is below 0x21 too */
        if (point <= 0x20 || (point >= 0x7F && point <= 0xA0) || s_turns_text(point))
            return false;
    }
    return true;
}

static inline bool s_name_valid(zr_span_t name, size_t max) {
    return name.len > 0 && name.len <= max && (s_all_plain(name) || (s_points_valid(name) && zr_is_nfc(name)));
}

bool zr_room_valid(zr_span_t name) {
    return s_name_valid(name, ZR_ROOM_MAX) && name.ptr[0] != '{' && !memchr(name.ptr, '*', name.len);
}

bool zr_nick_valid(zr_span_t name) {
    return s_name_valid(name, ZR_NICK_MAX) && (s_all_plain(name) || (s_all_show(name) && zr_scripts_may_mix(name)));
}

bool zr_key_valid(zr_span_t name) {
    return s_name_valid(name, ZR_KEY_MAX);
}

/* --- Why a name is refused --- */

/* `code` is for a name that breaks the rules which ASCII names can break too. */
static const char *s_fault(zr_span_t name, size_t max, zr_code_t code) {
    if (name.len == 0 || name.len > max || !s_points_valid(name))
        return zr_code_text(code);
    return zr_is_nfc(name) ? NULL : "the name is not in Unicode normalization form C; send it in that form";
}

const char *zr_room_fault(zr_span_t name) {
    const char *fault = s_fault(name, ZR_ROOM_MAX, ZR_BAD_ROOM);
    return fault || zr_room_valid(name) ? fault : zr_code_text(ZR_BAD_ROOM);
}

const char *zr_nick_fault(zr_span_t name) {
    const char *fault = s_fault(name, ZR_NICK_MAX, ZR_BAD_NICK);
    if (fault)
        return fault;
    if (!s_all_show(name))
        return "the name holds characters that show nothing; leave them out";
    return zr_scripts_may_mix(name) ? NULL
                                    : "the name mixes letters of scripts that look alike, as Latin and Cyrillic do; "
                                      "write it in one script";
}

const char *zr_key_fault(zr_span_t name) {
    return s_fault(name, ZR_KEY_MAX, ZR_BAD_KEY);
}

/* --- Names that are kept from peers --- */

bool zr_nick_reserved(zr_span_t name) {
    static const char *const words[] = {
        "admin", ZR_ANONYMOUS, "broker", "operator", "server", "system", "zrelay", "zrelayd"};
    zr_buffer_t folded = {0};
    zr_fold(&folded, name);
    bool reserved = false;
    for (size_t i = 0; i < sizeof words / sizeof *words && !reserved; i++)
        reserved = zr_span_equal(zr_span_of(folded.data, folded.len), zr_span(words[i]));
    zr_buffer_finish(&folded);
    return reserved;
}

/* Bytes that base64url takes. */
static bool s_is_encoded(zr_span_t text) {
    for (size_t i = 0; i < text.len; i++)
        if (!isalnum((unsigned char)text.ptr[i]) && text.ptr[i] != '-' && text.ptr[i] != '_')
            return false;
    return true;
}

bool zr_is_jwt(zr_span_t token) {
    zr_span_t rest = token, header = zr_span_cut(&rest, '.'), payload = zr_span_cut(&rest, '.');
    return header.len + payload.len + 1 < token.len && header.len > 0 && header.ptr[0] == 'e' && s_is_encoded(header) &&
           s_is_encoded(payload) && s_is_encoded(rest);
}

bool zr_token_fits(zr_span_t token) {
    return token.len > 0 && token.len <= (size_t)(zr_is_jwt(token) ? ZR_JWT_MAX : ZR_TOKEN_MAX);
}

bool zr_hex_valid(zr_span_t text, size_t min, size_t max) {
    if (text.len < min || text.len > max)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char digit = text.ptr[i];
        if (!((digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f')))
            return false;
    }
    return true;
}

void zr_escape(zr_buffer_t *out, zr_span_t text) {
    size_t from = 0; /* the bytes between here and `at` are to be copied as they are */
    size_t at = 0;
    while (at < text.len) {
        if (text.len - at >= 8 && s_word_plain(s_word(text.ptr + at))) {
            at += 8;
            continue;
        }
        size_t begin = at;
        int point = zr_utf8_next(text, &at);
        /* U+061C turns text as well; names may hold it, since it is needed in Arabic. */
        bool shown = point >= 0x20 && !(point >= 0x7F && point <= 0x9F) && point != 0x061C && !s_turns_text(point);
        if (shown)
            continue;
        char escape[16];
        /* A byte for bytes, a code point for the rest: \x80 is a stray byte and never U+0080. */
        int len = point < 0x80 ? snprintf(escape, sizeof escape, "\\x%02x", (unsigned char)text.ptr[begin])
                               : snprintf(escape, sizeof escape, "\\u{%04x}", (unsigned)point);
        zr_buffer_append(out, text.ptr + from, begin - from);
        zr_buffer_append(out, escape, (size_t)len);
        from = at;
    }
    if (at > from)
        zr_buffer_append(out, text.ptr + from, at - from);
}

bool zr_is_shown(zr_span_t text) {
    zr_buffer_t shown = {0};
    zr_escape(&shown, text);
    bool same = zr_span_equal(zr_span_of(shown.data, shown.len), text);
    zr_buffer_finish(&shown);
    return same;
}

void zr_hex(char *out, const uint8_t *bytes, size_t len) {
    sodium_bin2hex(out, 2 * len + 1, bytes, len);
}
