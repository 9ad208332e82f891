/* Earlier states of a line that is being edited. Pure. */
#ifndef UNDO_H
#define UNDO_H

#include "buffer.h"

enum { UNDO_STEPS = 200, UNDO_BYTES = 4 << 20 }; /* more of either: the oldest state is forgotten */

/* A zeroed struct is empty. */
typedef struct {
    struct {
        char *text;
        size_t len, cursor;
    } steps[UNDO_STEPS];
    size_t count, bytes;
} undo_t;

/* Also gives the memory back. */
void undo_clear(undo_t *undo);

/* Keeps a copy of this state. */
void undo_push(undo_t *undo, zr_span_t text, size_t cursor);

/* Takes the newest state off and into `*text` and `*cursor`; false: no state is left. */
bool undo_pop(undo_t *undo, zr_buffer_t *text, size_t *cursor);

#endif
