/* Cutting a stream of chunks into lines. Pure: the caller reads, this keeps the bytes, of each line at most `max` and a
 * chunk. Lines may hold any bytes, NUL too; a line that is whole within one chunk is never copied. */
#ifndef LINES_H
#define LINES_H

#include <stdint.h>

#include "span.h"

typedef struct {
    char *data;
    size_t size;
    size_t start;   /* the first byte not given out yet */
    size_t scanned; /* up to here there is no newline after start */
    size_t end;
    size_t max;      /* longest line; may change between lines */
    uint64_t number; /* of the line given out last, from 1 */
    char delimiter;  /* what ends a line: '\n' unless set */
    bool whole;      /* nothing does: the stream is one line, even if it is empty */
    bool skipping;   /* the rest of a line that was too long */
    bool ended;
} lines_t;

typedef enum {
    LINES_LINE,
    LINES_MORE, /* no whole line: read on (or, after lines_end, there is no more) */
    LINES_LONG, /* a line that is longer than `max`: its first `max` + 1 bytes; the rest is dropped */
} lines_result_t;

/* `chunk` bytes at a time, lines of at most `max` bytes without their delimiter. */
void lines_init(lines_t *lines, size_t chunk, size_t max);
void lines_finish(lines_t *lines);

/* Where the next chunk goes, `*room` > 0 bytes. Ends the validity of lines given out. Only after LINES_MORE. */
char *lines_space(lines_t *lines, size_t *room);

/* `len` bytes were written there. */
void lines_fed(lines_t *lines, size_t len);

/* The stream ended: a last line without delimiter counts. */
void lines_end(lines_t *lines);

/* The next line, without its delimiter; valid until lines_space. */
lines_result_t lines_next(lines_t *lines, zr_span_t *line);

#endif
