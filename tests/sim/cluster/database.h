/* A model of the database that brokers share: PostgreSQL with the tables and the statements of broker/log/postgres.
 *
 * The log of transactions (the WAL) is all that lasts. A transaction takes the lease's row, is written, and then waits until a
 * standby has it; meanwhile others wait for the row, and nobody sees what it did. Connections break at either end, answers
 * come late or never. A failover cuts the WAL to what the standby has. Statements check what the real ones check: the term,
 * and UNIQUE (room, prev). */
#ifndef DATABASE_H
#define DATABASE_H

#include "log.h"
#include "store.h"
#include "world.h"

typedef struct database database_t;
typedef struct db_conn db_conn_t;

enum { NO_BROKER = -1 };

/* The lease's row. */
typedef struct {
    uint64_t term, batch;
    uint64_t holder;       /* 0: none */
    int front;             /* the broker's number, as its endpoint; NO_BROKER: none */
    const db_conn_t *conn; /* that took it; NULL: it was claimed without */
    uint64_t started;      /* when that connection began */
    uint64_t until;
} lease_t;

typedef enum { ASK_LOOK, ASK_CLAIM, ASK_TAKE, ASK_HOLD, ASK_BATCH, ASK_EPOCH } ask_kind_t;

typedef struct {
    ask_kind_t kind;
    uint64_t holder;            /* CLAIM, TAKE */
    int front;                  /* likewise */
    bool start;                 /* TAKE: a free one too, and for longer */
    uint64_t term, batch;       /* HOLD, BATCH */
    uint64_t epoch;             /* EPOCH: the one that begins if the tables are a copy */
    const log_append_t *frames; /* BATCH; copied with references of their own */
    size_t frame_count;
    const log_mark_t *marks; /* likewise */
    size_t mark_count;
} ask_t;

typedef enum {
    ANSWER_OK,
    ANSWER_UNKNOWN, /* the connection is lost, the server warned, or the row was taken for too long */
    ANSWER_REFUSED, /* the statement failed; nothing is stored */
    ANSWER_FENCED,  /* another broker leads */
    ANSWER_HELD     /* TAKE: likewise */
} answer_code_t;

typedef struct {
    answer_code_t code;
    bool free;      /* LOOK, CLAIM: nobody has the lease */
    lease_t lease;  /* as others see it; after TAKE this broker's */
    uint64_t epoch; /* EPOCH */
} answer_t;

typedef void answer_fn(void *ctx, const answer_t *answer);

/* What can be planted. */
typedef struct {
    bool no_fence, no_unique, no_quorum;
} db_faults_t;

typedef struct {
    world_t *world;
    unsigned standbys;   /* 0 or 2 */
    uint64_t delay, lag; /* at most: of an answer; of a standby */
    uint64_t epoch;
    db_faults_t faults;
    /* A batch is in the tables; `again`: as they are read anew. */
    void (*stored)(void *ctx, unsigned room, const zr_entry_t *entry, uint64_t prev, bool again);
    void (*reading_anew)(void *ctx); /* all that is left is told to `stored` again */
    void (*cut)(void *ctx);          /* and that was it: a failover lost what no standby had */
    void *ctx;
} database_config_t;

database_t *database_new(const database_config_t *config);
void database_destroy(database_t *database);

/* --- A broker's end --- */

/* A connection; NULL: the server cannot be reached. Nothing is told before `*frozen_until`, when the process goes on. It is
 * the database's, and stays valid. */
db_conn_t *database_connect(database_t *database, const uint64_t *frozen_until);
bool db_conn_is_open(const db_conn_t *conn); /* as far as the broker knows; NULL is closed */

bool db_conn_works(const db_conn_t *conn); /* in truth: what is read over it now comes */

/* One at a time; `done` is told once, later. */
void database_ask(db_conn_t *conn, const ask_t *ask, answer_fn *done, void *ctx);

/* The broker's end is gone, and `done` is not told any more. The server notices after that time. */
void db_conn_close(db_conn_t *conn, uint64_t unnoticed);

bool database_is_up(const database_t *database);

/* The tables as they are now; at a time before: with the first `wal` transactions, a store of the caller's. */
store_t *database_store(const database_t *database);
size_t database_wal(const database_t *database);
store_t *database_store_at(const database_t *database, size_t wal);
uint64_t database_epoch(const database_t *database);
bool database_is_copy(const database_t *database); /* an epoch is to begin */
zr_level_t database_level(const database_t *database);

/* --- Faults --- */

void database_break(database_t *database, db_conn_t *conn); /* the connection breaks; a waiting commit goes on */
void database_cancel(database_t *database); /* a commit that waits for a standby does not any more, with a warning */
void database_restart(database_t *database, uint64_t down); /* the server ends, and is back after that time */
/* The primary is gone. After that time a standby takes its place: the one with most, or, `forced`, the one with least. The
 * operator then says that the tables are a copy, if anything confirmed is lost. */
void database_fail_over(database_t *database, uint64_t down, bool forced);
void database_hold_standbys(database_t *database, uint64_t until); /* they take in nothing until then */

#endif
