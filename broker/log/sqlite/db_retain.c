/* Retention in small steps: drops the oldest entries. A frame goes when all of its entries are beyond a limit. Of the
 * first frame that stays, entries beyond the limits on number and bytes are cut off. */
#include "clock.h"
#include "db_internal.h"
#include "db_retain.h"
#include "db_write.h"

#include <inttypes.h>

/* Frames of a room up to `upto` that are dated ahead of the clock count as of `time`. */
typedef struct {
    uint64_t upto, time;
} ahead_t;

/* All that goes, and what else changes. */
typedef struct {
    uint64_t oldest, entries, bytes; /* of the room afterwards: up to there all is gone */
    uint64_t dropped;                /* frames up to this one go */
    int64_t cut_id;                  /* the frame that is cut; 0: no frame is cut */
    zr_blob_t *cut;                  /* what is left of it */
    size_t cut_count;                /* entries in that */
    ahead_t ahead;                   /* to be noted; upto 0: nothing is */
} plan_t;

typedef struct {
    db_t *db;
    uint32_t room;
    const db_newest_t *newest;
    const policy_t *policy;
    log_keep_t keep;
    uint64_t upto; /* entries up to it go whatever the policy */
    uint64_t now;  /* 0: nothing goes for its age */
} retain_t;

static bool s_exceeds(const policy_t *policy, uint64_t entries, uint64_t bytes) {
    return (policy->max_entries && entries > policy->max_entries) || (policy->max_bytes && bytes > policy->max_bytes);
}

static bool s_goes(const retain_t *retain, uint64_t last, uint64_t time, uint64_t entries, uint64_t bytes) {
    const policy_t *policy = retain->policy;
    bool aged = policy->max_age && retain->now > policy->max_age && time < retain->now - policy->max_age;
    return aged || last <= retain->upto ||
           (policy->max_entries && retain->newest->entries - entries >= policy->max_entries) ||
           (policy->max_bytes && retain->newest->bytes - bytes >= policy->max_bytes);
}

static ahead_t s_ahead(const retain_t *retain) {
    ahead_t ahead = {0, 0};
    sqlite3_stmt *statement = db_statement(retain->db, DB_SQL_AHEAD_GET);
    sqlite3_bind_int64(statement, 1, retain->room);
    if (sqlite3_step(statement) != SQLITE_ROW ||
        sscanf((const char *)sqlite3_column_text(statement, 0), "%" SCNu64 " %" SCNu64, &ahead.upto, &ahead.time) != 2)
        ahead = (ahead_t){0, 0};
    sqlite3_reset(statement);
    return ahead;
}

/* Is the frame dated ahead of the clock, and not known to be older? Else `*time` is to be believed. */
static bool s_is_ahead(const retain_t *retain, uint64_t last, uint64_t *time) {
    if (!retain->policy->max_age || !retain->now || *time <= retain->now + ZR_CLOCK_SLACK)
        return false;
    ahead_t ahead = s_ahead(retain);
    if (last > ahead.upto || ahead.time > retain->now + ZR_CLOCK_SLACK)
        return true;
    *time = ahead.time;
    return false;
}

/* The oldest frames that are not kept, among the first `max`. `*more`: there is more to do behind them.
 *
 * Frames dated ahead of the clock come from a clock that was wrong, and would stay until it is as late as that. They
 * count as of the next frame with a possible time. If that frame is too far away, they count as of now. */
static bool s_find(const retain_t *retain, size_t max, plan_t *plan, bool *more) {
    sqlite3_stmt *statement = db_statement(retain->db, DB_SQL_FRAMES_OLDEST);
    sqlite3_bind_int64(statement, 1, db_frame_id(retain->room, plan->oldest));
    sqlite3_bind_int64(statement, 2, db_frame_id(retain->room, retain->newest->head));
    sqlite3_bind_int64(statement, 3, (int64_t)max + 1);
    int code;
    uint64_t before = plan->oldest, pending = 0;
    plan->ahead = (ahead_t){retain->newest->head, retain->now};
    for (size_t row = 0; (code = sqlite3_step(statement)) == SQLITE_ROW; row++) {
        uint64_t last = db_frame_seq(sqlite3_column_int64(statement, 0));
        uint64_t time = (uint64_t)sqlite3_column_int64(statement, 1);
        uint64_t entries = (uint64_t)sqlite3_column_int64(statement, 2);
        uint64_t bytes = (uint64_t)sqlite3_column_int64(statement, 3);
        bool ahead = s_is_ahead(retain, last, &time), goes = s_goes(retain, last, time, entries, bytes);
        if (!goes && !ahead) {
            plan->ahead = (ahead_t){pending, time};
            break;
        }
        if (goes && last > retain->upto && log_keeps(&retain->keep, last, retain->newest->bytes - plan->bytes)) {
            pending = 0;
            break;
        }
        if (row == max) {
            *more = goes || plan->oldest > before;
            break;
        }
        if (goes) {
            plan->oldest = plan->dropped = last;
            plan->entries = entries;
            plan->bytes = bytes;
        }
        pending = goes ? 0 : last;
    }
    if (!pending || *more)
        plan->ahead.upto = 0;
    sqlite3_reset(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE;
}

/* Cuts what is too much off the frame, but not the room's last entry. */
static void s_cut(const retain_t *retain, sqlite3_stmt *row, plan_t *plan) {
    uint64_t entries = retain->newest->entries - plan->entries, bytes = retain->newest->bytes - plan->bytes;
    uint64_t last = db_frame_seq(sqlite3_column_int64(row, 0)), after = 0;
    size_t count = (size_t)sqlite3_column_int64(row, 2);
    zr_span_t frame = db_column(row, 3);
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    if (!zr_deliver_read(&reader, frame))
        return; /* it is damaged; readers are told */
    while (zr_deliver_next(&reader, &entry) &&
           (entry.seq <= retain->upto ||
               (s_exceeds(retain->policy, entries, bytes) && !log_keeps(&retain->keep, entry.seq, bytes))) &&
           entry.seq < retain->newest->head) {
        after = entry.seq;
        entries--;
        bytes -= ZR_DELIVER_ENTRY_FIXED + entry.sender.len + entry.key.len + entry.body.len;
    }
    if (after == last) {
        plan->dropped = last;
    } else if (after) {
        plan->cut = zr_deliver_cut(frame, 0, after, last, count, &plan->cut_count, &last);
        if (!plan->cut)
            return;
        plan->cut_id = sqlite3_column_int64(row, 0);
    } else {
        return;
    }
    plan->oldest = after;
    plan->entries += count - plan->cut_count;
    plan->bytes += frame.len - (plan->cut ? zr_blob_len(plan->cut) : 0);
}

static bool s_trim(const retain_t *retain, plan_t *plan) {
    if (plan->oldest >= retain->upto &&
        !s_exceeds(retain->policy, retain->newest->entries - plan->entries, retain->newest->bytes - plan->bytes))
        return true;
    sqlite3_stmt *row = db_statement(retain->db, DB_SQL_FRAMES);
    sqlite3_bind_int64(row, 1, db_frame_id(retain->room, plan->oldest));
    sqlite3_bind_int64(row, 2, db_frame_id(retain->room, retain->newest->head));
    int code = sqlite3_step(row);
    if (code == SQLITE_ROW)
        s_cut(retain, row, plan);
    sqlite3_reset(row);
    return code == SQLITE_ROW || code == SQLITE_DONE;
}

static bool s_write_cut(const retain_t *retain, const plan_t *plan) {
    sqlite3_stmt *statement = db_statement(retain->db, DB_SQL_FRAME_CUT);
    sqlite3_bind_int64(statement, 1, plan->cut_id);
    sqlite3_bind_int64(statement, 2, (int64_t)plan->oldest);
    sqlite3_bind_int64(statement, 3, (int64_t)plan->cut_count);
    sqlite3_bind_blob64(statement, 4, zr_blob_data(plan->cut), zr_blob_len(plan->cut), SQLITE_STATIC);
    return db_run(retain->db, statement);
}

static bool s_write_ahead(const retain_t *retain, const ahead_t *ahead) {
    char text[48];
    snprintf(text, sizeof text, "%" PRIu64 " %" PRIu64, ahead->upto, ahead->time);
    sqlite3_stmt *statement = db_statement(retain->db, DB_SQL_AHEAD_SET);
    sqlite3_bind_int64(statement, 1, retain->room);
    sqlite3_bind_text(statement, 2, text, -1, SQLITE_STATIC);
    return db_run(retain->db, statement);
}

static bool s_write(const retain_t *retain, uint64_t oldest, const plan_t *plan) {
    sqlite3_stmt *drop = db_statement(retain->db, DB_SQL_FRAMES_DELETE);
    sqlite3_bind_int64(drop, 1, db_frame_id(retain->room, oldest));
    sqlite3_bind_int64(drop, 2, db_frame_id(retain->room, plan->dropped));
    sqlite3_stmt *move = db_statement(retain->db, DB_SQL_ROOM_MOVE);
    sqlite3_bind_int64(move, 1, retain->room);
    sqlite3_bind_int64(move, 2, (int64_t)plan->oldest);
    sqlite3_bind_int64(move, 3, (int64_t)plan->entries);
    sqlite3_bind_int64(move, 4, (int64_t)plan->bytes);
    return (plan->dropped == oldest || db_run(retain->db, drop)) &&
           (!plan->ahead.upto || s_write_ahead(retain, &plan->ahead)) && (!plan->cut || s_write_cut(retain, plan)) &&
           (plan->oldest == oldest || db_run(retain->db, move));
}

static bool s_carry_out(const retain_t *retain, uint64_t oldest, const plan_t *plan, zr_error_t *error) {
    if (!db_begin(retain->db, error))
        return false;
    if (!s_write(retain, oldest, plan)) {
        db_fail(retain->db, error, "drop old entries from");
        db_rollback(retain->db);
        return false;
    }
    if (!db_commit(retain->db, error))
        return false;
    if (plan->cut_id == db_frame_id(retain->room, retain->newest->head))
        db_newest_place(retain->db, retain->room)->prev = plan->oldest;
    return true;
}

bool db_retain(db_t *db, uint32_t room, const db_kept_t *kept, uint64_t now, size_t frames, log_bounds_t *bounds,
    bool *more, zr_error_t *error) {
    return db_trim(db, room, kept, 0, now, frames, bounds, more, error);
}

bool db_trim(db_t *db, uint32_t room, const db_kept_t *kept, uint64_t upto, uint64_t now, size_t frames,
    log_bounds_t *bounds, bool *more, zr_error_t *error) {
    retain_t retain = {.db = db,
        .room = room,
        .newest = db_newest(db, room),
        .policy = kept->policy,
        .keep = kept->keep,
        .upto = upto,
        .now = now};
    sqlite3_stmt *statement = db_statement(db, DB_SQL_ROOM_GET);
    sqlite3_bind_int64(statement, 1, room);
    plan_t plan = {.oldest = 0};
    bool found = retain.newest && sqlite3_step(statement) == SQLITE_ROW;
    if (found)
        plan = (plan_t){.oldest = (uint64_t)sqlite3_column_int64(statement, 0),
            .entries = (uint64_t)sqlite3_column_int64(statement, 1),
            .bytes = (uint64_t)sqlite3_column_int64(statement, 2)};
    uint64_t oldest = plan.dropped = plan.oldest;
    uint64_t begun = found ? (uint64_t)sqlite3_column_int64(statement, 3) : 0;
    sqlite3_reset(statement);

    bool rest = false;
    if (!found ||
        (retain.newest->head > 0 && (!s_find(&retain, frames, &plan, &rest) || (!rest && !s_trim(&retain, &plan)))))
        return db_fail(db, error, "drop old entries from");
    bool ok = (plan.oldest == oldest && !plan.ahead.upto) || s_carry_out(&retain, oldest, &plan, error);
    zr_blob_unref(plan.cut);
    if (!ok)
        return false;
    *bounds = (log_bounds_t){.head = retain.newest->head,
        .oldest = plan.oldest,
        .begun = begun,
        .tail = retain.newest->prev,
        .time = retain.newest->time};
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
