/* The lease: one broker leads the log, for a *term*. Each transaction checks its term and stores the number of its batch
 * in the lease's row. Each connection of the leader has a term of its own. To raise the term takes the row's lock, so
 * it waits for what an older connection is committing. Afterwards the row tells for certain which batch is stored. */
#ifndef PG_LEASE_H
#define PG_LEASE_H

#include "pg.h"
#include "servers.h"

/* SQL: is the lease free? Its time is over. Or the connection that took it is gone, which a server notices at once if the
 * broker was killed. A server that was started since ended all connections: then a missing one tells nothing, and a
 * broker that leads others has some seconds to come back. */
#define PG_LEASE_FREE                                                                                                  \
    "((until < clock_timestamp() AND (lease.endpoint = '' OR lease.started IS NULL OR pg_postmaster_start_time() <"    \
    " clock_timestamp() - interval '5 seconds')) OR (lease.pid <> 0 AND (lease.endpoint = '' OR lease.started >"       \
    " pg_postmaster_start_time()) AND NOT EXISTS (SELECT 1 FROM pg_stat_activity a WHERE a.pid = lease.pid AND"        \
    " (a.backend_start IS NULL OR a.backend_start = lease.started))))"

typedef enum {
    PG_LEASE_TAKEN,
    PG_LEASE_HELD,   /* by another broker; `error` has a line about it */
    PG_LEASE_UNKNOWN /* the database did not answer, or doubts its answer */
} pg_lease_t;

/* Takes the lease for a new term, over the handle's connection: at the start one that is free, later only the one that
 * this process has. Its commit is confirmed as the level wants it. Then `db->term` is set, and `db->batch` is the last
 * batch that is stored. */
pg_lease_t pg_lease_take(db_t *db, bool start, zr_error_t *error);

/* Claims the lease for this process (pg_members_claim), if it is free, as long as it lasts without being renewed. From
 * then on the broker that led can store nothing. While a transaction of that broker is open, as when its commit waits
 * for a standby, nothing is claimed. */
bool pg_lease_claim(db_t *db, const char *front, const char *key, zr_error_t *error);

/* `batch` was confirmed under `epoch`, and the lease's row has an older one: the database lost what it had confirmed, as
 * after a failover to a server that was behind. Then the log must begin a new epoch. Says so in the database, and takes
 * the lease from its holder; the next leader begins the epoch. Once an epoch. false: the database did not answer. */
bool pg_lease_tell_loss(db_t *db, uint64_t epoch, uint64_t batch, zr_error_t *error);

/* "HOST pid N", fit for an SQL text. */
void pg_lease_name(char name[120]);

/* `text`, of at most ZR_SERVER_MAX bytes, as a literal of SQL. */
void pg_lease_quote(const char *text, char out[2 * ZR_SERVER_MAX + 3]);

/* Holds it for a minute, while the log loads and nothing renews it. Should the process die, the end of its connection
 * frees it sooner. The next renewal and the next commit hold it for 5 s again. */
void pg_lease_hold_long(db_t *db);

/* Until when (ms of zr_boot_us) no other broker takes the lease: as long as it lasts, from when the last renewal was
 * *sent* on, less a slack. 2^64-1: nobody else wants it, as this broker advertises no endpoint. From any thread. */
uint64_t pg_lease_until(const db_t *db);

/* The database confirmed the lease; `sent`: when that was asked for (ms of zr_boot_us). */
void pg_lease_is_held(db_t *db, uint64_t sent);

/* Holds it for another while. Without a connection it tries to connect, once. */
bool pg_lease_renew(db_t *db, zr_error_t *error);

/* Connects until the lease is taken again; then db->batch tells what is stored. Ends the process if another broker leads.
 * false: the program ends. */
bool pg_lease_settle(db_t *db, zr_error_t *error);

/* Another broker leads, or the database lost what it had confirmed and knows it: nothing that this process knows is true
 * any more. Ends it. Clients find the leader, and send again what was not acknowledged. */
_Noreturn void pg_lease_lost(const char *why);

#endif
