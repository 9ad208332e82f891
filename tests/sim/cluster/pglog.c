/* See pglog.h. */
#include "pglog.h"

#include <stdlib.h>

#include "cluster.h"
#include "node.h"

enum { PAUSE_MS = 100, LEADS_MS = 4500 };

typedef struct {
    uint64_t number;
    size_t frames, marks; /* so many of the log's are of this pass and those before */
} pass_t;

/* Passes, and all that they store. */
typedef struct {
    pass_t *passes;
    size_t pass_count, pass_size;
    log_append_t *frames;
    size_t frame_count, frame_size;
    log_mark_t *marks;
    size_t mark_count, mark_size;
} batch_t;

typedef struct {
    log_t log;
    node_t *node;
    cluster_t *sim;
    db_conn_t *conn;
    uint64_t term, batch;
    size_t wal;
    batch_t gathering, sent; /* what waits; what the database has */
    bool sending, settling, renewing;
    uint64_t asked; /* when the database was last asked for something that confirms the lease, */
    uint64_t until; /* and until when nobody else can lead, as far as it has confirmed it (pg_lease_until) */
    log_bounds_t bounds[STORE_ROOMS]; /* committed */
    log_read_t *reads;
    size_t read_head, read_count, read_size;
} pglog_t;

/* An event of a log that may be gone. */
static pglog_t *s_self(void *ctx, uint64_t incarnation) {
    node_t *node = ctx;
    return node_is(node, (unsigned)incarnation) ? (pglog_t *)node_log(node) : NULL;
}

static void s_ask(pglog_t *self, const ask_t *ask, answer_fn *done) {
    self->asked = self->sim->world.now;
    database_ask(self->conn, ask, done, self);
}

static void s_is_held(pglog_t *self) {
    self->until = self->asked + LEADS_MS * MS;
}

bool pglog_leads(const log_t *log) {
    const pglog_t *self = (const pglog_t *)log;
    return self->sim->world.now < self->until;
}

/* --- Batches --- */

static void s_clear(batch_t *batch) {
    for (size_t i = 0; i < batch->frame_count; i++)
        zr_blob_unref(batch->frames[i].frame);
    for (size_t i = 0; i < batch->mark_count; i++)
        zr_blob_unref(batch->marks[i].refusals);
    batch->pass_count = batch->frame_count = batch->mark_count = 0;
}

static void s_free(batch_t *batch) {
    s_clear(batch);
    free(batch->passes);
    free(batch->frames);
    free(batch->marks);
}

static void s_note_bounds(pglog_t *self, const log_append_t *append) {
    log_bounds_t *bounds = &self->bounds[store_room_number(append->room)];
    if (bounds->head == 0)
        bounds->oldest = bounds->begun = append->prev;
    bounds->tail = append->prev;
    bounds->head = append->last;
    bounds->time = append->time;
}

static void s_send(pglog_t *self);

/* What was sent is stored, pass by pass. */
static void s_stored(pglog_t *self) {
    node_begin_pass(self->node); /* a pass that comes meanwhile waits for this one */
    batch_t stored = self->sent;
    size_t frame = 0;
    self->sent = (batch_t){0};
    self->sending = self->settling = false;
    for (size_t i = 0; i < stored.pass_count; i++) {
        for (; frame < stored.passes[i].frames; frame++)
            s_note_bounds(self, &stored.frames[frame]);
        self->log.sink.stored(self->log.sink.ctx, stored.passes[i].number, true);
    }
    s_free(&stored);
    node_end_pass(self->node);
    s_send(self);
}

/* Nothing of it is, nor of what waits. */
static void s_failed(pglog_t *self) {
    node_begin_pass(self->node); /* what was published by now waits with it */
    batch_t sent = self->sent, waiting = self->gathering;
    self->sent = self->gathering = (batch_t){0};
    self->sending = self->settling = false;
    world_trace(&self->sim->world, "n%u: its batch is refused", node_number(self->node));
    for (size_t i = 0; i < sent.pass_count; i++)
        self->log.sink.stored(self->log.sink.ctx, sent.passes[i].number, false);
    for (size_t i = 0; i < waiting.pass_count; i++)
        self->log.sink.stored(self->log.sink.ctx, waiting.passes[i].number, false);
    s_free(&sent);
    s_free(&waiting);
    node_end_pass(self->node);
    s_send(self);
}

/* --- Unknown commits --- */

static void s_settle(pglog_t *self);

static void s_settle_again(void *ctx, uint64_t incarnation) {
    pglog_t *self = s_self(ctx, incarnation);
    if (self)
        s_settle(self);
}

static void s_settle_soon(pglog_t *self) {
    world_t *world = &self->sim->world;
    db_conn_close(self->conn, 0);
    self->conn = NULL;
    world_at(world, node_time(self->node) + rng_between(&world->rng, 1, 10) * PAUSE_MS * MS, s_settle_again, self->node,
        node_incarnation(self->node));
}

static void s_ask_batch(pglog_t *self);

/* As pg_lease_take, not at the start, and pg_commit behind it. */
static void s_settled(void *ctx, const answer_t *answer) {
    pglog_t *self = ctx;
    if (answer->code == ANSWER_HELD) {
        node_exit(self->node, "another broker leads");
        return;
    }
    if (answer->code != ANSWER_OK) {
        s_settle_soon(self);
        return;
    }
    if (answer->lease.batch < self->batch && self->sim->plant != PLANT_LOST_PROOF) {
        node_exit(self->node, "the database lost what it had confirmed");
        return;
    }
    s_is_held(self);
    bool stored = self->sending && answer->lease.batch > self->batch && self->sim->plant != PLANT_BLIND_RESEND;
    self->term = answer->lease.term;
    self->batch = answer->lease.batch;
    self->settling = false;
    world_trace(&self->sim->world, "n%u: term %llu, the batch is %s", node_number(self->node),
        (unsigned long long)self->term,
        !self->sending ? "none"
        : stored       ? "stored"
                       : "not stored");
    if (stored)
        s_stored(self);
    else if (self->sending)
        s_ask_batch(self);
    else
        s_send(self);
}

static void s_settle(pglog_t *self) {
    self->settling = true;
    self->conn = database_connect(self->sim->database, node_frozen(self->node));
    if (!self->conn) {
        s_settle_soon(self);
        return;
    }
    const ask_t ask = {.kind = ASK_TAKE, .holder = node_claim(self->node), .front = (int)node_number(self->node)};
    s_ask(self, &ask, s_settled);
}

static void s_doubt(pglog_t *self) {
    switch (self->sim->plant) {
    case PLANT_UNKNOWN_STORED:
        self->batch++;
        s_stored(self);
        break;
    case PLANT_UNKNOWN_FAILED:
        s_failed(self);
        break;
    default:
        s_settle_soon(self);
        self->settling = true;
    }
}

/* --- Sending --- */

static void s_answered(void *ctx, const answer_t *answer) {
    pglog_t *self = ctx;
    switch (answer->code) {
    case ANSWER_OK:
        s_is_held(self);
        self->batch++;
        s_stored(self);
        break;
    case ANSWER_REFUSED:
        s_failed(self);
        break;
    case ANSWER_FENCED:
    case ANSWER_HELD:
        node_exit(self->node, "another broker leads");
        break;
    case ANSWER_UNKNOWN:
        s_doubt(self);
    }
}

static void s_ask_batch(pglog_t *self) {
    const batch_t *sent = &self->sent;
    const ask_t ask = {.kind = ASK_BATCH,
        .term = self->term,
        .batch = self->batch + 1,
        .frames = sent->frames,
        .frame_count = sent->frame_count,
        .marks = sent->marks,
        .mark_count = sent->mark_count};
    s_ask(self, &ask, s_answered);
}

/* All that waits goes as one. */
static void s_send(pglog_t *self) {
    if (self->sending || self->settling || self->renewing || self->gathering.pass_count == 0)
        return;
    batch_t empty = self->sent;
    self->sent = self->gathering;
    self->gathering = empty;
    self->sending = true;
    if (db_conn_is_open(self->conn))
        s_ask_batch(self);
    else
        s_settle(self);
}

/* --- The lease --- */

static void s_renewed(void *ctx, const answer_t *answer) {
    pglog_t *self = ctx;
    self->renewing = false;
    if (answer->code == ANSWER_OK)
        s_is_held(self);
    if (answer->code == ANSWER_FENCED || answer->code == ANSWER_HELD)
        node_exit(self->node, "another broker leads");
    else
        s_send(self);
}

/* As pg_lease_renew: without a connection it tries to connect, once. */
void pglog_tick(log_t *log) {
    pglog_t *self = (pglog_t *)log;
    if (self->sending || self->settling || self->renewing)
        return;
    if (!db_conn_is_open(self->conn)) {
        s_settle(self);
        return;
    }
    self->renewing = true;
    const ask_t ask = {.kind = ASK_HOLD, .term = self->term, .batch = self->batch};
    s_ask(self, &ask, s_renewed);
}

bool pglog_is_idle(const log_t *log) {
    const pglog_t *self = (const pglog_t *)log;
    return !self->sending && self->gathering.pass_count == 0;
}

db_conn_t *pglog_conn(log_t *log) {
    return ((pglog_t *)log)->conn;
}

/* --- The engine --- */

static uint64_t s_next_seq(log_t *log, zr_span_t room, uint64_t head) {
    (void)log;
    (void)room;
    return head + 1;
}

static void s_append(log_t *log, const log_append_t *append) {
    batch_t *batch = &((pglog_t *)log)->gathering;
    if (batch->frame_count == batch->frame_size)
        batch->frames = world_grow(batch->frames, &batch->frame_size, sizeof *batch->frames);
    batch->frames[batch->frame_count++] = *append;
}

static void s_commit(log_t *log, const log_commit_t *commit) {
    pglog_t *self = (pglog_t *)log;
    batch_t *batch = &self->gathering;
    for (size_t i = 0; i < commit->mark_count; i++) {
        if (batch->mark_count == batch->mark_size)
            batch->marks = world_grow(batch->marks, &batch->mark_size, sizeof *batch->marks);
        batch->marks[batch->mark_count] = commit->marks[i];
        if (commit->marks[i].refusals)
            zr_blob_ref(commit->marks[i].refusals);
        batch->mark_count++;
    }
    if (batch->pass_count == batch->pass_size)
        batch->passes = world_grow(batch->passes, &batch->pass_size, sizeof *batch->passes);
    batch->passes[batch->pass_count++] = (pass_t){commit->pass, batch->frame_count, batch->mark_count};
    log_commit_finish(commit);
    if (!self->sending && batch->pass_count == 1 && !commit->check && batch->frame_count == 0 &&
        batch->mark_count == 0) {
        batch->pass_count = 0; /* no pass before it, and nothing to write */
        log->sink.stored(log->sink.ctx, commit->pass, true);
        return;
    }
    s_send(self);
}

/* The reading connection waits until the database is there. */
static void s_read_now(void *ctx, uint64_t incarnation) {
    node_t *node = ctx;
    pglog_t *self = s_self(ctx, incarnation);
    if (!self)
        return;
    world_t *world = &self->sim->world;
    if (node_is_frozen(node) || !pglog_leads(&self->log) || !database_is_up(self->sim->database)) {
        world_at(world, node_time(node) + PAUSE_MS * MS, s_read_now, node, incarnation);
        return;
    }
    log_read_t read = self->reads[self->read_head++];
    if (--self->read_count == 0)
        self->read_head = 0;
    node_begin_pass(node);
    store_read(database_store(self->sim->database), &self->log.sink, node_epoch(node), &read);
    node_end_pass(node);
}

static void s_read(log_t *log, const log_read_t *read) {
    pglog_t *self = (pglog_t *)log;
    world_t *world = &self->sim->world;
    log_read_t capped = *read;
    const log_bounds_t *bounds = &self->bounds[store_room_number(zr_span_of(read->room, read->room_len))];
    if (capped.until > bounds->head)
        capped.until = bounds->head;
    if (self->read_head + self->read_count == self->read_size)
        self->reads = world_grow(self->reads, &self->read_size, sizeof *self->reads);
    self->reads[self->read_head + self->read_count++] = capped;
    world_at(
        world, world->now + rng_skewed(&world->rng, 20 * MS), s_read_now, self->node, node_incarnation(self->node));
}

static log_bounds_t s_bounds(log_t *log, zr_span_t room) {
    int number = store_room_number(room);
    return number < 0 ? (log_bounds_t){0} : ((pglog_t *)log)->bounds[number];
}

static void s_forget(log_t *log, const log_forget_t *forget) {
    (void)forget;
    world_fail(&((pglog_t *)log)->sim->world, "sim", "a room is forgotten, which these worlds do not want");
}

static void s_restore(log_t *log, const log_restore_t *restore) {
    pglog_t *self = (pglog_t *)log;
    store_t *then = self->wal ? database_store_at(self->sim->database, self->wal) : NULL;
    const store_t *store = then ? then : database_store(self->sim->database);
    for (unsigned r = 0; r < STORE_ROOMS; r++)
        if (store_head(store, r))
            self->bounds[r] = store_bounds(store, r);
    store_restore(store, restore, self->sim->plant != PLANT_LOST_MARKS);
    store_destroy(then);
}

void pglog_end(log_t *log, uint64_t unnoticed) {
    pglog_t *self = (pglog_t *)log;
    db_conn_close(self->conn, unnoticed);
    self->conn = NULL;
}

static void s_destroy(log_t *log) {
    pglog_t *self = (pglog_t *)log;
    db_conn_close(self->conn, 0);
    s_free(&self->gathering);
    s_free(&self->sent);
    free(self->reads);
    free(self);
}

log_t *pglog_new(node_t *node, db_conn_t *conn, uint64_t term, uint64_t batch, size_t wal) {
    static const log_engine_t engine = {
        .next_seq = s_next_seq,
        .append = s_append,
        .commit = s_commit,
        .read = s_read,
        .bounds = s_bounds,
        .forget = s_forget,
        .restore = s_restore,
        .destroy = s_destroy,
    };
    pglog_t *self = world_calloc(sizeof *self);
    self->sim = node_sim(node);
    self->node = node;
    self->conn = conn;
    self->term = term;
    self->batch = batch;
    self->wal = wal;
    self->until = self->sim->world.now + LEADS_MS * MS; /* while it loads, the lease lasts longer */
    self->log = (log_t){.engine = &engine, .level = database_level(self->sim->database), .shared = true};
    return &self->log;
}
