/* See database.h. */
#include "database.h"

#include <stdlib.h>
#include <string.h>

#include "database_wal.h"

#define SECOND (1000 * MS)

enum { LEASE_S = 5, LEASE_LONG_S = 60, BACK_S = 5, LOCK_S = 2, STANDBYS_MAX = 2 };

/* What the broker asked, at the server. */
typedef struct {
    ask_t ask;
    uint64_t number; /* counts, so that what comes late is known */
    bool waits;      /* for the lease's row */
} request_t;

struct db_conn {
    database_t *database;
    uint64_t began;
    unsigned server;     /* that it is with: counts starts and failovers */
    bool client, served; /* the broker's end; the server's process */
    const uint64_t *frozen_until;
    request_t request;
    bool asked; /* no answer yet */
    answer_fn *done;
    void *ctx;
    answer_t answer;
};

typedef struct {
    size_t has; /* so many transactions */
} standby_t;

struct database {
    database_config_t config;
    wal_t wal;
    store_t *store;
    bool up;
    unsigned server;       /* counts */
    uint64_t started;      /* the server that is the primary */
    db_conn_t *committing; /* its transaction is the last, and waits for a standby; NULL: none does */
    standby_t standbys[STANDBYS_MAX];
    uint64_t held; /* they take in nothing before */
    bool forced;   /* the next failover */
    db_conn_t **conns;
    size_t conn_count, conn_size;
    uint64_t asks;
};

/* --- The tables --- */

static world_t *s_world(const database_t *db) {
    return db->config.world;
}

static const txn_t *s_last(const database_t *db) {
    return &db->wal.items[db->wal.count - 1];
}

/* What a transaction that waits has done is not to be seen. */
static const lease_t *s_seen_lease(const database_t *db) {
    return &db->wal.items[db->wal.count - 1 - (db->committing != NULL)].lease;
}

static void s_tell(const database_t *db, const txn_t *txn, bool again) {
    for (size_t i = 0; i < txn->frame_count; i++) {
        const log_append_t *append = &txn->frames[i];
        zr_deliver_reader_t reader;
        zr_entry_t entry;
        zr_deliver_read(&reader, zr_span_of(zr_blob_data(append->frame), zr_blob_len(append->frame)));
        uint64_t prev = reader.prev;
        while (zr_deliver_next(&reader, &entry)) {
            db->config.stored(db->config.ctx, (unsigned)store_room_number(append->room), &entry, prev, again);
            prev = entry.seq;
        }
    }
}

store_t *database_store_at(const database_t *db, size_t wal) {
    store_t *store = store_new();
    for (size_t i = 0; i < wal && i < db->wal.count; i++)
        txn_apply(&db->wal.items[i], store);
    return store;
}

static void s_read_anew(database_t *db) {
    store_destroy(db->store);
    db->store = database_store_at(db, db->wal.count);
    db->config.reading_anew(db->config.ctx);
    for (size_t i = 0; i < db->wal.count; i++)
        s_tell(db, &db->wal.items[i], true);
}

store_t *database_store(const database_t *db) {
    return db->store;
}

size_t database_wal(const database_t *db) {
    return db->wal.count;
}

uint64_t database_epoch(const database_t *db) {
    return s_last(db)->epoch;
}

bool database_is_copy(const database_t *db) {
    return s_last(db)->copy;
}

zr_level_t database_level(const database_t *db) {
    return db->config.standbys ? ZR_LEVEL_REPLICATED : ZR_LEVEL_DISK;
}

bool database_is_up(const database_t *db) {
    return db->up;
}

/* --- Answers --- */

static void s_answered(void *ctx, uint64_t number) {
    db_conn_t *conn = ctx;
    world_t *world = s_world(conn->database);
    if (!conn->asked || conn->request.number != number || !conn->client)
        return;
    if (world->now < *conn->frozen_until) {
        world_at(world, *conn->frozen_until, s_answered, conn, number);
        return;
    }
    conn->asked = false;
    if (conn->answer.code == ANSWER_UNKNOWN && !conn->served)
        conn->client = false;
    conn->done(conn->ctx, &conn->answer);
}

static uint64_t s_delay(database_t *db) {
    return rng_skewed(&s_world(db)->rng, db->config.delay);
}

static void s_answer(db_conn_t *conn, const answer_t *answer) {
    world_t *world = s_world(conn->database);
    if (!conn->asked || !conn->served)
        return;
    conn->answer = *answer;
    world_at(world, world->now + s_delay(conn->database), s_answered, conn, conn->request.number);
}

static void s_answer_code(db_conn_t *conn, answer_code_t code) {
    s_answer(conn, &(answer_t){.code = code, .lease = *s_seen_lease(conn->database)});
}

/* --- Commits and standbys --- */

static void s_go_on(database_t *db);

static size_t s_confirmed(const database_t *db) {
    if (db->config.standbys == 0 || db->config.faults.no_quorum)
        return db->wal.count;
    return db->standbys[0].has > db->standbys[1].has ? db->standbys[0].has : db->standbys[1].has;
}

/* The transaction that waits is over. */
static void s_end_commit(database_t *db, bool warned) {
    db_conn_t *conn = db->committing;
    db->committing = NULL;
    s_answer(
        conn, &(answer_t){
                  .code = warned ? ANSWER_UNKNOWN : ANSWER_OK, .lease = s_last(db)->lease, .epoch = s_last(db)->epoch});
    s_go_on(db);
}

static void s_look_at_commit(database_t *db) {
    if (db->committing && s_confirmed(db) >= db->wal.count)
        s_end_commit(db, false);
}

static void s_replicated(void *ctx, uint64_t arg) {
    database_t *db = ctx;
    standby_t *standby = &db->standbys[arg & 1];
    size_t has = (arg >> 1) & 0xffffff;
    if (arg >> 32 != db->server || !db->up)
        return;
    if (s_world(db)->now < db->held) {
        world_at(s_world(db), db->held, s_replicated, db, arg);
        return;
    }
    if (standby->has < has)
        standby->has = has;
    s_look_at_commit(db);
}

static void s_replicate(database_t *db) {
    world_t *world = s_world(db);
    for (unsigned i = 0; i < db->config.standbys; i++)
        world_at(world, world->now + rng_skewed(&world->rng, db->config.lag), s_replicated, db,
            (uint64_t)db->server << 32 | db->wal.count << 1 | i);
}

/* The connection's transaction: what it changes is in `txn`. */
static void s_commit(db_conn_t *conn, const txn_t *txn, bool batch) {
    database_t *db = conn->database;
    wal_add(&db->wal, txn, batch ? &conn->request.ask : NULL);
    txn_apply(s_last(db), db->store);
    s_tell(db, s_last(db), false);
    db->committing = conn;
    s_replicate(db);
    s_look_at_commit(db);
}

/* --- The lease --- */

/* Is the process of that connection still there? A process that waits for a lock or a standby does not see that the
 * broker's end is gone. */
static bool s_lives(const database_t *db, const db_conn_t *conn) {
    return conn->server == db->server && (conn->served || conn->request.waits || db->committing == conn);
}

/* As PG_LEASE_FREE (pg_lease.h). */
static bool s_is_free(const database_t *db, const lease_t *lease) {
    uint64_t now = s_world(db)->now;
    if (lease->until < now && (!lease->conn || db->started + BACK_S * SECOND < now || db->started == 0))
        return true;
    return lease->conn && lease->started > db->started && !s_lives(db, lease->conn);
}

/* Without waiting for a standby (synchronous_commit = off). */
static void s_claim(db_conn_t *conn) {
    database_t *db = conn->database;
    if (!db->committing && s_is_free(db, s_seen_lease(db))) {
        txn_t txn = *s_last(db);
        txn.lease.term++;
        txn.lease.holder = conn->request.ask.holder;
        txn.lease.front = conn->request.ask.front;
        txn.lease.conn = NULL;
        txn.lease.until = s_world(db)->now + LEASE_S * SECOND;
        world_trace(s_world(db), "database: %d claims term %llu", txn.lease.front, (unsigned long long)txn.lease.term);
        wal_add(&db->wal, &txn, NULL);
        s_replicate(db);
    }
    const lease_t *lease = s_seen_lease(db);
    s_answer(conn, &(answer_t){.code = ANSWER_OK, .lease = *lease, .free = s_is_free(db, lease)});
}

static void s_wait(db_conn_t *conn) {
    conn->request.waits = true;
}

static void s_take(db_conn_t *conn) {
    database_t *db = conn->database;
    const ask_t *ask = &conn->request.ask;
    const lease_t *lease = s_seen_lease(db);
    bool own = lease->holder == ask->holder, free = ask->start && !db->committing && s_is_free(db, lease);
    if (!own && !free) {
        s_answer_code(conn, ANSWER_HELD);
        return;
    }
    if (db->committing) {
        s_wait(conn);
        return;
    }
    txn_t txn = *s_last(db);
    txn.lease.term++;
    txn.lease.holder = ask->holder;
    txn.lease.front = ask->front;
    txn.lease.conn = conn;
    txn.lease.started = conn->began;
    txn.lease.until = s_world(db)->now + (ask->start ? LEASE_LONG_S : LEASE_S) * SECOND;
    world_trace(s_world(db), "database: %d takes term %llu at batch %llu", ask->front,
        (unsigned long long)txn.lease.term, (unsigned long long)txn.lease.batch);
    s_commit(conn, &txn, false);
}

static bool s_is_unique(const database_t *db, const ask_t *ask) {
    for (size_t i = 0; i < ask->frame_count && !db->config.faults.no_unique; i++)
        if (store_has_prev(db->store, (unsigned)store_room_number(ask->frames[i].room), ask->frames[i].prev))
            return false;
    return true;
}

/* HOLD and BATCH: hold_lease of pg_schema.c comes first. */
static void s_hold(db_conn_t *conn) {
    database_t *db = conn->database;
    const ask_t *ask = &conn->request.ask;
    if (s_seen_lease(db)->term != ask->term && !db->config.faults.no_fence) {
        s_answer_code(conn, ANSWER_FENCED);
        return;
    }
    if (db->committing) {
        s_wait(conn);
        return;
    }
    if (ask->kind == ASK_BATCH && !s_is_unique(db, ask)) {
        s_answer_code(conn, ANSWER_REFUSED);
        return;
    }
    txn_t txn = *s_last(db);
    txn.lease.batch = ask->batch;
    txn.lease.until = s_world(db)->now + LEASE_S * SECOND;
    s_commit(conn, &txn, ask->kind == ASK_BATCH);
}

static void s_begin_epoch(db_conn_t *conn) {
    database_t *db = conn->database;
    if (db->committing) {
        s_wait(conn);
        return;
    }
    if (!s_last(db)->copy) {
        s_answer(conn, &(answer_t){.code = ANSWER_OK, .epoch = s_last(db)->epoch});
        return;
    }
    txn_t txn = *s_last(db);
    txn.copy = false;
    txn.epoch = conn->request.ask.epoch;
    s_commit(conn, &txn, false);
}

static void s_look(db_conn_t *conn) {
    const database_t *db = conn->database;
    const lease_t *lease = s_seen_lease(db);
    s_answer(conn, &(answer_t){.code = ANSWER_OK, .lease = *lease, .free = s_is_free(db, lease)});
}

/* --- Requests --- */

static void s_do(db_conn_t *conn) {
    static void (*const does[])(db_conn_t * conn) = {
        [ASK_LOOK] = s_look,
        [ASK_CLAIM] = s_claim,
        [ASK_TAKE] = s_take,
        [ASK_HOLD] = s_hold,
        [ASK_BATCH] = s_hold,
        [ASK_EPOCH] = s_begin_epoch,
    };
    conn->request.waits = false;
    does[conn->request.ask.kind](conn);
}

/* The lease's row is free for the next one, in the order in which they came. */
static void s_go_on(database_t *db) {
    while (db->up && !db->committing) {
        db_conn_t *next = NULL;
        for (size_t i = 0; i < db->conn_count; i++) {
            db_conn_t *conn = db->conns[i];
            if (conn->request.waits && (!next || conn->request.number < next->request.number))
                next = conn;
        }
        if (!next)
            return;
        s_do(next);
    }
}

static void s_free_ask(ask_t *ask) {
    for (size_t i = 0; i < ask->frame_count; i++)
        zr_blob_unref(ask->frames[i].frame);
    for (size_t i = 0; i < ask->mark_count; i++)
        zr_blob_unref(ask->marks[i].refusals);
    free((void *)ask->frames);
    free((void *)ask->marks);
    *ask = (ask_t){0};
}

/* lock_timeout of pg_lease_take. */
static void s_gives_up(void *ctx, uint64_t number) {
    db_conn_t *conn = ctx;
    if (!conn->request.waits || conn->request.number != number)
        return;
    conn->request.waits = false;
    s_answer_code(conn, ANSWER_UNKNOWN);
}

static void s_arrived(void *ctx, uint64_t number) {
    db_conn_t *conn = ctx;
    database_t *db = conn->database;
    if (!conn->served || !db->up || conn->request.number != number)
        return;
    s_do(conn);
    if (conn->request.waits && conn->request.ask.kind == ASK_TAKE)
        world_at(s_world(db), s_world(db)->now + LOCK_S * SECOND, s_gives_up, conn, number);
}

/* The batch's frames stay with the connection until it is asked again: what waits for the row may run late. */
static void s_keep(ask_t *kept, const ask_t *ask) {
    txn_t txn = {0};
    wal_t one = {0};
    wal_add(&one, &txn, ask);
    *kept = *ask;
    kept->frames = one.items[0].frames;
    kept->marks = one.items[0].marks;
    free(one.items);
}

void database_ask(db_conn_t *conn, const ask_t *ask, answer_fn *done, void *ctx) {
    database_t *db = conn->database;
    world_t *world = s_world(db);
    s_free_ask(&conn->request.ask);
    s_keep(&conn->request.ask, ask);
    conn->request.number = ++db->asks;
    conn->request.waits = false;
    conn->asked = true;
    conn->done = done;
    conn->ctx = ctx;
    conn->answer = (answer_t){.code = ANSWER_UNKNOWN};
    if (conn->served)
        world_at(world, world->now + s_delay(db), s_arrived, conn, conn->request.number);
    else
        world_at(world, world->now + s_delay(db), s_answered, conn, conn->request.number);
}

/* --- Connections --- */

db_conn_t *database_connect(database_t *db, const uint64_t *frozen_until) {
    if (!db->up)
        return NULL;
    if (db->conn_count == db->conn_size)
        db->conns = world_grow(db->conns, &db->conn_size, sizeof *db->conns);
    db_conn_t *conn = db->conns[db->conn_count++] = world_calloc(sizeof *conn);
    *conn = (db_conn_t){.database = db,
        .began = s_world(db)->now + 1,
        .server = db->server,
        .client = true,
        .served = true,
        .frozen_until = frozen_until};
    return conn;
}

bool db_conn_is_open(const db_conn_t *conn) {
    return conn && conn->client;
}

bool db_conn_works(const db_conn_t *conn) {
    return db_conn_is_open(conn) && conn->served;
}

static void s_unserved(void *ctx, uint64_t arg) {
    (void)arg;
    ((db_conn_t *)ctx)->served = false;
}

void db_conn_close(db_conn_t *conn, uint64_t unnoticed) {
    if (!conn)
        return;
    conn->client = false;
    conn->asked = false;
    if (unnoticed)
        world_at(s_world(conn->database), s_world(conn->database)->now + unnoticed, s_unserved, conn, 0);
    else
        conn->served = false;
}

/* The broker hears that nothing will be answered. */
static void s_lose(db_conn_t *conn) {
    conn->answer = (answer_t){.code = ANSWER_UNKNOWN};
    if (conn->asked)
        world_at(s_world(conn->database), s_world(conn->database)->now + s_delay(conn->database), s_answered, conn,
            conn->request.number);
}

void database_break(database_t *db, db_conn_t *conn) {
    (void)db;
    if (!conn || !conn->served)
        return;
    world_trace(s_world(db), "database: a connection breaks");
    conn->served = false;
    s_lose(conn);
}

/* --- Faults of the server --- */

static void s_lose_all(database_t *db) {
    db->up = false;
    db->committing = NULL; /* what it did is seen from now on, or cut */
    for (size_t i = 0; i < db->conn_count; i++) {
        db_conn_t *conn = db->conns[i];
        bool served = conn->served;
        conn->request.waits = conn->served = false;
        if (served)
            s_lose(conn);
    }
}

static void s_back(void *ctx, uint64_t server) {
    database_t *db = ctx;
    if (db->server != server)
        return;
    world_trace(s_world(db), "database: it is back");
    db->up = true;
    s_replicate(db);
}

void database_cancel(database_t *db) {
    if (!db->committing || db->config.standbys == 0)
        return;
    world_trace(s_world(db), "database: a commit does not wait any more");
    s_end_commit(db, true);
}

void database_restart(database_t *db, uint64_t down) {
    if (!db->up)
        return;
    world_trace(s_world(db), "database: the server ends");
    bool unwritten = db->committing && s_confirmed(db) < db->wal.count && rng_chance(&s_world(db)->rng, 1, 4);
    s_lose_all(db);
    if (unwritten) { /* it ended before it wrote the last transaction */
        wal_cut(&db->wal, db->wal.count - 1);
        s_read_anew(db);
        db->config.cut(db->config.ctx);
    }
    db->server++;
    db->started = s_world(db)->now + down;
    world_at(s_world(db), s_world(db)->now + down, s_back, db, db->server);
}

static void s_promote(database_t *db, bool forced) {
    unsigned better = db->standbys[1].has > db->standbys[0].has, chosen = forced ? !better : better;
    size_t confirmed = s_confirmed(db), has = db->standbys[chosen].has;
    world_trace(s_world(db), "database: a standby with %zu of %zu transactions takes over, %zu are confirmed", has,
        db->wal.count, confirmed);
    wal_cut(&db->wal, has);
    db->standbys[!chosen].has = has < db->standbys[!chosen].has ? has : db->standbys[!chosen].has;
    db->standbys[chosen].has = 0; /* the primary of before comes back as a standby */
    if (has < confirmed) {
        txn_t txn = *s_last(db);
        txn.copy = true;
        wal_add(&db->wal, &txn, NULL);
    }
    s_read_anew(db);
    db->config.cut(db->config.ctx);
}

void database_fail_over(database_t *db, uint64_t down, bool forced) {
    if (!db->up || db->config.standbys == 0 || db->standbys[0].has == 0 || db->standbys[1].has == 0)
        return;
    s_lose_all(db);
    s_promote(db, forced);
    db->server++;
    db->started = 0; /* the standby has been there all the time */
    world_at(s_world(db), s_world(db)->now + down, s_back, db, db->server);
}

void database_hold_standbys(database_t *db, uint64_t until) {
    db->held = until;
}

/* --- The whole --- */

database_t *database_new(const database_config_t *config) {
    database_t *db = world_calloc(sizeof *db);
    db->config = *config;
    db->up = true;
    db->server = 1;
    db->store = store_new();
    wal_add(&db->wal, &(txn_t){.lease = {.front = NO_BROKER}, .epoch = config->epoch}, NULL);
    db->standbys[0].has = db->standbys[1].has = 1;
    return db;
}

void database_destroy(database_t *db) {
    if (!db)
        return;
    for (size_t i = 0; i < db->conn_count; i++) {
        s_free_ask(&db->conns[i]->request.ask);
        free(db->conns[i]);
    }
    free(db->conns);
    wal_finish(&db->wal);
    store_destroy(db->store);
    free(db);
}
