/* See unicode.h. */
#include "unicode.h"

#include <stdio.h>
#include <stdlib.h>
#include <utf8proc.h>

enum {
    BELOW_MARKS = 0x300, /* code points below it are in form C, whatever stands beside them */
    EXPANDS_TO = 4,      /* code points that one decomposes to, at most (Unicode, UAX 15) */
    POINTS = ZR_NFC_MAX * EXPANDS_TO,
};

#define COMPOSED (UTF8PROC_STABLE | UTF8PROC_COMPOSE)

int zr_utf8_next(zr_span_t text, size_t *at) {
    const unsigned char *byte = (const unsigned char *)text.ptr + *at;
    size_t left = text.len - *at;
    unsigned lead = byte[0];
    /* The range of the second byte excludes overlong forms, surrogates and code points beyond U+10FFFF. */
    unsigned low = 0x80, high = 0xBF;
    size_t len;

    *at += 1;
    if (lead < 0x80)
        return (int)lead;
    if (lead >= 0xC2 && lead <= 0xDF) {
        len = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        len = 3;
        low = lead == 0xE0 ? 0xA0 : low;
        high = lead == 0xED ? 0x9F : high;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        len = 4;
        low = lead == 0xF0 ? 0x90 : low;
        high = lead == 0xF4 ? 0x8F : high;
    } else {
        return -1;
    }
    if (left < len || byte[1] < low || byte[1] > high)
        return -1;
    unsigned point = (lead & (0x7Fu >> len)) << 6 | (byte[1] & 0x3Fu);
    for (size_t i = 2; i < len; i++) {
        if ((byte[i] & 0xC0) != 0x80)
            return -1;
        point = point << 6 | (byte[i] & 0x3Fu);
    }
    *at += len - 1;
    return (int)point;
}

static bool s_is_below_marks(zr_span_t text) {
    for (size_t at = 0; at < text.len;)
        if (zr_utf8_next(text, &at) >= BELOW_MARKS)
            return false;
    return true;
}

bool zr_is_nfc(zr_span_t text) {
    utf8proc_int32_t points[POINTS];
    if (s_is_below_marks(text))
        return true;
    utf8proc_ssize_t count =
        utf8proc_decompose((const utf8proc_uint8_t *)text.ptr, (utf8proc_ssize_t)text.len, points, POINTS, COMPOSED);
    if (count < 0 || count > POINTS)
        return false;
    count = utf8proc_normalize_utf32(points, count, COMPOSED);
    size_t at = 0;
    for (utf8proc_ssize_t i = 0; i < count; i++)
        if (at == text.len || zr_utf8_next(text, &at) != points[i])
            return false;
    return at == text.len;
}

/* utf8proc's own answer. */
static void s_map(zr_buffer_t *out, zr_span_t text, utf8proc_option_t options) {
    utf8proc_uint8_t *mapped = NULL;
    utf8proc_ssize_t len =
        utf8proc_map((const utf8proc_uint8_t *)text.ptr, (utf8proc_ssize_t)text.len, &mapped, options);
    if (len == UTF8PROC_ERROR_NOMEM) {
        fputs("zrelay: out of memory\n", stderr);
        abort();
    }
    if (len >= 0)
        zr_buffer_append(out, mapped, (size_t)len);
    else
        zr_buffer_append(out, text.ptr, text.len);
    free(mapped);
}

void zr_nfc(zr_buffer_t *out, zr_span_t text) {
    if (s_is_below_marks(text)) /* bytes that are not UTF-8 count as such too, and stay */
        zr_buffer_append(out, text.ptr, text.len);
    else
        s_map(out, text, COMPOSED);
}

static bool s_is_ascii(zr_span_t text) {
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] >= 0x80)
            return false;
    return true;
}

void zr_fold(zr_buffer_t *out, zr_span_t text) {
    if (!s_is_ascii(text)) {
        s_map(out, text, COMPOSED | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        char lower = text.ptr[i] >= 'A' && text.ptr[i] <= 'Z' ? (char)(text.ptr[i] + ('a' - 'A')) : text.ptr[i];
        zr_buffer_append(out, &lower, 1);
    }
}
