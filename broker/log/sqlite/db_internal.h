/* Shared by the files of the database: the handle, its prepared statements, and its state of each room. */
#ifndef DB_INTERNAL_H
#define DB_INTERNAL_H

#include <pthread.h>
#include <sqlite3.h>

#include "db.h"
#include "fatal.h"

#define DB_NAME "zrelay.db"
#define DB_NEW DB_NAME ".new"           /* is there while DB_NAME is being made: that is no log yet */
#define DB_RESTORED DB_NAME ".restored" /* a whole copy, that is to become DB_NAME */
#define DB_LOCK "lock"

enum { DB_APPLICATION = 0x7a726c79, DB_BUSY_MS = 5000 };

#define DB_CYCLE (1LL << 40) /* the first count: all that follow are as long */

typedef enum {
    DB_SQL_BEGIN,
    DB_SQL_BEGIN_READ,
    DB_SQL_COMMIT,
    DB_SQL_ROLLBACK,
    DB_SQL_FAILURE,
    DB_SQL_FLOOR,
    DB_SQL_BASE,
    DB_SQL_HOLD,
    DB_SQL_CYCLE,
    DB_SQL_AHEAD_GET,
    DB_SQL_AHEAD_SET,
    DB_SQL_AHEAD_DELETE,
    DB_SQL_ROOM_ADD,
    DB_SQL_ROOM_GET,
    DB_SQL_ROOM_BEGIN,
    DB_SQL_ROOM_MOVE,
    DB_SQL_ROOM_DELETE,
    DB_SQL_ROOMS,
    DB_SQL_FRAME_ADD,
    DB_SQL_FRAME_NEWEST,
    DB_SQL_FRAME_CUT,
    DB_SQL_FRAMES_OLDEST,
    DB_SQL_FRAMES_DELETE,
    DB_SQL_FRAMES,
    DB_SQL_FRAMES_TOTALS,
    DB_SQL_KEY_SET,
    DB_SQL_KEY_DELETE,
    DB_SQL_KEYS_DELETE,
    DB_SQL_VALUES,
    DB_SQL_MARK_SET,
    DB_SQL_MARKS,
    DB_SQL_MARKS_COUNT,
    DB_SQL_MARKS_OLD,
    DB_SQL_MARKS_AHEAD,
    DB_SQL_MARKS_DATE,
    DB_SQL_MARKS_DELETE,
    DB_SQL_GROUPS_MADE,
    DB_SQL_OF_GROUPS, /* these need the table of groups, which most logs do not have */
    DB_SQL_GROUP_SET = DB_SQL_OF_GROUPS,
    DB_SQL_GROUP_DELETE,
    DB_SQL_GROUPS,
    DB_SQL_COUNT
} db_sql_t;

/* The newest frame of a room, as the writer knows it without asking again. */
typedef struct {
    uint64_t head, prev, time;
    uint64_t entries, bytes; /* there ever were, dropped ones counted */
    bool known;              /* the room has a row */
    uint32_t generation;     /* valid when it is the handle's */
} db_newest_t;

struct db {
    sqlite3 *sql;
    sqlite3_stmt *statements[DB_SQL_COUNT];
    char *dir;
    int lock;                          /* -1: a reader */
    bool alone;                        /* db.h */
    pthread_mutex_t turn;              /* of the threads that share it then */
    uint64_t epoch, floor, base, hold; /* as they were when it was opened */

    db_newest_t *rooms; /* by id */
    size_t room_size;
    uint32_t generation; /* goes up when a transaction ended without being stored */
    uint32_t groups;     /* the generation in which the table of groups was made, or found */

    bool cycle;           /* the next transaction may begin the write-ahead log anew (db_pair.c) */
    bool failed;          /* something of the transaction could not be stored: it must not be committed */
    bool doubtful;        /* a failed commit may have left its records in the write-ahead log (db_write.c) */
    int wal_pages;        /* in the write-ahead log */
    int checkpoint_at;    /* 0: not decided */
    int checkpoint_pages; /* that the write-ahead log may hold before it is emptied */
};

/* The statement, ready to be bound; NULL when it cannot be prepared. */
sqlite3_stmt *db_statement(db_t *db, db_sql_t which);

/* Runs a statement that takes a number, in a transaction of its own. */
bool db_set_meta(db_t *db, db_sql_t sql, uint64_t value, zr_error_t *error);

/* Steps a statement that gives no row, and resets it. */
bool db_run(db_t *db, sqlite3_stmt *statement);

bool db_exec(db_t *db, const char *sql);

/* `sql` gives one number. */
bool db_number(db_t *db, const char *sql, int64_t *number);

/* Writes the line for SQLite's last error: the action (`what`), the file, the reason and the remedy. Always false. */
bool db_fail(db_t *db, zr_error_t *error, const char *what);

/* Did SQLite's last call fail for lack of room on the disk? */
bool db_is_full(const db_t *db);

/* The same while opening. DB_CORRUPT: the database is damaged. DB_REFUSED: it failed for another reason, and may work
 * the next time. */
db_open_t db_refuse(db_t *db, zr_error_t *error, const char *what);

/* Writes the line for invalid content of the database. Always false. */
bool db_damaged(db_t *db, zr_error_t *error, const char *what);

/* The same for a call of the operating system's that set errno. */
bool db_fail_errno(const char *dir, zr_error_t *error, const char *what);

/* Ids of rows in `frames`. */
static inline int64_t db_frame_id(uint32_t room, uint64_t seq) {
    return (int64_t)((uint64_t)room << DB_SEQ_BITS | seq);
}

static inline uint64_t db_frame_seq(int64_t id) {
    return (uint64_t)id & DB_SEQ_MAX;
}

static inline zr_span_t db_column(sqlite3_stmt *statement, int column) {
    const void *bytes = sqlite3_column_blob(statement, column); /* before the length, as SQLite wants it */
    return zr_span_of(bytes, (size_t)sqlite3_column_bytes(statement, column));
}

/* The lock on the directory; see db_dir.c. */
bool db_dir_prepare(const char *dir, zr_error_t *error);
bool db_dir_lock(const char *dir, int *lock, zr_error_t *error);
bool db_dir_sync(const char *dir, zr_error_t *error);
char *db_path(const char *dir, const char *name); /* malloc'ed */
bool db_dir_has(const char *dir, const char *name);
/* Renames DB_NAME, and what belongs to it, to DB_NAME.`why`-TIME. The caller has the lock. */
bool db_dir_set_aside(const char *dir, const char *why, char name[64], zr_error_t *error);

/* The database `path` is opened as `*sql`. If it is on a medium that nobody can write, and cannot be read with shared
 * memory there, opens it anew without. */
void db_open_on_medium(const char *path, sqlite3 **sql);

/* Opens the database `path` for reading, without locks and shared memory: no other process may write it meanwhile.
 * `options` of a URI: "vfs=unix-none", or "immutable=1" to leave its write-ahead log out. The caller closes it. What is
 * wrong, the first use of it tells. */
sqlite3 *db_open_unshared(const char *path, const char *options);

/* DB_REFUSED: the write-ahead log belongs to another database than the one beside it. */
db_open_t db_check_pair(const char *dir, zr_error_t *error);

/* Goes on with a restore that was interrupted. */
bool db_restore_finish(const char *dir, char name[64], zr_error_t *error);

/* The state of the room; NULL: it has no row, or the row cannot be read (sqlite3_errcode tells). */
db_newest_t *db_newest(db_t *db, uint32_t room);

/* The same without asking the database; makes place for it. */
db_newest_t *db_newest_place(db_t *db, uint32_t room);

/* Reads every room's newest frame into the handle. */
db_open_t db_load_rooms(db_t *db, zr_error_t *error);

/* Moves the write-ahead log's content into the database; the other when it has grown enough. */
void db_checkpoint_all(db_t *db);
void db_checkpoint(db_t *db);

#endif
