/* Copies a log of another engine, room by room, in transactions of some megabytes. The epoch comes last. */
#include "fatal.h"
#include "log_postgres.h"
#include "pg_batch.h"
#include "pg_lead.h"
#include "pg_write.h"

#include <inttypes.h>
#include <stdio.h>

#include "clock.h"

enum { SLICE_FRAMES = 64, SLICE_BYTES = 1 << 20, COMMIT_BYTES = 4 << 20 };

/* A room that is to be copied. */
typedef struct {
    uint32_t id;
    char name[ZR_ROOM_MAX];
    size_t name_len;
    log_bounds_t bounds;
} copy_room_t;

typedef struct {
    db_t *db;
    const log_durable_db_t *from;
    copy_room_t *rooms;
    size_t room_count, room_size;
    bool failed; /* `error` says why */
    zr_error_t *error;
} copy_t;

static void s_commit(copy_t *copy, size_t bytes) {
    if (copy->failed || copy->db->bytes.len < bytes)
        return;
    copy->failed = !pg_commit(copy->db, copy->error) || !pg_begin(copy->db, copy->error);
}

/* --- Rooms --- */

static void s_on_room(void *ctx, const db_room_t *room) {
    copy_t *copy = ctx;
    if (room->bounds.head == 0)
        return;
    FATAL_GROW(copy->rooms, copy->room_count, copy->room_size);
    copy_room_t *copied = &copy->rooms[copy->room_count++];
    *copied = (copy_room_t){.id = room->id, .name_len = room->name.len, .bounds = room->bounds};
    memcpy(copied->name, room->name.ptr, room->name.len);
}

/* As it was delivered first: a replay bears a flag. */
static log_append_t s_append_of(zr_blob_t *frame) {
    zr_deliver_reader_t reader;
    zr_entry_t entry = {0};
    log_append_t append = {.level = ZR_LEVEL_DISK, .frame = frame};
    zr_deliver_read(&reader, zr_span_of(zr_blob_data(frame), zr_blob_len(frame)));
    append.room = reader.room;
    append.prev = reader.prev;
    while (zr_deliver_next(&reader, &entry))
        append.count++;
    append.last = entry.seq;
    append.time = entry.time;
    zr_blob_data(frame)[append.room.len + 2] = 0;
    return append;
}

/* The next frames of the room; false: there are no more. */
static bool s_copy_slice(copy_t *copy, const copy_room_t *room, uint64_t *after) {
    log_read_t read = {.room_len = room->name_len,
        .after = *after,
        .until = room->bounds.head,
        .entries = SIZE_MAX / 2,
        .frames = SLICE_FRAMES,
        .bytes = SLICE_BYTES};
    memcpy(read.room, room->name, room->name_len);
    zr_blob_t *frames[SLICE_FRAMES];
    log_append_t appends[SLICE_FRAMES];
    log_slice_t slice;
    copy->failed = !copy->from->ops->read(copy->from->db, room->id, &room->bounds, &read, &slice, frames, copy->error);
    for (size_t i = 0; i < slice.frame_count && !copy->failed; i++) {
        appends[i] = s_append_of(frames[i]);
        copy->failed = !pg_add_frame(copy->db, room->id, &appends[i], copy->error);
    }
    if (copy->failed)
        pg_rollback(copy->db);
    else
        pg_batch_flush(copy->db); /* from now on the frames are not needed */
    for (size_t i = 0; i < slice.frame_count; i++)
        zr_blob_unref(frames[i]);
    s_commit(copy, COMMIT_BYTES);
    *after = slice.seq;
    return !copy->failed && slice.more;
}

static void s_copy_room(copy_t *copy, const copy_room_t *room) {
    uint64_t after = room->bounds.oldest;
    pg_add_room(copy->db, room->id, zr_span_of(room->name, room->name_len), copy->error);
    while (s_copy_slice(copy, room, &after))
        ;
    if (copy->failed)
        return;
    pg_op_t *op = pg_add(copy->db, PG_SQL_ROOM_BEGIN);
    pg_put4(copy->db, op, room->id);
    pg_put8(copy->db, op, room->bounds.begun);
    op = pg_add(copy->db, PG_SQL_ROOM_MOVE);
    pg_put4(copy->db, op, room->id);
    pg_put8(copy->db, op, room->bounds.oldest);
    pg_put8(copy->db, op, 0);
    pg_put8(copy->db, op, 0);
    s_commit(copy, COMMIT_BYTES);
}

/* --- The rest --- */

static void s_on_value(void *ctx, uint32_t room, const zr_entry_t *entry) {
    copy_t *copy = ctx;
    pg_op_t *op = pg_add(copy->db, PG_SQL_KEY_SET);
    pg_put4(copy->db, op, room);
    pg_put_bytes(copy->db, op, entry->key);
    pg_put8(copy->db, op, entry->seq);
    pg_put8(copy->db, op, entry->time);
    pg_put_bytes(copy->db, op, entry->sender);
    pg_put_bytes(copy->db, op, entry->body);
    pg_put8(copy->db, op, entry->ttl);
    s_commit(copy, COMMIT_BYTES);
}

static void s_on_mark(void *ctx, const log_mark_t *mark) {
    copy_t *copy = ctx;
    pg_set_mark(copy->db, mark, zr_time_us(), copy->error);
    s_commit(copy, COMMIT_BYTES);
}

static void s_on_group(void *ctx, zr_span_t room, zr_span_t name, zr_span_t state) {
    copy_t *copy = ctx;
    pg_op_t *op = pg_add(copy->db, PG_SQL_GROUP_SET);
    pg_put_bytes(copy->db, op, room);
    pg_put_bytes(copy->db, op, name);
    pg_put_bytes(copy->db, op, state);
    s_commit(copy, COMMIT_BYTES);
}

static void s_add_log(copy_t *copy) {
    const log_durable_db_t *from = copy->from;
    char epoch[17];
    snprintf(epoch, sizeof epoch, "%016" PRIx64, from->epoch);
    pg_put_bytes(copy->db, pg_add(copy->db, PG_SQL_EPOCH), zr_span(epoch));
    pg_put8(copy->db, pg_add(copy->db, PG_SQL_FLOOR), from->floor);
    pg_put8(copy->db, pg_add(copy->db, PG_SQL_BASE), from->base);
    pg_put8(copy->db, pg_add(copy->db, PG_SQL_HOLD), from->hold);
}

static bool s_copy(copy_t *copy) {
    const db_ops_t *ops = copy->from->ops;
    db_t *from = copy->from->db;
    if (!ops->each_room(from, s_on_room, copy, copy->error) || !pg_begin(copy->db, copy->error))
        return false;
    for (size_t i = 0; i < copy->room_count && !copy->failed; i++)
        s_copy_room(copy, &copy->rooms[i]);
    if (copy->failed || !ops->each_value(from, s_on_value, copy, copy->error) ||
        !ops->each_mark(from, s_on_mark, copy, copy->error) || !ops->each_group(from, s_on_group, copy, copy->error) ||
        copy->failed)
        return false;
    s_add_log(copy);
    return pg_commit(copy->db, copy->error);
}

static bool s_is_empty(db_t *db, zr_error_t *error) {
    PGresult *result = pg_exec(db, "SELECT (SELECT count(*) FROM zrelay.rooms) + (SELECT count(*) FROM zrelay.marks) +"
                                   " (SELECT count(*) FROM zrelay.groups) + (SELECT floor FROM zrelay.log)");
    bool ok = pg_is_ok(db, result, "read", error);
    if (ok && strcmp(PQgetvalue(result, 0, 0), "0") != 0)
        ok = zr_fail(error, "the database has a log already; take another one, or DROP SCHEMA zrelay CASCADE");
    PQclear(result);
    return ok;
}

bool log_postgres_import(const char *uri, const log_durable_db_t *from, uint64_t fresh_epoch, zr_error_t *error) {
    if (!pg_check(uri, error))
        return false;
    copy_t copy = {.db = pg_new(uri, true), .from = from, .error = error};
    bool ok = pg_lead(copy.db, fresh_epoch, error) && s_is_empty(copy.db, error) && s_copy(&copy);
    pg_rollback(copy.db);
    pg_close(copy.db);
    free(copy.rooms);
    return ok;
}
