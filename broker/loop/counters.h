/* The broker's counters, as lines for the operator. */
#ifndef COUNTERS_H
#define COUNTERS_H

#include "server_state.h"

/* Writes them to the log, a few lines, each of which begins with `when`. `level` is that of the lines. */
void counters_log(const server_t *server, zr_log_level_t level, const char *when);

#endif
