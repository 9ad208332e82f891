#include "db_schema.h"

#include "db_internal.h"

#include <inttypes.h>

/* Frames are found by id alone. `entries` and `bytes` of a frame, and `gone_entries` and `gone_bytes` of a room, count
 * from the room's first frame on. So the last N entries, and those beyond a limit, are found by search, without
 * counting. SQLite checks the essential constraints at each start (quick_check looks at CHECK as well). */
static const char schema[] =
    "CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE rooms (id INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 8388607),"
    " name TEXT NOT NULL UNIQUE CHECK (length(CAST(name AS BLOB)) BETWEEN 1 AND 128),"
    " oldest INTEGER NOT NULL DEFAULT 0 CHECK (typeof(oldest) = 'integer' AND oldest >= 0),"
    " gone_entries INTEGER NOT NULL DEFAULT 0 CHECK (typeof(gone_entries) = 'integer' AND gone_entries >= 0),"
    " gone_bytes INTEGER NOT NULL DEFAULT 0 CHECK (typeof(gone_bytes) = 'integer' AND gone_bytes >= 0),"
    " begun INTEGER NOT NULL DEFAULT 0 CHECK (typeof(begun) = 'integer' AND begun BETWEEN 0 AND oldest));"
    "CREATE TABLE frames (id INTEGER PRIMARY KEY, prev INTEGER NOT NULL, time INTEGER NOT NULL, count INTEGER NOT NULL,"
    " entries INTEGER NOT NULL, bytes INTEGER NOT NULL, frame BLOB NOT NULL);"
    "CREATE TABLE keys (room INTEGER NOT NULL CHECK (typeof(room) = 'integer'),"
    " key TEXT NOT NULL CHECK (length(CAST(key AS BLOB)) BETWEEN 1 AND 255),"
    " seq INTEGER NOT NULL CHECK (typeof(seq) = 'integer' AND seq > 0),"
    " time INTEGER NOT NULL CHECK (typeof(time) = 'integer' AND time >= 0),"
    " sender TEXT NOT NULL CHECK (length(CAST(sender AS BLOB)) <= 255),"
    " body BLOB NOT NULL CHECK (typeof(body) = 'blob'),"
    " ttl INTEGER NOT NULL DEFAULT 0 CHECK (typeof(ttl) = 'integer' AND ttl >= 0), PRIMARY KEY (room, key)) WITHOUT"
    " ROWID;"
    "CREATE TABLE marks (id INTEGER PRIMARY KEY,"
    " client BLOB NOT NULL UNIQUE CHECK (typeof(client) = 'blob' AND length(client) = 32),"
    " mark INTEGER NOT NULL CHECK (typeof(mark) = 'integer' AND mark >= 0),"
    " used INTEGER NOT NULL, refusals BLOB);"
    "CREATE INDEX marks_used ON marks (used);";

/* What each version has more than the one before it, from DB_SCHEMA_OLDEST on. */
static const char *const s_steps[] = {
    "ALTER TABLE keys ADD ttl INTEGER NOT NULL DEFAULT 0 CHECK (typeof(ttl) = 'integer' AND ttl >= 0)",
};
_Static_assert(DB_SCHEMA_OLDEST + sizeof s_steps / sizeof s_steps[0] == DB_SCHEMA_VERSION, "a step to each version");

db_open_t db_schema_identify(db_t *db, int64_t *version, zr_error_t *error) {
    int64_t application, things;
    if (!db_number(db, "PRAGMA application_id", &application) || !db_number(db, "PRAGMA user_version", version) ||
        !db_number(db, "SELECT count(*) FROM sqlite_master", &things))
        return db_refuse(db, error, "read");
    bool empty = application == 0 && *version == 0 && things == 0;
    if (empty && db_dir_has(db->dir, DB_NEW))
        return DB_OPENED;
    if (empty) {
        db_damaged(db, error, "it is empty, and no log");
        return DB_CORRUPT;
    }
    if (application != DB_APPLICATION) {
        zr_fail(error, "%s/%s is not zrelay's (application id %#llx): take another --data", db->dir, DB_NAME,
            (unsigned long long)(uint32_t)application);
        return DB_REFUSED;
    }
    if (*version > DB_SCHEMA_VERSION) {
        zr_fail(error,
            "%s/%s was made by a newer zrelayd (schema %lld, this one knows %d): run that one, or take another --data",
            db->dir, DB_NAME, (long long)*version, DB_SCHEMA_VERSION);
        return DB_REFUSED;
    }
    if (*version < 1) {
        db_damaged(db, error, "no schema version");
        return DB_CORRUPT;
    }
    if (*version < DB_SCHEMA_OLDEST) {
        zr_fail(error,
            "%s/%s was made by an older zrelayd (schema %lld, this one knows %d and later): run that one, or take "
            "another --data",
            db->dir, DB_NAME, (long long)*version, DB_SCHEMA_OLDEST);
        return DB_REFUSED;
    }
    return DB_OPENED;
}

db_open_t db_schema_create(db_t *db, uint64_t epoch, zr_error_t *error) {
    char text[200];
    snprintf(text, sizeof text,
        "INSERT INTO meta VALUES ('epoch', '%016" PRIx64 "'), ('failures', 0), ('floor', 0), ('cycle', %lld);"
        "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
        epoch, DB_CYCLE, DB_APPLICATION, DB_SCHEMA_VERSION);
    if (!db_exec(db, "BEGIN IMMEDIATE") || !db_exec(db, schema) || !db_exec(db, text))
        return db_refuse(db, error, "begin the log in");
    return db_dir_sync(db->dir, error) ? DB_OPENED : DB_REFUSED;
}

db_open_t db_schema_upgrade(db_t *db, int64_t version, zr_error_t *error) {
    if (version == DB_SCHEMA_VERSION)
        return DB_OPENED;
    char text[80];
    snprintf(text, sizeof text, "PRAGMA user_version = %d; COMMIT", DB_SCHEMA_VERSION);
    bool ok = db_exec(db, "BEGIN IMMEDIATE");
    for (int64_t step = version; ok && step < DB_SCHEMA_VERSION; step++)
        ok = db_exec(db, s_steps[step - DB_SCHEMA_OLDEST]);
    return ok && db_exec(db, text) ? DB_OPENED : db_refuse(db, error, "bring up to date");
}
