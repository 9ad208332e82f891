/* The durable log: log.h over a database, written by a thread of its own with group commit. While one batch is being
 * committed the next gathers; an answer comes when it is on the disk. Replays are read by a second thread. Rooms whose
 * level is memory are kept in a memory log beside it. Everything here is called on the loop thread. */
#ifndef LOG_SQLITE_H
#define LOG_SQLITE_H

#include "db.h"

typedef struct {
    const char *dir;
    bool refuse_corrupt;        /* else a corrupt database is put aside, and the log begins anew with another epoch */
    log_memory_limits_t memory; /* for rooms whose level is memory */
    policies_t policies;        /* for retention; must live as long as the log */
    uint64_t mark_age;          /* µs that a client's marks are kept after its last entry */
    size_t max_marks;
    size_t queue_bytes; /* log_is_full is true while more bytes than this wait for the disk */
    uint64_t fresh_epoch;
} log_sqlite_config_t;

/* Opens the database, restores nothing yet (engine->restore does) and starts the threads. NULL and a line in `error`,
 * or the log; log_destroy commits what waits, stops the threads and closes. `*note` is set to a line for the operator
 * when something was put aside, else to "". */
log_t *log_sqlite_new(const log_sqlite_config_t *config, char note[512], zr_error_t *error);

/* The epoch of the log on disk. */
uint64_t log_sqlite_epoch(const log_t *log);

#endif
