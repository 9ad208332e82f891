/* See stats_kind.h. */
#include "stats_kind.h"

static const stats_kind_t *const s_kinds[] = {&stats_rooms, &stats_sessions};

const stats_kind_t *stats_kind(zr_span_t name) {
    for (size_t i = 0; i < sizeof s_kinds / sizeof *s_kinds; i++)
        if (zr_span_equal(zr_span(s_kinds[i]->name), name))
            return s_kinds[i];
    return NULL;
}

size_t stats_column(const stats_kind_t *kind, zr_span_t name) {
    size_t column = 0;
    while (column < kind->column_count && !zr_span_equal(zr_span(kind->columns[column].name), name))
        column++;
    return column;
}

json_t *stats_row(const stats_kind_t *kind, const relay_t *relay, const void *thing) {
    json_t *row = kind->names(relay, thing);
    for (size_t i = 0; i < kind->column_count; i++)
        json_object_set_new_nocheck(
            row, kind->columns[i].name, json_integer((json_int_t)kind->columns[i].of(relay, thing)));
    return row;
}
