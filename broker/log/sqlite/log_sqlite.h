/* The log on disk: log_durable.h over a SQLite file in the data directory. Called on the loop thread. */
#ifndef LOG_SQLITE_H
#define LOG_SQLITE_H

#include "log_durable.h"

typedef struct {
    const char *dir;
    bool refuse_corrupt; /* else a corrupt database is put aside, and the log begins anew with another epoch */
    log_limits_t durable;
    uint64_t fresh_epoch;
} log_sqlite_config_t;

/* Opens the database. NULL and a line in `error`, or the log; log_destroy gives it back. `*note` is set to a line for
 * the operator when something was put aside, else to "". */
log_t *log_sqlite_new(const log_sqlite_config_t *config, char note[512], zr_error_t *error);

/* Opens the database in `dir`, which no broker uses, for another engine to copy (log_postgres_import). The caller closes
 * `from->db` with its ops. */
bool log_sqlite_open(const char *dir, log_durable_db_t *from, zr_error_t *error);

/* The log was copied to another place and goes on there. Should a broker use this one again, it begins a new epoch. */
bool log_sqlite_moved(const log_durable_db_t *from, zr_error_t *error);

#endif
