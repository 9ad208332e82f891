/* Reading UTF-8 (RFC 3629), and the forms of text that names are compared in (utf8proc). Plain ASCII never gets as far
 * as utf8proc. */
#ifndef ZR_UNICODE_H
#define ZR_UNICODE_H

#include <stdbool.h>

#include "buffer.h"
#include "span.h"

enum { ZR_NFC_MAX = 255 }; /* bytes that zr_is_nfc looks at: the longest name */

/* Reads one code point at `*at` (which must be < text.len) and moves `*at` past it. Of bytes that are not valid UTF-8
 * it takes one and returns -1. */
int zr_utf8_next(zr_span_t text, size_t *at);

/* `text` (valid UTF-8, at most ZR_NFC_MAX bytes) is in Unicode normalization form C. */
bool zr_is_nfc(zr_span_t text);

/* Appends `text` in Unicode normalization form C. Text that is not valid UTF-8 is copied as it is. */
void zr_nfc(zr_buffer_t *out, zr_span_t text);

/* Appends what two names (valid UTF-8) have in common if people take them for the same: case and width do not count
 * (NFKC_Casefold). It is for comparing only. */
void zr_fold(zr_buffer_t *out, zr_span_t text);

#endif
