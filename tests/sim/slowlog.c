#include "slowlog.h"

#include <stdlib.h>

#include "broker.h"
#include "sim.h"

typedef enum { OP_APPEND, OP_COMMIT, OP_FORGET, OP_READ } op_kind_t;

typedef struct {
    op_kind_t kind;
    log_append_t append;
    log_commit_t commit;
    log_forget_t forget;
    log_read_t read;
} op_t;

typedef struct {
    log_t log;
    log_t *memory;
    sim_t *sim;
    op_t *ops; /* not done yet, in order */
    size_t head, count, size;
    uint64_t due; /* of the last one */
    uint64_t position;
    bool scheduled;
    unsigned incarnation;
} slowlog_t;

/* The model knows what the log has not. */
static void s_note_oldest(slowlog_t *self) {
    for (unsigned r = 0; r < ROOMS; r++) {
        model_room_t *room = &model_now(self->sim)->rooms[r];
        log_bounds_t bounds = self->memory->engine->bounds(self->memory, zr_span(room_text(r)));
        if (bounds.oldest > room->oldest)
            room->oldest = bounds.oldest;
    }
}

static void s_append_now(slowlog_t *self, const log_append_t *append) {
    self->memory->engine->append(self->memory, append);
    s_note_oldest(self);
}

static void s_forget_now(slowlog_t *self, const log_forget_t *forget) {
    log_forget_t gone = *forget;
    if (self->sim->plant == PLANT_SUNKEN_FLOOR)
        gone.head = 0;
    self->memory->engine->forget(self->memory, &gone);
    s_note_oldest(self);
}

static void s_do(slowlog_t *self, const op_t *op) {
    log_t *memory = self->memory;
    if (op->kind == OP_APPEND)
        s_append_now(self, &op->append);
    else if (op->kind == OP_COMMIT)
        memory->engine->commit(memory, &op->commit);
    else if (op->kind == OP_FORGET)
        s_forget_now(self, &op->forget);
    else
        memory->engine->read(memory, &op->read);
}

/* --- The memory engine's answers --- */

static void s_on_stored(void *ctx, uint64_t pass, bool ok) {
    slowlog_t *self = ctx;
    model_stored(self->sim, pass);
    if (self->sim->plant != PLANT_EARLY_ACK)
        self->log.sink.stored(self->log.sink.ctx, pass, ok);
}

static void s_on_read(void *ctx, uint64_t ticket, const log_slice_t *slice) {
    slowlog_t *self = ctx;
    log_slice_t told = plant_read(self->sim, slice);
    self->log.sink.read_done(self->log.sink.ctx, ticket, &told);
}

/* --- Later --- */

static void s_run(void *ctx, uint64_t incarnation) {
    sim_t *sim = ctx;
    if (!broker_is(sim, (unsigned)incarnation))
        return;
    slowlog_t *self = (slowlog_t *)broker_log(sim);
    self->scheduled = false;
    broker_begin_pass(sim);
    /* One wake-up brings whatever is done by then. */
    for (uint64_t burst = 1 + rng_below(&sim->world.rng, 4); burst > 0 && self->count > 0; burst--) {
        op_t op = self->ops[self->head++];
        self->count--;
        s_do(self, &op);
    }
    if (self->count == 0)
        self->head = 0;
    broker_end_pass(sim);
    if (self->count > 0 && !self->scheduled) {
        self->scheduled = true;
        world_at(
            &sim->world, sim->world.now + rng_skewed(&sim->world.rng, sim->params.log_delay), s_run, sim, incarnation);
    }
}

static void s_later(slowlog_t *self, const op_t *op) {
    sim_t *sim = self->sim;
    if (sim->params.log_delay == 0) {
        s_do(self, op);
        return;
    }
    if (self->head + self->count == self->size)
        self->ops = world_grow(self->ops, &self->size, sizeof *self->ops);
    self->ops[self->head + self->count++] = *op;
    if (self->scheduled)
        return;
    self->scheduled = true;
    world_at(&sim->world, sim->world.now + rng_skewed(&sim->world.rng, sim->params.log_delay), s_run, sim,
        self->incarnation);
}

/* --- The engine --- */

static uint64_t s_next_seq(log_t *log, zr_span_t room, uint64_t head) {
    slowlog_t *self = (slowlog_t *)log;
    if (!self->sim->params.sparse)
        return self->memory->engine->next_seq(self->memory, room, head);
    return self->position += 1 + rng_below(&self->sim->world.rng, 3);
}

static void s_append(log_t *log, const log_append_t *append) {
    slowlog_t *self = (slowlog_t *)log;
    model_append(self->sim, append);
    s_later(self, &(op_t){.kind = OP_APPEND, .append = *append});
}

static void s_forget(log_t *log, const log_forget_t *forget) {
    slowlog_t *self = (slowlog_t *)log;
    model_forget(self->sim, forget, broker_clock(self->sim));
    s_later(self, &(op_t){.kind = OP_FORGET, .forget = *forget});
}

static void s_commit(log_t *log, const log_commit_t *commit) {
    slowlog_t *self = (slowlog_t *)log;
    model_commit(self->sim, commit->pass);
    if (self->sim->plant == PLANT_EARLY_ACK)
        log->sink.stored(log->sink.ctx, commit->pass, true);
    s_later(self, &(op_t){.kind = OP_COMMIT, .commit = *commit});
}

static void s_read(log_t *log, const log_read_t *read) {
    s_later((slowlog_t *)log, &(op_t){.kind = OP_READ, .read = *read});
}

static log_bounds_t s_bounds(log_t *log, zr_span_t room) {
    slowlog_t *self = (slowlog_t *)log;
    log_bounds_t bounds = self->memory->engine->bounds(self->memory, room);
    bounds.tail = bounds.oldest; /* what is too old need not go first */
    return bounds;
}

static void s_destroy(log_t *log) {
    slowlog_t *self = (slowlog_t *)log;
    for (size_t i = 0; i < self->count; i++)
        if (self->ops[self->head + i].kind == OP_APPEND)
            zr_blob_unref(self->ops[self->head + i].append.frame);
        else if (self->ops[self->head + i].kind == OP_COMMIT)
            log_commit_finish(&self->ops[self->head + i].commit);
    log_destroy(self->memory);
    free(self->ops);
    free(self);
}

log_t *slowlog_new(sim_t *sim, unsigned incarnation, zr_level_t level) {
    static const log_engine_t engine = {
        .next_seq = s_next_seq,
        .append = s_append,
        .commit = s_commit,
        .read = s_read,
        .bounds = s_bounds,
        .forget = s_forget,
        .destroy = s_destroy,
    };
    slowlog_t *self = world_calloc(sizeof *self);
    self->sim = sim;
    self->incarnation = incarnation;
    self->log = (log_t){.engine = &engine, .level = level};
    self->memory = log_memory_new(&(log_memory_limits_t){.room_entries = sim->params.room_entries,
        .room_bytes = 1 << 20,
        .entries = sim->params.log_entries,
        .bytes = 4 << 20});
    self->memory->sink = (log_sink_t){.ctx = self, .stored = s_on_stored, .read_done = s_on_read};
    return &self->log;
}
