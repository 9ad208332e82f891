/* Breaks text into rows between words. Pure. */
#ifndef WRAP_H
#define WRAP_H

#include "buffer.h"

typedef struct {
    size_t columns; /* of the terminal; 0: nothing is broken */
    size_t indent;  /* columns before each row but the first */
    size_t column;  /* where the next character goes */
} wrap_t;

/* Appends `text`, which zr_escape made safe (it may hold newlines and tabs too), in rows. Each newline of the text begins
 * a row. A word that is longer than a row is not broken: the terminal wraps it, and a link stays whole. */
void wrap_text(wrap_t *wrap, zr_buffer_t *out, zr_span_t text);

#endif
