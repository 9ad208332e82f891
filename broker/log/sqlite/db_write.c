/* Stores transactions: all between begin and commit is there as a whole or not at all.
 *
 * SQLite appends a transaction to its write-ahead log, syncs that and then tells its readers. If the sync or a later
 * step fails, it takes the transaction back. But its records may be complete in the log, and an open after a crash
 * would find them valid. The next transaction that succeeds overwrites them. So after such a failure a small one is
 * stored at once. */
#include "db_internal.h"
#include "db_write.h"

db_newest_t *db_newest_place(db_t *db, uint32_t room) {
    if (room == 0 || room > DB_ROOM_MAX)
        return NULL;
    FATAL_REACH(db->rooms, db->room_size, room);
    return &db->rooms[room];
}

static bool s_load_newest(db_t *db, uint32_t room, db_newest_t *newest) {
    sqlite3_stmt *statement = db_statement(db, DB_SQL_ROOM_GET);
    sqlite3_bind_int64(statement, 1, room);
    int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return false;
    *newest = (db_newest_t){.known = code == SQLITE_ROW};

    statement = db_statement(db, DB_SQL_FRAME_NEWEST);
    sqlite3_bind_int64(statement, 1, db_frame_id(room, 0));
    sqlite3_bind_int64(statement, 2, db_frame_id(room, DB_SEQ_MAX));
    code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        newest->head = db_frame_seq(sqlite3_column_int64(statement, 0));
        newest->time = (uint64_t)sqlite3_column_int64(statement, 1);
        newest->entries = (uint64_t)sqlite3_column_int64(statement, 2);
        newest->bytes = (uint64_t)sqlite3_column_int64(statement, 3);
        newest->prev = (uint64_t)sqlite3_column_int64(statement, 4);
    }
    sqlite3_reset(statement);
    if (code == SQLITE_ROW || code == SQLITE_DONE)
        newest->generation = db->generation;
    return newest->generation == db->generation;
}

db_newest_t *db_newest(db_t *db, uint32_t room) {
    db_newest_t *newest = db_newest_place(db, room);
    if (!newest || (newest->generation != db->generation && !s_load_newest(db, room, newest)))
        return NULL;
    return newest->known ? newest : NULL;
}

/* A failure leaves the pages where they are; a later checkpoint meets it again. */
void db_checkpoint_all(db_t *db) {
    int all = -1, done = -1;
    if (sqlite3_wal_checkpoint_v2(db->sql, NULL, SQLITE_CHECKPOINT_PASSIVE, &all, &done) == SQLITE_OK && all == done)
        db->cycle = true;
}

void db_checkpoint(db_t *db) {
    if (db->checkpoint_at == 0)
        db->checkpoint_at = db->checkpoint_pages;
    if (db->wal_pages < db->checkpoint_at)
        return;
    /* While a reader blocks it, the log goes on growing, and not every commit tries. */
    db_checkpoint_all(db);
    db->checkpoint_at = db->wal_pages + db->checkpoint_pages;
}

static bool s_begin(db_t *db) {
    db->failed = false;
    return db_run(db, db_statement(db, DB_SQL_BEGIN));
}

bool db_begin(db_t *db, zr_error_t *error) {
    FATAL_UNLESS(sqlite3_get_autocommit(db->sql));
    db_checkpoint(db); /* here and not after the commit, which is waited for */
    if (!s_begin(db))
        return db_fail(db, error, "write to");
    if (!db->cycle || db_run(db, db_statement(db, DB_SQL_CYCLE)))
        return true;
    db_fail(db, error, "write to");
    db->failed = true;
    db_rollback(db);
    return false;
}

void db_rollback(db_t *db) {
    if (!db->sql || sqlite3_get_autocommit(db->sql)) {
        if (db->failed)
            db->generation++; /* SQLite rolled back by itself */
        db->failed = false;
        return;
    }
    db_run(db, db_statement(db, DB_SQL_ROLLBACK));
    db->generation++;
    db->failed = false;
}

bool db_commit(db_t *db, zr_error_t *error) {
    if (db->failed) {
        zr_fail(error, "nothing stored in %s/%s: a part of it could not be", db->dir, DB_NAME);
        db_rollback(db);
        return false;
    }
    if (db_run(db, db_statement(db, DB_SQL_COMMIT))) {
        db->doubtful = db->cycle = false;
        return true;
    }
    bool full =
        (sqlite3_errcode(db->sql) & 0xff) == SQLITE_FULL; /* the last record, which makes it valid, was not written */
    db_fail(db, error, "store in");
    db->failed = true;
    db_rollback(db);
    db->doubtful |= !full;
    if (db->doubtful && s_begin(db)) {
        db->doubtful = !db_run(db, db_statement(db, DB_SQL_FAILURE)) || !db_run(db, db_statement(db, DB_SQL_COMMIT));
        db->failed = db->doubtful;
        db_rollback(db);
    }
    return false;
}

/* If one part fails, the whole transaction fails. */
static bool s_spoil(db_t *db, zr_error_t *error) {
    db_fail(db, error, "write to");
    db->failed = true;
    return false;
}

bool db_add_room(db_t *db, uint32_t room, zr_span_t name, zr_error_t *error) {
    db_newest_t *newest = db_newest_place(db, room);
    FATAL_UNLESS(newest);
    sqlite3_stmt *statement = db_statement(db, DB_SQL_ROOM_ADD);
    sqlite3_bind_int64(statement, 1, room);
    sqlite3_bind_text(statement, 2, name.ptr, (int)name.len, SQLITE_STATIC);
    if (!db_run(db, statement))
        return s_spoil(db, error);
    newest->generation = 0; /* read anew */
    return true;
}

static bool s_set_value(db_t *db, uint32_t room, const zr_entry_t *entry) {
    bool gone = entry->flags & ZR_ENTRY_DELETE;
    sqlite3_stmt *statement = db_statement(db, gone ? DB_SQL_KEY_DELETE : DB_SQL_KEY_SET);
    sqlite3_bind_int64(statement, 1, room);
    sqlite3_bind_text(statement, 2, entry->key.ptr, (int)entry->key.len, SQLITE_STATIC);
    if (!gone) {
        sqlite3_bind_int64(statement, 3, (int64_t)entry->seq);
        sqlite3_bind_int64(statement, 4, (int64_t)entry->time);
        sqlite3_bind_text(statement, 5, entry->sender.ptr, (int)entry->sender.len, SQLITE_STATIC);
        sqlite3_bind_blob64(statement, 6, entry->body.ptr ? entry->body.ptr : "", entry->body.len, SQLITE_STATIC);
        sqlite3_bind_int64(statement, 7, (int64_t)entry->ttl);
    }
    return db_run(db, statement);
}

static bool s_set_values(db_t *db, uint32_t room, const log_append_t *append) {
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    zr_deliver_read(&reader, zr_span_of(zr_blob_data(append->frame), zr_blob_len(append->frame)));
    while (zr_deliver_next(&reader, &entry))
        if (entry.key.len > 0 && !s_set_value(db, room, &entry))
            return false;
    return true;
}

/* Positions before the room's first frame here were never stored here. */
static bool s_begin_room(db_t *db, uint32_t room, uint64_t prev) {
    sqlite3_stmt *statement = db_statement(db, DB_SQL_ROOM_BEGIN);
    sqlite3_bind_int64(statement, 1, room);
    sqlite3_bind_int64(statement, 2, (int64_t)prev);
    return db_run(db, statement);
}

bool db_add_frame(db_t *db, uint32_t room, const log_append_t *append, zr_error_t *error) {
    db_newest_t *newest = db_newest(db, room);
    if (!newest)
        return s_spoil(db, error);
    if (append->last <= newest->head || append->last > DB_SEQ_MAX) {
        db->failed = true;
        return zr_fail(error, "cannot store position %llu of room %.*s after %llu", (unsigned long long)append->last,
            (int)append->room.len, append->room.ptr, (unsigned long long)newest->head);
    }
    size_t len = zr_blob_len(append->frame);
    sqlite3_stmt *statement = db_statement(db, DB_SQL_FRAME_ADD);
    sqlite3_bind_int64(statement, 1, db_frame_id(room, append->last));
    sqlite3_bind_int64(statement, 2, (int64_t)append->prev);
    sqlite3_bind_int64(statement, 3, (int64_t)append->time);
    sqlite3_bind_int64(statement, 4, (int64_t)append->count);
    sqlite3_bind_int64(statement, 5, (int64_t)(newest->entries + append->count));
    sqlite3_bind_int64(statement, 6, (int64_t)(newest->bytes + len));
    sqlite3_bind_blob64(statement, 7, zr_blob_data(append->frame), len, SQLITE_STATIC);
    if (!db_run(db, statement) || (newest->head == 0 && append->prev > 0 && !s_begin_room(db, room, append->prev)) ||
        (append->keyed && !s_set_values(db, room, append)))
        return s_spoil(db, error);
    newest->head = append->last;
    newest->prev = append->prev;
    newest->time = append->time;
    newest->entries += append->count;
    newest->bytes += len;
    return true;
}

static bool s_delete(db_t *db, db_sql_t which, int64_t first, int64_t second) {
    sqlite3_stmt *statement = db_statement(db, which);
    sqlite3_bind_int64(statement, 1, first);
    if (sqlite3_bind_parameter_count(statement) > 1)
        sqlite3_bind_int64(statement, 2, second);
    return db_run(db, statement);
}

bool db_forget_room(db_t *db, uint32_t room, uint64_t head, zr_error_t *error) {
    db_newest_t *newest = db_newest(db, room);
    if (!newest)
        return s_spoil(db, error);
    uint64_t floor = head > newest->head ? head : newest->head;
    newest->generation = 0; /* read anew */
    return (s_delete(db, DB_SQL_FRAMES_DELETE, db_frame_id(room, 0), db_frame_id(room, DB_SEQ_MAX)) &&
               s_delete(db, DB_SQL_KEYS_DELETE, room, 0) && s_delete(db, DB_SQL_ROOM_DELETE, room, 0) &&
               s_delete(db, DB_SQL_AHEAD_DELETE, room, 0) && s_delete(db, DB_SQL_FLOOR, (int64_t)floor, 0)) ||
           s_spoil(db, error);
}

bool db_set_meta(db_t *db, db_sql_t sql, uint64_t value, zr_error_t *error) {
    if (!db_begin(db, error))
        return false;
    sqlite3_stmt *statement = db_statement(db, sql);
    sqlite3_bind_int64(statement, 1, (int64_t)value);
    if (db_run(db, statement))
        return db_commit(db, error);
    s_spoil(db, error);
    db_rollback(db);
    return false;
}

bool db_set_base(db_t *db, uint64_t base, zr_error_t *error) {
    return db_set_meta(db, DB_SQL_BASE, base, error);
}

bool db_set_mark(db_t *db, const log_mark_t *mark, uint64_t now, zr_error_t *error) {
    sqlite3_stmt *statement = db_statement(db, DB_SQL_MARK_SET);
    sqlite3_bind_blob(statement, 1, mark->client, ZR_CLIENT_ID_LEN, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, (int64_t)mark->mark);
    sqlite3_bind_int64(statement, 3, (int64_t)now);
    if (mark->refusals)
        sqlite3_bind_blob64(statement, 4, zr_blob_data(mark->refusals), zr_blob_len(mark->refusals), SQLITE_STATIC);
    else
        sqlite3_bind_null(statement, 4);
    return db_run(db, statement) || s_spoil(db, error);
}

/* Most logs have no groups, and so no table of them. */
static bool s_make_groups(db_t *db) {
    if (db->groups == db->generation)
        return true;
    if (!db_exec(db, "CREATE TABLE IF NOT EXISTS groups (room TEXT NOT NULL, name TEXT NOT NULL, state BLOB NOT NULL"
                     " CHECK (typeof(state) = 'blob'), PRIMARY KEY (room, name)) WITHOUT ROWID"))
        return false;
    db->groups = db->generation;
    return true;
}

bool db_set_group(db_t *db, const log_group_t *group, zr_error_t *error) {
    if (!s_make_groups(db))
        return s_spoil(db, error);
    sqlite3_stmt *statement = db_statement(db, group->state ? DB_SQL_GROUP_SET : DB_SQL_GROUP_DELETE);
    if (!statement)
        return s_spoil(db, error);
    sqlite3_bind_text(statement, 1, group->room, (int)group->room_len, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, group->name, (int)group->name_len, SQLITE_STATIC);
    if (group->state)
        sqlite3_bind_blob64(statement, 3, zr_blob_data(group->state), zr_blob_len(group->state), SQLITE_STATIC);
    return db_run(db, statement) || s_spoil(db, error);
}
