/* Reading UTF-8 (RFC 3629). */
#ifndef UTF8_H
#define UTF8_H

#include "span.h"

/* Reads one code point at `*at` (which must be < text.len) and moves `*at` past it. Of bytes that are not valid UTF-8
 * it takes one and returns -1. */
int zr_utf8_next(zr_span_t text, size_t *at);

#endif
