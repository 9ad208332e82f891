/* The log in PostgreSQL: log_durable.h over a database of a server. Called on the loop thread. */
#ifndef LOG_POSTGRES_H
#define LOG_POSTGRES_H

#include "log_durable.h"

typedef struct {
    const char *uri; /* postgresql://… as libpq has it, without a password */
    log_durable_config_t durable;
    uint64_t fresh_epoch;
    const char *endpoint,
        *key; /* this broker's front and its public key, for the others, which must live as long as the log; NULL or empty: it is alone */
} log_postgres_config_t;

/* Could the database be used? Connects to it, and changes nothing. */
bool log_postgres_check(const char *uri, zr_error_t *error);

/* Connects, makes the tables that are missing, and takes the lease; one that another broker has it awaits for some
 * seconds, unless it has an endpoint for the others. The level is ZR_LEVEL_REPLICATED if the server waits for standbys. NULL and a line in `error`, or the log;
 * log_destroy gives it back. If later another broker takes the lease, the process ends at once (pg_lease.h). */
log_t *log_postgres_new(const log_postgres_config_t *config, zr_error_t *error);

/* Copies a log, which nobody uses, into the database `uri`, which must have none. The epoch, positions, values, marks and
 * groups go on there. If this is interrupted, the database keeps a part of it, under another epoch; drop its schema then.
 */
bool log_postgres_import(const char *uri, const log_durable_db_t *from, uint64_t fresh_epoch, zr_error_t *error);

#endif
