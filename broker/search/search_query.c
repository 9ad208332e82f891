/* Finding: first which entries, then what is shown of them; a snippet of each entry that fits would cost more than the
 * search. */
#include "fatal.h"
#include "search_internal.h"

enum { SNIPPET_WORDS = 24, ROOM_ALL = 0 };

typedef struct {
    int64_t id, time;
} found_t;

typedef struct {
    search_index_t *index;
    const search_query_t *query;
    found_t *found;
    size_t count, size;
    zr_error_t *error;
} find_t;

static bool s_fail(find_t *find) {
    return search_fail(find->index, find->error, "search in");
}

/* A statement with MATCH failed. FTS5 reads the query in the first step, and has one error code for all faults of a
 * query. */
static bool s_fail_match(find_t *find) {
    const char *text = sqlite3_errmsg(find->index->sql), *prefix = "fts5: ";
    if (sqlite3_errcode(find->index->sql) != SQLITE_ERROR)
        return s_fail(find);
    if (strncmp(text, prefix, strlen(prefix)) == 0)
        text += strlen(prefix);
    zr_fail(find->error, "bad query: %s; put what has signs in it in double quotes: '\"a-b\"'", text);
    return false;
}

/* The id of a room. */
static bool s_room(find_t *find, const char *name, uint32_t *id) {
    sqlite3_stmt *statement = search_prepare(find->index, "SELECT id FROM rooms WHERE name = ?1");
    if (!statement)
        return s_fail(find);
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        *id = (uint32_t)sqlite3_column_int64(statement, 0);
    else if (code == SQLITE_DONE)
        zr_fail(find->error, "there is no room \"%.128s\" in the log", name);
    else
        s_fail(find);
    sqlite3_finalize(statement);
    return code == SQLITE_ROW;
}

/* The newest that fit, in one room or all. Those of a room are in its order, so that no more are read than wanted. */
static bool s_match(find_t *find, uint32_t room, size_t limit) {
    sqlite3_stmt *statement = search_prepare(find->index,
        room == ROOM_ALL ? "SELECT rowid, time FROM entries WHERE entries MATCH ?1 ORDER BY time DESC, rowid DESC"
                           " LIMIT ?2"
                         : "SELECT rowid, time FROM entries WHERE entries MATCH ?1 AND rowid BETWEEN ?3 AND ?4"
                           " ORDER BY rowid DESC LIMIT ?2");
    if (!statement)
        return s_fail(find);
    sqlite3_bind_text(statement, 1, find->query->text, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, (int64_t)limit);
    if (room != ROOM_ALL) {
        sqlite3_bind_int64(statement, 3, db_frame_id(room, 0));
        sqlite3_bind_int64(statement, 4, db_frame_id(room, DB_SEQ_MAX));
    }
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        FATAL_GROW(find->found, find->count, find->size);
        find->found[find->count++] = (found_t){sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1)};
    }
    bool ok = code == SQLITE_DONE || s_fail_match(find);
    sqlite3_finalize(statement);
    return ok;
}

/* The newest first. */
static int s_order(const void *left, const void *right) {
    const found_t *a = left, *b = right;
    if (a->time != b->time)
        return a->time < b->time ? 1 : -1;
    return (a->id < b->id) - (a->id > b->id);
}

static bool s_match_rooms(find_t *find) {
    const search_query_t *query = find->query;
    if (query->room_count == 0)
        return s_match(find, ROOM_ALL, query->limit);
    for (size_t i = 0; i < query->room_count; i++) {
        uint32_t id = ROOM_ALL;
        bool again = false; /* named twice */
        for (size_t j = 0; j < i && !again; j++)
            again = strcmp(query->rooms[i], query->rooms[j]) == 0;
        if (!again && (!s_room(find, query->rooms[i], &id) || !s_match(find, id, query->limit)))
            return false;
    }
    if (find->count > 1)
        qsort(find->found, find->count, sizeof *find->found, s_order);
    if (find->count > query->limit)
        find->count = query->limit;
    return true;
}

static bool s_show(find_t *find, void (*each)(void *ctx, const search_hit_t *hit), void *ctx) {
    char text[200];
    snprintf(text, sizeof text,
        "SELECT time, flags, room, sender, key, snippet(entries, 5, '', '', '…', %d) FROM entries"
        " WHERE entries MATCH ?1 AND rowid = ?2",
        SNIPPET_WORDS);
    sqlite3_stmt *statement = search_prepare(find->index, text);
    bool ok = statement;
    for (size_t i = 0; ok && i < find->count; i++) {
        sqlite3_bind_text(statement, 1, find->query->text, -1, SQLITE_STATIC);
        sqlite3_bind_int64(statement, 2, find->found[i].id);
        ok = sqlite3_step(statement) == SQLITE_ROW;
        if (ok) {
            search_hit_t hit = {.seq = db_frame_seq(find->found[i].id),
                .time = (uint64_t)sqlite3_column_int64(statement, 0),
                .deleted = sqlite3_column_int(statement, 1) & ZR_ENTRY_DELETE,
                .room = db_column(statement, 2),
                .sender = db_column(statement, 3),
                .key = db_column(statement, 4),
                .snippet = db_column(statement, 5)};
            each(ctx, &hit);
        }
        sqlite3_reset(statement);
    }
    if (!ok)
        s_fail(find);
    sqlite3_finalize(statement);
    return ok;
}

bool search_check(search_index_t *index, const search_query_t *query, zr_error_t *error) {
    find_t find = {.index = index, .query = query, .error = error};
    sqlite3_stmt *statement = search_prepare(index, "SELECT rowid FROM entries WHERE entries MATCH ?1 AND rowid = 0");
    if (!statement)
        return s_fail(&find);
    sqlite3_bind_text(statement, 1, query->text, -1, SQLITE_STATIC);
    int code = sqlite3_step(statement);
    bool ok = code == SQLITE_ROW || code == SQLITE_DONE || s_fail_match(&find);
    sqlite3_finalize(statement);
    return ok;
}

bool search_find(search_index_t *index, const search_query_t *query, void (*each)(void *ctx, const search_hit_t *hit),
    void *ctx, zr_error_t *error) {
    find_t find = {.index = index, .query = query, .error = error};
    /* One view: another search may take out what was found. */
    bool ok = search_exec(index, "BEGIN") || s_fail(&find);
    ok = ok && s_match_rooms(&find) && s_show(&find, each, ctx);
    if (!sqlite3_get_autocommit(index->sql))
        search_exec(index, "COMMIT");
    free(find.found);
    return ok;
}
