/* Retention in small steps: drops the oldest entries, as retain_plan.h decides. */
#include "clock.h"
#include "db_internal.h"
#include "db_retain.h"
#include "db_write.h"
#include "retain_plan.h"

#include <inttypes.h>

typedef struct {
    db_t *db;
    uint32_t id;
    retain_room_t room;
} retain_t;

static retain_ahead_t s_ahead(db_t *db, uint32_t room) {
    retain_ahead_t ahead = {0, 0};
    sqlite3_stmt *statement = db_statement(db, DB_SQL_AHEAD_GET);
    sqlite3_bind_int64(statement, 1, room);
    if (sqlite3_step(statement) != SQLITE_ROW ||
        sscanf((const char *)sqlite3_column_text(statement, 0), "%" SCNu64 " %" SCNu64, &ahead.upto, &ahead.time) != 2)
        ahead = (retain_ahead_t){0, 0};
    sqlite3_reset(statement);
    return ahead;
}

/* The oldest frames that are not kept, among the first `max`. */
static bool s_find(const retain_t *retain, size_t max, retain_plan_t *plan) {
    sqlite3_stmt *statement = db_statement(retain->db, DB_SQL_FRAMES_OLDEST);
    sqlite3_bind_int64(statement, 1, db_frame_id(retain->id, plan->oldest));
    sqlite3_bind_int64(statement, 2, db_frame_id(retain->id, retain->room.head));
    sqlite3_bind_int64(statement, 3, (int64_t)max + 1);
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        const retain_row_t row = {.last = db_frame_seq(sqlite3_column_int64(statement, 0)),
            .time = (uint64_t)sqlite3_column_int64(statement, 1),
            .entries = (uint64_t)sqlite3_column_int64(statement, 2),
            .bytes = (uint64_t)sqlite3_column_int64(statement, 3)};
        if (!retain_plan_add(plan, &retain->room, &row, max))
            break;
    }
    retain_plan_end(plan);
    sqlite3_reset(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE;
}

static bool s_trim(const retain_t *retain, retain_plan_t *plan) {
    if (!retain_plan_cuts(plan, &retain->room))
        return true;
    sqlite3_stmt *row = db_statement(retain->db, DB_SQL_FRAMES);
    sqlite3_bind_int64(row, 1, db_frame_id(retain->id, plan->oldest));
    sqlite3_bind_int64(row, 2, db_frame_id(retain->id, retain->room.head));
    int code = sqlite3_step(row);
    if (code == SQLITE_ROW)
        retain_plan_cut(plan, &retain->room, db_frame_seq(sqlite3_column_int64(row, 0)),
            (size_t)sqlite3_column_int64(row, 2), db_column(row, 3));
    sqlite3_reset(row);
    return code == SQLITE_ROW || code == SQLITE_DONE;
}

static bool s_write_cut(const retain_t *retain, const retain_plan_t *plan) {
    sqlite3_stmt *statement = db_statement(retain->db, DB_SQL_FRAME_CUT);
    sqlite3_bind_int64(statement, 1, db_frame_id(retain->id, plan->cut_last));
    sqlite3_bind_int64(statement, 2, (int64_t)plan->oldest);
    sqlite3_bind_int64(statement, 3, (int64_t)plan->cut_count);
    sqlite3_bind_blob64(statement, 4, zr_blob_data(plan->cut), zr_blob_len(plan->cut), SQLITE_STATIC);
    return db_run(retain->db, statement);
}

static bool s_write_ahead(const retain_t *retain, const retain_ahead_t *ahead) {
    char text[48];
    snprintf(text, sizeof text, "%" PRIu64 " %" PRIu64, ahead->upto, ahead->time);
    sqlite3_stmt *statement = db_statement(retain->db, DB_SQL_AHEAD_SET);
    sqlite3_bind_int64(statement, 1, retain->id);
    sqlite3_bind_text(statement, 2, text, -1, SQLITE_STATIC);
    return db_run(retain->db, statement);
}

static bool s_write(const retain_t *retain, const retain_plan_t *plan) {
    sqlite3_stmt *drop = db_statement(retain->db, DB_SQL_FRAMES_DELETE);
    sqlite3_bind_int64(drop, 1, db_frame_id(retain->id, plan->began));
    sqlite3_bind_int64(drop, 2, db_frame_id(retain->id, plan->dropped));
    sqlite3_stmt *move = db_statement(retain->db, DB_SQL_ROOM_MOVE);
    sqlite3_bind_int64(move, 1, retain->id);
    sqlite3_bind_int64(move, 2, (int64_t)plan->oldest);
    sqlite3_bind_int64(move, 3, (int64_t)plan->entries);
    sqlite3_bind_int64(move, 4, (int64_t)plan->bytes);
    return (plan->dropped == plan->began || db_run(retain->db, drop)) &&
           (!plan->ahead.upto || s_write_ahead(retain, &plan->ahead)) && (!plan->cut || s_write_cut(retain, plan)) &&
           (plan->oldest == plan->began || db_run(retain->db, move));
}

static bool s_carry_out(const retain_t *retain, const retain_plan_t *plan, zr_error_t *error) {
    if (!db_begin(retain->db, error))
        return false;
    if (!s_write(retain, plan)) {
        db_fail(retain->db, error, "drop old entries from");
        db_rollback(retain->db);
        return false;
    }
    if (!db_commit(retain->db, error))
        return false;
    if (plan->cut_last == retain->room.head)
        db_newest_place(retain->db, retain->id)->prev = plan->oldest;
    return true;
}

bool db_retain(db_t *db, uint32_t room, const db_kept_t *kept, uint64_t now, size_t frames, log_bounds_t *bounds,
    bool *more, zr_error_t *error) {
    const db_newest_t *newest = db_newest(db, room);
    retain_t retain = {
        .db = db, .id = room, .room = {.policy = &kept->policy, .keep = kept->keep, .upto = kept->upto, .now = now}};
    if (newest) {
        retain.room.head = newest->head;
        retain.room.entries = newest->entries;
        retain.room.bytes = newest->bytes;
        if (kept->policy.max_age)
            retain.room.ahead = s_ahead(db, room);
    }
    sqlite3_stmt *statement = db_statement(db, DB_SQL_ROOM_GET);
    sqlite3_bind_int64(statement, 1, room);
    retain_plan_t plan = {.oldest = 0};
    bool found = newest && sqlite3_step(statement) == SQLITE_ROW;
    if (found)
        plan = retain_plan_begin(&retain.room, (uint64_t)sqlite3_column_int64(statement, 0),
            (uint64_t)sqlite3_column_int64(statement, 1), (uint64_t)sqlite3_column_int64(statement, 2));
    uint64_t begun = found ? (uint64_t)sqlite3_column_int64(statement, 3) : 0;
    sqlite3_reset(statement);

    if (!found || (newest->head > 0 && (!s_find(&retain, frames, &plan) || (!plan.more && !s_trim(&retain, &plan)))))
        return db_fail(db, error, "drop old entries from");
    bool ok = (plan.oldest == plan.began && !plan.ahead.upto) || s_carry_out(&retain, &plan, error);
    zr_blob_unref(plan.cut);
    if (!ok)
        return false;
    *bounds = (log_bounds_t){
        .head = newest->head, .oldest = plan.oldest, .begun = begun, .tail = newest->prev, .time = newest->time};
    *more = plan.more;
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

bool db_date_marks(db_t *db, uint64_t now, size_t rows, zr_error_t *error) {
    sqlite3_stmt *statement = db_statement(db, DB_SQL_MARKS_AHEAD);
    sqlite3_bind_int64(statement, 1, (int64_t)(now + ZR_CLOCK_SLACK));
    uint64_t ahead;
    if (!s_count(statement, &ahead))
        return db_fail(db, error, "date marks of");
    if (ahead == 0)
        return true;
    if (!db_begin(db, error))
        return false;
    statement = db_statement(db, DB_SQL_MARKS_DATE);
    sqlite3_bind_int64(statement, 1, (int64_t)now);
    sqlite3_bind_int64(statement, 2, (int64_t)(now + ZR_CLOCK_SLACK));
    sqlite3_bind_int64(statement, 3, (int64_t)rows);
    if (db_run(db, statement))
        return db_commit(db, error);
    db_fail(db, error, "date marks of");
    db_rollback(db);
    return false;
}

bool db_set_hold(db_t *db, uint64_t until, zr_error_t *error) {
    return db_set_meta(db, DB_SQL_HOLD, until, error);
}

uint64_t db_hold(const db_t *db) {
    return db->hold;
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
