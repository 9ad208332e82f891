/* Stores the open transaction: sends all of it at once (libpq's pipeline), and takes the answers. Whatever is doubtful is
 * *unknown*: the connection was lost, or the server warned, as when the wait for a standby was cancelled. Then the lease
 * tells whether the batch is stored (pg_lease.h). One that is not is sent again. */
#include "pg_batch.h"
#include "pg_lease.h"
#include "pg_write.h"

#include <endian.h>
#include <stdio.h>

#include "clock.h"

typedef enum { SENT_STORED, SENT_REFUSED, SENT_UNKNOWN } sent_t;

/* The statements: the transaction's beginning, the check of the term, those of the list, the end, and the mark behind
 * all. */
enum { BEFORE = 2, AFTER = 2 };

typedef struct {
    db_t *db;
    size_t sent, answered, all;
    char state[6]; /* of the first error */
    bool refused, committed;
    zr_error_t *error;
} sending_t;

static bool s_send_lease(db_t *db) {
    uint64_t values[2] = {htobe64(db->term), htobe64(db->batch + 1)};
    uint32_t level = htobe32((uint32_t)db->level);
    const char *at[] = {(const char *)&values[0], (const char *)&values[1], (const char *)&level};
    const int len[] = {sizeof values[0], sizeof values[1], sizeof level}, formats[] = {1, 1, 1};
    return PQsendQueryPrepared(db->conn, pg_sql_name(PG_SQL_HOLD_LEASE), 3, at, len, formats, 1);
}

static bool s_send_op(db_t *db, const pg_op_t *op) {
    const char *values[PG_PARAMETERS];
    int formats[PG_PARAMETERS];
    for (int i = 0; i < op->count; i++) {
        values[i] = op->len[i] < 0 ? NULL : (const char *)db->bytes.data + op->at[i];
        formats[i] = 1;
    }
    return PQsendQueryPrepared(db->conn, pg_sql_name(op->sql), op->count, values, op->len, formats, 1);
}

static bool s_send_next(sending_t *sending) {
    db_t *db = sending->db;
    size_t number = sending->sent++;
    if (number == 0)
        return PQsendQueryParams(db->conn, "BEGIN", 0, NULL, NULL, NULL, NULL, 1);
    if (number == 1)
        return s_send_lease(db);
    if (number < BEFORE + db->op_count)
        return s_send_op(db, &db->ops[number - BEFORE]);
    if (number == sending->all - AFTER)
        return PQsendQueryParams(db->conn, "COMMIT", 0, NULL, NULL, NULL, NULL, 1);
    return PQpipelineSync(db->conn);
}

static void s_look(sending_t *sending, const PGresult *result) {
    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
        if (sending->answered == sending->all - AFTER)
            sending->committed = strcmp(PQcmdStatus((PGresult *)result), "COMMIT") == 0;
        break;
    case PGRES_TUPLES_OK:
    case PGRES_PIPELINE_ABORTED:
        break;
    default:
        if (!sending->refused) {
            snprintf(sending->state, sizeof sending->state, "%s", pg_state(result));
            pg_is_ok(sending->db, result, "store in", sending->error);
        }
        sending->refused = true;
    }
}

/* The answers that are there. false: the connection is lost. */
static bool s_take(sending_t *sending) {
    PGconn *conn = sending->db->conn;
    while (sending->answered < sending->sent && !PQisBusy(conn)) {
        PGresult *result = PQgetResult(conn);
        bool end = !result, mark = result && PQresultStatus(result) == PGRES_PIPELINE_SYNC;
        if (result && !mark)
            s_look(sending, result);
        PQclear(result);
        sending->answered += end || mark;
        if (PQstatus(conn) != CONNECTION_OK)
            return false;
    }
    return true;
}

/* Sends as much as the connection takes, and takes what answers are there meanwhile. */
static bool s_pump(sending_t *sending) {
    db_t *db = sending->db;
    while (sending->answered < sending->all) {
        int flushed = PQflush(db->conn);
        while (flushed == 0 && sending->sent < sending->all) {
            if (!s_send_next(sending))
                return false;
            flushed = PQflush(db->conn);
        }
        if (flushed < 0 || !s_take(sending))
            return false;
        if (sending->answered == sending->all)
            break;
        if (!pg_wait(db, flushed == 1) || !PQconsumeInput(db->conn))
            return false;
    }
    return true;
}

static sent_t s_send(db_t *db, zr_error_t *error) {
    sending_t sending = {.db = db, .all = BEFORE + db->op_count + AFTER, .error = error};
    uint64_t began = zr_boot_us() / 1000;
    zr_buffer_clear(&db->warning);
    if (!PQenterPipelineMode(db->conn) || !s_pump(&sending) || !PQexitPipelineMode(db->conn))
        return SENT_UNKNOWN;
    if (strcmp(sending.state, "ZR001") == 0)
        pg_lease_lost("another broker leads the log in this database now");
    /* The server became a standby, or is about to stop. */
    if (strcmp(sending.state, "25006") == 0 || strncmp(sending.state, "57P", 3) == 0)
        return SENT_UNKNOWN;
    if (sending.refused) {
        PGresult *result = pg_exec(db, "ROLLBACK");
        bool ended = PQresultStatus(result) == PGRES_COMMAND_OK;
        PQclear(result);
        return ended ? SENT_REFUSED : SENT_UNKNOWN;
    }
    if (!sending.committed || db->warning.len > 0)
        return SENT_UNKNOWN;
    pg_lease_is_held(db, began);
    return SENT_STORED;
}

/* Says why it is not known, without a flood of lines. */
static void s_tell_doubt(db_t *db) {
    if (db->warning.len > 0 && zr_log_pass(&db->lines, zr_mono_ms()))
        zr_log(ZR_LOG_WARN, "the database doubts a commit: %s; what was published waits until it is sure",
            (const char *)db->warning.data);
}

bool pg_commit(db_t *db, zr_error_t *error) {
    pg_batch_flush(db);
    uint64_t batch = db->batch + 1;
    bool known = db->conn || pg_lease_settle(db, error);
    while (known && db->batch < batch) {
        zr_error_t why = {0};
        sent_t sent = s_send(db, &why);
        if (sent == SENT_STORED) {
            db->batch = batch;
        } else if (sent == SENT_REFUSED) {
            zr_fail(error, "%s", why.text);
            known = false;
        } else {
            s_tell_doubt(db);
            known = pg_lease_settle(db, error);
        }
    }
    pg_batch_clear(db, known);
    return known;
}
