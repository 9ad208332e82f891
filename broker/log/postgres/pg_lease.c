/* See pg_lease.h. The database's clock decides when the lease ends. The leader counts by its own boot clock, and stops
 * earlier. */
#include "pg_lease.h"

#include "clock.h"
#include "pg_members.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TAKE                                                                                                           \
    "UPDATE zrelay.lease SET term = term + 1, since = CASE WHEN holder = '%s' THEN since ELSE clock_timestamp() END,"  \
    " holder = '%s', name = '%s', endpoint = %s, key = '%s', pid = pg_backend_pid(), started ="                        \
    " (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()), until = clock_timestamp() +"          \
    " interval '%s' WHERE holder = '%s'%s RETURNING term, batch"

/* How long it lasts without being renewed (see zrelay.hold_lease too), and while the log loads. */
#define SHORT "5 seconds"
#define LONG "60 seconds"
enum { SHORT_MS = 5000, LONG_MS = 60000 };

/* The broker stops so long before its lease ends: what it says in between still arrives in time. */
enum { SLACK_MS = 500 };

/* The lease is free, and no transaction has its row. One that has is the leader's: its commit may wait for a standby for
 * longer than the lease lasts. */
#define UNCLAIMED "one = (SELECT one FROM zrelay.lease WHERE " PG_LEASE_FREE " FOR UPDATE SKIP LOCKED)"

/* Without a connection that holds it, as the one of the claim ends with the program that claims. */
#define CLAIM                                                                                                          \
    "UPDATE zrelay.lease SET term = term + 1, since = clock_timestamp(), holder = '%s', name = '%s', endpoint = %s,"   \
    " key = '%s', pid = 0, started = NULL, until = clock_timestamp() + interval '" SHORT "' WHERE " UNCLAIMED

#define LOST "UPDATE zrelay.log SET copy = true"
#define TELL_LOSS                                                                                                      \
    "WITH lost AS (" LOST " WHERE NOT copy AND epoch = '%016" PRIx64 "' AND (SELECT batch FROM zrelay.lease) < "       \
    "%" PRIu64 " RETURNING 1) UPDATE zrelay.lease SET term = term + 1, holder = '', name = 'none yet, as the "         \
    "database lost messages', pid = 0, started = NULL,"                                                                \
    " until = '-infinity' WHERE EXISTS (SELECT 1 FROM lost)"

static bool s_do(db_t *db, const char *sql, zr_error_t *error) {
    PGresult *result = pg_exec(db, sql);
    bool ok = pg_is_ok(db, result, "take the lease in", error);
    PQclear(result);
    return ok;
}

/* --- Its time --- */

static uint64_t s_now(void) {
    return zr_boot_us() / 1000;
}

uint64_t pg_lease_until(const db_t *db) {
    return db->endpoint[0] ? db->leads_until : UINT64_MAX;
}

static void s_hold_for(db_t *db, uint64_t sent, uint64_t ms) {
    db->leads_until = sent + ms - SLACK_MS;
}

void pg_lease_is_held(db_t *db, uint64_t sent) {
    s_hold_for(db, sent, SHORT_MS);
}

/* --- To take it --- */

static void s_tell_holder(db_t *db, zr_error_t *error) {
    PGresult *result = pg_exec(db, "SELECT name FROM zrelay.lease");
    const char *name =
        PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1 ? PQgetvalue(result, 0, 0) : "";
    zr_fail(error, "another broker leads the log in this database (%s): stop that one first", name);
    PQclear(result);
}

/* "HOST pid N", as an SQL text. */
void pg_lease_name(char name[120]) {
    char host[65] = "";
    gethostname(host, sizeof host - 1);
    for (char *c = host; *c; c++)
        if (*c == '\'' || *c == '\\')
            *c = '_';
    snprintf(name, 120, "%s pid %ld", host, (long)getpid());
}

void pg_lease_quote(const char *text, char out[2 * ZR_SERVER_MAX + 3]) {
    char *to = out;
    *to++ = '\'';
    for (const char *c = text; *c && to < out + 2 * ZR_SERVER_MAX; c++) {
        if (*c == '\'')
            *to++ = *c;
        *to++ = *c;
    }
    *to++ = '\'';
    *to = '\0';
}

static PGresult *s_take(db_t *db, bool start) {
    char sql[3000], name[120], endpoint[2 * ZR_SERVER_MAX + 3];
    pg_lease_name(name);
    pg_lease_quote(db->endpoint, endpoint);
    snprintf(sql, sizeof sql, TAKE, db->holder, db->holder, name, endpoint, db->key, start ? LONG : SHORT, db->holder,
        start ? " OR " UNCLAIMED : "");
    return pg_exec(db, sql);
}

bool pg_lease_claim(db_t *db, const char *front, const char *key, zr_error_t *error) {
    char sql[3000], name[120], endpoint[2 * ZR_SERVER_MAX + 3];
    pg_lease_name(name);
    pg_lease_quote(front, endpoint);
    snprintf(sql, sizeof sql, CLAIM, pg_members_claim(), name, endpoint, key);
    return s_do(db, sql, error);
}

pg_lease_t pg_lease_take(db_t *db, bool start, zr_error_t *error) {
    uint64_t sent = s_now();
    if (!s_do(db, "BEGIN", error) || !s_do(db, "SET LOCAL lock_timeout = '2s'", error))
        return PG_LEASE_UNKNOWN;
    PGresult *result = s_take(db, start);
    bool ok = pg_is_ok(db, result, "take the lease in", error), taken = ok && PQntuples(result) == 1;
    uint64_t term = taken ? strtoull(PQgetvalue(result, 0, 0), NULL, 10) : 0;
    uint64_t batch = taken ? strtoull(PQgetvalue(result, 0, 1), NULL, 10) : 0;
    PQclear(result);
    if (!taken) {
        PQclear(pg_exec(db, "ROLLBACK"));
        if (ok)
            s_tell_holder(db, error);
        return ok ? PG_LEASE_HELD : PG_LEASE_UNKNOWN;
    }
    bool lost = !start && batch < db->batch;
    zr_buffer_clear(&db->warning);
    if ((lost && !s_do(db, LOST, error)) || !s_do(db, "COMMIT", error))
        return PG_LEASE_UNKNOWN;
    if (db->warning.len > 0) {
        zr_fail(error, "the database doubts a commit: %s", (const char *)db->warning.data);
        return PG_LEASE_UNKNOWN;
    }
    if (lost)
        pg_lease_lost("the database lost messages that it had confirmed. Look for a failover to a server that was "
                      "behind. With the next start a new epoch begins");
    db->term = term;
    db->batch = batch;
    s_hold_for(db, sent, start ? LONG_MS : SHORT_MS);
    return PG_LEASE_TAKEN;
}

void pg_lease_hold_long(db_t *db) {
    char sql[160];
    zr_error_t error = {0};
    uint64_t sent = s_now();
    snprintf(sql, sizeof sql,
        "UPDATE zrelay.lease SET until = clock_timestamp() + interval '" LONG "' WHERE term = %" PRIu64, db->term);
    PGresult *result = pg_exec(db, sql);
    if (!pg_is_ok(db, result, "take the lease in", &error))
        zr_log(ZR_LOG_WARN, "%s", error.text);
    else if (strcmp(PQcmdTuples(result), "1") == 0) /* else it was taken meanwhile, and the next renewal says so */
        s_hold_for(db, sent, LONG_MS);
    PQclear(result);
}

bool pg_lease_tell_loss(db_t *db, uint64_t epoch, uint64_t batch, zr_error_t *error) {
    char sql[sizeof TELL_LOSS + 120];
    snprintf(sql, sizeof sql, "SET LOCAL synchronous_commit = local; " TELL_LOSS, epoch, batch);
    return s_do(db, sql, error);
}

_Noreturn void pg_lease_lost(const char *why) {
    zr_log(ZR_LOG_ERROR, "stopping at once: %s", why);
    _exit(EXIT_FAILURE);
}

static pg_lease_t s_again(db_t *db, zr_error_t *error) {
    if (!pg_connect(db, error) || !pg_prepare(db, error))
        return PG_LEASE_UNKNOWN;
    pg_lease_t lease = pg_lease_take(db, false, error);
    if (lease == PG_LEASE_HELD)
        pg_lease_lost(error->text);
    if (lease == PG_LEASE_TAKEN)
        pg_is_back(db);
    else
        pg_disconnect(db);
    return lease;
}

bool pg_lease_renew(db_t *db, zr_error_t *error) {
    if (!db->conn)
        return s_again(db, error) == PG_LEASE_TAKEN;
    zr_buffer_clear(&db->bytes);
    pg_op_t op = {.sql = PG_SQL_HOLD_LEASE};
    pg_put8(db, &op, db->term);
    pg_put8(db, &op, db->batch);
    pg_put4(db, &op, db->level);
    uint64_t sent = s_now();
    zr_buffer_clear(&db->warning);
    PGresult *result = pg_query(db, &op);
    bool ok = pg_is_ok(db, result, "hold the lease in", error);
    if (ok && db->warning.len == 0)
        pg_lease_is_held(db, sent);
    if (strcmp(pg_state(result), "ZR001") == 0)
        pg_lease_lost("another broker leads the log in this database now");
    if (!result || strcmp(pg_state(result), "25006") == 0)
        pg_disconnect(db);
    PQclear(result);
    return ok;
}

bool pg_lease_settle(db_t *db, zr_error_t *error) {
    for (unsigned tries = 0;;) {
        zr_error_t why = {0};
        if (s_again(db, &why) == PG_LEASE_TAKEN)
            return true;
        if (!pg_pause(db, &tries, &why)) {
            zr_fail(error, "%s; it is not known whether what waited is stored", why.text);
            return false;
        }
    }
}
