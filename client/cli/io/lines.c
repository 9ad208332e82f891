#include "lines.h"

#include <stdlib.h>

#include "fatal.h"

void lines_init(lines_t *lines, size_t chunk, size_t max) {
    *lines = (lines_t){.data = fatal_check(malloc(chunk)), .size = chunk, .max = max, .delimiter = '\n'};
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

/* Where the line that is being looked for ends; NULL: its end has not come. */
static const char *s_end(const lines_t *lines) {
    size_t fresh = lines->end - lines->scanned;
    return fresh && !lines->whole ? memchr(lines->data + lines->scanned, lines->delimiter, fresh) : NULL;
}

/* false: more of the line is to come. */
static bool s_skip(lines_t *lines) {
    const char *end = lines->skipping ? s_end(lines) : NULL;
    if (lines->skipping)
        lines->start = lines->scanned = end ? (size_t)(end - lines->data) + 1 : lines->end;
    lines->skipping &= !end;
    return !lines->skipping;
}

lines_result_t lines_next(lines_t *lines, zr_span_t *line) {
    if (!s_skip(lines))
        return LINES_MORE;
    const char *end = s_end(lines);
    size_t stop = end ? (size_t)(end - lines->data) : lines->end;
    bool last = lines->ended && (stop > lines->start || (lines->whole && lines->number == 0));
    lines->scanned = stop;
    if (stop - lines->start > lines->max) {
        *line = zr_span_of(lines->data + lines->start, lines->max + 1);
        lines->skipping = true;
        lines->number++;
        return LINES_LONG;
    }
    if (!end && !last)
        return LINES_MORE;
    *line = zr_span_of(lines->data + lines->start, stop - lines->start);
    lines->start = lines->scanned = end ? stop + 1 : stop;
    lines->number++;
    return LINES_LINE;
}
