/* Cuts a stream of bytes into lines. Pure. A line ends with LF; a CR before it is no part of the line. Between two lines
 * it takes no memory. */
#ifndef LINE_READER_H
#define LINE_READER_H

#include "buffer.h"
#include "span.h"

typedef struct {
    zr_buffer_t part; /* the beginning of a line */
    bool skipping;    /* the rest of a line that is too long */
    bool given;       /* `part` is the line that was given last */
} line_reader_t;

typedef enum {
    LINE_MORE,     /* all is taken, and no line is whole */
    LINE_WHOLE,    /* a line, without its end */
    LINE_TOO_LONG, /* a line has more than `max` bytes: told once, and the rest of it is skipped */
} line_state_t;

/* A zeroed struct is ready. */
void line_reader_finish(line_reader_t *reader);

/* Takes the next line off `*input`. `max` is the largest length, without the line's end. The line is a view of the
 * reader or of the input: valid until the next call. */
line_state_t line_reader_next(line_reader_t *reader, size_t max, zr_span_t *input, zr_span_t *line);

/* The input has ended: the last line, if it had no LF. False: there was nothing after the last LF. */
bool line_reader_end(line_reader_t *reader, zr_span_t *line);

#endif
