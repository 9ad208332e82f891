/* The lease: one broker leads the log, for a *term*. Each transaction checks its term and stores the number of its batch
 * in the lease's row. Each connection of the leader has a term of its own. To raise the term takes the row's lock, so
 * it waits for what an older connection is committing. Afterwards the row tells for certain which batch is stored. */
#ifndef PG_LEASE_H
#define PG_LEASE_H

#include "pg.h"

typedef enum {
    PG_LEASE_TAKEN,
    PG_LEASE_HELD,   /* by another broker; `error` has a line about it */
    PG_LEASE_UNKNOWN /* the database did not answer, or doubts its answer */
} pg_lease_t;

/* Takes the lease for a new term, over the handle's connection: at the start one that is free, later only the one that
 * this process has. Its commit is confirmed as the level wants it. Then `db->term` is set, and `db->batch` is the last
 * batch that is stored. */
pg_lease_t pg_lease_take(db_t *db, bool start, zr_error_t *error);

/* Holds it for another while. Without a connection it tries to connect, once. */
bool pg_lease_renew(db_t *db, zr_error_t *error);

/* Connects until the lease is taken again; then db->batch tells what is stored. Ends the process if another broker leads.
 * false: the program ends. */
bool pg_lease_settle(db_t *db, zr_error_t *error);

/* Another broker leads, or the database lost what it had confirmed: nothing that this process knows is true any more.
 * Ends it. Clients find the leader, and send again what was not acknowledged. */
_Noreturn void pg_lease_lost(const char *why);

#endif
