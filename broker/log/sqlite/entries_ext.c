/* An extension for SQLite that shows the entries in the frames of a zrelay database as rows. It is for the sqlite3
 * shell and other programs (SCHEMA.md):
 * SELECT seq, sender, CAST(body AS TEXT) FROM entries('general') WHERE seq > 100.
 * It reads rooms and frames of the database that it is loaded into, and needs no broker. */
#include <sqlite3ext.h>

SQLITE_EXTENSION_INIT1

#include <stdint.h>

#include "wire.h"

enum { SEQ_BITS = 40 };

#define SEQ_MAX ((1LL << SEQ_BITS) - 1)

enum { COLUMN_SEQ, COLUMN_TIME, COLUMN_FLAGS, COLUMN_SENDER, COLUMN_KEY, COLUMN_BODY, COLUMN_ROOM };

/* The constraints that a plan uses, in the order of the arguments. */
enum { PLAN_ROOM = 1, PLAN_SEQ = 2, PLAN_AFTER = 4, PLAN_FROM = 8, PLAN_BEFORE = 16, PLAN_UNTIL = 32, PLAN_KINDS = 6 };

typedef struct {
    sqlite3_vtab base;
    sqlite3 *sql;
} table_t;

typedef struct {
    sqlite3_vtab_cursor base;
    sqlite3_stmt *frames; /* room, frame; each room's in their order */
    sqlite3_int64 from, until;
    zr_deliver_reader_t reader; /* in the row that `frames` stands on */
    zr_entry_t entry;
    sqlite3_int64 row;
    bool at_end;
} cursor_t;

static int s_connect(sqlite3 *sql, void *aux, int argc, const char *const *argv, sqlite3_vtab **table, char **error) {
    (void)aux;
    (void)argc;
    (void)argv;
    (void)error;
    int code = sqlite3_declare_vtab(sql, "CREATE TABLE x (seq INTEGER, time INTEGER, flags INTEGER, sender TEXT, key "
                                         "TEXT, body BLOB, room TEXT HIDDEN)");
    if (code != SQLITE_OK)
        return code;
    table_t *self = sqlite3_malloc(sizeof *self);
    if (!self)
        return SQLITE_NOMEM;
    *self = (table_t){.sql = sql};
    *table = &self->base;
    return SQLITE_OK;
}

static int s_disconnect(sqlite3_vtab *table) {
    sqlite3_free(table);
    return SQLITE_OK;
}

static int s_kind(const struct sqlite3_index_constraint *constraint) {
    if (constraint->iColumn == COLUMN_ROOM)
        return constraint->op == SQLITE_INDEX_CONSTRAINT_EQ ? PLAN_ROOM : 0;
    if (constraint->iColumn != COLUMN_SEQ)
        return 0;
    switch (constraint->op) {
    case SQLITE_INDEX_CONSTRAINT_EQ:
        return PLAN_SEQ;
    case SQLITE_INDEX_CONSTRAINT_GT:
        return PLAN_AFTER;
    case SQLITE_INDEX_CONSTRAINT_GE:
        return PLAN_FROM;
    case SQLITE_INDEX_CONSTRAINT_LT:
        return PLAN_BEFORE;
    case SQLITE_INDEX_CONSTRAINT_LE:
        return PLAN_UNTIL;
    default:
        return 0;
    }
}

/* Whatever is narrowed here SQLite checks again, so that a bound of a strange type does no harm. */
static int s_best_index(sqlite3_vtab *table, sqlite3_index_info *info) {
    (void)table;
    int plan = 0, place[PLAN_KINDS] = {0}; /* of a constraint, 1 and up */
    for (int i = 0; i < info->nConstraint; i++) {
        int kind = s_kind(&info->aConstraint[i]);
        if (!kind || (plan & kind) || !info->aConstraint[i].usable)
            continue;
        plan |= kind;
        place[__builtin_ctz((unsigned)kind)] = i + 1;
    }
    int argument = 0;
    for (int i = 0; i < PLAN_KINDS; i++)
        if (place[i])
            info->aConstraintUsage[place[i] - 1].argvIndex = ++argument;
    info->idxNum = plan;
    info->estimatedCost = 1e7;
    if (plan & PLAN_ROOM)
        info->estimatedCost /= 100;
    if (plan & ~PLAN_ROOM)
        info->estimatedCost /= 10;
    if (plan & PLAN_SEQ)
        info->estimatedCost /= 10;
    bool by_seq = info->nOrderBy == 1 && info->aOrderBy[0].iColumn == COLUMN_SEQ && !info->aOrderBy[0].desc;
    info->orderByConsumed = by_seq && (plan & PLAN_ROOM);
    return SQLITE_OK;
}

static int s_open(sqlite3_vtab *table, sqlite3_vtab_cursor **cursor) {
    (void)table;
    cursor_t *self = sqlite3_malloc(sizeof *self);
    if (!self)
        return SQLITE_NOMEM;
    *self = (cursor_t){.at_end = true};
    *cursor = &self->base;
    return SQLITE_OK;
}

static int s_close(sqlite3_vtab_cursor *cursor) {
    sqlite3_finalize(((cursor_t *)cursor)->frames);
    sqlite3_free(cursor);
    return SQLITE_OK;
}

static int s_fail(cursor_t *self, int code, const char *text) {
    sqlite3_vtab *table = self->base.pVtab;
    sqlite3_free(table->zErrMsg);
    table->zErrMsg = sqlite3_mprintf("%s", text);
    return code;
}

/* The next entry, whatever its seq; at_end when no entry is left. */
static int s_step(cursor_t *self) {
    while (!zr_deliver_next(&self->reader, &self->entry)) {
        if (self->reader.failed)
            return s_fail(self, SQLITE_CORRUPT, "a frame is damaged");
        int code = sqlite3_step(self->frames);
        if (code == SQLITE_DONE) {
            self->at_end = true;
            return SQLITE_OK;
        }
        if (code != SQLITE_ROW)
            return s_fail(self, code, sqlite3_errmsg(((table_t *)self->base.pVtab)->sql));
        const void *frame = sqlite3_column_blob(self->frames, 1);
        size_t len = (size_t)sqlite3_column_bytes(self->frames, 1);
        if (!zr_deliver_read(&self->reader, zr_span_of(frame, len)))
            return s_fail(self, SQLITE_CORRUPT, "a frame is damaged");
    }
    self->row++;
    return SQLITE_OK;
}

static int s_next(sqlite3_vtab_cursor *cursor) {
    cursor_t *self = (cursor_t *)cursor;
    int code;
    do {
        code = s_step(self);
    } while (code == SQLITE_OK && !self->at_end &&
             ((sqlite3_int64)self->entry.seq < self->from || (sqlite3_int64)self->entry.seq > self->until));
    return code;
}

static sqlite3_int64 s_clamp(sqlite3_int64 seq) {
    return seq < 0 ? 0 : seq > SEQ_MAX ? SEQ_MAX : seq;
}

static void s_bound(cursor_t *self, int kind, sqlite3_value *value) {
    int type = sqlite3_value_numeric_type(value);
    if (type != SQLITE_INTEGER)
        return; /* SQLite compares it */
    sqlite3_int64 seq = sqlite3_value_int64(value);
    if ((kind & (PLAN_SEQ | PLAN_FROM | PLAN_AFTER)) && s_clamp(seq) > self->from)
        self->from = s_clamp(seq);
    if ((kind & (PLAN_SEQ | PLAN_UNTIL | PLAN_BEFORE)) && s_clamp(seq) < self->until)
        self->until = s_clamp(seq);
}

static int s_filter(sqlite3_vtab_cursor *cursor, int plan, const char *text, int argc, sqlite3_value **argv) {
    (void)text;
    (void)argc;
    cursor_t *self = (cursor_t *)cursor;
    sqlite3_finalize(self->frames);
    *self = (cursor_t){.base = self->base, .until = SEQ_MAX};
    int argument = plan & PLAN_ROOM ? 1 : 0;
    for (int kind = PLAN_SEQ; kind <= PLAN_UNTIL; kind *= 2)
        if (plan & kind)
            s_bound(self, kind, argv[argument++]);

    /* A frame is named by its last seq: that with `until` in it is the first one which ends there or later. */
    char *sql = sqlite3_mprintf(
        "SELECT rooms.name, frames.frame FROM rooms CROSS JOIN frames WHERE %s"
        " frames.id >= (rooms.id << 40 | ?1) AND frames.id <= coalesce((SELECT id FROM frames"
        " WHERE id >= (rooms.id << 40 | ?2) AND id <= (rooms.id << 40 | 1099511627775) ORDER BY id LIMIT 1),"
        " rooms.id << 40 | ?2) ORDER BY rooms.id, frames.id",
        plan & PLAN_ROOM ? "rooms.name = ?3 AND" : "");
    if (!sql)
        return SQLITE_NOMEM;
    table_t *table = (table_t *)self->base.pVtab;
    int code = sqlite3_prepare_v2(table->sql, sql, -1, &self->frames, NULL);
    sqlite3_free(sql);
    if (code != SQLITE_OK)
        return s_fail(self, code, sqlite3_errmsg(table->sql));
    sqlite3_bind_int64(self->frames, 1, self->from);
    sqlite3_bind_int64(self->frames, 2, self->until);
    if (plan & PLAN_ROOM)
        sqlite3_bind_value(self->frames, 3, argv[0]);
    return s_next(cursor);
}

static int s_eof(sqlite3_vtab_cursor *cursor) {
    return ((cursor_t *)cursor)->at_end;
}

static void s_text(sqlite3_context *context, zr_span_t text) {
    sqlite3_result_text(context, text.len ? text.ptr : "", (int)text.len, SQLITE_TRANSIENT);
}

static int s_column(sqlite3_vtab_cursor *cursor, sqlite3_context *context, int column) {
    cursor_t *self = (cursor_t *)cursor;
    const zr_entry_t *entry = &self->entry;
    switch (column) {
    case COLUMN_SEQ:
        sqlite3_result_int64(context, (sqlite3_int64)entry->seq);
        break;
    case COLUMN_TIME:
        sqlite3_result_int64(context, (sqlite3_int64)entry->time);
        break;
    case COLUMN_FLAGS:
        sqlite3_result_int(context, entry->flags);
        break;
    case COLUMN_SENDER:
        s_text(context, entry->sender);
        break;
    case COLUMN_KEY:
        if (entry->key.len > 0)
            s_text(context, entry->key);
        break; /* else NULL */
    case COLUMN_BODY:
        sqlite3_result_blob64(context, entry->body.len ? entry->body.ptr : "", entry->body.len, SQLITE_TRANSIENT);
        break;
    default:
        sqlite3_result_value(context, sqlite3_column_value(self->frames, 0));
    }
    return SQLITE_OK;
}

static int s_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *row) {
    *row = ((cursor_t *)cursor)->row;
    return SQLITE_OK;
}

/* SQLite looks for this name when it loads zrelayd-entries. */
__attribute__((visibility("default"))) int sqlite3_zrelaydentries_init(
    sqlite3 *sql, char **error, const sqlite3_api_routines *api);

int sqlite3_zrelaydentries_init(sqlite3 *sql, char **error, const sqlite3_api_routines *api) {
    static const sqlite3_module module = {
        /* without xCreate: there is one `entries`, without CREATE VIRTUAL TABLE */
        .xConnect = s_connect,
        .xBestIndex = s_best_index,
        .xDisconnect = s_disconnect,
        .xOpen = s_open,
        .xClose = s_close,
        .xFilter = s_filter,
        .xNext = s_next,
        .xEof = s_eof,
        .xColumn = s_column,
        .xRowid = s_rowid,
    };
    (void)error;
    SQLITE_EXTENSION_INIT2(api);
    return sqlite3_create_module(sql, "entries", &module, NULL);
}
