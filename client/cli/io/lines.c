#include "lines.h"

#include <stdlib.h>

#include "fatal.h"

void lines_init(lines_t *lines, size_t chunk, size_t max) {
    *lines = (lines_t){.data = fatal_check(malloc(chunk)), .size = chunk, .max = max};
}

void lines_finish(lines_t *lines) {
    free(lines->data);
    *lines = (lines_t){0};
}

char *lines_space(lines_t *lines, size_t *room) {
    if (lines->start > 0) {
        memmove(lines->data, lines->data + lines->start, lines->end - lines->start);
        lines->end -= lines->start;
        lines->scanned -= lines->start;
        lines->start = 0;
    }
    if (lines->end == lines->size) {
        lines->data = fatal_check(realloc(lines->data, lines->size * 2));
        lines->size *= 2;
    }
    *room = lines->size - lines->end;
    return lines->data + lines->end;
}

void lines_fed(lines_t *lines, size_t len) {
    lines->end += len;
}

void lines_end(lines_t *lines) {
    lines->ended = true;
}

lines_result_t lines_next(lines_t *lines, zr_span_t *line) {
    size_t fresh = lines->end - lines->scanned;
    const char *newline = fresh ? memchr(lines->data + lines->scanned, '\n', fresh) : NULL;
    size_t stop = newline ? (size_t)(newline - lines->data) : lines->end;
    if (stop - lines->start > lines->max)
        return LINES_LONG;
    if (!newline && !(lines->ended && stop > lines->start)) {
        lines->scanned = lines->end;
        return LINES_MORE;
    }
    *line = zr_span_of(lines->data + lines->start, stop - lines->start);
    lines->start = lines->scanned = newline ? stop + 1 : stop;
    lines->number++;
    return LINES_LINE;
}
