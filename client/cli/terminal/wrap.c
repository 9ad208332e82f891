#include "wrap.h"

#include "cells.h"
#include "unicode.h"

enum { TAB = 8 };

static void s_break(wrap_t *wrap, zr_buffer_t *out) {
    zr_buffer_u8(out, '\n');
    for (size_t i = 0; i < wrap->indent; i++)
        zr_buffer_u8(out, ' ');
    wrap->column = wrap->indent;
}

/* Scripts without blanks between words, in wide characters, may be broken before each. */
static size_t s_word(zr_span_t text, size_t *width) {
    size_t at = 0;
    *width = 0;
    while (at < text.len && !strchr(" \t\n", text.ptr[at])) {
        size_t next = at, more = cells_next(text, &next);
        bool wide = more == 2 && (unsigned char)text.ptr[at] >= 0xe2;
        if (wide && at > 0)
            break;
        *width += more;
        at = next;
        if (wide)
            break;
    }
    return at;
}

static void s_put_word(wrap_t *wrap, zr_buffer_t *out, zr_span_t word, size_t width) {
    if (wrap->columns && wrap->column + width > wrap->columns && wrap->column > wrap->indent) {
        while (out->len > 0 && out->data[out->len - 1] == ' ')
            out->len--;
        s_break(wrap, out);
    }
    zr_buffer_append(out, word.ptr, word.len);
    wrap->column += width;
    if (wrap->columns && wrap->column > wrap->columns)
        wrap->column = (wrap->column - 1) % wrap->columns + 1;
}

void wrap_text(wrap_t *wrap, zr_buffer_t *out, zr_span_t text) {
    while (text.len > 0) {
        size_t width, len = s_word(text, &width);
        if (len > 0) {
            s_put_word(wrap, out, zr_span_of(text.ptr, len), width);
        } else {
            len = 1;
            if (text.ptr[0] == '\n')
                s_break(wrap, out);
            else
                zr_buffer_u8(out, (uint8_t)text.ptr[0]);
            wrap->column += text.ptr[0] == ' ' ? 1 : text.ptr[0] == '\t' ? TAB - wrap->column % TAB : 0;
        }
        text = zr_span_of(text.ptr + len, text.len - len);
    }
}
