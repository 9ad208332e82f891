/* Reads at the start: rooms with their bounds, values of keys, marks of clients, groups. */
#include "db_internal.h"

db_open_t db_load_rooms(db_t *db, zr_error_t *error) {
    sqlite3_stmt *rooms = db_statement(db, DB_SQL_ROOMS);
    db_open_t result = DB_OPENED;
    int code;
    while (result == DB_OPENED && (code = sqlite3_step(rooms)) == SQLITE_ROW) {
        const db_newest_t *newest = db_newest(db, (uint32_t)sqlite3_column_int64(rooms, 0));
        if (!newest) {
            result = db_refuse(db, error, "read the rooms of");
        } else if (!zr_room_valid(db_column(rooms, 1)) || (uint64_t)sqlite3_column_int64(rooms, 2) > newest->head ||
                   (uint64_t)sqlite3_column_int64(rooms, 3) > newest->entries ||
                   (uint64_t)sqlite3_column_int64(rooms, 4) > newest->bytes) {
            db_damaged(db, error, "a room and its entries contradict each other");
            result = DB_CORRUPT;
        }
    }
    if (result == DB_OPENED && code != SQLITE_DONE)
        result = db_refuse(db, error, "read the rooms of");
    sqlite3_reset(rooms);
    return result;
}

bool db_each_room(db_t *db, void (*each)(void *ctx, const db_room_t *room), void *ctx, zr_error_t *error) {
    sqlite3_stmt *statement = db_statement(db, DB_SQL_ROOMS);
    int code = SQLITE_ERROR;
    while (statement && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        uint32_t id = (uint32_t)sqlite3_column_int64(statement, 0);
        const db_newest_t *newest = db_newest(db, id);
        if (!newest)
            break;
        db_room_t room = {.id = id,
            .name = db_column(statement, 1),
            .bounds = {.head = newest->head,
                .oldest = (uint64_t)sqlite3_column_int64(statement, 2),
                .begun = (uint64_t)sqlite3_column_int64(statement, 5),
                .tail = newest->prev,
                .time = newest->time},
            .entries = newest->entries - (uint64_t)sqlite3_column_int64(statement, 3),
            .bytes = newest->bytes - (uint64_t)sqlite3_column_int64(statement, 4)};
        each(ctx, &room);
    }
    if (code != SQLITE_DONE)
        db_fail(db, error, "read the rooms of");
    sqlite3_reset(statement);
    return code == SQLITE_DONE;
}

bool db_each_value(
    db_t *db, void (*each)(void *ctx, uint32_t room, const zr_entry_t *entry), void *ctx, zr_error_t *error) {
    sqlite3_stmt *statement = db_statement(db, DB_SQL_VALUES);
    int code = SQLITE_ERROR;
    while (statement && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        zr_entry_t entry = {.seq = (uint64_t)sqlite3_column_int64(statement, 1),
            .time = (uint64_t)sqlite3_column_int64(statement, 2),
            .sender = db_column(statement, 3),
            .key = db_column(statement, 4),
            .body = db_column(statement, 5),
            .ttl = (uint64_t)sqlite3_column_int64(statement, 6)};
        entry.flags = entry.ttl ? ZR_ENTRY_TTL : 0;
        each(ctx, (uint32_t)sqlite3_column_int64(statement, 0), &entry);
    }
    if (code != SQLITE_DONE)
        db_fail(db, error, "read the values of");
    sqlite3_reset(statement);
    return code == SQLITE_DONE;
}

bool db_each_mark(db_t *db, void (*each)(void *ctx, const log_mark_t *mark), void *ctx, zr_error_t *error) {
    sqlite3_stmt *statement = db_statement(db, DB_SQL_MARKS);
    int code = SQLITE_ERROR;
    while (statement && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        log_mark_t mark = {.mark = (uint64_t)sqlite3_column_int64(statement, 1)};
        zr_span_t client = db_column(statement, 0), refusals = db_column(statement, 2);
        if (client.len != sizeof mark.client) {
            sqlite3_reset(statement);
            return db_damaged(db, error, "a client id of another length");
        }
        memcpy(mark.client, client.ptr, sizeof mark.client);
        if (sqlite3_column_type(statement, 2) != SQLITE_NULL)
            mark.refusals = zr_blob_copy(refusals.ptr, refusals.len);
        each(ctx, &mark);
        zr_blob_unref(mark.refusals);
    }
    if (code != SQLITE_DONE)
        db_fail(db, error, "read the marks of");
    sqlite3_reset(statement);
    return code == SQLITE_DONE;
}

/* Does the log have a table of groups? Without it there never was one. */
static bool s_has_groups(db_t *db, bool *has, zr_error_t *error) {
    sqlite3_stmt *statement = db_statement(db, DB_SQL_GROUPS_MADE);
    int code = statement ? sqlite3_step(statement) : SQLITE_ERROR;
    *has = code == SQLITE_ROW && sqlite3_column_int64(statement, 0) > 0;
    sqlite3_reset(statement);
    return code == SQLITE_ROW || db_fail(db, error, "read the groups of");
}

bool db_each_group(
    db_t *db, void (*each)(void *ctx, zr_span_t room, zr_span_t name, zr_span_t state), void *ctx, zr_error_t *error) {
    bool has;
    if (!s_has_groups(db, &has, error) || !has)
        return !error->count;
    sqlite3_stmt *statement = db_statement(db, DB_SQL_GROUPS);
    int code = SQLITE_ERROR;
    while (statement && (code = sqlite3_step(statement)) == SQLITE_ROW)
        each(ctx, db_column(statement, 0), db_column(statement, 1), db_column(statement, 2));
    if (code != SQLITE_DONE)
        db_fail(db, error, "read the groups of");
    sqlite3_reset(statement);
    return code == SQLITE_DONE;
}
