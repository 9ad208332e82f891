/* The broker's counters (core/stats/metrics.h): those of the edge, and all of them as lines for the operator. */
#ifndef COUNTERS_H
#define COUNTERS_H

#include "server_state.h"

/* Fills in what the edge counts; `ctx` is the server. For relay_config_t. */
void counters_measure(void *ctx, edge_stats_t *stats);

/* Writes them to the log, a few lines, each of which begins with `when`. `level` is that of the lines. */
void counters_log(const server_t *server, zr_log_level_t level, const char *when);

#endif
