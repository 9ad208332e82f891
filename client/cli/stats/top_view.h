/* What `zrelay top` shows: counters of two moments become lines. Pure. */
#ifndef TOP_VIEW_H
#define TOP_VIEW_H

#include "stats_table.h"

/* The broker's counters at a moment. */
typedef struct {
    uint64_t time;  /* the broker's, µs */
    json_t *values; /* name → number; NULL: not known yet */
} top_sample_t;

/* From an answer to `stats`. The caller gives it back with top_sample_finish. */
void top_sample_read(top_sample_t *sample, const json_t *answer);
void top_sample_finish(top_sample_t *sample); /* zeroed is accepted */

/* The value of that name without "zrelay_" and "_total", in the unit of the name; 0: it is not there. */
double top_value(const top_sample_t *sample, const char *name);

/* How much it rose in a second since `before`; 0 while that is not known. */
double top_rate(const top_sample_t *sample, const top_sample_t *before, const char *name);

enum { TOP_HEAD_LINES = 4 };

/* The lines above the table, each at most `width` columns wide. */
void top_head(const top_sample_t *sample, const top_sample_t *before, const char *server, int width, zr_buffer_t *out);

#endif
