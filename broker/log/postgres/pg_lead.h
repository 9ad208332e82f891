/* The way to lead a log: a connection, the tables, the lease. */
#ifndef PG_LEAD_H
#define PG_LEAD_H

#include "pg.h"

/* Connects, makes the tables that are missing, takes the lease, and reads what the last run left. A lease that another
 * broker has is awaited for longer than it lasts without being renewed. */
bool pg_lead(db_t *db, uint64_t fresh_epoch, zr_error_t *error);

#endif
