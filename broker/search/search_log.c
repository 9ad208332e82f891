/* The log as a search sees it: opened for reading only, so that nothing of it is written, not even by accident. */
#include "search_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

static bool s_exists(const char *dir, zr_error_t *error) {
    struct stat status;
    if (stat(dir, &status) != 0)
        return db_fail_errno(dir, error, "use the data directory");
    if (!S_ISDIR(status.st_mode))
        return zr_fail(error, "%s is not a directory: name that of zrelayd's --data", dir);
    char *path = db_path(dir, DB_NAME);
    bool found = stat(path, &status) == 0;
    if (!found && errno == ENOENT)
        zr_fail(error, "there is no log in %s: name the directory of zrelayd's --data", dir);
    else if (!found)
        db_fail_errno(path, error, "read");
    free(path);
    return found;
}

static bool s_connect(db_t *log, zr_error_t *error) {
    char *path = db_path(log->dir, DB_NAME);
    int code = sqlite3_open_v2(path, &log->sql, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        db_open_on_medium(path, &log->sql);
    free(path);
    if (!log->sql)
        return zr_fail(error, "cannot open %s/%s: %s", log->dir, DB_NAME, sqlite3_errstr(code));
    sqlite3_extended_result_codes(log->sql, 1);
    sqlite3_busy_timeout(log->sql, DB_BUSY_MS);
    sqlite3_db_config(log->sql, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(log->sql, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_db_config(log->sql, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(log->sql, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return code == SQLITE_OK || db_fail(log, error, "open");
}

static bool s_identify(db_t *log, zr_error_t *error) {
    int64_t application, version, things;
    if (!db_number(log, "PRAGMA application_id", &application) || !db_number(log, "PRAGMA user_version", &version) ||
        !db_number(log, "SELECT count(*) FROM sqlite_master", &things))
        return db_fail(log, error, "read");
    if (application == 0 && version == 0 && things == 0)
        zr_fail(error, "there is no log in %s yet: start a zrelayd with it first", log->dir);
    else if (application != DB_APPLICATION)
        zr_fail(error, "%s/%s is not zrelay's", log->dir, DB_NAME);
    else if (version < DB_SCHEMA_VERSION)
        zr_fail(error,
            "%s/%s was made by an older zrelayd (schema %lld, this one knows %d): start a zrelayd with it first",
            log->dir, DB_NAME, (long long)version, DB_SCHEMA_VERSION);
    else if (version > DB_SCHEMA_VERSION)
        zr_fail(error,
            "%s/%s was made by a newer zrelayd (schema %lld, this one knows %d): take the zrelayd-search of that one",
            log->dir, DB_NAME, (long long)version, DB_SCHEMA_VERSION);
    else
        return true;
    return false;
}

static bool s_read_epoch(db_t *log, zr_error_t *error) {
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(log->sql, "SELECT value FROM meta WHERE name = 'epoch'", -1, &statement, NULL) != SQLITE_OK)
        return db_fail(log, error, "read");
    bool row = sqlite3_step(statement) == SQLITE_ROW;
    bool ok = row && sqlite3_column_bytes(statement, 0) == 16 &&
              sscanf((const char *)sqlite3_column_text(statement, 0), "%16" SCNx64, &log->epoch) == 1;
    if (row && !ok)
        db_damaged(log, error, "its epoch");
    else if (!row)
        db_fail(log, error, "read");
    sqlite3_finalize(statement);
    return ok;
}

db_t *search_log_open(const char *dir, zr_error_t *error) {
    if (!s_exists(dir, error))
        return NULL;
    db_t *log = fatal_calloc(sizeof *log);
    log->lock = -1;
    log->dir = fatal_check(strdup(dir));
    /* No mmap: a page that the disk does not give would be a SIGBUS. */
    if (s_connect(log, error) && (db_exec(log, "PRAGMA mmap_size = 0") || db_fail(log, error, "open")) &&
        s_identify(log, error) && s_read_epoch(log, error))
        return log;
    db_close(log);
    return NULL;
}
