/* The tables, made and brought up to date. SCHEMA.md describes them. */
#ifndef PG_SCHEMA_H
#define PG_SCHEMA_H

#include "pg.h"

/* Makes what is missing; a new log gets `fresh_epoch`. Refuses tables of a newer version. Two brokers may do this at
 * once. */
bool pg_schema_make(db_t *db, uint64_t fresh_epoch, zr_error_t *error);

/* Reads the epoch, and what the handle says of the last run. A copy begins `fresh_epoch`. For the broker that has the
 * lease. */
bool pg_schema_read(db_t *db, uint64_t fresh_epoch, zr_error_t *error);

#endif
