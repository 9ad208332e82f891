/* See stats_table.h. */
#include "stats_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "names.h"
#include "unicode.h"

static const stats_cell_t s_rooms[] = {
    {"room", "ROOM", 22, CELL_NAME},
    {"rate", "RATE", 7, CELL_COUNT},
    {"rate-bytes", "BYTE/S", 7, CELL_BYTES},
    {"entries", "ENTRIES", 8, CELL_COUNT},
    {"members", "MEMBERS", 8, CELL_COUNT},
    {"present", "PRESENT", 8, CELL_COUNT},
    {"keys", "KEYS", 6, CELL_COUNT},
    {"groups", "GROUPS", 7, CELL_COUNT},
    {"unstored", "WAITING", 8, CELL_COUNT},
    {"bytes", "BYTES", 7, CELL_BYTES},
    {"seq", "SEQ", 16, CELL_COUNT},
    {"level", "LEVEL", 6, CELL_NAME},
};

static const stats_cell_t s_sessions[] = {
    {"nick", "NICK", 12, CELL_NAME},
    {"address", "ADDRESS", 15, CELL_NAME},
    {"state", "STATE", 8, CELL_NAME},
    {"rate", "RATE", 6, CELL_COUNT},
    {"rate-bytes", "BYTE/S", 7, CELL_BYTES},
    {"queued", "QUEUED", 7, CELL_BYTES},
    {"rooms", "ROOMS", 6, CELL_COUNT},
    {"limited", "LIMIT", 6, CELL_COUNT},
    {"lost", "LOST", 5, CELL_COUNT},
    {"since", "AGE", 5, CELL_SINCE},
    {"entries", "ENTRIES", 8, CELL_COUNT},
    {"bytes", "BYTES", 7, CELL_BYTES},
    {"workers", "WORKERS", 8, CELL_COUNT},
    {"channels", "CHANNELS", 9, CELL_COUNT},
    {"session", "SESSION", 8, CELL_COUNT},
};

static const stats_cell_t s_groups[] = {
    {"room", "ROOM", 17, CELL_NAME},
    {"group", "GROUP", 13, CELL_NAME},
    {"backlog", "BACKLOG", 8, CELL_COUNT},
    {"held", "HELD", 6, CELL_COUNT},
    {"waiting", "WAITING", 8, CELL_COUNT},
    {"workers", "WORKERS", 8, CELL_COUNT},
    {"retried", "RETRIED", 8, CELL_COUNT},
    {"died", "DIED", 5, CELL_COUNT},
    {"lost", "LOST", 5, CELL_COUNT},
    {"done", "DONE", 7, CELL_COUNT},
};

#define TABLE(cells, name, by) (&(const stats_table_t){name, cells, sizeof(cells) / sizeof *(cells), by})

const stats_table_t *const stats_tables[] = {
    TABLE(s_rooms, "rooms", "rate"), TABLE(s_sessions, "sessions", "rate"), TABLE(s_groups, "groups", "backlog"), NULL};

const stats_table_t *stats_table(const char *name) {
    for (size_t i = 0; stats_tables[i]; i++)
        if (strcmp(stats_tables[i]->name, name) == 0)
            return stats_tables[i];
    return NULL;
}

size_t stats_table_cell(const stats_table_t *table, const char *member) {
    for (size_t i = 0; i < table->count; i++)
        if (table->cells[i].kind != CELL_NAME && strcmp(table->cells[i].member, member) == 0)
            return i;
    return table->count;
}

const char *stats_number(uint64_t value, char out[STATS_NUMBER_SIZE]) {
    static const char units[] = " kMGTPE";
    double rest = (double)value;
    size_t unit = 0;
    while (rest >= 999.5) {
        rest /= 1000;
        unit++;
    }
    if (value < 10000)
        snprintf(out, STATS_NUMBER_SIZE, "%" PRIu64, value);
    else
        snprintf(out, STATS_NUMBER_SIZE, "%.*f%c", rest < 9.995 ? 2 : rest < 99.95 ? 1 : 0, rest, units[unit]);
    return out;
}

const char *stats_age(uint64_t us, char out[STATS_NUMBER_SIZE]) {
    uint64_t s = us / 1000000;
    if (s < 120)
        snprintf(out, STATS_NUMBER_SIZE, "%" PRIu64 "s", s);
    else if (s < 7200)
        snprintf(out, STATS_NUMBER_SIZE, "%" PRIu64 "m", s / 60);
    else if (s < 172800)
        snprintf(out, STATS_NUMBER_SIZE, "%" PRIu64 "h", s / 3600);
    else
        snprintf(out, STATS_NUMBER_SIZE, "%" PRIu64 "d", s / 86400);
    return out;
}

/* --- Lines --- */

static uint64_t s_value(const json_t *row, const stats_cell_t *cell) {
    json_int_t value = json_integer_value(json_object_get(row, cell->member));
    return value > 0 ? (uint64_t)value : 0;
}

static uint64_t s_age_of(const json_t *row, const stats_cell_t *cell, uint64_t now) {
    uint64_t since = s_value(row, cell);
    return now > since ? now - since : 0;
}

/* As much of the name as fits, and blanks up to the width. */
static void s_name(const char *name, int width, zr_buffer_t *out) {
    zr_buffer_t safe = {0};
    zr_escape(&safe, zr_span(name));
    zr_span_t text = zr_span_of(safe.data, safe.len);
    int taken = 0;
    size_t end = 0;
    for (size_t at = 0; at < text.len; end = at) {
        int point = zr_utf8_next(text, &at), columns = point < 0 ? 1 : utf8proc_charwidth(point);
        if (taken + columns > width)
            break;
        taken += columns;
    }
    zr_buffer_printf(out, "%.*s%*s", (int)end, (const char *)safe.data, width - taken, "");
    zr_buffer_finish(&safe);
}

static void s_cell(const stats_cell_t *cell, const json_t *row, uint64_t now, zr_buffer_t *out) {
    char number[STATS_NUMBER_SIZE];
    const char *name = json_string_value(json_object_get(row, cell->member));
    if (cell->kind == CELL_NAME)
        s_name(name && name[0] ? name : "-", cell->width, out);
    else if (cell->kind == CELL_SINCE)
        zr_buffer_printf(out, "%*s", cell->width, stats_age(s_age_of(row, cell, now), number));
    else
        zr_buffer_printf(out, "%*s", cell->width, stats_number(s_value(row, cell), number));
}

/* The cells that fit into a line. */
static size_t s_fitting(const stats_table_t *table, int width) {
    size_t count = 0;
    for (int taken = -1; count < table->count; count++) {
        taken += 1 + table->cells[count].width;
        if (taken > width)
            break;
    }
    return count;
}

void stats_table_head(const stats_table_t *table, size_t by, int width, zr_buffer_t *out) {
    size_t count = s_fitting(table, width);
    for (size_t i = 0; i < count; i++) {
        const stats_cell_t *cell = &table->cells[i];
        char head[32];
        snprintf(head, sizeof head, "%s%s", i == by ? "*" : "", cell->head);
        zr_buffer_printf(out, cell->kind == CELL_NAME ? "%s%-*s" : "%s%*s", i ? " " : "", cell->width, head);
    }
    zr_buffer_u8(out, '\n');
}

void stats_table_row(const stats_table_t *table, const json_t *row, uint64_t now, int width, zr_buffer_t *out) {
    size_t count = s_fitting(table, width);
    for (size_t i = 0; i < count; i++) {
        if (i)
            zr_buffer_u8(out, ' ');
        s_cell(&table->cells[i], row, now, out);
    }
    zr_buffer_u8(out, '\n');
}

void stats_table_tabs(const stats_table_t *table, const json_t *row, uint64_t now, zr_buffer_t *out) {
    for (size_t i = 0; i < table->count; i++) {
        const stats_cell_t *cell = &table->cells[i];
        const char *name = json_string_value(json_object_get(row, cell->member));
        if (cell->kind == CELL_NAME)
            zr_escape(out, zr_span(name && name[0] ? name : "-"));
        else
            zr_buffer_printf(
                out, "%" PRIu64, cell->kind == CELL_SINCE ? s_age_of(row, cell, now) / 1000000 : s_value(row, cell));
        zr_buffer_u8(out, i + 1 < table->count ? '\t' : '\n');
    }
}

/* --- Sorting --- */

typedef struct {
    uint64_t value;
    size_t turn;
    json_t *row;
} sorted_t;

static int s_compare(const void *a, const void *b) {
    const sorted_t *one = a, *other = b;
    if (one->value != other->value)
        return one->value > other->value ? -1 : 1;
    return one->turn < other->turn ? -1 : 1;
}

void stats_table_sort(const stats_table_t *table, size_t by, json_t *rows) {
    size_t count = json_array_size(rows);
    sorted_t *sorted = calloc(count ? count : 1, sizeof *sorted);
    if (!sorted)
        abort();
    for (size_t i = 0; i < count; i++) {
        json_t *row = json_array_get(rows, i);
        sorted[i] = (sorted_t){.value = s_value(row, &table->cells[by]), .turn = i, .row = json_incref(row)};
    }
    if (count > 1)
        qsort(sorted, count, sizeof *sorted, s_compare);
    for (size_t i = 0; i < count; i++)
        json_array_set_new(rows, i, sorted[i].row);
    free(sorted);
}
