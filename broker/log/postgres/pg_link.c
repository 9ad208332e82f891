/* The connection: made over several hosts, checked, waited for without blocking the end of the program. */
#include "pg.h"

#include <poll.h>

#include "clock.h"
#include "fatal.h"

enum {
    SERVER_VERSION_MIN = 120000,
    WAIT_MS = 200,
    SLOW_WAITS = 25,
    PAUSE_MS = 100,
    PAUSE_MAX_MS = 2000,
    STEP_MS = 50,
    GIVE_UP_MS = 5000
};

/* --- The handle --- */

static bool s_has_password(const PQconninfoOption *options) {
    for (const PQconninfoOption *option = options; option->keyword; option++)
        if ((strcmp(option->keyword, "password") == 0 || strcmp(option->keyword, "sslpassword") == 0) && option->val)
            return true;
    return false;
}

bool pg_check(const char *uri, zr_error_t *error) {
    zr_span_t text = zr_span(uri);
    if (!zr_span_starts(text, zr_span("postgresql://")) && !zr_span_starts(text, zr_span("postgres://")))
        return zr_fail(error, "cannot use the store \"%.80s\": write postgresql://USER@HOST/DATABASE", uri);
    char *why = NULL;
    PQconninfoOption *options = PQconninfoParse(uri, &why);
    if (!options) {
        zr_fail(
            error, "cannot use the store: %.*s", (int)strcspn(why ? why : "no memory", "\n"), why ? why : "no memory");
        PQfreemem(why);
        return false;
    }
    bool secret = s_has_password(options);
    PQconninfoFree(options);
    return !secret ||
           zr_fail(error, "the store's name holds a password, which others can read; put it into a file that "
                          "only the broker's account can read (?passfile=FILE), or into PGPASSWORD");
}

db_t *pg_new(const char *uri, bool writer) {
    db_t *db = fatal_calloc(sizeof *db);
    db->uri = fatal_check(strdup(uri));
    db->writer = writer;
    db->endpoint = db->key = "";
    db->level = writer ? ZR_LEVEL_NONE : ZR_LEVEL_DISK;
    return db;
}

void pg_close(db_t *db) {
    if (!db)
        return;
    pg_disconnect(db);
    zr_buffer_finish(&db->warning);
    zr_buffer_finish(&db->bytes);
    free(db->rooms);
    free(db->ops);
    free(db->frames);
    free(db->undo);
    free(db->uri);
    free(db);
}

/* The writing thread gets some time to store what waits; the reading thread gets none. */
void pg_give_up(db_t *db) {
    db->ends = zr_mono_ms() + (db->writer ? GIVE_UP_MS : 0);
}

bool pg_ends(const db_t *db) {
    return db->ends && zr_mono_ms() >= db->ends;
}

void pg_no_turn(db_t *db) {
    (void)db;
}

/* --- Connecting --- */

static void s_on_notice(void *ctx, const PGresult *result) {
    db_t *db = ctx;
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (!severity || strcmp(severity, "WARNING") != 0)
        return;
    zr_buffer_clear(&db->warning);
    zr_buffer_printf(&db->warning, "%.500s", text ? text : "");
    zr_buffer_u8(&db->warning, '\0');
}

static bool s_fail(const db_t *db, const char *what, zr_error_t *error) {
    const char *text = db->conn ? PQerrorMessage(db->conn) : "";
    size_t len = strlen(text);
    char line[800];
    while (len > 0 && text[len - 1] == '\n')
        len--;
    snprintf(line, sizeof line, "%.*s", (int)(len < 700 ? len : 700), text);
    for (char *c = line; *c; c++)
        *c = *c == '\n' || *c == '\t' ? ' ' : *c;
    return zr_fail(error, "cannot %s the database: %s", what, *line ? line : "the connection was lost");
}

static bool s_open(db_t *db, zr_error_t *error) {
    /* The operator's URI may set those before "dbname" otherwise. Without time-outs a dead server would never be noticed. */
    static const char *const names[] = {"connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count",
        "tcp_user_timeout", "application_name", "dbname", "client_encoding", "target_session_attrs", NULL};
    const char *const values[] = {"5", "5", "2", "3", "15000", "zrelayd", db->uri, "UTF8", "read-write", NULL};
    db->conn = fatal_check(PQconnectdbParams(names, values, 1));
    if (PQstatus(db->conn) != CONNECTION_OK)
        return s_fail(db, "connect to", error);
    PQsetNoticeReceiver(db->conn, s_on_notice, db);
    PQsetnonblocking(db->conn, 1);
    if (PQserverVersion(db->conn) < SERVER_VERSION_MIN)
        return zr_fail(error, "cannot use the database: its server has version %d, and 12 is needed",
            PQserverVersion(db->conn) / 10000);
    return true;
}

static bool s_do(db_t *db, const char *sql, const char *what, zr_error_t *error) {
    PGresult *result = pg_exec(db, sql);
    bool ok = pg_is_ok(db, result, what, error);
    PQclear(result);
    return ok;
}

static bool s_is(const PGresult *result, int column, const char *value) {
    return strcmp(PQgetvalue(result, 0, column), value) == 0;
}

/* What a commit means on this server. */
static bool s_check_level(db_t *db, const PGresult *result, zr_error_t *error) {
    bool whole = s_is(result, 0, "on") || s_is(result, 0, "remote_apply");
    zr_level_t level = whole && !s_is(result, 1, "") ? ZR_LEVEL_REPLICATED : ZR_LEVEL_DISK;
    if (!whole)
        return zr_fail(error, "cannot use the database: synchronous_commit cannot be turned on");
    if (level < db->level)
        return zr_fail(error, "cannot go on with the database: acks promise \"replicated\", and this server has no "
                              "synchronous_standby_names; set them, or start zrelayd anew");
    if (!s_is(result, 3, "UTF8"))
        return zr_fail(error, "cannot use the database: its encoding is %s; make one with ENCODING 'UTF8'",
            PQgetvalue(result, 0, 3));
    if (db->level == ZR_LEVEL_NONE) {
        db->level = level;
        if (!s_is(result, 2, "on"))
            zr_log(ZR_LOG_WARN, "the database runs with fsync = off: if its machine fails, messages that were "
                                "acknowledged are lost");
    }
    return true;
}

static bool s_set_up(db_t *db, zr_error_t *error) {
    static const char settings[] =
        "SET client_min_messages = 'warning'; SET statement_timeout = 0; SET lock_timeout = 0;"
        "SET idle_in_transaction_session_timeout = 0; SET default_transaction_isolation = 'read committed';"
        "SET synchronous_commit = 'on'";
    static const char look[] = "SELECT current_setting('synchronous_commit'),"
                               " current_setting('synchronous_standby_names'), current_setting('fsync'),"
                               " current_setting('server_encoding')";
    if (!s_do(db, settings, "set up a session of", error))
        return false;
    PGresult *result = pg_exec(db, look);
    bool ok = pg_is_ok(db, result, "ask", error) && s_check_level(db, result, error);
    PQclear(result);
    return ok;
}

bool pg_connect(db_t *db, zr_error_t *error) {
    pg_disconnect(db);
    if (s_open(db, error) && s_set_up(db, error))
        return true;
    pg_disconnect(db);
    return false;
}

void pg_disconnect(db_t *db) {
    if (db->conn)
        db->leads_until = 0; /* the end of the connection may free the lease */
    PQfinish(db->conn);
    db->conn = NULL;
}

bool pg_prepare(db_t *db, zr_error_t *error) {
    for (int i = 0; i < PG_SQL_COUNT; i++) {
        PGresult *result = PQprepare(db->conn, pg_sql_name((pg_sql_t)i), pg_sql_text((pg_sql_t)i), 0, NULL);
        bool ok = pg_is_ok(db, result, "prepare a statement for", error);
        PQclear(result);
        if (!ok)
            return false;
    }
    return true;
}

/* --- Waiting --- */

bool pg_pause(db_t *db, unsigned *tries, const zr_error_t *error) {
    uint64_t ms = (uint64_t)PAUSE_MS << (*tries < 5 ? *tries : 5), until = zr_mono_ms();
    until += ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS;
    if (++*tries > 1 && db->writer && !db->away) {
        db->away = true;
        if (zr_log_pass(&db->lines, zr_mono_ms()))
            zr_log(ZR_LOG_ERROR, "%s; what is published waits, and it is tried again", error->text);
    }
    while (zr_mono_ms() < until && !pg_ends(db))
        poll(NULL, 0, STEP_MS);
    return !pg_ends(db);
}

void pg_is_back(db_t *db) {
    if (db->away)
        zr_log(ZR_LOG_WARN, "the database answers again");
    db->away = false;
}

bool pg_wait(db_t *db, bool writes) {
    struct pollfd fd = {.fd = PQsocket(db->conn), .events = (short)(POLLIN | (writes ? POLLOUT : 0))};
    for (uint64_t waited = 0; !pg_ends(db); waited++) {
        if (poll(&fd, 1, WAIT_MS) > 0)
            return true;
        if (waited == SLOW_WAITS && db->writer && zr_log_pass(&db->lines, zr_mono_ms()))
            zr_log(ZR_LOG_WARN,
                "the database has not answered for %d s; what is published waits. Is a synchronous "
                "standby missing?",
                SLOW_WAITS * WAIT_MS / 1000);
    }
    return false;
}

/* --- Single statements --- */

static bool s_flush(db_t *db) {
    int flushed;
    while ((flushed = PQflush(db->conn)) == 1)
        if (!pg_wait(db, true) || !PQconsumeInput(db->conn))
            return false;
    return flushed == 0;
}

/* The last result of what was sent. */
static PGresult *s_take(db_t *db, bool sent) {
    PGresult *last = NULL;
    bool ok = sent && s_flush(db);
    while (ok) {
        while (ok && PQisBusy(db->conn))
            ok = pg_wait(db, false) && PQconsumeInput(db->conn);
        PGresult *result = ok ? PQgetResult(db->conn) : NULL;
        if (!result)
            break;
        if (last && PQresultStatus(last) == PGRES_FATAL_ERROR) { /* the first error tells why */
            PQclear(result);
            continue;
        }
        PQclear(last);
        last = result;
    }
    if (ok && PQstatus(db->conn) == CONNECTION_OK)
        return last;
    PQclear(last);
    return NULL;
}

PGresult *pg_exec(db_t *db, const char *sql) {
    return db->conn ? s_take(db, PQsendQuery(db->conn, sql)) : NULL;
}

PGresult *pg_query(db_t *db, const pg_op_t *op) {
    if (!db->conn)
        return NULL;
    const char *values[PG_PARAMETERS];
    int formats[PG_PARAMETERS];
    for (int i = 0; i < op->count; i++) {
        values[i] = op->len[i] < 0 ? NULL : (const char *)db->bytes.data + op->at[i];
        formats[i] = 1;
    }
    return s_take(db, PQsendQueryPrepared(db->conn, pg_sql_name(op->sql), op->count, values, op->len, formats, 1));
}

bool pg_is_ok(const db_t *db, const PGresult *result, const char *what, zr_error_t *error) {
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
        return true;
    const char *text = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    if (!text)
        return s_fail(db, what, error);
    return zr_fail(error, "cannot %s the database: %.500s (%s)", what, text, pg_state(result));
}

const char *pg_state(const PGresult *result) {
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return state ? state : "";
}
