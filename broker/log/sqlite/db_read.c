/* Reading slices, as log_memory.c gives them. */
#include "db_internal.h"
#include "slice.h"

typedef struct {
    db_t *db;
    uint32_t room;
    const log_bounds_t *bounds;
    uint64_t oldest;
    uint64_t gone; /* entries dropped */
    const log_read_t *read;
    uint64_t until;
} request_t;

/* The room's first frame with an entry after `after`: the row, or NULL with `*ok` saying whether there is no such
 * frame. The statement is to be reset. */
static sqlite3_stmt *s_frame_after(const request_t *request, uint64_t after, bool *ok) {
    sqlite3_stmt *statement = db_statement(request->db, DB_SQL_FRAMES_TOTALS);
    *ok = statement;
    if (!statement)
        return NULL;
    sqlite3_reset(statement);
    sqlite3_bind_int64(statement, 1, db_frame_id(request->room, after));
    sqlite3_bind_int64(statement, 2, db_frame_id(request->room, request->bounds->head));
    int code = sqlite3_step(statement);
    *ok = code == SQLITE_ROW || code == SQLITE_DONE;
    return code == SQLITE_ROW ? statement : NULL;
}

/* How many entries there were up to request->until, dropped ones counted. */
static bool s_entries_until(const request_t *request, uint64_t *entries) {
    bool ok;
    sqlite3_stmt *row = s_frame_after(request, request->until, &ok);
    if (row) {
        *entries = (uint64_t)(sqlite3_column_int64(row, 3) - sqlite3_column_int64(row, 2)) +
                   slice_count(db_column(row, 4), request->until);
    } else if (ok) {
        row = s_frame_after(request, request->bounds->head - 1, &ok); /* up to the head */
        ok = row;
        if (row)
            *entries = (uint64_t)sqlite3_column_int64(row, 3);
    }
    return ok;
}

/* The position before the last read->last entries up to request->until; see log_memory.c. Entries are counted through
 * from frame to frame, so it is found by halving. */
static bool s_before_last(const request_t *request, uint64_t *position, bool *enough) {
    uint64_t last = request->read->last, entries;
    if (!s_entries_until(request, &entries))
        return false;
    *enough = entries >= request->gone && entries - request->gone >= last;
    if (!*enough)
        return true;
    uint64_t before = entries - last; /* entries up to the position; the frame is the first that goes beyond them */
    uint64_t low = request->oldest, high = request->until - 1;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        bool ok;
        sqlite3_stmt *row = s_frame_after(request, middle, &ok);
        if (!row)
            return false;
        if ((uint64_t)sqlite3_column_int64(row, 3) > before)
            high = middle;
        else
            low = db_frame_seq(sqlite3_column_int64(row, 0));
    }
    bool ok;
    sqlite3_stmt *row = s_frame_after(request, high, &ok);
    if (!row)
        return false;
    *position = slice_position(db_column(row, 4), (uint64_t)sqlite3_column_int64(row, 1),
        before - (uint64_t)(sqlite3_column_int64(row, 3) - sqlite3_column_int64(row, 2)));
    return true;
}

/* The frames after the slice's position. */
static bool s_collect(const request_t *request, slice_builder_t *builder) {
    sqlite3_stmt *statement = db_statement(request->db, DB_SQL_FRAMES);
    if (!statement)
        return false;
    sqlite3_bind_int64(statement, 1, db_frame_id(request->room, builder->slice.seq));
    sqlite3_bind_int64(statement, 2, db_frame_id(request->room, request->bounds->head));
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        const slice_row_t row = {.last = db_frame_seq(sqlite3_column_int64(statement, 0)),
            .prev = (uint64_t)sqlite3_column_int64(statement, 1),
            .count = (size_t)sqlite3_column_int64(statement, 2),
            .frame = db_column(statement, 3)};
        if (!slice_add(builder, &row))
            break;
    }
    sqlite3_reset(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE;
}

static bool s_read(request_t *request, slice_builder_t *builder) {
    sqlite3_stmt *statement = db_statement(request->db, DB_SQL_ROOM_GET);
    if (!statement)
        return false;
    sqlite3_bind_int64(statement, 1, request->room);
    int code = sqlite3_step(statement);
    uint64_t oldest = (uint64_t)sqlite3_column_int64(statement, 0);
    request->gone = (uint64_t)sqlite3_column_int64(statement, 1);
    bool there = code == SQLITE_ROW && zr_span_equal(db_column(statement, 4), builder->name);
    sqlite3_reset(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return false;
    if (!there) {
        slice_no_room(builder);
        return true;
    }
    if (oldest > request->oldest) /* dropped since the caller looked */
        request->oldest = oldest;

    uint64_t after = request->read->last ? 0 : request->read->after;
    bool enough = false, ok = !request->read->last || s_before_last(request, &after, &enough);
    sqlite3_reset(db_statement(request->db, DB_SQL_FRAMES_TOTALS));
    if (!ok)
        return false;
    slice_from(builder, request->bounds, request->oldest, after, enough);
    return builder->slice.seq >= request->bounds->head || s_collect(request, builder);
}

bool db_read(db_t *db, uint32_t room, const log_bounds_t *bounds, const log_read_t *read, log_slice_t *slice,
    zr_blob_t **frames, zr_error_t *error) {
    slice_builder_t builder = slice_begin(db->epoch, bounds, read, frames);
    if (bounds->head == 0) {
        *slice = builder.slice;
        return true;
    }
    request_t request = {
        .db = db, .room = room, .bounds = bounds, .oldest = bounds->oldest, .read = read, .until = builder.until};
    /* One view of the database: what is dropped between two statements would look like a gap. */
    bool ok = db_run(db, db_statement(db, DB_SQL_BEGIN_READ)) && s_read(&request, &builder);
    if (!ok)
        db_fail(db, error, "read");
    else if (builder.damaged &&
             builder.slice.frame_count == 0) /* with frames before it, the next read meets it again */
        ok = db_damaged(db, error, "a frame");
    if (!sqlite3_get_autocommit(db->sql))
        db_run(db, db_statement(db, DB_SQL_COMMIT));
    slice_end(&builder, ok, slice);
    return ok;
}
