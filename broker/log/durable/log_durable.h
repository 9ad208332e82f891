/* The durable log: log.h over a database, written by a thread of its own with group commit. While one batch is being
 * committed the next gathers; an answer comes when it is stored. Replays are read by a second thread. Rooms whose
 * level is memory are kept in a memory log beside it. Everything here is called on the loop thread. */
#ifndef LOG_DURABLE_H
#define LOG_DURABLE_H

#include "db_ops.h"

/* An open database. */
typedef struct {
    const db_ops_t *ops;
    db_t *db, *read_db; /* for the writing and the reading thread; they may be the same */
    bool shared;        /* another broker may take it over (log.h) */
    zr_level_t level;   /* of what it stores: ZR_LEVEL_DISK or above */
    uint64_t epoch;
    /* As they were when it was opened. Rooms without a row begin after `floor`, which is not below the head of any room
     * forgotten under this epoch (log.h). `base` is the highest position that set_base ever named, `hold` the last time
     * that set_hold did; 0: none. */
    uint64_t floor, base, hold;
} log_durable_db_t;

/* Restores nothing yet (engine->restore does) and starts the threads. Takes the handles over, also when it fails. NULL
 * and a line in `error`, or the log; log_destroy commits what waits, stops the threads and closes. */
log_t *log_durable_new(const log_limits_t *config, const log_durable_db_t *db, zr_error_t *error);

/* The epoch of the log in the database. */
uint64_t log_durable_epoch(const log_t *log);

#endif
