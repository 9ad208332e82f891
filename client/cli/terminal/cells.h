/* How many columns of a terminal text takes, and where its characters begin. Pure. */
#ifndef CELLS_H
#define CELLS_H

#include "span.h"

/* Columns of one code point: 0 (combining, or without a look of its own), 1 or 2. -1, a byte that is not UTF-8, takes 1.
 * Terminals agree on code points, and differ on characters that several of them make up. */
size_t cells_of(int point);

/* Moves `*at` (below text.len) past one character as people see it (UAX 29), and gives its columns. */
size_t cells_next(zr_span_t text, size_t *at);

/* Where the character before `at` begins; 0 for `at` 0. */
size_t cells_before(zr_span_t text, size_t at);

/* Columns of a whole text. Control characters count as 0. */
size_t cells_width(zr_span_t text);

#endif
