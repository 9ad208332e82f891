#include "fixture_search.h"

#include <sqlite3.h>
#include <stdio.h>

void world_begin(world_t *world) {
    *world = (world_t){.index = NULL};
    store_begin(&world->store);
    world->index = search_index_open(store_path(&world->store, "search.db"), world->store.error);
    ck_assert_msg(world->index, "%s", world->store.error->text);
}

void world_end(world_t *world) {
    search_index_close(world->index);
    store_end(&world->store);
}

void world_put(world_t *world, uint32_t room, const char *name, uint64_t seq, const char *key, const char *body) {
    item_t item = {.seq = seq, .key = key, .body = body};
    store_put(&world->store, room, store_frame(zr_span(name), seq - 1, &item, 1, seq));
}

void world_update(world_t *world, size_t chunk) {
    db_t *log = search_log_open(world->store.dir, world->store.error);
    ck_assert_msg(log, "%s", world->store.error->text);
    bool ok = search_update(world->index, log, chunk, NULL, NULL, &world->report, world->store.error);
    ck_assert_msg(ok, "%s", world->store.error->text);
    db_close(log);
}

typedef struct {
    char text[4000];
    size_t len;
} found_t;

static void s_hit(void *ctx, const search_hit_t *hit) {
    found_t *found = ctx;
    found->len += (size_t)snprintf(found->text + found->len, sizeof found->text - found->len, "%.*s %llu; ",
        (int)hit->room.len, hit->room.ptr, (unsigned long long)hit->seq);
}

const char *world_find(world_t *world, const char *text, const char *room, size_t limit) {
    static found_t found;
    found = (found_t){.len = 0};
    *world->store.error = (zr_error_t){0};
    search_query_t query = {.text = text, .rooms = &room, .room_count = room ? 1 : 0, .limit = limit};
    if (search_check(world->index, &query, world->store.error) &&
        search_find(world->index, &query, s_hit, &found, world->store.error))
        return found.text;
    return world->store.error->text;
}

char *world_dump(world_t *world) {
    sqlite3 *sql;
    sqlite3_stmt *statement;
    ck_assert_int_eq(
        sqlite3_open_v2(store_path(&world->store, "search.db"), &sql, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    char *error = NULL; /* compares the words with the texts */
    ck_assert_msg(
        sqlite3_exec(sql, "INSERT INTO entries (entries) VALUES ('integrity-check')", NULL, NULL, &error) == SQLITE_OK,
        "%s", error);
    ck_assert_int_eq(sqlite3_prepare_v2(sql,
                         "SELECT (SELECT group_concat(id || name || ',' || oldest || ',' || seq, ' ') FROM rooms)"
                         " || ': ' || coalesce((SELECT group_concat(rowid || ',' || time || ',' || flags || room || "
                         "sender || key || body, ' ') FROM entries), '')",
                         -1, &statement, NULL),
        SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
    const char *text = (const char *)sqlite3_column_text(statement, 0);
    char *dump = strdup(text ? text : "");
    sqlite3_finalize(statement);
    sqlite3_close(sql);
    return dump;
}
