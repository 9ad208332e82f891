/* What a transaction is made of: as db_ops_t says. */
#include "pg_write.h"

#include "fatal.h"
#include "pg_batch.h"

bool pg_begin(db_t *db, zr_error_t *error) {
    (void)error;
    FATAL_UNLESS(db->op_count == 0 && db->frame_count == 0);
    zr_buffer_clear(&db->bytes);
    return true;
}

void pg_rollback(db_t *db) {
    pg_batch_clear(db, false);
}

bool pg_add_room(db_t *db, uint32_t room, zr_span_t name, zr_error_t *error) {
    (void)error;
    pg_op_t *op = pg_add(db, PG_SQL_ROOM_ADD);
    pg_put4(db, op, room);
    pg_put_bytes(db, op, name);
    pg_batch_newest(db, room, &(pg_newest_t){0});
    return true;
}

static void s_set_value(db_t *db, uint32_t room, const zr_entry_t *entry) {
    bool gone = entry->flags & ZR_ENTRY_DELETE;
    pg_op_t *op = pg_add(db, gone ? PG_SQL_KEY_DELETE : PG_SQL_KEY_SET);
    pg_put4(db, op, room);
    pg_put_bytes(db, op, entry->key);
    if (gone)
        return;
    pg_put8(db, op, entry->seq);
    pg_put8(db, op, entry->time);
    pg_put_bytes(db, op, entry->sender);
    pg_put_bytes(db, op, entry->body);
    pg_put8(db, op, entry->ttl);
}

static void s_set_values(db_t *db, uint32_t room, const log_append_t *append) {
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    zr_deliver_read(&reader, zr_span_of(zr_blob_data(append->frame), zr_blob_len(append->frame)));
    while (zr_deliver_next(&reader, &entry))
        if (entry.key.len > 0)
            s_set_value(db, room, &entry);
}

/* Positions before the room's first frame here were never stored here. */
static void s_begin_room(db_t *db, uint32_t room, uint64_t prev) {
    pg_op_t *op = pg_add(db, PG_SQL_ROOM_BEGIN);
    pg_put4(db, op, room);
    pg_put8(db, op, prev);
}

bool pg_add_frame(db_t *db, uint32_t room, const log_append_t *append, zr_error_t *error) {
    pg_newest_t newest = *pg_newest(db, room);
    if (append->last <= newest.head || append->last > DB_SEQ_MAX)
        return zr_fail(error, "cannot store position %llu of room %.*s after %llu", (unsigned long long)append->last,
            (int)append->room.len, append->room.ptr, (unsigned long long)newest.head);
    if (newest.head == 0 && append->prev > 0)
        s_begin_room(db, room, append->prev);
    if (append->keyed)
        s_set_values(db, room, append);
    newest = (pg_newest_t){.head = append->last,
        .prev = append->prev,
        .time = append->time,
        .entries = newest.entries + append->count,
        .bytes = newest.bytes + zr_blob_len(append->frame)};
    pg_batch_newest(db, room, &newest);
    pg_batch_frame(db, &(pg_frame_t){.room = room, .entries = newest.entries, .bytes = newest.bytes, .append = append});
    return true;
}

bool pg_forget_room(db_t *db, uint32_t room, uint64_t head, zr_error_t *error) {
    (void)error;
    const pg_newest_t *newest = pg_newest(db, room);
    uint64_t floor = head > newest->head ? head : newest->head;
    pg_batch_flush(db);
    pg_op_t *op = pg_add(db, PG_SQL_FRAMES_DELETE);
    pg_put4(db, op, room);
    pg_put8(db, op, 0);
    pg_put8(db, op, DB_SEQ_MAX);
    pg_put4(db, pg_add(db, PG_SQL_KEYS_DELETE), room);
    pg_put4(db, pg_add(db, PG_SQL_ROOM_DELETE), room);
    pg_put8(db, pg_add(db, PG_SQL_FLOOR), floor);
    pg_batch_newest(db, room, &(pg_newest_t){0});
    return true;
}

bool pg_set_group(db_t *db, const log_group_t *group, zr_error_t *error) {
    (void)error;
    pg_op_t *op = pg_add(db, group->state ? PG_SQL_GROUP_SET : PG_SQL_GROUP_DELETE);
    pg_put_bytes(db, op, zr_span_of(group->room, group->room_len));
    pg_put_bytes(db, op, zr_span_of(group->name, group->name_len));
    if (group->state)
        pg_put_bytes(db, op, zr_span_of(zr_blob_data(group->state), zr_blob_len(group->state)));
    return true;
}

bool pg_set_mark(db_t *db, const log_mark_t *mark, uint64_t now, zr_error_t *error) {
    (void)error;
    pg_op_t *op = pg_add(db, PG_SQL_MARK_SET);
    pg_put_bytes(db, op, zr_span_of(mark->client, sizeof mark->client));
    pg_put8(db, op, mark->mark);
    pg_put8(db, op, now);
    if (mark->refusals)
        pg_put_bytes(db, op, zr_span_of(zr_blob_data(mark->refusals), zr_blob_len(mark->refusals)));
    else
        pg_put_null(op);
    return true;
}

static bool s_set(db_t *db, pg_sql_t sql, uint64_t value, zr_error_t *error) {
    if (!pg_begin(db, error))
        return false;
    pg_put8(db, pg_add(db, sql), value);
    return pg_commit(db, error);
}

bool pg_set_hold(db_t *db, uint64_t until, zr_error_t *error) {
    return s_set(db, PG_SQL_HOLD, until, error);
}

bool pg_set_base(db_t *db, uint64_t base, zr_error_t *error) {
    return s_set(db, PG_SQL_BASE, base, error);
}
