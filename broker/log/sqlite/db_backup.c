/* A copy of the database while it is in use. */
#include "db_internal.h"

#include <errno.h>
#include <fcntl.h>
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
    unlink(partial); /* of a copy that was killed */
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

bool db_backup(const char *dir, const char *to, zr_error_t *error) {
    db_t *db = db_open_reader(dir, error);
    if (!db)
        return false;
    char *partial = s_partial(to);
    if (!partial) {
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
    if (ok && link(partial, to) != 0)
        ok = db_fail_errno(to, error, "make");
    unlink(partial);
    free(partial);
    ok = ok && db_dir_sync(slash ? above : ".", error);
    free(above);
    return ok;
}
