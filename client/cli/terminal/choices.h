/* What Tab offers, one after the other. Pure. */
#ifndef CHOICES_H
#define CHOICES_H

#include "buffer.h"

/* A zeroed struct offers nothing; choices_finish frees it. */
typedef struct {
    zr_buffer_t found; /* each with a newline behind */
    size_t from;       /* the byte of the line that they stand at */
    size_t count, at;
    bool active, begun;
} choices_t;

/* From now on these, each with a newline behind, are offered. None: nothing is. */
void choices_begin(choices_t *choices, size_t from, zr_span_t found);

/* Another key was typed. */
void choices_end(choices_t *choices);

/* The next one, or the one before, in turn, valid until choices_begin; false: no choice is left. */
bool choices_next(choices_t *choices, bool back, zr_span_t *choice);

void choices_finish(choices_t *choices);

#endif
