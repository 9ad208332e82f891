/* A log that answers later, in order, as one on a disk does; over the log in memory. It tells the model what is stored
 * and what is forgotten, and may give positions that all rooms share. */
#ifndef SLOWLOG_H
#define SLOWLOG_H

#include "log.h"

struct sim;

/* `incarnation` is the broker's; answers to one that is gone are dropped. */
log_t *slowlog_new(struct sim *sim, unsigned incarnation, zr_level_t level);

#endif
