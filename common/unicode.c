/* See unicode.h. */
#include "unicode.h"

#include <stdio.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "utf8.h"

enum {
    BELOW_MARKS = 0x300, /* code points below it are in form C, whatever stands beside them */
    EXPANDS_TO = 4,      /* code points that one decomposes to, at most (Unicode, UAX 15) */
    POINTS = ZR_NFC_MAX * EXPANDS_TO,
};

#define COMPOSED (UTF8PROC_STABLE | UTF8PROC_COMPOSE)

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
