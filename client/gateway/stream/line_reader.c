/* See line_reader.h. */
#include "line_reader.h"

void line_reader_finish(line_reader_t *reader) {
    zr_buffer_finish(&reader->part);
    *reader = (line_reader_t){0};
}

static zr_span_t s_without_cr(zr_span_t line) {
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* The view of the last line is over. */
static void s_forget(line_reader_t *reader) {
    if (reader->given)
        zr_buffer_finish(&reader->part);
    reader->given = false;
}

/* With a final CR, a line may have a byte more. */
static bool s_fits(zr_span_t line, size_t max) {
    return line.len <= max || (line.len == max + 1 && line.ptr[max] == '\r');
}

/* The line's end has not come. */
static line_state_t s_keep(line_reader_t *reader, size_t max, zr_span_t piece) {
    if (reader->skipping || piece.len == 0)
        return LINE_MORE;
    zr_buffer_append(&reader->part, piece.ptr, piece.len);
    if (s_fits(zr_span_of(reader->part.data, reader->part.len), max))
        return LINE_MORE;
    zr_buffer_finish(&reader->part);
    reader->skipping = true;
    return LINE_TOO_LONG;
}

line_state_t line_reader_next(line_reader_t *reader, size_t max, zr_span_t *input, zr_span_t *line) {
    s_forget(reader);
    for (;;) {
        bool whole = input->len > 0 && memchr(input->ptr, '\n', input->len);
        zr_span_t piece = zr_span_cut(input, '\n');
        if (!whole) {
            input->len = 0;
            return s_keep(reader, max, piece);
        }
        if (reader->skipping) {
            reader->skipping = false;
            continue;
        }
        *line = piece;
        if (reader->part.len > 0) {
            zr_buffer_append(&reader->part, piece.ptr, piece.len);
            *line = zr_span_of(reader->part.data, reader->part.len);
            reader->given = true;
        }
        *line = s_without_cr(*line);
        return line->len <= max ? LINE_WHOLE : LINE_TOO_LONG;
    }
}

bool line_reader_end(line_reader_t *reader, zr_span_t *line) {
    s_forget(reader);
    if (reader->part.len == 0)
        return false;
    reader->given = true;
    *line = s_without_cr(zr_span_of(reader->part.data, reader->part.len));
    return true;
}
