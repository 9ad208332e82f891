/* Lines that were typed, the newest first: what the up arrow and Ctrl-R give. Pure. */
#ifndef RECALL_H
#define RECALL_H

#include "buffer.h"

enum { RECALL_MAX = 500 }; /* lines; older ones are forgotten */

/* A zeroed struct is empty; recall_finish frees it. */
typedef struct {
    char *lines[RECALL_MAX]; /* the oldest first */
    size_t count;
} recall_t;

void recall_finish(recall_t *recall);

/* Keeps a copy. An empty line, one that begins with a blank, and a repetition of the newest are not kept; false then. */
bool recall_add(recall_t *recall, zr_span_t line);

/* The line `back` before the present one, from 1; NULL: there are not so many. */
const char *recall_at(const recall_t *recall, size_t back);

/* The first line from `back` on towards older ones that holds `part`, as its `back`; 0: none. */
size_t recall_search(const recall_t *recall, zr_span_t part, size_t back);

/* As a file has them: a line each, with a newline as \n and a backslash as \\. recall_write appends one of them. */
void recall_read(recall_t *recall, zr_span_t text);
void recall_write(zr_buffer_t *out, zr_span_t line);

#endif
