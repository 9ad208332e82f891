#include "view.h"

#include "cells.h"
#include "names.h"

enum { TAB = 8 };

/* A row while it is being laid out. */
typedef struct {
    size_t begin, end; /* bytes of the text; the first row also has the label */
    size_t width;
} row_t;

typedef struct {
    zr_span_t text;
    size_t at, from; /* the next byte, and where the row began */
    size_t column, columns;
} layout_t;

/* Moves `*at` past the next character, which stands in this column. `*shown`: a terminal only shows it. Its width. */
static size_t s_character(zr_span_t text, size_t *at, size_t column, bool *shown) {
    size_t begin = *at;
    char first = text.ptr[begin];
    *shown = true;
    if (first == '\t') {
        ++*at;
        return TAB - column % TAB;
    }
    size_t width = cells_next(text, at);
    if ((uint8_t)first < 0x20 || (uint8_t)first >= 0x7f)
        *shown = zr_is_shown(zr_span_of(text.ptr + begin, *at - begin));
    return *shown ? width : 1;
}

static size_t s_width(const layout_t *layout, size_t *next) {
    bool shown;
    *next = layout->at;
    return s_character(layout->text, next, layout->column, &shown);
}

/* Goes on to the end of the row. false: it is the last one. */
static bool s_row(layout_t *layout, row_t *row) {
    row->begin = layout->at;
    while (layout->at < layout->text.len) {
        size_t next, width = s_width(layout, &next);
        if (layout->text.ptr[layout->at] == '\n') {
            *row = (row_t){row->begin, layout->at++, layout->column};
            layout->column = 0;
            return true;
        }
        if (layout->column + width > layout->columns && layout->column > 0) {
            *row = (row_t){row->begin, layout->at, layout->column};
            layout->column = 0;
            return true;
        }
        layout->column += width;
        layout->at = next;
    }
    row->end = layout->at;
    row->width = layout->column;
    /* The cursor stands behind the last character, and must not be in the last column's place. */
    return false;
}

/* What the terminal would obey, or cannot show in so few columns, becomes a question mark. */
static void s_put(zr_buffer_t *out, zr_span_t text, size_t column, size_t columns) {
    for (size_t at = 0; at < text.len;) {
        bool shown;
        size_t begin = at, width = s_character(text, &at, column, &shown);
        if (text.ptr[begin] == '\t')
            for (size_t i = 0; i < width && column + i < columns; i++)
                zr_buffer_u8(out, ' ');
        else if (!shown || width > columns)
            zr_buffer_u8(out, '?');
        else
            zr_buffer_append(out, text.ptr + begin, at - begin);
        column += width;
    }
}

/* The label's last bytes that fit, so that some text does too. */
static zr_span_t s_fitting(zr_span_t label, size_t columns) {
    size_t most = columns > 12 ? columns - 8 : columns / 2;
    while (label.len > 0 && cells_width(label) > most) {
        size_t at = 0;
        cells_next(label, &at);
        label = zr_span_of(label.ptr + at, label.len - at);
    }
    return label;
}

static void s_up(zr_buffer_t *out, size_t rows) {
    if (rows > 0)
        zr_buffer_printf(out, "\033[%zuA", rows);
}

static void s_label(zr_buffer_t *out, const view_screen_t *screen, zr_span_t label) {
    if (screen->colour)
        zr_buffer_printf(out, "%s", screen->colour);
    zr_buffer_append(out, label.ptr, label.len);
    if (screen->colour)
        zr_buffer_printf(out, "\033[0m");
}

/* Finds the row of the cursor, and how many rows there are. */
static size_t s_find(layout_t layout, size_t cursor, size_t *count) {
    row_t row;
    size_t found = 0;
    bool more = true;
    for (*count = 0; more; ++*count) {
        more = s_row(&layout, &row);
        if (cursor >= row.begin)
            found = *count;
    }
    return found;
}

static size_t s_most(const view_screen_t *screen) {
    size_t most = screen->rows / 2;
    return most < 1 ? 1 : most > VIEW_ROWS ? VIEW_ROWS : most;
}

void view_draw(
    view_t *view, zr_buffer_t *out, const view_screen_t *screen, zr_span_t label, zr_span_t text, size_t cursor) {
    size_t columns = screen->columns > 1 ? screen->columns - 1 : 1;
    label = s_fitting(label, columns);
    size_t indent = cells_width(label), count, most = s_most(screen);
    layout_t layout = {.text = text, .column = indent, .columns = columns};
    size_t at = s_find(layout, cursor, &count);
    size_t first = at < most / 2 ? 0 : at - most / 2;
    if (count > most && first > count - most)
        first = count - most;
    if (count <= most)
        first = 0;
    zr_span_t before = zr_span("");
    bool more = true;
    *view = (view_t){0};
    for (size_t i = 0; more && i < first + most; i++) {
        row_t row;
        more = s_row(&layout, &row);
        if (i < first)
            continue;
        if (i > first)
            zr_buffer_append(out, "\r\n", 2);
        if (i == 0)
            s_label(out, screen, label);
        zr_span_t shown = zr_span_of(text.ptr ? text.ptr + row.begin : "", row.end - row.begin);
        s_put(out, shown, i == 0 ? indent : 0, columns);
        view->widths[view->rows] = row.width;
        if (i == at) {
            view->row = view->rows;
            before = zr_span_of(shown.ptr, cursor - row.begin < shown.len ? cursor - row.begin : shown.len);
        }
        view->rows++;
    }
    /* The part of the row before the cursor is written again: then the cursor is right whatever width the terminal
     * gives to a character. */
    bool label_too = view->row == 0 && first == 0;
    layout_t part = {.text = before, .column = label_too ? indent : 0, .columns = SIZE_MAX};
    row_t row;
    s_row(&part, &row);
    view->column = row.width;
    if (view->row + 1 == view->rows && cursor == text.len)
        return;
    s_up(out, view->rows - 1 - view->row);
    zr_buffer_u8(out, '\r');
    if (label_too)
        s_label(out, screen, label);
    s_put(out, before, label_too ? indent : 0, columns);
}

void view_wipe(view_t *view, zr_buffer_t *out) {
    if (view->rows == 0)
        return;
    s_up(out, view->row);
    zr_buffer_append(out, "\r\033[J", 4);
    *view = (view_t){0};
}

/* Rows that a row of this width takes now. */
static size_t s_rows_of(size_t width, size_t columns) {
    return width == 0 ? 1 : (width + columns - 1) / columns;
}

void view_resized(view_t *view, size_t columns, bool reflows) {
    if (!reflows || columns == 0 || view->rows == 0)
        return;
    size_t above = 0;
    for (size_t i = 0; i < view->row; i++)
        above += s_rows_of(view->widths[i], columns);
    view->row = above + view->column / columns;
}
