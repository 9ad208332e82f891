/* Slices for replays, as log_memory.c gives them. */
#include "pg_read.h"

#include "fatal.h"
#include "slice.h"

typedef struct {
    db_t *db;
    uint32_t room;
    const log_bounds_t *bounds;
    uint64_t oldest;
    uint64_t gone; /* entries dropped */
    const log_read_t *read;
    uint64_t until;
    zr_error_t *error;
    char state[6]; /* of what failed */
} request_t;

static PGresult *s_ask(request_t *request, const pg_op_t *op) {
    PGresult *result = pg_query(request->db, op);
    if (pg_is_ok(request->db, result, "read", request->error))
        return result;
    snprintf(request->state, sizeof request->state, "%s", pg_state(result));
    PQclear(result);
    return NULL;
}

static pg_op_t s_begin(request_t *request, pg_sql_t sql) {
    pg_op_t op = {.sql = sql};
    zr_buffer_clear(&request->db->bytes);
    pg_put4(request->db, &op, request->room);
    return op;
}

static uint64_t s_number(const PGresult *rows, int column) {
    return (uint64_t)pg_int8(rows, 0, column);
}

/* The first frame of the room for which `sql` looks from `number` on; last, prev, count, entries, frame. NULL: it
 * failed. */
static PGresult *s_frame(request_t *request, pg_sql_t sql, uint64_t number) {
    pg_op_t op = s_begin(request, sql);
    pg_put8(request->db, &op, number);
    return s_ask(request, &op);
}

/* How many entries there were up to request->until, dropped ones counted. */
static bool s_entries_until(request_t *request, uint64_t *entries) {
    PGresult *row = s_frame(request, PG_SQL_FRAME_AFTER, request->until);
    if (row && PQntuples(row) == 0) { /* up to the head */
        PQclear(row);
        row = s_frame(request, PG_SQL_FRAME_AFTER, request->bounds->head - 1);
        *entries = row && PQntuples(row) == 1 ? s_number(row, 3) : 0;
    } else if (row) {
        *entries = s_number(row, 3) - (uint64_t)pg_int4(row, 0, 2) + slice_count(pg_bytes(row, 0, 4), request->until);
    }
    PQclear(row);
    return row;
}

/* The position before the last read->last entries up to request->until; see log_memory.c. */
static bool s_before_last(request_t *request, uint64_t *position, bool *enough) {
    uint64_t last = request->read->last, entries;
    if (!s_entries_until(request, &entries))
        return false;
    *enough = entries >= request->gone && entries - request->gone >= last;
    if (!*enough)
        return true;
    uint64_t before = entries - last; /* entries up to the position; the frame is the first that goes beyond them */
    PGresult *row = s_frame(request, PG_SQL_FRAME_BEYOND, before);
    if (row && PQntuples(row) == 1)
        *position = slice_position(
            pg_bytes(row, 0, 4), s_number(row, 1), before - (s_number(row, 3) - (uint64_t)pg_int4(row, 0, 2)));
    PQclear(row);
    return row;
}

/* The frames after the slice's position. Those of the first statement are about as many as are wanted. The next ones are
 * asked for to see whether there is more. */
static bool s_collect(request_t *request, slice_builder_t *builder) {
    const log_read_t *read = request->read;
    uint64_t after = builder->slice.seq, rows = read->frames;
    for (bool more = true; more;) {
        pg_op_t op = s_begin(request, PG_SQL_FRAMES);
        pg_put8(request->db, &op, after);
        pg_put8(request->db, &op, request->bounds->head);
        pg_put8(request->db, &op, read->bytes);
        pg_put8(request->db, &op, rows);
        PGresult *result = s_ask(request, &op);
        if (!result)
            return false;
        more = PQntuples(result) > 0;
        for (int i = 0; more && i < PQntuples(result); i++) {
            const slice_row_t row = {.last = (uint64_t)pg_int8(result, i, 0),
                .prev = (uint64_t)pg_int8(result, i, 1),
                .count = (size_t)pg_int4(result, i, 2),
                .frame = pg_bytes(result, i, 3)};
            more = slice_add(builder, &row);
            after = row.last;
        }
        PQclear(result);
        rows = 1;
    }
    return true;
}

static bool s_read(request_t *request, slice_builder_t *builder) {
    pg_op_t op = s_begin(request, PG_SQL_ROOM_GET);
    PGresult *row = s_ask(request, &op);
    if (!row)
        return false;
    bool there = PQntuples(row) == 1 && zr_span_equal(pg_bytes(row, 0, 4), builder->name);
    uint64_t oldest = there ? s_number(row, 0) : 0;
    request->gone = there ? s_number(row, 1) : 0;
    PQclear(row);
    if (!there) {
        slice_no_room(builder);
        return true;
    }
    if (oldest > request->oldest) /* dropped since the caller looked */
        request->oldest = oldest;

    uint64_t after = request->read->last ? 0 : request->read->after;
    bool enough = false;
    if (request->read->last && !s_before_last(request, &after, &enough))
        return false;
    slice_from(builder, request->bounds, request->oldest, after, enough);
    return builder->slice.seq >= request->bounds->head || s_collect(request, builder);
}

/* In one view of the database: what is dropped between two statements would look like a gap. */
static bool s_read_once(request_t *request, slice_builder_t *builder) {
    PGresult *result = pg_exec(request->db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    bool ok = pg_is_ok(request->db, result, "read", request->error) && s_read(request, builder);
    PQclear(result);
    if (request->db->conn)
        PQclear(pg_exec(request->db, "COMMIT"));
    zr_buffer_clear(&request->db->bytes);
    return ok;
}

/* Is there no use in trying again? The server tells of damage, or it does not let us. */
static bool s_is_final(const char *state) {
    return strncmp(state, "XX", 2) == 0 || strncmp(state, "42", 2) == 0 || strncmp(state, "22", 2) == 0;
}

static void s_drop_frames(slice_builder_t *builder) {
    for (size_t i = 0; i < builder->slice.frame_count; i++)
        zr_blob_unref(builder->slice.frames[i]);
}

bool pg_read(db_t *db, uint32_t room, const log_bounds_t *bounds, const log_read_t *read, log_slice_t *slice,
    zr_blob_t **frames, zr_error_t *error) {
    const slice_builder_t begin = slice_begin(db->epoch, bounds, read, frames);
    slice_builder_t builder = begin;
    bool ok = bounds->head == 0;
    for (unsigned tries = 0; !ok;) {
        zr_error_t why = {0};
        request_t request = {.db = db,
            .room = room,
            .bounds = bounds,
            .oldest = bounds->oldest,
            .read = read,
            .until = builder.until,
            .error = &why};
        ok = (db->conn || (pg_connect(db, &why) && pg_prepare(db, &why))) && s_read_once(&request, &builder);
        if (ok)
            break;
        s_drop_frames(&builder);
        builder = begin;
        bool final = s_is_final(request.state);
        if (!final)
            pg_disconnect(db);
        if (final || !pg_pause(db, &tries, &why)) {
            zr_fail(error, "%s", why.text);
            break;
        }
    }
    if (ok && builder.damaged && builder.slice.frame_count == 0)
        ok = zr_fail(error, "the database is damaged (a frame); restore a backup");
    slice_end(&builder, ok, slice);
    return ok;
}
