/* What was refused of many lines, told in few: neighbours with the same reason together, and no more than a screen. Pure. */
#ifndef REPORT_H
#define REPORT_H

#include "ranges.h"

#define REPORT_MAX 20

typedef struct {
    uint64_t first, last; /* lines */
    char *reason;
} report_item_t;

/* A zeroed one is empty. */
typedef struct {
    report_item_t items[REPORT_MAX];
    size_t count;
    uint64_t lines; /* all that were added, */
    uint64_t left;  /* and those that found no place */
} report_t;

void report_finish(report_t *report);

/* The lines `first` to `last` were refused for `reason`. */
void report_add(report_t *report, uint64_t first, uint64_t last, zr_span_t reason);

/* Appends the text of an item: "lines 3-9: REASON". */
void report_item(const report_item_t *item, zr_buffer_t *out);

#endif
