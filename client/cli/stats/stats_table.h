/* Tables of rooms, sessions and groups for operators: which columns there are, and how a row looks. Pure. */
#ifndef STATS_TABLE_H
#define STATS_TABLE_H

#include <jansson.h>

#include "buffer.h"

typedef enum {
    CELL_NAME,  /* text of peers, escaped */
    CELL_COUNT, /* "1234", "12.3k" */
    CELL_BYTES, /* the same */
    CELL_SINCE, /* a time as its age: "5m" */
} cell_t;

typedef struct {
    const char *member; /* of a row, and the name to sort by */
    const char *head;
    int width;
    cell_t kind;
} stats_cell_t;

typedef struct {
    const char *name; /* "rooms" */
    const stats_cell_t *cells;
    size_t count;
    const char *by; /* sorted by it at first */
} stats_table_t;

/* Ends with NULL. */
extern const stats_table_t *const stats_tables[];

/* The table of that name; NULL: no table has it. */
const stats_table_t *stats_table(const char *name);

/* The cell of that name; `count`: no cell has it, or the cell is no number. */
size_t stats_table_cell(const stats_table_t *table, const char *member);

/* The line above the rows. `by`: the cell that is marked. It and the rows are at most `width` columns wide: cells that
 * do not fit are left out. */
void stats_table_head(const stats_table_t *table, size_t by, int width, zr_buffer_t *out);

/* `now`: µs since 1970. */
void stats_table_row(const stats_table_t *table, const json_t *row, uint64_t now, int width, zr_buffer_t *out);

/* The same for programs: all cells, separated by tabs, numbers in full, times as ages in seconds. */
void stats_table_tabs(const stats_table_t *table, const json_t *row, uint64_t now, zr_buffer_t *out);

/* Sorts an array of rows by the cell, the highest first. */
void stats_table_sort(const stats_table_t *table, size_t by, json_t *rows);

/* "999", "12.3k", "4.00M": at most six characters. */
enum { STATS_NUMBER_SIZE = 24 };
const char *stats_number(uint64_t value, char out[STATS_NUMBER_SIZE]);

/* "59s", "5m", "2h", "3d". */
const char *stats_age(uint64_t us, char out[STATS_NUMBER_SIZE]);

#endif
