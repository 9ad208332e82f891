/* See pg_schema.h. Each migration is applied once, in one transaction with its row in `migrations`. */
#include "pg_schema.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* "zrelay\0\1": any number that no other program takes. */
#define LOCK "SELECT pg_advisory_xact_lock(8822067938836791297)"

/* A frame is found by its room and its last entry. `entries` and `bytes` count from the room's first frame on, so that
 * the last N entries are found by search. UNIQUE (room, prev) forbids that two brokers continue a room from the same
 * position. Frames are not compressed: most are small, and the time for it would be the writer's. */
static const char *const s_migrations[] = {
    "CREATE TABLE zrelay.log (one boolean PRIMARY KEY DEFAULT true CHECK (one), epoch text NOT NULL CHECK (epoch ~"
    " '^[0-9a-f]{16}$'), floor bigint NOT NULL DEFAULT 0, base bigint NOT NULL DEFAULT 0, hold bigint NOT NULL"
    " DEFAULT 0, copy boolean NOT NULL DEFAULT false);"
    "CREATE TABLE zrelay.lease (one boolean PRIMARY KEY DEFAULT true CHECK (one), term bigint NOT NULL DEFAULT 0,"
    " batch bigint NOT NULL DEFAULT 0, holder text NOT NULL DEFAULT '', name text NOT NULL DEFAULT '', pid integer"
    " NOT NULL DEFAULT 0, started timestamptz, until timestamptz NOT NULL DEFAULT '-infinity');"
    "INSERT INTO zrelay.lease DEFAULT VALUES;"
    "CREATE TABLE zrelay.rooms (id integer PRIMARY KEY CHECK (id BETWEEN 1 AND 8388607), name text COLLATE \"C\" NOT"
    " NULL UNIQUE, oldest bigint NOT NULL DEFAULT 0, gone_entries bigint NOT NULL DEFAULT 0, gone_bytes bigint NOT NULL"
    " DEFAULT 0, begun bigint NOT NULL DEFAULT 0, ahead_upto bigint NOT NULL DEFAULT 0, ahead_time bigint NOT NULL"
    " DEFAULT 0);"
    "CREATE TABLE zrelay.frames (room integer NOT NULL, last bigint NOT NULL CHECK (last > prev), prev bigint NOT NULL,"
    " time bigint NOT NULL, count integer NOT NULL, entries bigint NOT NULL, bytes bigint NOT NULL, frame bytea NOT"
    " NULL, PRIMARY KEY (room, last), UNIQUE (room, prev));"
    "ALTER TABLE zrelay.frames ALTER frame SET STORAGE EXTERNAL;"
    "CREATE INDEX frames_entries ON zrelay.frames (room, entries);"
    "CREATE TABLE zrelay.keys (room integer NOT NULL, key text COLLATE \"C\" NOT NULL, seq bigint NOT NULL, time bigint"
    " NOT NULL, sender text NOT NULL, body bytea NOT NULL, PRIMARY KEY (room, key));"
    "CREATE TABLE zrelay.marks (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, client bytea NOT NULL UNIQUE CHECK"
    " (octet_length(client) = 32), mark bigint NOT NULL, used bigint NOT NULL, refusals bytea);"
    "CREATE INDEX marks_used ON zrelay.marks (used, id);"
    "CREATE TABLE zrelay.groups (room text COLLATE \"C\" NOT NULL, name text COLLATE \"C\" NOT NULL, state bytea NOT"
    " NULL, PRIMARY KEY (room, name));"
    "CREATE FUNCTION zrelay.hold_lease(my_term bigint, my_batch bigint, level integer) RETURNS void LANGUAGE plpgsql AS"
    " $$ BEGIN"
    "  IF level > 2 AND (current_setting('synchronous_standby_names') = '' OR current_setting('synchronous_commit') NOT"
    " IN ('on', 'remote_apply')) THEN"
    "   RAISE EXCEPTION 'no standby confirms what is committed: synchronous_standby_names is empty' USING ERRCODE ="
    " 'ZR002';"
    "  END IF;"
    "  UPDATE zrelay.lease SET batch = my_batch, until = clock_timestamp() + interval '5 seconds' WHERE term = my_term;"
    "  IF NOT FOUND THEN RAISE EXCEPTION 'another broker leads the log' USING ERRCODE = 'ZR001'; END IF;"
    " END $$;",

    /* Several brokers that know each other. */
    "ALTER TABLE zrelay.lease ADD endpoint text NOT NULL DEFAULT '', ADD key text NOT NULL DEFAULT '', ADD since"
    " timestamptz;"
    "CREATE TABLE zrelay.brokers (endpoint text PRIMARY KEY, name text NOT NULL, key text NOT NULL, seen timestamptz "
    "NOT"
    " NULL);",

    /* Values with a time to live (ms); 0: without end. */
    "ALTER TABLE zrelay.keys ADD ttl bigint NOT NULL DEFAULT 0;",
};
enum { VERSION = sizeof s_migrations / sizeof s_migrations[0] };

static bool s_do(db_t *db, const char *sql, const char *what, zr_error_t *error) {
    PGresult *result = pg_exec(db, sql);
    bool ok = pg_is_ok(db, result, what, error);
    PQclear(result);
    return ok;
}

static bool s_number(db_t *db, const char *sql, long *number, zr_error_t *error) {
    PGresult *result = pg_exec(db, sql);
    bool ok = pg_is_ok(db, result, "read the version of", error);
    if (ok)
        *number = strtol(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return ok;
}

static bool s_migrate(db_t *db, uint64_t fresh_epoch, zr_error_t *error) {
    static const char begin[] = "CREATE SCHEMA IF NOT EXISTS zrelay; CREATE TABLE IF NOT EXISTS zrelay.migrations"
                                " (version integer PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now())";
    char text[120];
    long version, had;
    if (!s_do(db, begin, "make the tables of", error) ||
        !s_number(db, "SELECT coalesce(max(version), 0) FROM zrelay.migrations", &had, error))
        return false;
    if (had > VERSION)
        return zr_fail(error,
            "the tables in the database were made by a newer zrelayd (version %ld, this one knows %d): run that one",
            had, VERSION);
    for (version = had; version < VERSION; version++) {
        snprintf(text, sizeof text, "INSERT INTO zrelay.migrations (version) VALUES (%ld)", version + 1);
        if (!s_do(db, s_migrations[version], "make the tables of", error) ||
            !s_do(db, text, "make the tables of", error))
            return false;
    }
    snprintf(text, sizeof text, "INSERT INTO zrelay.log (epoch) VALUES ('%016" PRIx64 "')", fresh_epoch);
    return had > 0 || s_do(db, text, "make the tables of", error);
}

/* A broker that may not make anything still starts on tables that are there. */
static bool s_is_current(db_t *db, bool *current, zr_error_t *error) {
    long there = 0, version = 0;
    if (!s_number(db, "SELECT count(*) FROM pg_tables WHERE schemaname = 'zrelay' AND tablename = 'migrations'", &there,
            error) ||
        (there && !s_number(db, "SELECT coalesce(max(version), 0) FROM zrelay.migrations", &version, error)))
        return false;
    *current = version == VERSION;
    return true;
}

bool pg_schema_make(db_t *db, uint64_t fresh_epoch, zr_error_t *error) {
    bool current;
    if (!s_is_current(db, &current, error))
        return false;
    if (current)
        return true;
    if (s_do(db, "BEGIN", "make the tables of", error) && s_do(db, LOCK, "make the tables of", error) &&
        s_migrate(db, fresh_epoch, error))
        return s_do(db, "COMMIT", "make the tables of", error);
    PQclear(pg_exec(db, "ROLLBACK"));
    return false;
}

bool pg_schema_read(db_t *db, uint64_t fresh_epoch, zr_error_t *error) {
    char text[160];
    snprintf(text, sizeof text, "UPDATE zrelay.log SET copy = false, epoch = '%016" PRIx64 "' WHERE copy", fresh_epoch);
    if (db->writer && !s_do(db, text, "begin an epoch in", error))
        return false;
    PGresult *result = pg_exec(db, "SELECT epoch, floor, base, hold FROM zrelay.log");
    bool ok = pg_is_ok(db, result, "read", error);
    if (ok && PQntuples(result) != 1)
        ok = zr_fail(error, "the database is damaged: zrelay.log has no row; restore a backup");
    if (ok) {
        db->epoch = strtoull(PQgetvalue(result, 0, 0), NULL, 16);
        db->floor = strtoull(PQgetvalue(result, 0, 1), NULL, 10);
        db->base = strtoull(PQgetvalue(result, 0, 2), NULL, 10);
        db->hold = strtoull(PQgetvalue(result, 0, 3), NULL, 10);
    }
    PQclear(result);
    return ok;
}
