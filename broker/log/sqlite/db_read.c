/* Reading slices, as log_memory.c gives them. */
#include "db_internal.h"
#include "slice.h"

typedef struct {
    db_t *db;
    uint32_t room;
    zr_span_t name;
    uint64_t head, oldest;
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
    sqlite3_bind_int64(statement, 2, db_frame_id(request->room, request->head));
    int code = sqlite3_step(statement);
    *ok = code == SQLITE_ROW || code == SQLITE_DONE;
    return code == SQLITE_ROW ? statement : NULL;
}

/* How many entries there were up to request->until, dropped ones counted. */
static bool s_entries_until(const request_t *request, uint64_t *entries) {
    bool ok;
    sqlite3_stmt *row = s_frame_after(request, request->until, &ok);
    if (row) {
        *entries = (uint64_t)(sqlite3_column_int64(row, 3) - sqlite3_column_int64(row, 2));
        zr_deliver_reader_t reader;
        zr_entry_t entry;
        if (zr_deliver_read(&reader, db_column(row, 4)))
            while (zr_deliver_next(&reader, &entry) && entry.seq <= request->until)
                ++*entries;
    } else if (ok) {
        row = s_frame_after(request, request->head - 1, &ok); /* up to the head */
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
    if (!*enough) {
        *position = request->oldest < request->until ? request->oldest : request->until;
        return true;
    }
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
    *position = (uint64_t)sqlite3_column_int64(row, 1);
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    zr_deliver_read(&reader, db_column(row, 4));
    uint64_t skip = before - (uint64_t)(sqlite3_column_int64(row, 3) - sqlite3_column_int64(row, 2));
    while (skip-- > 0 && zr_deliver_next(&reader, &entry))
        *position = entry.seq;
    return true;
}

/* The frames after the slice's position. */
static bool s_collect(const request_t *request, slice_builder_t *builder) {
    sqlite3_stmt *statement = db_statement(request->db, DB_SQL_FRAMES);
    if (!statement)
        return false;
    sqlite3_bind_int64(statement, 1, db_frame_id(request->room, builder->slice.seq));
    sqlite3_bind_int64(statement, 2, db_frame_id(request->room, request->head));
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
    log_slice_t *slice = &builder->slice;
    sqlite3_stmt *statement = db_statement(request->db, DB_SQL_ROOM_GET);
    if (!statement)
        return false;
    sqlite3_bind_int64(statement, 1, request->room);
    int code = sqlite3_step(statement);
    uint64_t oldest = (uint64_t)sqlite3_column_int64(statement, 0);
    request->gone = (uint64_t)sqlite3_column_int64(statement, 1);
    bool there = code == SQLITE_ROW && zr_span_equal(db_column(statement, 4), request->name);
    sqlite3_reset(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return false;
    if (!there) {
        if (slice->seq < request->until)
            slice->seq = request->until;
        slice->complete = false;
        return true;
    }
    if (oldest > request->oldest) /* dropped since the caller looked */
        request->oldest = oldest;

    uint64_t after = request->read->after;
    slice->complete = after >= request->oldest && after <= request->head;
    if (request->read->last) {
        bool enough, ok = s_before_last(request, &after, &enough);
        sqlite3_reset(db_statement(request->db, DB_SQL_FRAMES_TOTALS));
        if (!ok)
            return false;
        slice->complete = enough || request->oldest <= request->read->begun;
    }
    uint64_t gone = request->oldest < request->until ? request->oldest : request->until;
    slice->seq = after < gone ? gone : after;
    return slice->seq >= request->head || s_collect(request, builder);
}

bool db_read(db_t *db, uint32_t room, const log_bounds_t *bounds, const log_read_t *read, log_slice_t *slice,
    zr_blob_t **frames, zr_error_t *error) {
    slice_builder_t builder = {.name = zr_span_of(read->room, read->room_len),
        .epoch = db->epoch,
        .read = read,
        .until = read->until < bounds->head ? read->until : bounds->head,
        .slice = {.frames = frames, .seq = read->after, .complete = read->after == 0}};
    if (bounds->head == 0) {
        *slice = builder.slice;
        return true;
    }
    request_t request = {.db = db,
        .room = room,
        .name = builder.name,
        .head = bounds->head,
        .oldest = bounds->oldest,
        .read = read,
        .until = builder.until};
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
