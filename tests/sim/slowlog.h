/* A log over the log in memory that answers later, in order, as one on a disk does. It tells the model each store and
 * each forgotten room, and may give positions that all rooms share. */
#ifndef SLOWLOG_H
#define SLOWLOG_H

#include "log.h"

struct sim;

/* `incarnation` is the broker's; answers to one that is gone are dropped. */
log_t *slowlog_new(struct sim *sim, unsigned incarnation, zr_level_t level);

#endif
