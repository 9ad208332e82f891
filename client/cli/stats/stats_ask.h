/* Asks the broker for its counters, and for rows of rooms, sessions or groups. */
#ifndef STATS_ASK_H
#define STATS_ASK_H

#include <jansson.h>

#include "conn.h"
#include "output.h"
#include "stats_table.h"

/* `*answer` becomes the broker's counters, with the members `time` and `metrics`; the caller's. 0, or the exit code after
 * telling why not; then `*answer` is NULL. */
int stats_ask_metrics(conn_t *session, json_t **answer);

/* The rows with the highest values in the cell `by`, at most `limit`: an array, the caller's. */
int stats_ask_top(conn_t *session, const stats_table_t *table, size_t by, size_t limit, json_t **rows);

/* Writes all rows whose names begin with `prefix`, in the order of their names, as they come. */
int stats_print(conn_t *session, const stats_table_t *table, const char *prefix, output_t *output);

#endif
