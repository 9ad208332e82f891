/* A copy of the database while it is in use, and the way back. */
#include "db_backup.h"

#include "db_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEP_PAGES = 1000 };

/* Copies the source within one read transaction; without it each commit would begin the copy anew. The transaction
 * begins only with a read, and a step of the copy does not count as one. */
static bool s_copy(sqlite3 *from, sqlite3 *to) {
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    if (!backup)
        return false;
    while (sqlite3_backup_step(backup, STEP_PAGES) == SQLITE_OK)
        ;
    return sqlite3_backup_finish(backup) == SQLITE_OK;
}

/* One file, and marked as a copy, so that it begins a new epoch where it is put to use. */
static bool s_finish(sqlite3 *to) {
    return sqlite3_exec(to, "PRAGMA journal_mode = DELETE; INSERT OR REPLACE INTO meta VALUES ('copy', 1)", NULL, NULL,
               NULL) == SQLITE_OK;
}

/* With its journal, which SQLite would play back into another file of that name. */
static void s_remove(const char *path) {
    char *journal = fatal_check(malloc(strlen(path) + sizeof "-journal"));
    strcpy(stpcpy(journal, path), "-journal");
    unlink(path);
    unlink(journal);
    free(journal);
}

/* Gives the whole copy its name, without replacing a file. Some file systems have no second names (FAT), and others cannot
 * rename like that (NFS). */
static bool s_name(const char *partial, const char *to) {
    return link(partial, to) == 0 || ((errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS) &&
                                         renameat2(AT_FDCWD, partial, AT_FDCWD, to, RENAME_NOREPLACE) == 0);
}

/* The copy has another name until it is whole and marked, so that an interrupted one is not taken for a copy. Makes an
 * empty file and returns that name, the caller's. NULL: errno says why. */
static char *s_partial(const char *to) {
    if (access(to, F_OK) == 0) {
        errno = EEXIST;
        return NULL;
    }
    char *partial = fatal_check(malloc(strlen(to) + sizeof ".partial"));
    strcpy(partial, to);
    strcat(partial, ".partial");
    s_remove(partial); /* of a copy that was killed */
    int fd = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        close(fd);
        return partial;
    }
    int why = errno;
    free(partial);
    errno = why;
    return NULL;
}

/* --- Back --- */

static bool s_number(sqlite3 *sql, const char *text, int64_t *number) {
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(sql, text, -1, &statement, NULL) != SQLITE_OK)
        return false;
    bool row = sqlite3_step(statement) == SQLITE_ROW;
    if (row)
        *number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return row;
}

static bool s_is_log(sqlite3 *from, const char *path, zr_error_t *error) {
    int64_t application, version, sound;
    if (!s_number(from, "PRAGMA application_id", &application) || !s_number(from, "PRAGMA user_version", &version) ||
        !s_number(from, "SELECT quick_check = 'ok' FROM pragma_quick_check(1)", &sound))
        return zr_fail(
            error, "cannot restore %s: it is no log of zrelayd's, or damaged (%s)", path, sqlite3_errmsg(from));
    if (application != DB_APPLICATION)
        return zr_fail(error, "cannot restore %s: it is no log of zrelayd's; name a file that --backup made", path);
    if (version < DB_SCHEMA_OLDEST || version > DB_SCHEMA_VERSION)
        return zr_fail(error,
            "cannot restore %s: another zrelayd made it (schema %lld, this one knows %d); run that one", path,
            (long long)version, DB_SCHEMA_VERSION);
    return sound || zr_fail(error, "cannot restore %s: it is damaged; take another backup", path);
}

static bool s_copy_back(const char *path, const char *partial, zr_error_t *error) {
    sqlite3 *from = NULL, *to = NULL;
    int code = sqlite3_open_v2(path, &from, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    bool ok = code == SQLITE_OK || zr_fail(error, "cannot restore %s: %s", path, sqlite3_errstr(code));
    if (ok)
        db_open_on_medium(path, &from);
    ok = ok && s_is_log(from, path, error);
    if (ok && !(sqlite3_open_v2(partial, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK &&
                  s_copy(from, to) && s_finish(to)))
        ok = zr_fail(error, "cannot restore %s to %s: %s", path, partial,
            to && sqlite3_errcode(to) ? sqlite3_errmsg(to) : sqlite3_errmsg(from));
    sqlite3_close(to);
    sqlite3_close(from);
    return ok;
}

static bool s_rename(const char *dir, const char *from_name, const char *to_name, zr_error_t *error) {
    char *from = db_path(dir, from_name), *to = db_path(dir, to_name);
    bool ok = rename(from, to) == 0 || db_fail_errno(to, error, "make");
    free(from);
    free(to);
    return ok && db_dir_sync(dir, error);
}

bool db_restore_finish(const char *dir, char name[64], zr_error_t *error) {
    name[0] = '\0';
    if (!db_dir_has(dir, DB_RESTORED))
        return true;
    bool there = db_dir_has(dir, DB_NAME) || db_dir_has(dir, DB_NAME "-wal") || db_dir_has(dir, DB_NAME "-shm");
    return (!there || db_dir_set_aside(dir, "replaced", name, error)) && s_rename(dir, DB_RESTORED, DB_NAME, error);
}

bool db_restore(const char *dir, const char *from, char replaced[64], zr_error_t *error) {
    int lock;
    struct stat status;
    if (stat(from, &status) != 0)
        return db_fail_errno(from, error, "restore");
    if (!S_ISREG(status.st_mode))
        return zr_fail(error, "cannot restore %s: it is no file; name one that --backup made", from);
    if (!db_dir_prepare(dir, error) || !db_dir_lock(dir, &lock, error))
        return false;
    char *restored = db_path(dir, DB_RESTORED), *partial = s_partial(restored);
    bool ok = partial || (db_fail_errno(restored, error, "make"));
    ok = ok && s_copy_back(from, partial, error) && s_rename(dir, DB_RESTORED ".partial", DB_RESTORED, error);
    if (partial && !ok)
        s_remove(partial);
    ok = ok && db_restore_finish(dir, replaced, error);
    free(partial);
    free(restored);
    close(lock);
    return ok;
}

/* --- There --- */

bool db_backup(const char *dir, const char *to, zr_error_t *error) {
    db_t *db = db_open_reader(dir, error);
    if (!db)
        return false;
    char *partial = s_partial(to);
    if (!partial) {
        if (errno == EEXIST)
            zr_fail(error, "cannot make %s: File exists, and a backup replaces no file; choose another name", to);
        else
            db_fail_errno(to, error, "make");
        db_close(db);
        return false;
    }

    sqlite3 *copy = NULL;
    int64_t tables;
    bool ok = db_run(db, db_statement(db, DB_SQL_BEGIN_READ)) &&
              db_number(db, "SELECT count(*) FROM sqlite_schema", &tables) &&
              sqlite3_open_v2(partial, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK &&
              s_copy(db->sql, copy) && s_finish(copy);
    if (!ok)
        zr_fail(error, "cannot copy %s/%s to %s: %s", dir, DB_NAME, to,
            copy && sqlite3_errcode(copy) ? sqlite3_errmsg(copy) : sqlite3_errmsg(db->sql));
    sqlite3_close(copy);
    db_close(db);
    char *above = fatal_check(strdup(to)), *slash = strrchr(above, '/');
    if (slash)
        slash[slash == above] = '\0';
    if (ok && !s_name(partial, to))
        ok = db_fail_errno(to, error, "make");
    s_remove(partial);
    free(partial);
    ok = ok && db_dir_sync(slash ? above : ".", error);
    free(above);
    return ok;
}
