/* Retention in small steps: drops frames oldest first. A frame goes when all of its entries are beyond the limit. */
#include "db_internal.h"

typedef struct {
    uint64_t last, entries, bytes; /* of the newest frame that goes */
    size_t count;
} cut_t;

/* The oldest frames that are not kept, at most `max`. `*more`: the next one is not kept either. */
static bool s_find(db_t *db, uint32_t room, uint64_t oldest, const db_newest_t *newest, const policy_t *policy,
    uint64_t now, size_t max, cut_t *cut, bool *more) {
    sqlite3_stmt *statement = db_statement(db, DB_SQL_FRAMES_OLDEST);
    sqlite3_bind_int64(statement, 1, db_frame_id(room, oldest));
    sqlite3_bind_int64(statement, 2, db_frame_id(room, newest->head));
    sqlite3_bind_int64(statement, 3, (int64_t)max + 1);
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        uint64_t time = (uint64_t)sqlite3_column_int64(statement, 1);
        uint64_t entries = (uint64_t)sqlite3_column_int64(statement, 2);
        uint64_t bytes = (uint64_t)sqlite3_column_int64(statement, 3);
        bool goes = (policy->max_age && now > policy->max_age && time < now - policy->max_age) ||
                    (policy->max_entries && newest->entries - entries >= policy->max_entries) ||
                    (policy->max_bytes && newest->bytes - bytes >= policy->max_bytes);
        *more = goes && cut->count == max;
        if (!goes || *more)
            break;
        *cut = (cut_t){db_frame_seq(sqlite3_column_int64(statement, 0)), entries, bytes, cut->count + 1};
    }
    sqlite3_reset(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE;
}

static bool s_drop(db_t *db, uint32_t room, uint64_t oldest, const cut_t *cut, zr_error_t *error) {
    if (!db_begin(db, error))
        return false;
    sqlite3_stmt *frames = db_statement(db, DB_SQL_FRAMES_DELETE);
    sqlite3_bind_int64(frames, 1, db_frame_id(room, oldest));
    sqlite3_bind_int64(frames, 2, db_frame_id(room, cut->last));
    sqlite3_stmt *move = db_statement(db, DB_SQL_ROOM_MOVE);
    sqlite3_bind_int64(move, 1, room);
    sqlite3_bind_int64(move, 2, (int64_t)cut->last);
    sqlite3_bind_int64(move, 3, (int64_t)cut->entries);
    sqlite3_bind_int64(move, 4, (int64_t)cut->bytes);
    if (db_run(db, frames) && db_run(db, move))
        return db_commit(db, error);
    db_fail(db, error, "drop old entries from");
    db_rollback(db);
    return false;
}

bool db_retain(db_t *db, uint32_t room, const policy_t *policy, uint64_t now, size_t frames, log_bounds_t *bounds,
    bool *more, zr_error_t *error) {
    const db_newest_t *newest = db_newest(db, room);
    sqlite3_stmt *statement = db_statement(db, DB_SQL_ROOM_GET);
    sqlite3_bind_int64(statement, 1, room);
    bool found = newest && sqlite3_step(statement) == SQLITE_ROW;
    uint64_t oldest = found ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
    uint64_t begun = found ? (uint64_t)sqlite3_column_int64(statement, 3) : 0;
    sqlite3_reset(statement);
    cut_t cut = {.count = 0};
    bool rest = false;
    if (!found || (newest->head > 0 && !s_find(db, room, oldest, newest, policy, now, frames, &cut, &rest)))
        return db_fail(db, error, "drop old entries from");
    if (cut.count > 0) {
        if (!s_drop(db, room, oldest, &cut, error))
            return false;
        oldest = cut.last;
    }
    newest = db_newest(db, room);
    if (!newest)
        return db_fail(db, error, "drop old entries from");
    *bounds = (log_bounds_t){
        .head = newest->head, .oldest = oldest, .begun = begun, .tail = newest->prev, .time = newest->time};
    *more = rest;
    return true;
}

/* The number that the statement gives. */
static bool s_count(sqlite3_stmt *statement, uint64_t *count) {
    bool row = sqlite3_step(statement) == SQLITE_ROW;
    if (row)
        *count = (uint64_t)sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return row;
}

bool db_forget_marks(db_t *db, uint64_t before, size_t max, size_t rows, bool *more, zr_error_t *error) {
    sqlite3_stmt *old = db_statement(db, DB_SQL_MARKS_OLD);
    sqlite3_bind_int64(old, 1, (int64_t)before);
    sqlite3_bind_int64(old, 2, (int64_t)rows + 1);
    uint64_t unused, all;
    if (!s_count(old, &unused) || !s_count(db_statement(db, DB_SQL_MARKS_COUNT), &all))
        return db_fail(db, error, "forget marks of");
    uint64_t excess = all > max ? all - max : 0;
    uint64_t forget = unused > excess ? unused : excess; /* both are the first in the same order */
    bool rest = forget > rows;
    if (rest)
        forget = rows;
    if (forget > 0) {
        if (!db_begin(db, error))
            return false;
        sqlite3_stmt *statement = db_statement(db, DB_SQL_MARKS_DELETE);
        sqlite3_bind_int64(statement, 1, (int64_t)forget);
        if (!db_run(db, statement)) {
            db_fail(db, error, "forget marks of");
            db_rollback(db);
            return false;
        }
        if (!db_commit(db, error))
            return false;
    }
    *more = rest;
    return true;
}

bool db_give_back(db_t *db, int pages, zr_error_t *error) {
    char text[64];
    int64_t unused, all;
    if (!db_number(db, "PRAGMA freelist_count", &unused) || !db_number(db, "PRAGMA page_count", &all))
        return db_fail(db, error, "shrink");
    /* Some freed pages are kept for new frames: giving back all would move pages to and fro for ever. */
    int64_t spare = unused - all / 16;
    if (spare <= 0)
        return true;
    snprintf(text, sizeof text, "PRAGMA incremental_vacuum(%d)", spare < pages ? (int)spare : pages);
    if (!db_begin(db, error))
        return false;
    if (db_exec(db, text))
        return db_commit(db, error);
    db_fail(db, error, "shrink");
    db_rollback(db);
    return false;
}
