/* A log on a made-up disk, which outlives the broker. A commit counts once it is synced. Syncs come one after the
 * other, each with all commits that wait by then. A kill loses the rest. While the disk is full, syncs fail. Rooms of a
 * lower level are kept beside it and go with the broker. It tells the model each pass on the disk. */
#ifndef DISKLOG_H
#define DISKLOG_H

#include "log.h"

struct sim;
typedef struct disk disk_t;

disk_t *disk_new(struct sim *sim);
void disk_destroy(disk_t *disk);              /* NULL is accepted */
void disk_fill(disk_t *disk, uint64_t until); /* it is full until then */

/* The log of a run of the broker. When it is destroyed, a sync under way may still have come to its end. */
log_t *disklog_new(struct sim *sim, unsigned incarnation);

#endif
