/* The index's file: its owner and its schema. It can be rebuilt from the log at any time, so it is never repaired, and
 * not synced at each commit.
 *
 * It holds the texts as well. FTS5 needs an entry's text to remove the entry (only SQLite 3.43 and later can do
 * without). By then the log may not have the text any more, as retention dropped it. */
#include "search_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

/* An entry's rowid is room << 40 | seq. The small columns come first: what follows a large body would cost reading it.
 */
#define ENTRIES                                                                                                        \
    "CREATE VIRTUAL TABLE entries USING fts5(time UNINDEXED, flags UNINDEXED, room, sender, key, body,"                \
    " tokenize = 'unicode61 remove_diacritics 2');"

static const char schema[] = "CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value NOT NULL) WITHOUT ROWID;"
                             "CREATE TABLE rooms (id INTEGER PRIMARY KEY, name TEXT NOT NULL, oldest INTEGER NOT NULL,"
                             " seq INTEGER NOT NULL);" ENTRIES;

bool search_fail(search_index_t *index, zr_error_t *error, const char *what) {
    int code = sqlite3_extended_errcode(index->sql);
    const char *text = sqlite3_errmsg(index->sql), *advice = "";
    if (strstr(text, "no such module"))
        return zr_fail(error, "this SQLite (%s) was built without FTS5: take one that has it", sqlite3_libversion());
    switch (code & 0xff) {
    case SQLITE_NOTADB:
        advice = ": it is not an index of zrelayd-search; name another --index";
        break;
    case SQLITE_ERROR:
    case SQLITE_CORRUPT:
    case SQLITE_OK: /* a row is missing */
    case SQLITE_ROW:
    case SQLITE_DONE:
        advice = ": it is damaged; delete it, and it is made anew";
        break;
    case SQLITE_BUSY:
        advice = ": another zrelayd-search is bringing it up to date; try again when that is done";
        break;
    case SQLITE_FULL:
        advice = ": the disk is full; make room on it, or name another --index";
        break;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
        advice = ": it must be writable, and its directory; name another --index";
        break;
    default:
        break;
    }
    return zr_fail(error, "cannot %s %s%s (%s, code %d)", what, index->file, advice, text, code);
}

bool search_exec(search_index_t *index, const char *sql) {
    return sqlite3_exec(index->sql, sql, NULL, NULL, NULL) == SQLITE_OK;
}

sqlite3_stmt *search_prepare(search_index_t *index, const char *sql) {
    sqlite3_stmt *statement = NULL;
    sqlite3_prepare_v2(index->sql, sql, -1, &statement, NULL);
    return statement;
}

static bool s_number(search_index_t *index, const char *sql, int64_t *number) {
    sqlite3_stmt *statement = search_prepare(index, sql);
    bool ok = statement && sqlite3_step(statement) == SQLITE_ROW;
    if (ok)
        *number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return ok;
}

bool search_epoch(search_index_t *index, uint64_t *epoch) {
    sqlite3_stmt *statement = search_prepare(index, "SELECT value FROM meta WHERE name = 'epoch'");
    bool ok = statement && sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_bytes(statement, 0) == 16 &&
              sscanf((const char *)sqlite3_column_text(statement, 0), "%16" SCNx64, epoch) == 1;
    sqlite3_finalize(statement);
    return ok;
}

bool search_reset(search_index_t *index, uint64_t epoch) {
    char text[100];
    snprintf(text, sizeof text, "UPDATE meta SET value = '%016" PRIx64 "' WHERE name = 'epoch'", epoch);
    return search_exec(index, "DROP TABLE entries; DELETE FROM rooms;" ENTRIES) && search_exec(index, text);
}

/* Makes the file with the right mode from the beginning. If root makes it, it is given to the directory's owner, as
 * SQLite does with its own files. Otherwise that user could not open it in a later search. */
static bool s_make_file(const char *file, zr_error_t *error) {
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST || db_fail_errno(file, error, "make the index");
    bool ok = true;
    if (geteuid() == 0) {
        char *dir = fatal_check(strdup(file));
        char *slash = strrchr(dir, '/');
        if (slash)
            slash[slash == dir] = '\0';
        struct stat status;
        ok = (stat(slash ? dir : ".", &status) == 0 && fchown(fd, status.st_uid, status.st_gid) == 0) ||
             db_fail_errno(file, error, "make the index");
        free(dir);
    }
    close(fd);
    return ok;
}

static bool s_create(search_index_t *index, zr_error_t *error) {
    char text[160];
    snprintf(text, sizeof text,
        "INSERT INTO meta VALUES ('epoch', '%016x'); PRAGMA application_id = %d; PRAGMA user_version = %d", 0,
        SEARCH_APPLICATION, SEARCH_SCHEMA_VERSION);
    bool ok = search_exec(index, schema) && search_exec(index, text);
    return ok || search_fail(index, error, "make the index");
}

/* In a transaction, as another search may be making the same index. */
static bool s_identify(search_index_t *index, zr_error_t *error) {
    int64_t application, version, things;
    if (!s_number(index, "PRAGMA application_id", &application) || !s_number(index, "PRAGMA user_version", &version) ||
        !s_number(index, "SELECT count(*) FROM sqlite_master", &things))
        return search_fail(index, error, "open the index");
    if (application == 0 && version == 0 && things == 0)
        return s_create(index, error);
    if (application != SEARCH_APPLICATION || version < 1)
        zr_fail(error, "%s is not an index of zrelayd-search: name another --index", index->file);
    else if (version > SEARCH_SCHEMA_VERSION)
        zr_fail(error,
            "%s was made by a newer zrelayd-search (schema %lld, this one knows %d): take that one, or name another "
            "--index",
            index->file, (long long)version, SEARCH_SCHEMA_VERSION);
    else
        return true;
    return false;
}

static bool s_open(search_index_t *index, zr_error_t *error) {
    int code = sqlite3_open_v2(index->file, &index->sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (!index->sql)
        return zr_fail(error, "cannot open the index %s: %s", index->file, sqlite3_errstr(code));
    sqlite3_extended_result_codes(index->sql, 1);
    sqlite3_busy_timeout(index->sql, DB_BUSY_MS);
    sqlite3_db_config(index->sql, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(index->sql, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_db_config(index->sql, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(index->sql, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL); /* it may be the log, by mistake */
    int64_t application, things;
    if (code != SQLITE_OK || !s_number(index, "PRAGMA application_id", &application) ||
        !s_number(index, "SELECT count(*) FROM sqlite_master", &things))
        return search_fail(index, error, "open the index");
    if (application != SEARCH_APPLICATION && (application != 0 || things != 0)) /* nothing in it is touched */
        return s_identify(index, error);
    if (!search_exec(index, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY;"
                            "PRAGMA secure_delete = FAST; PRAGMA mmap_size = 0"))
        return search_fail(index, error, "open the index");
    bool ok = application == SEARCH_APPLICATION || search_exec(index, "BEGIN IMMEDIATE") ||
              search_fail(index, error, "make the index");
    ok = ok && s_identify(index, error);
    if (ok && !sqlite3_get_autocommit(index->sql))
        ok = search_exec(index, "COMMIT") || search_fail(index, error, "make the index");
    if (ok)
        sqlite3_db_config(index->sql, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return ok;
}

search_index_t *search_index_open(const char *file, zr_error_t *error) {
    if (file[0] && !s_make_file(file, error))
        return NULL;
    search_index_t *index = fatal_calloc(sizeof *index);
    index->file = fatal_check(strdup(file));
    if (s_open(index, error))
        return index;
    search_index_close(index);
    return NULL;
}

void search_index_close(search_index_t *index) {
    if (!index)
        return;
    sqlite3_close(index->sql);
    free(index->file);
    free(index);
}
