/* What a start needs: rooms with their bounds, values of keys, marks of clients, groups. */
#include "pg_batch.h"
#include "pg_lease.h"
#include "pg_read.h"

static PGresult *s_rows(db_t *db, pg_sql_t sql, zr_error_t *error) {
    PGresult *result = pg_query(db, &(pg_op_t){.sql = sql});
    if (pg_is_ok(db, result, "read", error))
        return result;
    PQclear(result);
    return NULL;
}

static uint64_t s_number(const PGresult *rows, int row, int column) {
    return (uint64_t)pg_int8(rows, row, column); /* 0 for NULL */
}

static bool s_room(db_t *db, const PGresult *rows, int i, db_room_t *room, zr_error_t *error) {
    uint32_t id = (uint32_t)pg_int4(rows, i, 0);
    pg_newest_t newest = {.head = s_number(rows, i, 6),
        .prev = s_number(rows, i, 7),
        .time = s_number(rows, i, 8),
        .entries = s_number(rows, i, 9),
        .bytes = s_number(rows, i, 10)};
    uint64_t oldest = s_number(rows, i, 2), gone_entries = s_number(rows, i, 3), gone_bytes = s_number(rows, i, 4);
    *room = (db_room_t){.id = id,
        .name = pg_bytes(rows, i, 1),
        .bounds = {.head = newest.head,
            .oldest = oldest,
            .begun = s_number(rows, i, 5),
            .tail = newest.prev,
            .time = newest.time},
        .entries = newest.entries - gone_entries,
        .bytes = newest.bytes - gone_bytes};
    if (id == 0 || id > DB_ROOM_MAX || !zr_room_valid(room->name) || oldest > newest.head ||
        gone_entries > newest.entries || gone_bytes > newest.bytes)
        return zr_fail(
            error, "the database is damaged (a room and its entries contradict each other); restore a backup");
    *pg_newest(db, id) = newest;
    return true;
}

bool pg_each_room(db_t *db, void (*each)(void *ctx, const db_room_t *room), void *ctx, zr_error_t *error) {
    PGresult *rows = s_rows(db, PG_SQL_ROOMS, error);
    bool ok = rows;
    for (int i = 0; ok && i < PQntuples(rows); i++) {
        db_room_t room;
        ok = s_room(db, rows, i, &room, error);
        if (ok)
            each(ctx, &room);
    }
    PQclear(rows);
    return ok;
}

bool pg_each_value(
    db_t *db, void (*each)(void *ctx, uint32_t room, const zr_entry_t *entry), void *ctx, zr_error_t *error) {
    if (db->term) /* the commits before held the lease for a moment only, and much may follow */
        pg_lease_hold_long(db);
    PGresult *rows = s_rows(db, PG_SQL_VALUES, error);
    if (!rows)
        return false;
    for (int i = 0; i < PQntuples(rows); i++) {
        zr_entry_t entry = {.seq = s_number(rows, i, 1),
            .time = s_number(rows, i, 2),
            .sender = pg_bytes(rows, i, 3),
            .key = pg_bytes(rows, i, 4),
            .body = pg_bytes(rows, i, 5),
            .ttl = s_number(rows, i, 6)};
        entry.flags = entry.ttl ? ZR_ENTRY_TTL : 0;
        each(ctx, (uint32_t)pg_int4(rows, i, 0), &entry);
    }
    PQclear(rows);
    return true;
}

bool pg_each_mark(db_t *db, void (*each)(void *ctx, const log_mark_t *mark), void *ctx, zr_error_t *error) {
    PGresult *rows = s_rows(db, PG_SQL_MARKS, error);
    if (!rows)
        return false;
    for (int i = 0; i < PQntuples(rows); i++) {
        zr_span_t client = pg_bytes(rows, i, 0), refusals = pg_bytes(rows, i, 2);
        log_mark_t mark = {.mark = s_number(rows, i, 1)};
        memcpy(mark.client, client.ptr, client.len < sizeof mark.client ? client.len : sizeof mark.client);
        if (!PQgetisnull(rows, i, 2))
            mark.refusals = zr_blob_copy(refusals.ptr, refusals.len);
        each(ctx, &mark);
        zr_blob_unref(mark.refusals);
    }
    PQclear(rows);
    return true;
}

bool pg_each_group(
    db_t *db, void (*each)(void *ctx, zr_span_t room, zr_span_t name, zr_span_t state), void *ctx, zr_error_t *error) {
    PGresult *rows = s_rows(db, PG_SQL_GROUPS, error);
    if (!rows)
        return false;
    for (int i = 0; i < PQntuples(rows); i++)
        each(ctx, pg_bytes(rows, i, 0), pg_bytes(rows, i, 1), pg_bytes(rows, i, 2));
    PQclear(rows);
    return true;
}
