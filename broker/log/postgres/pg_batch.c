/* The open transaction as a list of statements. Nothing is sent before the commit (pg_commit.c), so that all of it can be
 * sent once more. */
#include "pg_batch.h"

#include <endian.h>

#include "fatal.h"

enum { FRAMES_MAX = 1000, FRAMES_BYTES_MAX = 4 << 20 }; /* of one statement */
enum { OID_BYTEA = 17, OID_INT8 = 20, OID_INT4 = 23 };

/* --- Values --- */

int64_t pg_int8(const PGresult *result, int row, int column) {
    uint64_t value = 0;
    if (PQgetlength(result, row, column) == sizeof value)
        memcpy(&value, PQgetvalue(result, row, column), sizeof value);
    return (int64_t)be64toh(value);
}

int32_t pg_int4(const PGresult *result, int row, int column) {
    uint32_t value = 0;
    if (PQgetlength(result, row, column) == sizeof value)
        memcpy(&value, PQgetvalue(result, row, column), sizeof value);
    return (int32_t)be32toh(value);
}

zr_span_t pg_bytes(const PGresult *result, int row, int column) {
    return zr_span_of(PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column));
}

/* --- Statements --- */

pg_op_t *pg_add(db_t *db, pg_sql_t sql) {
    FATAL_GROW(db->ops, db->op_count, db->op_size);
    pg_op_t *op = &db->ops[db->op_count++];
    *op = (pg_op_t){.sql = sql};
    return op;
}

static void s_begin_value(db_t *db, pg_op_t *op) {
    FATAL_UNLESS(op->count < PG_PARAMETERS);
    op->at[op->count] = db->bytes.len;
}

static void s_end_value(db_t *db, pg_op_t *op) {
    op->len[op->count] = (int)(db->bytes.len - op->at[op->count]);
    op->count++;
}

static void s_u32(zr_buffer_t *bytes, uint32_t value) {
    value = htobe32(value);
    zr_buffer_append(bytes, &value, sizeof value);
}

void pg_put4(db_t *db, pg_op_t *op, uint32_t value) {
    s_begin_value(db, op);
    s_u32(&db->bytes, value);
    s_end_value(db, op);
}

void pg_put8(db_t *db, pg_op_t *op, uint64_t value) {
    s_begin_value(db, op);
    zr_buffer_u64(&db->bytes, value);
    s_end_value(db, op);
}

void pg_put_bytes(db_t *db, pg_op_t *op, zr_span_t bytes) {
    s_begin_value(db, op);
    zr_buffer_append(&db->bytes, bytes.ptr ? bytes.ptr : "", bytes.len);
    s_end_value(db, op);
}

void pg_put_null(pg_op_t *op) {
    op->len[op->count++] = -1;
}

/* --- Frames: many rows in one statement, each column as an array --- */

static void s_begin_array(db_t *db, pg_op_t *op, uint32_t type) {
    s_begin_value(db, op);
    s_u32(&db->bytes, 1); /* dimensions */
    s_u32(&db->bytes, 0); /* no element is NULL */
    s_u32(&db->bytes, type);
    s_u32(&db->bytes, (uint32_t)db->frame_count);
    s_u32(&db->bytes, 1); /* the first index */
}

static void s_put_rooms(db_t *db, pg_op_t *op) {
    s_begin_array(db, op, OID_INT4);
    for (size_t i = 0; i < db->frame_count; i++) {
        s_u32(&db->bytes, 4);
        s_u32(&db->bytes, db->frames[i].room);
    }
    s_end_value(db, op);
}

static void s_put_counts(db_t *db, pg_op_t *op) {
    s_begin_array(db, op, OID_INT4);
    for (size_t i = 0; i < db->frame_count; i++) {
        s_u32(&db->bytes, 4);
        s_u32(&db->bytes, (uint32_t)db->frames[i].append->count);
    }
    s_end_value(db, op);
}

static uint64_t s_last(const pg_frame_t *frame) {
    return frame->append->last;
}

static uint64_t s_prev(const pg_frame_t *frame) {
    return frame->append->prev;
}

static uint64_t s_time(const pg_frame_t *frame) {
    return frame->append->time;
}

static uint64_t s_entries(const pg_frame_t *frame) {
    return frame->entries;
}

static uint64_t s_bytes(const pg_frame_t *frame) {
    return frame->bytes;
}

static void s_put_numbers(db_t *db, pg_op_t *op, uint64_t (*number)(const pg_frame_t *frame)) {
    s_begin_array(db, op, OID_INT8);
    for (size_t i = 0; i < db->frame_count; i++) {
        s_u32(&db->bytes, 8);
        zr_buffer_u64(&db->bytes, number(&db->frames[i]));
    }
    s_end_value(db, op);
}

static void s_put_frames(db_t *db, pg_op_t *op) {
    s_begin_array(db, op, OID_BYTEA);
    for (size_t i = 0; i < db->frame_count; i++) {
        zr_blob_t *frame = db->frames[i].append->frame;
        s_u32(&db->bytes, (uint32_t)zr_blob_len(frame));
        zr_buffer_append(&db->bytes, zr_blob_data(frame), zr_blob_len(frame));
    }
    s_end_value(db, op);
}

void pg_batch_flush(db_t *db) {
    if (db->frame_count == 0)
        return;
    pg_op_t *op = pg_add(db, PG_SQL_FRAMES_ADD);
    s_put_rooms(db, op);
    s_put_numbers(db, op, s_last);
    s_put_numbers(db, op, s_prev);
    s_put_numbers(db, op, s_time);
    s_put_counts(db, op);
    s_put_numbers(db, op, s_entries);
    s_put_numbers(db, op, s_bytes);
    s_put_frames(db, op);
    db->frame_count = db->frame_bytes = 0;
}

void pg_batch_frame(db_t *db, const pg_frame_t *frame) {
    FATAL_GROW(db->frames, db->frame_count, db->frame_size);
    db->frames[db->frame_count++] = *frame;
    db->frame_bytes += zr_blob_len(frame->append->frame);
    if (db->frame_count >= FRAMES_MAX || db->frame_bytes >= FRAMES_BYTES_MAX)
        pg_batch_flush(db);
}

/* --- The newest frames of rooms --- */

pg_newest_t *pg_newest(db_t *db, uint32_t room) {
    FATAL_UNLESS(room > 0 && room <= DB_ROOM_MAX);
    FATAL_REACH(db->rooms, db->room_size, room);
    return &db->rooms[room];
}

void pg_batch_newest(db_t *db, uint32_t room, const pg_newest_t *newest) {
    FATAL_GROW(db->undo, db->undo_count, db->undo_size);
    db->undo[db->undo_count++] = (pg_undo_t){room, *pg_newest(db, room)};
    *pg_newest(db, room) = *newest;
}

void pg_batch_clear(db_t *db, bool stored) {
    enum { KEEP = 1 << 20 };
    while (!stored && db->undo_count > 0) {
        const pg_undo_t *undo = &db->undo[--db->undo_count];
        *pg_newest(db, undo->room) = undo->newest;
    }
    db->undo_count = db->op_count = db->frame_count = db->frame_bytes = 0;
    zr_buffer_clear(&db->bytes);
    if (db->bytes.size > KEEP)
        zr_buffer_finish(&db->bytes);
}
