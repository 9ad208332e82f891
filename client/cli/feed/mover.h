/* import --keep: entries that another broker's log had keep their senders, times and positions. */
#ifndef MOVER_H
#define MOVER_H

#include "cli.h"

/* Moves what stands in `fd`, lines of 'zrelay export', to `room` (NULL: the room of each). Returns the exit code. */
int mover_run(config_t *config, int fd, const char *room);

#endif
