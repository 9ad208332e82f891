/* Brings the index up to date: removes entries that the log no longer has, and adds new ones. Transactions have a
 * bounded size, and each leaves an index that is right as far as it goes. A view of the log lasts no longer than one
 * transaction, as a view keeps the broker's write-ahead log from being emptied. */
#include "fatal.h"
#include "search_internal.h"

enum { ENTRY_COST = 64 }; /* what an entry counts in a chunk besides its texts */

typedef struct {
    uint32_t id;
    char *name;
    uint64_t oldest, seq; /* seq: the log's head; in the index, how far it goes */
} room_t;

typedef struct {
    room_t *rooms; /* by id */
    size_t count;
} rooms_t;

typedef struct {
    search_index_t *index;
    db_t *log;
    size_t chunk, pending;
    bool open; /* a transaction of the index */
    rooms_t indexed, logged;
    sqlite3_stmt *position, *move, *insert, *first, *remove; /* of the index */
    sqlite3_stmt *frames;                                    /* of the log */
    zr_buffer_t text;
    void (*each_chunk)(void *ctx, const search_report_t *report);
    void *ctx;
    search_report_t *report;
    zr_error_t *error;
} update_t;

static bool s_fail(update_t *update) {
    return search_fail(update->index, update->error, "write the index");
}

static bool s_fail_log(update_t *update) {
    return db_fail(update->log, update->error, "read");
}

static bool s_list(sqlite3 *sql, const char *text, rooms_t *rooms) {
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(sql, text, -1, &statement, NULL) != SQLITE_OK)
        return false;
    size_t size = 0;
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        FATAL_GROW(rooms->rooms, rooms->count, size);
        const char *name = (const char *)sqlite3_column_text(statement, 1);
        rooms->rooms[rooms->count++] = (room_t){.id = (uint32_t)sqlite3_column_int64(statement, 0),
            .name = fatal_check(strdup(name ? name : "")),
            .oldest = (uint64_t)sqlite3_column_int64(statement, 2),
            .seq = db_frame_seq(sqlite3_column_int64(statement, 3))};
    }
    sqlite3_finalize(statement);
    return code == SQLITE_DONE;
}

static void s_list_finish(rooms_t *rooms) {
    for (size_t i = 0; i < rooms->count; i++)
        free(rooms->rooms[i].name);
    free(rooms->rooms);
}

static const room_t *s_room(const rooms_t *rooms, uint32_t id) {
    size_t low = 0, high = rooms->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rooms->rooms[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < rooms->count && rooms->rooms[low].id == id ? &rooms->rooms[low] : NULL;
}

/* --- Chunks --- */

/* Begins a transaction unless one is open. Only then: a search that finds everything up to date waits for nobody. */
static bool s_begin(update_t *update) {
    if (update->open)
        return true;
    uint64_t epoch;
    if (!search_exec(update->index, "BEGIN IMMEDIATE"))
        return s_fail(update);
    update->open = true;
    if (!search_epoch(update->index, &epoch))
        return s_fail(update);
    if (epoch == db_epoch(update->log))
        return true;
    zr_fail(update->error, "%s was begun anew by another zrelayd-search: try again", update->index->file);
    return false;
}

static bool s_commit(update_t *update) {
    if (!update->open)
        return true;
    if (!search_exec(update->index, "COMMIT"))
        return s_fail(update);
    update->open = false;
    update->pending = 0;
    if (update->each_chunk)
        update->each_chunk(update->ctx, update->report);
    return true;
}

/* --- Out --- */

/* Removes the indexed entries of the room up to `until`. */
static bool s_remove(update_t *update, uint32_t room, uint64_t until) {
    for (;;) {
        if (!s_begin(update))
            return false;
        sqlite3_bind_int64(update->first, 1, db_frame_id(room, 0));
        sqlite3_bind_int64(update->first, 2, db_frame_id(room, until));
        int code = sqlite3_step(update->first);
        int64_t row = sqlite3_column_int64(update->first, 0);
        size_t size = (size_t)sqlite3_column_int64(update->first, 1);
        sqlite3_reset(update->first);
        if (code == SQLITE_DONE)
            return true;
        sqlite3_bind_int64(update->remove, 1, row);
        if (code != SQLITE_ROW || !db_run(update->log, update->remove))
            return s_fail(update);
        update->report->removed++;
        update->pending += size + ENTRY_COST;
        if (update->pending >= update->chunk && !s_commit(update))
            return false;
    }
}

/* Removes the entries that the log dropped of the room. All are removed if the log has another room there, or none. The
 * same if the log has less than the index: then a copy was put back by hand, and positions mean other entries. */
static bool s_forget(update_t *update, const room_t *indexed) {
    const room_t *logged = s_room(&update->logged, indexed->id);
    bool gone = !logged || strcmp(logged->name, indexed->name) != 0 || logged->seq < indexed->seq;
    if (!gone && logged->oldest <= indexed->oldest)
        return true;
    if (!s_remove(update, indexed->id, gone ? DB_SEQ_MAX : logged->oldest) || !s_begin(update))
        return false;
    char text[120];
    if (gone)
        snprintf(text, sizeof text, "DELETE FROM rooms WHERE id = %u", indexed->id);
    else
        snprintf(text, sizeof text, "UPDATE rooms SET oldest = %llu WHERE id = %u", (unsigned long long)logged->oldest,
            indexed->id);
    return search_exec(update->index, text) || s_fail(update);
}

/* --- In --- */

/* Whether the entries are in order and end where the row says. */
static bool s_sound(zr_span_t frame, uint64_t last) {
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    if (!zr_deliver_read(&reader, frame))
        return false;
    uint64_t seq = reader.prev;
    while (zr_deliver_next(&reader, &entry)) {
        if (entry.seq <= seq)
            return false;
        seq = entry.seq;
    }
    return !reader.failed && seq == last;
}

static void s_bind(sqlite3_stmt *statement, int at, zr_span_t text) {
    sqlite3_bind_text64(statement, at, text.len ? text.ptr : "", text.len, SQLITE_STATIC, SQLITE_UTF8);
}

static bool s_add_entry(update_t *update, const room_t *room, const zr_entry_t *entry) {
    sqlite3_stmt *insert = update->insert;
    search_text(&update->text, entry->body);
    sqlite3_bind_int64(insert, 1, db_frame_id(room->id, entry->seq));
    sqlite3_bind_int64(insert, 2, (int64_t)entry->time);
    sqlite3_bind_int(insert, 3, entry->flags);
    s_bind(insert, 4, zr_span(room->name));
    s_bind(insert, 5, entry->sender);
    s_bind(insert, 6, entry->key);
    s_bind(insert, 7, zr_span_of(update->text.data, update->text.len));
    update->pending += entry->sender.len + entry->key.len + update->text.len + ENTRY_COST;
    update->report->added++;
    return db_run(update->log, insert) || s_fail(update);
}

static bool s_add_frame(update_t *update, const room_t *room, zr_span_t frame, uint64_t after, uint64_t last) {
    if (!s_sound(frame, last)) {
        update->report->damaged++;
        return true;
    }
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    zr_deliver_read(&reader, frame);
    while (zr_deliver_next(&reader, &entry))
        if (entry.seq > after && !s_add_entry(update, room, &entry))
            return false;
    return true;
}

/* The frames after `*seq`, which moves along, until the chunk is full. */
static bool s_add_frames(update_t *update, const room_t *room, uint64_t *seq) {
    bool ok = true;
    int code = SQLITE_ROW;
    sqlite3_bind_int64(update->frames, 1, db_frame_id(room->id, *seq));
    sqlite3_bind_int64(update->frames, 2, db_frame_id(room->id, room->seq));
    while (ok && update->pending < update->chunk && (code = sqlite3_step(update->frames)) == SQLITE_ROW) {
        uint64_t last = db_frame_seq(sqlite3_column_int64(update->frames, 0));
        ok = s_add_frame(update, room, db_column(update->frames, 1), *seq, last);
        *seq = last;
    }
    if (ok && code != SQLITE_ROW && code != SQLITE_DONE)
        ok = s_fail_log(update);
    else if (ok && code == SQLITE_DONE)
        *seq = room->seq; /* entries that the log dropped since it was asked for its head are no reason to go on */
    sqlite3_reset(update->frames);
    return ok;
}

/* How far the index goes, asked in the transaction that moves it: another search may have been there. */
static bool s_position(update_t *update, const room_t *room, uint64_t *seq) {
    sqlite3_bind_int64(update->position, 1, room->id);
    int code = sqlite3_step(update->position);
    *seq = code == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(update->position, 0) : room->oldest;
    sqlite3_reset(update->position);
    return code == SQLITE_ROW || code == SQLITE_DONE || s_fail(update);
}

static bool s_add_room(update_t *update, const room_t *room) {
    uint64_t seq;
    do {
        if (!s_begin(update) || !s_position(update, room, &seq) || !s_add_frames(update, room, &seq))
            return false;
        sqlite3_bind_int64(update->move, 1, room->id);
        s_bind(update->move, 2, zr_span(room->name));
        sqlite3_bind_int64(update->move, 3, (int64_t)room->oldest);
        sqlite3_bind_int64(update->move, 4, (int64_t)seq);
        if (!db_run(update->log, update->move))
            return s_fail(update);
        if (update->pending >= update->chunk && !s_commit(update))
            return false;
    } while (seq < room->seq);
    return true;
}

/* --- All of it --- */

/* The rooms of the index first: those of the log are then as new, and a room that is missing there is gone. */
static bool s_list_rooms(update_t *update) {
    if (!s_list(update->index->sql, "SELECT id, name, oldest, seq FROM rooms ORDER BY id", &update->indexed))
        return s_fail(update);
    return s_list(update->log->sql,
               "SELECT id, name, oldest, coalesce((SELECT frames.id FROM frames WHERE frames.id > rooms.id << 40"
               " AND frames.id <= (rooms.id << 40 | 1099511627775) ORDER BY frames.id DESC LIMIT 1), 0)"
               " FROM rooms ORDER BY id",
               &update->logged) ||
           s_fail_log(update);
}

static bool s_prepare(update_t *update) {
    search_index_t *index = update->index;
    update->position = search_prepare(index, "SELECT seq FROM rooms WHERE id = ?1");
    update->move = search_prepare(index, "INSERT INTO rooms (id, name, oldest, seq) VALUES (?1, ?2, ?3, ?4)"
                                         " ON CONFLICT (id) DO UPDATE SET seq = ?4");
    update->insert = search_prepare(index, "INSERT INTO entries (rowid, time, flags, room, sender, key, body)"
                                           " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    update->first = search_prepare(index, "SELECT rowid, length(body) FROM entries WHERE rowid > ?1 AND rowid <= ?2"
                                          " ORDER BY rowid LIMIT 1");
    update->remove = search_prepare(index, "DELETE FROM entries WHERE rowid = ?1");
    if (!update->position || !update->move || !update->insert || !update->first || !update->remove)
        return s_fail(update);
    return sqlite3_prepare_v2(update->log->sql, "SELECT id, frame FROM frames WHERE id > ?1 AND id <= ?2 ORDER BY id",
               -1, &update->frames, NULL) == SQLITE_OK ||
           s_fail_log(update);
}

static bool s_follow_epoch(update_t *update) {
    uint64_t epoch;
    if (!search_epoch(update->index, &epoch))
        return s_fail(update);
    if (epoch == db_epoch(update->log))
        return true;
    if (!search_exec(update->index, "BEGIN IMMEDIATE"))
        return s_fail(update);
    update->open = true;
    return search_reset(update->index, db_epoch(update->log)) ? s_commit(update) : s_fail(update);
}

static bool s_run(update_t *update) {
    if (!s_follow_epoch(update) || !s_prepare(update) || !s_list_rooms(update))
        return false;
    for (size_t i = 0; i < update->indexed.count; i++)
        if (!s_forget(update, &update->indexed.rooms[i]))
            return false;
    for (size_t i = 0; i < update->logged.count; i++) {
        const room_t *room = &update->logged.rooms[i], *indexed = s_room(&update->indexed, room->id);
        bool same = indexed && indexed->seq == room->seq && strcmp(indexed->name, room->name) == 0;
        if (!same && !s_add_room(update, room))
            return false;
    }
    return s_commit(update);
}

bool search_update(search_index_t *index, db_t *log, size_t chunk,
    void (*each_chunk)(void *ctx, const search_report_t *report), void *ctx, search_report_t *report,
    zr_error_t *error) {
    *report = (search_report_t){0};
    update_t update = {.index = index,
        .log = log,
        .chunk = chunk,
        .each_chunk = each_chunk,
        .ctx = ctx,
        .report = report,
        .error = error};
    bool ok = s_run(&update);
    if (!sqlite3_get_autocommit(index->sql))
        search_exec(index, "ROLLBACK");
    sqlite3_stmt *statements[] = {
        update.position, update.move, update.insert, update.first, update.remove, update.frames};
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++)
        sqlite3_finalize(statements[i]);
    s_list_finish(&update.indexed);
    s_list_finish(&update.logged);
    zr_buffer_finish(&update.text);
    return ok;
}
