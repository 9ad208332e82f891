/* The line at the bottom of the terminal as it looks: which rows it takes, and the bytes that draw and wipe it. Pure. */
#ifndef VIEW_H
#define VIEW_H

#include "buffer.h"

enum { VIEW_ROWS = 64 }; /* rows that the line takes at most, also on a taller screen; the rest of it is off the view */

/* What is on the screen now. A zeroed struct: nothing. */
typedef struct {
    size_t rows, row;         /* how many, and which of them the cursor is in */
    size_t widths[VIEW_ROWS]; /* columns that each takes */
    size_t column;            /* of the cursor */
} view_t;

typedef struct {
    size_t columns, rows; /* of the terminal */
    const char *colour;   /* of the label, an SGR sequence; NULL: none */
} view_screen_t;

/* Appends what draws the label and the text, and puts the cursor at the byte `cursor` of it. The terminal's cursor is at
 * the beginning of an empty row. No row uses the last column, so that no terminal wraps it. */
void view_draw(
    view_t *view, zr_buffer_t *out, const view_screen_t *screen, zr_span_t label, zr_span_t text, size_t cursor);

/* Appends what takes it all away, and leaves the cursor where it began. */
void view_wipe(view_t *view, zr_buffer_t *out);

/* The terminal was resized to so many columns. `reflows`: it wraps long rows anew, as most do. */
void view_resized(view_t *view, size_t columns, bool reflows);

#endif
