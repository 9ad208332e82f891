#include "cells.h"

#include <utf8proc.h>

#include "unicode.h"

enum { LOOK_BACK = 256 }; /* bytes within which a character is looked for */

size_t cells_of(int point) {
    if (point < 0)
        return 1;
    if (point < 0x20 || point == 0x7f)
        return 0;
    if (point < 0x300)
        return 1;
    /* Code points that this version of Unicode does not know are shown as one cell. */
    if (utf8proc_category(point) == UTF8PROC_CATEGORY_CN)
        return 1;
    int width = utf8proc_charwidth(point);
    return width < 0 ? 1 : (size_t)width;
}

static bool s_is_plain(zr_span_t text, size_t at) {
    return at >= text.len || (unsigned char)text.ptr[at] < 0x80;
}

size_t cells_next(zr_span_t text, size_t *at) {
    int point = zr_utf8_next(text, at);
    size_t width = cells_of(point);
    utf8proc_int32_t state = 0;
    while (*at < text.len && !(point < 0x80 && s_is_plain(text, *at))) {
        size_t next = *at;
        int following = zr_utf8_next(text, &next);
        if (point < 0 || following < 0 || utf8proc_grapheme_break_stateful(point, following, &state))
            break;
        width += cells_of(following);
        point = following;
        *at = next;
    }
    return width;
}

size_t cells_before(zr_span_t text, size_t at) {
    size_t from = at > LOOK_BACK ? at - LOOK_BACK : 0;
    while (from > 0 && ((unsigned char)text.ptr[from] & 0xc0) == 0x80)
        from--;
    size_t begin = from;
    for (text.len = at; from < at;) {
        begin = from;
        cells_next(text, &from);
    }
    return begin;
}

size_t cells_width(zr_span_t text) {
    size_t width = 0;
    for (size_t at = 0; at < text.len;)
        width += cells_of(zr_utf8_next(text, &at));
    return width;
}
