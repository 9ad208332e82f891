/* The statements of the log's database, prepared once a handle, and what is said when one fails. */
#include "db_internal.h"

#include <errno.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Long statements are cut into pieces. NOLINTBEGIN(bugprone-suspicious-missing-comma) */
static const char *const statement_texts[DB_SQL_COUNT] = {
    [DB_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [DB_SQL_BEGIN_READ] = "BEGIN",
    [DB_SQL_COMMIT] = "COMMIT",
    [DB_SQL_ROLLBACK] = "ROLLBACK",
    [DB_SQL_FAILURE] = "UPDATE meta SET value = value + 1 WHERE name = 'failures'",

    [DB_SQL_FLOOR] = "UPDATE meta SET value = max(value, ?1) WHERE name = 'floor'",

    [DB_SQL_BASE] = "INSERT INTO meta VALUES ('base', ?1) ON CONFLICT (name) DO UPDATE SET value = max(value, ?1)",
    [DB_SQL_HOLD] = "REPLACE INTO meta VALUES ('hold', ?1)",
    [DB_SQL_CYCLE] = "INSERT INTO meta VALUES ('cycle', 1 << 40) ON CONFLICT (name) DO UPDATE SET value = value + 1",
    [DB_SQL_AHEAD_GET] = "SELECT value FROM meta WHERE name = 'ahead ' || ?1",
    [DB_SQL_AHEAD_SET] = "REPLACE INTO meta VALUES ('ahead ' || ?1, ?2)",
    [DB_SQL_AHEAD_DELETE] = "DELETE FROM meta WHERE name = 'ahead ' || ?1",

    [DB_SQL_ROOM_ADD] = "INSERT INTO rooms (id, name) VALUES (?1, ?2)",
    [DB_SQL_ROOM_GET] = "SELECT oldest, gone_entries, gone_bytes, begun, name FROM rooms WHERE id = ?1",
    [DB_SQL_ROOM_BEGIN] = "UPDATE rooms SET begun = ?2, oldest = ?2 WHERE id = ?1",
    [DB_SQL_ROOM_MOVE] = "UPDATE rooms SET oldest = ?2, gone_entries = ?3, gone_bytes = ?4 WHERE id = ?1",
    [DB_SQL_ROOM_DELETE] = "DELETE FROM rooms WHERE id = ?1",
    [DB_SQL_ROOMS] = "SELECT id, name, oldest, gone_entries, gone_bytes, begun FROM rooms ORDER BY id",

    [DB_SQL_FRAME_ADD] = "INSERT INTO frames (id, prev, time, count, entries, bytes, frame)"
                         " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [DB_SQL_FRAME_NEWEST] = "SELECT id, time, entries, bytes, prev FROM frames WHERE id > ?1 AND id <= ?2"
                            " ORDER BY id DESC LIMIT 1",
    [DB_SQL_FRAME_CUT] = "UPDATE frames SET prev = ?2, count = ?3, frame = ?4 WHERE id = ?1",
    [DB_SQL_FRAMES_OLDEST] =
        "SELECT id, time, entries, bytes FROM frames WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT ?3",
    [DB_SQL_FRAMES_DELETE] = "DELETE FROM frames WHERE id > ?1 AND id <= ?2",
    [DB_SQL_FRAMES] = "SELECT id, prev, count, frame FROM frames WHERE id > ?1 AND id <= ?2 ORDER BY id",
    [DB_SQL_FRAMES_TOTALS] = "SELECT id, prev, count, entries, frame FROM frames WHERE id > ?1 AND id <= ?2"
                             " ORDER BY id LIMIT 1",

    [DB_SQL_KEY_SET] = "REPLACE INTO keys (room, key, seq, time, sender, body, ttl)"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [DB_SQL_KEY_DELETE] = "DELETE FROM keys WHERE room = ?1 AND key = ?2",
    [DB_SQL_KEYS_DELETE] = "DELETE FROM keys WHERE room = ?1",
    [DB_SQL_VALUES] = "SELECT room, seq, time, sender, key, body, ttl FROM keys ORDER BY room, seq",

    [DB_SQL_MARK_SET] = "INSERT INTO marks (client, mark, used, refusals) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (client)"
                        " DO UPDATE SET mark = ?2, used = ?3, refusals = coalesce(?4, refusals)",
    [DB_SQL_MARKS] = "SELECT client, mark, refusals FROM marks ORDER BY used, id",
    [DB_SQL_MARKS_COUNT] = "SELECT count(*) FROM marks",
    [DB_SQL_MARKS_OLD] = "SELECT count(*) FROM (SELECT 1 FROM marks WHERE used < ?1 LIMIT ?2)",
    [DB_SQL_MARKS_AHEAD] = "SELECT count(*) FROM (SELECT 1 FROM marks WHERE used > ?1 LIMIT 1)",
    [DB_SQL_MARKS_DATE] = "UPDATE marks SET used = ?1 WHERE id IN (SELECT id FROM marks WHERE used > ?2 LIMIT ?3)",
    [DB_SQL_GROUP_SET] = "REPLACE INTO groups (room, name, state) VALUES (?1, ?2, ?3)",
    [DB_SQL_GROUP_DELETE] = "DELETE FROM groups WHERE room = ?1 AND name = ?2",
    [DB_SQL_GROUPS] = "SELECT room, name, state FROM groups ORDER BY room, name",
    [DB_SQL_GROUPS_MADE] = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'groups'",

    [DB_SQL_MARKS_DELETE] = "DELETE FROM marks WHERE id IN (SELECT id FROM marks ORDER BY used, id LIMIT ?1)",
};
/* NOLINTEND(bugprone-suspicious-missing-comma) */

sqlite3_stmt *db_statement(db_t *db, db_sql_t which) {
    sqlite3_stmt **statement = &db->statements[which];
    if (!*statement)
        sqlite3_prepare_v3(db->sql, statement_texts[which], -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
    return *statement;
}

bool db_run(db_t *db, sqlite3_stmt *statement) {
    (void)db;
    if (!statement)
        return false;
    int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    return code == SQLITE_DONE;
}

bool db_exec(db_t *db, const char *sql) {
    return sqlite3_exec(db->sql, sql, NULL, NULL, NULL) == SQLITE_OK;
}

bool db_number(db_t *db, const char *sql, int64_t *number) {
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db->sql, sql, -1, &statement, NULL) != SQLITE_OK)
        return false;
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        *number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return code == SQLITE_ROW;
}

/* The remedy for the operator; "": only SQLite's own text is known. */
static const char *s_advice(int code, int number) {
    if (number == ENOSPC || number == EDQUOT || (code & 0xff) == SQLITE_FULL)
        return ": the disk is full; make room on it, or keep less";
    if (number == EROFS || (code & 0xff) == SQLITE_READONLY)
        return ": it cannot be written; is the file system mounted read-only?";
    if (number == EACCES || number == EPERM)
        return ": permission denied; let it belong to the user that zrelayd runs as";
    if (number == EIO)
        return ": the disk fails; look at the kernel's log";
    if (number == EMFILE || number == ENFILE)
        return ": too many open files; raise the limit";
    if ((code & 0xff) == SQLITE_BUSY)
        return ": another program holds it locked; end that one";
    if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB)
        return ": it is damaged; put it aside, or restore a backup";
    return "";
}

bool db_fail(db_t *db, zr_error_t *error, const char *what) {
    int code = sqlite3_extended_errcode(db->sql), number = 0;
    if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) /* it has no complaint: we have */
        return db_damaged(db, error, "a row is missing");
    /* The number stays from an earlier failure, which says nothing of this one. */
    if ((code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN || (code & 0xff) == SQLITE_FULL)
        number = sqlite3_system_errno(db->sql);
    return zr_fail(error, "cannot %s %s/%s%s (%s, code %d%s%s)", what, db->dir, DB_NAME, s_advice(code, number),
        sqlite3_errmsg(db->sql), code, number ? ", " : "", number ? strerror(number) : "");
}

bool db_is_full(const db_t *db) {
    int code = sqlite3_extended_errcode(db->sql), number = sqlite3_system_errno(db->sql);
    if ((code & 0xff) == SQLITE_FULL || code == SQLITE_IOERR_SHMSIZE)
        return true;
    bool told = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
    return told && (number == ENOSPC || number == EDQUOT);
}

db_open_t db_refuse(db_t *db, zr_error_t *error, const char *what) {
    int code = sqlite3_errcode(db->sql) & 0xff;
    db_fail(db, error, what);
    return code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? DB_CORRUPT : DB_REFUSED;
}

bool db_damaged(db_t *db, zr_error_t *error, const char *what) {
    return zr_fail(error, "%s/%s is damaged (%s); put it aside, or restore a backup", db->dir, DB_NAME, what);
}

bool db_fail_errno(const char *dir, zr_error_t *error, const char *what) {
    int number = errno;
    const char *advice = s_advice(SQLITE_OK, number);
    return zr_fail(
        error, "cannot %s %s%s%s%s", what, dir, advice, *advice ? "" : ": ", *advice ? "" : strerror(number));
}

sqlite3 *db_open_unshared(const char *path, const char *options) {
    sqlite3 *sql = NULL;
    char *uri = fatal_check(malloc(3 * strlen(path) + strlen(options) + 16));
    char *end = stpcpy(uri, "file:");
    for (const char *c = path; *c; c++)
        end += sprintf(end, strchr("%?#", *c) ? "%%%02x" : "%c", (unsigned char)*c);
    sprintf(end, "?%s", options);
    sqlite3_open_v2(uri, &sql, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, NULL);
    free(uri);
    fatal_check(sql);
    sqlite3_extended_result_codes(sql, 1);
    sqlite3_db_config(sql, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_exec(sql, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL); /* keeps the index in memory */
    return sql;
}

void db_open_on_medium(const char *path, sqlite3 **sql) {
    struct statvfs status;
    if (sqlite3_exec(*sql, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL) == SQLITE_OK ||
        (sqlite3_errcode(*sql) & 0xff) != SQLITE_CANTOPEN || statvfs(path, &status) != 0 ||
        !(status.f_flag & ST_RDONLY))
        return;
    char *wal = fatal_check(malloc(strlen(path) + sizeof "-wal"));
    strcpy(stpcpy(wal, path), "-wal");
    sqlite3_close(*sql);
    *sql = db_open_unshared(path, access(wal, F_OK) == 0 ? "vfs=unix-none" : "immutable=1");
    free(wal);
}
