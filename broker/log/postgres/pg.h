/* The handle of the log's database in PostgreSQL, shared by the files of the engine. The writing thread has one, which
 * holds the lease (pg_lease.h); the reading thread has another one.
 *
 * A connection that is lost is made again by the function that needs it. That function returns only when the database
 * answered, or when the program ends (pg_give_up): an entry is not reported as lost because a server is away. */
#ifndef PG_H
#define PG_H

#include <libpq-fe.h>
#include <stdatomic.h>

#include "buffer.h"
#include "db_ops.h"
#include "logger.h"
#include "pg_sql.h"

/* The newest frame of a room, as the writer knows it without asking. */
typedef struct {
    uint64_t head, prev, time;
    uint64_t entries, bytes; /* there ever were, dropped ones counted */
} pg_newest_t;

/* What a room's newest frame was before the transaction. */
typedef struct {
    uint32_t room;
    pg_newest_t newest;
} pg_undo_t;

/* A statement with its parameters: `count` of them, in the handle's `bytes`. */
typedef struct {
    pg_sql_t sql;
    int count;
    size_t at[PG_PARAMETERS];
    int len[PG_PARAMETERS]; /* -1: NULL */
} pg_op_t;

/* A frame that the next statement for frames takes. */
typedef struct {
    uint32_t room;
    uint64_t entries, bytes;
    const log_append_t *append;
} pg_frame_t;

struct db {
    char *uri;
    PGconn *conn; /* NULL: none */
    bool writer;
    zr_level_t level; /* that the server must keep to, on each connection; ZR_LEVEL_NONE: not known yet */
    uint64_t epoch, floor, base, hold;
    zr_buffer_t warning; /* the server's last one since it was cleared; a string if not empty */
    atomic_ullong ends;  /* ms of the rising clock: no function waits longer; 0: they wait */
    bool away;           /* the server does not answer, and the operator was told */
    zr_log_limit_t lines;

    /* The writer's. */
    char holder[33];      /* this process, in the lease */
    const char *endpoint; /* its front, for the other brokers; empty: it advertises none. Its owner's */
    const char *key;      /* the public key there; empty: none */
    uint64_t term;
    uint64_t batch;            /* the last one that is known to be stored */
    atomic_ullong leads_until; /* ms of zr_boot_us: no other broker takes the lease before; 0: not known */
    pg_newest_t *rooms;
    size_t room_size;

    /* The transaction that is open. */
    pg_op_t *ops;
    size_t op_count, op_size;
    zr_buffer_t bytes;
    pg_frame_t *frames;
    size_t frame_count, frame_size, frame_bytes;
    pg_undo_t *undo;
    size_t undo_count, undo_size;
};

/* Could this be the name of a database, "postgresql://…"? It must not hold a password, which others could read. Connects
 * to nothing. */
bool pg_check(const char *uri, zr_error_t *error);

/* A handle without a connection; the caller's. */
db_t *pg_new(const char *uri, bool writer);
void pg_close(db_t *db);
void pg_give_up(db_t *db);
void pg_no_turn(db_t *db); /* nothing: handles are not shared */

/* The program ends and has waited long enough. */
bool pg_ends(const db_t *db);

/* --- The connection (pg_link.c) --- */

/* Connects, once to each host, and prepares the session. false: there is no connection. The server must keep to the
 * handle's level; a writer must then take the lease. */
bool pg_connect(db_t *db, zr_error_t *error);
void pg_disconnect(db_t *db);

/* Prepares the statements; the schema must be there. */
bool pg_prepare(db_t *db, zr_error_t *error);

/* Before the next try to connect; longer each time. Tells the operator when it begins. false: the program ends. */
bool pg_pause(db_t *db, unsigned *tries, const zr_error_t *error);

/* It worked again: tells the operator, if need be. */
void pg_is_back(db_t *db);

/* Waits for the server: it can be read, or written if `writes`. false: the program ends. */
bool pg_wait(db_t *db, bool writes);

/* Sends plain SQL, several statements perhaps, and takes the last result; the caller's. NULL: the connection is lost. */
PGresult *pg_exec(db_t *db, const char *sql);

/* The same of a prepared statement with the parameters of `op`. */
PGresult *pg_query(db_t *db, const pg_op_t *op);

/* The result is what was expected: rows, or done. Otherwise adds the server's line, behind `what`. */
bool pg_is_ok(const db_t *db, const PGresult *result, const char *what, zr_error_t *error);

/* The code of the result's error (SQLSTATE); "": none. */
const char *pg_state(const PGresult *result);

/* --- Values of binary results --- */

int64_t pg_int8(const PGresult *result, int row, int column);
int32_t pg_int4(const PGresult *result, int row, int column);
zr_span_t pg_bytes(const PGresult *result, int row, int column); /* the result's */

/* --- Statements (pg_batch.c) --- */

/* Begins a statement of the open transaction; its parameters follow in their order. */
pg_op_t *pg_add(db_t *db, pg_sql_t sql);
void pg_put4(db_t *db, pg_op_t *op, uint32_t value);
void pg_put8(db_t *db, pg_op_t *op, uint64_t value);
void pg_put_bytes(db_t *db, pg_op_t *op, zr_span_t bytes);
void pg_put_null(pg_op_t *op);

#endif
