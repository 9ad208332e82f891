/* Retention in small steps: drops the oldest entries, as retain_plan.h decides. */
#include "pg_retain.h"

#include "clock.h"
#include "pg_batch.h"
#include "pg_write.h"
#include "retain_plan.h"

typedef struct {
    db_t *db;
    uint32_t id;
    retain_room_t room;
    uint64_t begun;
    retain_plan_t plan;
    zr_error_t *error;
} retain_t;

/* A question between two transactions. Asked later if the connection is lost. NULL: it failed. */
static PGresult *s_ask(db_t *db, const pg_op_t *op, zr_error_t *error) {
    PGresult *result = pg_query(db, op);
    if (!result)
        pg_disconnect(db);
    if (pg_is_ok(db, result, "drop old entries from", error))
        return result;
    PQclear(result);
    return NULL;
}

static pg_op_t s_begin(db_t *db, pg_sql_t sql) {
    zr_buffer_clear(&db->bytes);
    return (pg_op_t){.sql = sql};
}

static uint64_t s_number(const PGresult *rows, int row, int column) {
    return (uint64_t)pg_int8(rows, row, column);
}

static bool s_look(retain_t *retain) {
    pg_op_t op = s_begin(retain->db, PG_SQL_ROOM_GET);
    pg_put4(retain->db, &op, retain->id);
    PGresult *row = s_ask(retain->db, &op, retain->error);
    bool ok = row && (PQntuples(row) == 1 || zr_fail(retain->error, "the database is damaged (a room is missing)"));
    if (ok) {
        retain->room.ahead = (retain_ahead_t){s_number(row, 0, 5), s_number(row, 0, 6)};
        retain->begun = s_number(row, 0, 3);
        retain->plan = retain_plan_begin(&retain->room, s_number(row, 0, 0), s_number(row, 0, 1), s_number(row, 0, 2));
    }
    PQclear(row);
    return ok;
}

static bool s_find(retain_t *retain, size_t max) {
    retain_plan_t *plan = &retain->plan;
    pg_op_t op = s_begin(retain->db, PG_SQL_FRAMES_OLDEST);
    pg_put4(retain->db, &op, retain->id);
    pg_put8(retain->db, &op, plan->oldest);
    pg_put8(retain->db, &op, retain->room.head);
    pg_put8(retain->db, &op, max + 1);
    PGresult *rows = s_ask(retain->db, &op, retain->error);
    if (!rows)
        return false;
    bool more = true;
    for (int i = 0; more && i < PQntuples(rows); i++) {
        const retain_row_t row = {
            s_number(rows, i, 0), s_number(rows, i, 1), s_number(rows, i, 2), s_number(rows, i, 3)};
        more = retain_plan_add(plan, &retain->room, &row, max);
    }
    retain_plan_end(plan);
    PQclear(rows);
    return true;
}

static bool s_trim(retain_t *retain) {
    if (!retain_plan_cuts(&retain->plan, &retain->room))
        return true;
    pg_op_t op = s_begin(retain->db, PG_SQL_FRAME_AFTER);
    pg_put4(retain->db, &op, retain->id);
    pg_put8(retain->db, &op, retain->plan.oldest);
    PGresult *row = s_ask(retain->db, &op, retain->error);
    if (!row)
        return false;
    if (PQntuples(row) == 1)
        retain_plan_cut(
            &retain->plan, &retain->room, s_number(row, 0, 0), (size_t)pg_int4(row, 0, 2), pg_bytes(row, 0, 4));
    PQclear(row);
    return true;
}

static void s_add_cut(const retain_t *retain) {
    const retain_plan_t *plan = &retain->plan;
    pg_op_t *op = pg_add(retain->db, PG_SQL_FRAME_CUT);
    pg_put4(retain->db, op, retain->id);
    pg_put8(retain->db, op, plan->cut_last);
    pg_put8(retain->db, op, plan->oldest);
    pg_put4(retain->db, op, (uint32_t)plan->cut_count);
    pg_put_bytes(retain->db, op, zr_span_of(zr_blob_data(plan->cut), zr_blob_len(plan->cut)));
    if (plan->cut_last != retain->room.head)
        return;
    pg_newest_t newest = *pg_newest(retain->db, retain->id);
    newest.prev = plan->oldest;
    pg_batch_newest(retain->db, retain->id, &newest);
}

static bool s_carry_out(const retain_t *retain) {
    db_t *db = retain->db;
    const retain_plan_t *plan = &retain->plan;
    pg_op_t *op;
    if (!pg_begin(db, retain->error))
        return false;
    if (plan->dropped != plan->began) {
        op = pg_add(db, PG_SQL_FRAMES_DELETE);
        pg_put4(db, op, retain->id);
        pg_put8(db, op, plan->began);
        pg_put8(db, op, plan->dropped);
    }
    if (plan->ahead.upto) {
        op = pg_add(db, PG_SQL_ROOM_AHEAD);
        pg_put4(db, op, retain->id);
        pg_put8(db, op, plan->ahead.upto);
        pg_put8(db, op, plan->ahead.time);
    }
    if (plan->cut)
        s_add_cut(retain);
    if (plan->oldest != plan->began) {
        op = pg_add(db, PG_SQL_ROOM_MOVE);
        pg_put4(db, op, retain->id);
        pg_put8(db, op, plan->oldest);
        pg_put8(db, op, plan->entries);
        pg_put8(db, op, plan->bytes);
    }
    return pg_commit(db, retain->error);
}

bool pg_retain(db_t *db, uint32_t room, const db_kept_t *kept, uint64_t now, size_t frames, log_bounds_t *bounds,
    bool *more, zr_error_t *error) {
    const pg_newest_t *newest = pg_newest(db, room);
    retain_t retain = {.db = db,
        .id = room,
        .room = {.policy = &kept->policy,
            .keep = kept->keep,
            .upto = kept->upto,
            .now = now,
            .head = newest->head,
            .entries = newest->entries,
            .bytes = newest->bytes},
        .error = error};
    retain_plan_t *plan = &retain.plan;
    if (!s_look(&retain) || (newest->head > 0 && (!s_find(&retain, frames) || (!plan->more && !s_trim(&retain)))))
        return false;
    bool ok = (plan->oldest == plan->began && !plan->ahead.upto) || s_carry_out(&retain);
    zr_blob_unref(plan->cut);
    if (!ok)
        return false;
    newest = pg_newest(db, room);
    *bounds = (log_bounds_t){.head = newest->head,
        .oldest = plan->oldest,
        .begun = retain.begun,
        .tail = newest->prev,
        .time = newest->time};
    *more = plan->more;
    return true;
}

bool pg_forget_marks(db_t *db, uint64_t before, size_t max, size_t rows, bool *more, zr_error_t *error) {
    pg_op_t count = s_begin(db, PG_SQL_MARKS_COUNT);
    pg_put8(db, &count, before);
    pg_put8(db, &count, rows + 1);
    PGresult *row = s_ask(db, &count, error);
    if (!row)
        return false;
    uint64_t unused = s_number(row, 0, 0), all = s_number(row, 0, 1), excess = all > max ? all - max : 0;
    PQclear(row);
    uint64_t forget = unused > excess ? unused : excess; /* both are the first in the same order */
    *more = forget > rows;
    if (forget == 0)
        return true;
    if (!pg_begin(db, error))
        return false;
    pg_put8(db, pg_add(db, PG_SQL_MARKS_DELETE), *more ? rows : forget);
    return pg_commit(db, error);
}

bool pg_date_marks(db_t *db, uint64_t now, size_t rows, zr_error_t *error) {
    if (!pg_begin(db, error))
        return false;
    pg_op_t *op = pg_add(db, PG_SQL_MARKS_DATE);
    pg_put8(db, op, now);
    pg_put8(db, op, now + ZR_CLOCK_SLACK);
    pg_put8(db, op, rows);
    return pg_commit(db, error);
}

bool pg_give_back(db_t *db, int pages, zr_error_t *error) {
    (void)db;
    (void)pages;
    (void)error;
    return true;
}
