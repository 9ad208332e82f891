/* Opens the database: checks that it is ours, its schema, and that the essentials can be read. A log that begins with
 * half of its rooms would give positions twice. So all that a start needs is read before the database counts as
 * opened. */
#include "db_internal.h"
#include "db_schema.h"
#include "db_write.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    PAGE_SIZE = 8192,
    CACHE_KIB = 16384,
    CHECKPOINT_PAGES = 1000,
    INDEX_ROOM = 1 << 20, /* bytes; much more than the index needs at first */
    WAL_KEEP = 32 << 20,  /* bytes of an emptied write-ahead log that stay for its next use */
};

/* A database that bears our mark and lacks a table or a row, or holds something else there, is damaged too. */
static db_open_t s_unreadable(db_t *db, zr_error_t *error, const char *what) {
    switch (sqlite3_errcode(db->sql)) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        db_fail(db, error, what);
        return DB_CORRUPT;
    case SQLITE_ERROR:
    case SQLITE_MISMATCH:
    case SQLITE_SCHEMA:
        db_damaged(db, error, sqlite3_errmsg(db->sql));
        return DB_CORRUPT;
    default:
        return db_refuse(db, error, what);
    }
}

static bool s_connect(db_t *db, zr_error_t *error) {
    char *path = db_path(db->dir, DB_NAME);
    int code = sqlite3_open_v2(path, &db->sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    free(path);
    if (!db->sql)
        return zr_fail(error, "cannot open %s/%s: %s", db->dir, DB_NAME, sqlite3_errstr(code));
    sqlite3_extended_result_codes(db->sql, 1);
    if (code != SQLITE_OK)
        return db_fail(db, error, "open");
    sqlite3_busy_timeout(db->sql, DB_BUSY_MS);
    if (db->alone && !db_exec(db, "PRAGMA locking_mode = EXCLUSIVE"))
        return db_fail(db, error, "open");
    /* Code in the file must not run, and a database that fails to open is not changed. */
    sqlite3_db_config(db->sql, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(db->sql, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_db_config(db->sql, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db->sql, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return true;
}

static db_t *s_new(const char *dir) {
    db_t *db = fatal_calloc(sizeof *db);
    pthread_mutex_init(&db->turn, NULL);
    db->lock = -1;
    db->generation = 1;
    db->checkpoint_pages = CHECKPOINT_PAGES;
    db->dir = fatal_check(strdup(dir));
    return db;
}

static bool s_touch(const char *dir, const char *name, zr_error_t *error) {
    char *path = db_path(dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = fd >= 0 || db_fail_errno(path, error, "make");
    if (fd >= 0)
        close(fd);
    free(path);
    return ok;
}

/* Makes the file, so that it has the right mode from its first moment. The other file says that it is no log yet: an
 * empty one that stands there alone was a log. */
static bool s_make_file(const char *dir, zr_error_t *error) {
    return s_touch(dir, DB_NEW, error) && db_dir_sync(dir, error) && s_touch(dir, DB_NAME, error);
}

/* A write-ahead log beside an empty file, or beside none, is what is left of a database, and SQLite would delete it. */
static db_open_t s_check_file(const char *dir, bool *missing, zr_error_t *error) {
    char *path = db_path(dir, DB_NAME), *wal = db_path(dir, DB_NAME "-wal");
    struct stat status;
    bool left = stat(wal, &status) == 0 && status.st_size > 0;
    *missing = !db_dir_has(dir, DB_NAME);
    bool lost = *missing || (stat(path, &status) == 0 && status.st_size == 0);
    if (left && lost)
        zr_fail(error, "%s is damaged (it is %s, its write-ahead log is not)", path, *missing ? "missing" : "empty");
    free(path);
    free(wal);
    return left && lost ? DB_CORRUPT : left ? db_check_pair(dir, error) : DB_OPENED;
}

static bool s_read_meta(db_t *db, bool *copy) {
    int64_t failures, copies, floor, base, hold;
    sqlite3_stmt *statement;
    if (!db_number(db, "SELECT value FROM meta WHERE name = 'failures'", &failures) ||
        !db_number(
            db, "SELECT value FROM meta WHERE name = 'floor' AND typeof(value) = 'integer' AND value >= 0", &floor) ||
        !db_number(db,
            "SELECT coalesce((SELECT value FROM meta WHERE name = 'base' AND typeof(value) = 'integer' AND value > 0), "
            "0)",
            &base) ||
        !db_number(db,
            "SELECT coalesce((SELECT value FROM meta WHERE name = 'hold' AND typeof(value) = 'integer' AND value > 0), "
            "0)",
            &hold) ||
        !db_number(db, "SELECT count(*) FROM meta WHERE name = 'copy'", &copies) ||
        sqlite3_prepare_v2(db->sql, "SELECT value FROM meta WHERE name = 'epoch'", -1, &statement, NULL) != SQLITE_OK)
        return false;
    bool ok = sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_bytes(statement, 0) == 16 &&
              sscanf((const char *)sqlite3_column_text(statement, 0), "%16" SCNx64, &db->epoch) == 1;
    sqlite3_finalize(statement);
    *copy = copies > 0;
    db->floor = (uint64_t)floor;
    db->base = (uint64_t)base;
    db->hold = (uint64_t)hold;
    return ok;
}

/* A copy that is put back goes on from an older position: positions given since then are given again, to other entries.
 * So they belong to another epoch. */
static bool s_renew_epoch(db_t *db, uint64_t epoch) {
    char text[160];
    snprintf(text, sizeof text,
        "BEGIN IMMEDIATE; UPDATE meta SET value = '%016" PRIx64 "' WHERE name = 'epoch';"
        "DELETE FROM meta WHERE name = 'copy'; COMMIT",
        epoch);
    db->epoch = epoch;
    bool ok = db_exec(db, text);
    db_checkpoint_all(db);
    return ok;
}

/* quick_check reports read errors as text too. A disk that fails today is no reason to put the database aside. */
static bool s_tells_of_damage(const char *text) {
    const char *code = strstr(text, "error code=");
    int number = code ? atoi(code + strlen("error code=")) & 0xff : SQLITE_CORRUPT;
    return number == SQLITE_CORRUPT || number == SQLITE_NOTADB;
}

static db_open_t s_check_table(db_t *db, sqlite3_stmt *statement, zr_error_t *error) {
    if (sqlite3_step(statement) != SQLITE_ROW)
        return s_unreadable(db, error, "check");
    const char *text = (const char *)sqlite3_column_text(statement, 0);
    if (text && strcmp(text, "ok") == 0)
        return DB_OPENED;
    if (text && !s_tells_of_damage(text)) {
        zr_fail(error, "cannot read %s/%s; look at the kernel's log (%s)", db->dir, DB_NAME, text);
        return DB_REFUSED;
    }
    db_damaged(db, error, text ? text : "unreadable");
    return DB_CORRUPT;
}

/* The tables that a start reads whole: their pages, and what must be true of each row. That of groups comes with the
 * first group. */
static db_open_t s_check(db_t *db, zr_error_t *error) {
    static const char *const checks[] = {"PRAGMA quick_check(meta)", "PRAGMA quick_check(rooms)",
        "PRAGMA quick_check(keys)", "PRAGMA quick_check(marks)", "PRAGMA quick_check(groups)"};
    int64_t groups;
    if (!db_number(db, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'groups'", &groups))
        return s_unreadable(db, error, "check");
    for (size_t i = 0; i < sizeof checks / sizeof checks[0] - (groups == 0); i++) {
        sqlite3_stmt *statement;
        if (sqlite3_prepare_v2(db->sql, checks[i], -1, &statement, NULL) != SQLITE_OK)
            return s_unreadable(db, error, "check");
        db_open_t result = s_check_table(db, statement, error);
        sqlite3_finalize(statement);
        if (result != DB_OPENED) {
            for (char *newline; (newline = strchr(error->text, '\n'));)
                *newline = ' ';
            return result;
        }
    }
    int64_t strangers;
    if (!db_number(db, "SELECT count(*) FROM keys WHERE room NOT IN (SELECT id FROM rooms)", &strangers))
        return s_unreadable(db, error, "check");
    if (strangers > 0) {
        db_damaged(db, error, "values of a room that is missing");
        return DB_CORRUPT;
    }
    return DB_OPENED;
}

static db_open_t s_load(db_t *db, uint64_t fresh_epoch, zr_error_t *error) {
    db_open_t result = s_check(db, error);
    if (result != DB_OPENED)
        return result;
    bool copy = false;
    for (int i = 0; i < DB_SQL_OF_GROUPS; i++)
        if (!db_statement(db, (db_sql_t)i))
            return s_unreadable(db, error, "read");
    if (!s_read_meta(db, &copy))
        return s_unreadable(db, error, "read");
    result = db_load_rooms(db, error);
    if (result != DB_OPENED)
        return result;
    if (copy && !s_renew_epoch(db, fresh_epoch))
        return db_refuse(db, error, "take over");
    return DB_OPENED;
}

static int s_wal_hook(void *ctx, sqlite3 *sql, const char *name, int pages) {
    (void)sql;
    (void)name;
    db_t *db = ctx;
    if (pages < db->wal_pages) /* it began anew */
        db->checkpoint_at = 0;
    db->wal_pages = pages;
    return SQLITE_OK;
}

static db_open_t s_set_up(db_t *db, zr_error_t *error) {
    char text[320];
    snprintf(text, sizeof text,
        "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = %d;"
        "PRAGMA cache_size = -%d; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = FAST",
        WAL_KEEP, CACHE_KIB);
    sqlite3_stmt *statement = NULL;
    if (!db_exec(db, text) ||
        sqlite3_prepare_v2(db->sql, "PRAGMA journal_mode = WAL", -1, &statement, NULL) != SQLITE_OK)
        return db_refuse(db, error, "set up");
    db_open_t result = DB_OPENED;
    bool row = sqlite3_step(statement) == SQLITE_ROW;
    bool wal = row && strcmp((const char *)sqlite3_column_text(statement, 0), "wal") == 0;
    if (!row || sqlite3_step(statement) != SQLITE_DONE) { /* it tells the new mode first and takes it then */
        result = db_refuse(db, error, "set up");
    } else if (!wal) {
        zr_fail(error, "cannot keep a write-ahead log in %s: its file system has no shared memory; take a local disk",
            db->dir);
        result = DB_REFUSED;
    }
    sqlite3_finalize(statement);
    sqlite3_wal_hook(db->sql, s_wal_hook, db);
    return result;
}

/* Of a new database only: to set them writes, and a full disk must not keep an old one from being opened. */
static db_open_t s_form(db_t *db, zr_error_t *error) {
    char text[80];
    snprintf(text, sizeof text, "PRAGMA page_size = %d; PRAGMA auto_vacuum = INCREMENTAL", PAGE_SIZE);
    return db_exec(db, text) ? DB_OPENED : db_refuse(db, error, "begin the log in");
}

/* A write-ahead log that is there holds the count already. */
static bool s_begins_cycle(const char *dir) {
    char *wal = db_path(dir, DB_NAME "-wal");
    struct stat status;
    bool begins = stat(wal, &status) != 0 || status.st_size == 0;
    free(wal);
    return begins;
}

static db_open_t s_open(db_t *db, uint64_t fresh_epoch, zr_error_t *error) {
    int64_t version = 0;
    bool missing;
    char replaced[64];
    if (!db_restore_finish(db->dir, replaced, error))
        return DB_REFUSED;
    db_open_t result = s_check_file(db->dir, &missing, error);
    if (result != DB_OPENED)
        return result;
    if (missing && !s_make_file(db->dir, error))
        return DB_REFUSED;
    db->cycle = s_begins_cycle(db->dir);
    if (!s_connect(db, error))
        return DB_REFUSED;
    result = db_schema_identify(db, &version, error);
    if (result == DB_OPENED && version == 0)
        result = s_form(db, error);
    if (result == DB_OPENED)
        result = s_set_up(db, error);
    if (result == DB_OPENED)
        result = version == 0 ? db_schema_create(db, fresh_epoch, error) : db_schema_upgrade(db, version, error);
    if (result == DB_OPENED)
        result = s_load(db, fresh_epoch, error);
    if (result != DB_OPENED)
        return result;
    sqlite3_db_config(db->sql, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    char *new = db_path(db->dir, DB_NEW);
    unlink(new);
    free(new);
    return DB_OPENED;
}

static void s_disconnect(db_t *db) {
    db_rollback(db);
    for (int i = 0; i < DB_SQL_COUNT; i++)
        sqlite3_finalize(db->statements[i]);
    memset(db->statements, 0, sizeof db->statements);
    sqlite3_close(db->sql);
    db->sql = NULL;
}

/* Is there too little room for the index of the write-ahead log? It is a file of 32 KiB and more, which SQLite makes
 * anew at each start and maps into memory. */
static bool s_is_short(const char *dir) {
    struct statvfs status;
    return statvfs(dir, &status) == 0 && (uint64_t)status.f_bavail * status.f_frsize < INDEX_ROOM;
}

/* On a full disk the index is kept in memory. No other process can use the database then. */
static db_open_t s_open_any(db_t *db, uint64_t fresh_epoch, zr_error_t *error) {
    db->alone = s_is_short(db->dir);
    db_open_t result = s_open(db, fresh_epoch, error);
    if (result != DB_REFUSED || db->alone || !db->sql || !db_is_full(db))
        return result;
    s_disconnect(db);
    *error = (zr_error_t){0};
    db->alone = true;
    return s_open(db, fresh_epoch, error);
}

db_open_t db_open(db_t **out, const char *dir, uint64_t fresh_epoch, zr_error_t *error) {
    /* Counting allocations for the whole process is a mutex that the threads would share. Once SQLite is in use, this
     * does nothing. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    int lock;
    if (!db_dir_prepare(dir, error) || !db_dir_lock(dir, &lock, error))
        return DB_REFUSED;
    db_t *db = s_new(dir);
    db->lock = lock;
    db_open_t result = s_open_any(db, fresh_epoch, error);
    if (result == DB_OPENED)
        *out = db;
    else
        db_close(db);
    return result;
}

db_t *db_open_reader(const char *dir, zr_error_t *error) {
    db_t *db = s_new(dir);
    char text[120];
    /* No mmap: a page that the disk does not give would be a SIGBUS, and with it the broker's end. */
    snprintf(text, sizeof text, "PRAGMA query_only = ON; PRAGMA mmap_size = 0; PRAGMA cache_size = -%d", CACHE_KIB);
    bool copy, ok = s_connect(db, error);
    char *path = db_path(dir, DB_NAME);
    if (ok)
        db_open_on_medium(path, &db->sql);
    free(path);
    if (ok && (!db_exec(db, text) || !s_read_meta(db, &copy)))
        ok = db_fail(db, error, "open");
    if (ok)
        return db;
    db_close(db);
    return NULL;
}

void db_close(db_t *db) {
    if (!db)
        return;
    s_disconnect(db);
    pthread_mutex_destroy(&db->turn);
    if (db->lock >= 0)
        close(db->lock);
    free(db->rooms);
    free(db->dir);
    free(db);
}

bool db_is_alone(const db_t *db) {
    return db->alone;
}

void db_enter(db_t *db) {
    if (db->alone)
        pthread_mutex_lock(&db->turn);
}

void db_leave(db_t *db) {
    if (db->alone)
        pthread_mutex_unlock(&db->turn);
}

uint64_t db_epoch(const db_t *db) {
    return db->epoch;
}

uint64_t db_base(const db_t *db) {
    return db->base;
}

uint64_t db_floor(const db_t *db) {
    return db->floor;
}
