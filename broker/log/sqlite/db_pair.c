/* Does the write-ahead log belong to the database beside it? SQLite does not ask. An operator may put a copy in the
 * place of a database whose write-ahead log is still there. SQLite would then give the old log, or a mixture.
 *
 * `cycle` in the table meta counts how often the write-ahead log began anew. The first transaction in it raises the
 * count. The log begins anew only once all of it is in the database. So the database alone has the same count as both
 * together, or one less.
 *
 * A power cut may leave the database's page half written. The check finds that, as far as it could tell something
 * wrong: an epoch and a count are overwritten where they stand. */
#include <fcntl.h>
#include <unistd.h>

#include "db_internal.h"

enum { READ_VERSION = 19 }; /* offset in the file; 1: it has no write-ahead log, and 2 before it gets one */

typedef struct {
    bool readable, copy;
    char epoch[17];
    int64_t cycle;
} content_t;

static bool s_is_sound(sqlite3 *sql) {
    sqlite3_stmt *statement = NULL;
    bool sound = sqlite3_prepare_v2(sql, "PRAGMA quick_check(meta)", -1, &statement, NULL) == SQLITE_OK &&
                 sqlite3_step(statement) == SQLITE_ROW &&
                 strcmp((const char *)sqlite3_column_text(statement, 0), "ok") == 0;
    sqlite3_finalize(statement);
    return sound;
}

/* The database as it is alone, or with its write-ahead log. What cannot be read is left to the checks of the start. */
static content_t s_read(const char *path, const char *options) {
    content_t content = {.readable = false};
    sqlite3_stmt *statement = NULL;
    sqlite3 *sql = db_open_unshared(path, options);
    if (s_is_sound(sql) &&
        sqlite3_prepare_v2(sql,
            "SELECT e.value, c.value, (SELECT count(*) FROM meta WHERE name = 'copy') FROM meta e, meta c"
            " WHERE e.name = 'epoch' AND c.name = 'cycle'",
            -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_bytes(statement, 0) == 16) {
        content.readable = true;
        memcpy(content.epoch, sqlite3_column_text(statement, 0), 16);
        content.cycle = sqlite3_column_int64(statement, 1);
        content.copy = sqlite3_column_int64(statement, 2) > 0;
    }
    sqlite3_finalize(statement);
    sqlite3_close(sql);
    return content;
}

static bool s_has_none(const char *path) {
    char version = 2;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool none = fd >= 0 && pread(fd, &version, 1, READ_VERSION) == 1 && version == 1;
    if (fd >= 0)
        close(fd);
    return none;
}

db_open_t db_check_pair(const char *dir, zr_error_t *error) {
    char *path = db_path(dir, DB_NAME);
    bool strangers = s_has_none(path);
    if (!strangers) {
        content_t alone = s_read(path, "immutable=1"), both = s_read(path, "vfs=unix-none");
        bool known = alone.readable && both.readable && !alone.copy;
        strangers = known && (strcmp(alone.epoch, both.epoch) != 0 ||
                                 (both.cycle != alone.cycle && both.cycle != alone.cycle + 1));
    }
    free(path);
    if (!strangers)
        return DB_OPENED;
    zr_fail(error,
        "%s/%s was replaced: %s-wal beside it is another one's. Put back the file that was there, then use --restore; "
        "or move %s-wal and %s-shm away",
        dir, DB_NAME, DB_NAME, DB_NAME, DB_NAME);
    return DB_REFUSED;
}
