#include "disklog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "sim.h"

typedef struct {
    unsigned room;
    zr_blob_t *frame; /* that holds it */
    int key;
    uint64_t seq;
} value_t;

typedef struct {
    char client[ZR_CLIENT_ID_LEN];
    uint64_t mark;
    zr_blob_t *refusals; /* NULL: none */
} mark_t;

struct disk {
    sim_t *sim;
    log_t *frames;
    value_t *values; /* in order of seq within a room */
    size_t value_count, value_size;
    log_group_t groups[ROOMS]; /* of each room one; no state: none */
    mark_t *marks;             /* longest unused first */
    size_t mark_count, mark_size;
    uint64_t position; /* if all rooms share them */
    uint64_t runs, full;
};

typedef struct {
    enum { OP_APPEND, OP_COMMIT, OP_FORGET } kind;
    log_append_t append;
    log_forget_t forget;
    log_commit_t commit;
} op_t;

typedef struct {
    log_t log;
    sim_t *sim;
    disk_t *disk;
    log_t *memory; /* rooms of a lower level */
    op_t *ops;     /* not synced yet, in order */
    size_t head, count, size;
    size_t syncing; /* so many of them by the sync under way; 0: no sync is under way */
    log_read_t *reads;
    size_t read_head, read_count, read_size;
    unsigned incarnation;
} disklog_t;

/* --- The disk --- */

static log_t *s_frames_new(const sim_t *sim) {
    return log_memory_new(&(log_memory_limits_t){.room_entries = sim->params.room_entries,
        .room_bytes = 1 << 20,
        .entries = sim->params.log_entries,
        .bytes = 4 << 20});
}

disk_t *disk_new(sim_t *sim) {
    disk_t *disk = world_calloc(sizeof *disk);
    disk->sim = sim;
    disk->frames = s_frames_new(sim);
    return disk;
}

void disk_destroy(disk_t *disk) {
    if (!disk)
        return;
    for (size_t i = 0; i < disk->value_count; i++)
        zr_blob_unref(disk->values[i].frame);
    for (size_t i = 0; i < disk->mark_count; i++)
        zr_blob_unref(disk->marks[i].refusals);
    for (unsigned r = 0; r < ROOMS; r++)
        zr_blob_unref(disk->groups[r].state);
    log_destroy(disk->frames);
    free(disk->values);
    free(disk->marks);
    free(disk);
}

void disk_fill(disk_t *disk, uint64_t until) {
    disk->full = until;
}

static void s_set_value(disk_t *disk, unsigned room, const zr_entry_t *entry, zr_blob_t *frame) {
    int key = model_key_number(entry->key);
    size_t kept = 0;
    for (size_t i = 0; i < disk->value_count; i++) {
        if (disk->values[i].room == room && disk->values[i].key == key)
            zr_blob_unref(disk->values[i].frame);
        else
            disk->values[kept++] = disk->values[i];
    }
    disk->value_count = kept;
    if (entry->flags & ZR_ENTRY_DELETE)
        return;
    if (disk->value_count == disk->value_size)
        disk->values = world_grow(disk->values, &disk->value_size, sizeof *disk->values);
    disk->values[disk->value_count++] =
        (value_t){.room = room, .frame = zr_blob_ref(frame), .key = key, .seq = entry->seq};
}

static void s_set_mark(disk_t *disk, const log_mark_t *given) {
    mark_t mark = {.mark = given->mark};
    memcpy(mark.client, given->client, sizeof mark.client);
    size_t at = 0;
    while (at < disk->mark_count && memcmp(disk->marks[at].client, mark.client, sizeof mark.client) != 0)
        at++;
    if (at == disk->mark_count) {
        if (disk->mark_count == disk->mark_size)
            disk->marks = world_grow(disk->marks, &disk->mark_size, sizeof *disk->marks);
        disk->mark_count++;
    } else {
        mark.refusals = disk->marks[at].refusals;
        memmove(&disk->marks[at], &disk->marks[at + 1], (disk->mark_count - at - 1) * sizeof mark);
    }
    if (given->refusals) {
        zr_blob_unref(mark.refusals);
        mark.refusals = zr_blob_ref(given->refusals);
    }
    disk->marks[disk->mark_count - 1] = mark;
}

static void s_set_group(disk_t *disk, const log_group_t *given) {
    log_group_t *group = &disk->groups[room_number(zr_span_of(given->room, given->room_len))];
    zr_blob_unref(group->state);
    *group = *given;
    group->state = given->state ? zr_blob_ref(given->state) : NULL;
}

/* Where a room's frames are. */
static log_t *s_place(disklog_t *self, zr_span_t room) {
    return model_level(self->sim, (unsigned)room_number(room)) < ZR_LEVEL_DISK ? self->memory : self->disk->frames;
}

/* The model knows what the log has not. */
static void s_note_oldest(disklog_t *self) {
    for (unsigned r = 0; r < ROOMS; r++) {
        model_room_t *known = &model_now(self->sim)->rooms[r];
        log_bounds_t bounds = self->log.engine->bounds(&self->log, zr_span(room_text(r)));
        if (bounds.oldest > known->oldest)
            known->oldest = bounds.oldest;
    }
}

static void s_write(disklog_t *self, const log_append_t *append) {
    disk_t *disk = self->disk;
    unsigned room = (unsigned)room_number(append->room);
    bool lower = append->level < ZR_LEVEL_DISK;
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    zr_deliver_read(&reader, zr_span_of(zr_blob_data(append->frame), zr_blob_len(append->frame)));
    while (append->keyed && !lower && zr_deliver_next(&reader, &entry))
        if (entry.key.len)
            s_set_value(disk, room, &entry, append->frame);
    log_t *frames = lower ? self->memory : disk->frames;
    frames->engine->append(frames, append);
    s_note_oldest(self);
}

static void s_forget_room(disklog_t *self, const log_forget_t *forget) {
    log_forget_t gone = *forget;
    log_t *place = s_place(self, zr_span_of(gone.room, gone.room_len));
    if (self->sim->plant == PLANT_SUNKEN_FLOOR)
        gone.head = 0;
    place->engine->forget(place, &gone);
    s_note_oldest(self);
}

/* --- Syncing --- */

static op_t s_take(disklog_t *self) {
    op_t op = self->ops[self->head++];
    if (--self->count == 0)
        self->head = 0;
    return op;
}

/* The passes of the sync are on the disk; `passes` gets those to be answered. */
static size_t s_sync(disklog_t *self, uint64_t *passes) {
    size_t count = 0;
    for (; self->syncing > 0; self->syncing--) {
        op_t op = s_take(self);
        if (op.kind == OP_APPEND)
            s_write(self, &op.append);
        else if (op.kind == OP_FORGET)
            s_forget_room(self, &op.forget);
        if (op.kind != OP_COMMIT)
            continue;
        for (size_t i = 0; i < op.commit.mark_count; i++)
            s_set_mark(self->disk, &op.commit.marks[i]);
        for (size_t i = 0; i < op.commit.group_count; i++)
            s_set_group(self->disk, &op.commit.groups[i]);
        log_commit_finish(&op.commit);
        model_stored(self->sim, op.commit.pass);
        passes[count++] = op.commit.pass;
    }
    return count;
}

/* None of the waiting passes can be stored. */
static size_t s_fail(disklog_t *self, uint64_t *passes) {
    size_t count = 0;
    world_trace(&self->sim->world, "the disk is full");
    while (self->count > 0) {
        op_t op = s_take(self);
        if (op.kind == OP_COMMIT) {
            log_commit_finish(&op.commit);
            model_failed(self->sim, op.commit.pass);
            passes[count++] = op.commit.pass;
        } else if (op.kind == OP_APPEND) {
            zr_blob_unref(op.append.frame);
        }
    }
    self->syncing = 0;
    return count;
}

static void s_synced(void *ctx, uint64_t incarnation);

static void s_begin_sync(disklog_t *self) {
    sim_t *sim = self->sim;
    if (self->syncing > 0 || self->count == 0)
        return;
    self->syncing = self->count;
    world_at(&sim->world, sim->world.now + rng_skewed(&sim->world.rng, sim->params.log_delay), s_synced, sim,
        self->incarnation);
}

static void s_synced(void *ctx, uint64_t incarnation) {
    sim_t *sim = ctx;
    if (!broker_is(sim, (unsigned)incarnation))
        return;
    broker_begin_pass(sim);
    disklog_t *self = (disklog_t *)broker_log(sim);
    uint64_t *passes = world_calloc((self->count + 1) * sizeof *passes);
    bool full = sim->world.now < self->disk->full;
    size_t count = full ? s_fail(self, passes) : s_sync(self, passes);
    bool told = full && sim->plant == PLANT_UNTOLD_FAILURE;
    for (size_t i = 0; i < count && sim->plant != PLANT_EARLY_ACK; i++)
        self->log.sink.stored(self->log.sink.ctx, passes[i], !full || told);
    free(passes);
    broker_end_pass(sim);
    s_begin_sync(self);
}

static void s_push(disklog_t *self, const op_t *op) {
    if (self->head + self->count == self->size)
        self->ops = world_grow(self->ops, &self->size, sizeof *self->ops);
    self->ops[self->head + self->count++] = *op;
}

/* --- The engine --- */

static uint64_t s_next_seq(log_t *log, zr_span_t room, uint64_t head) {
    disklog_t *self = (disklog_t *)log;
    (void)room;
    if (!self->sim->params.sparse)
        return head + 1;
    if (self->disk->position < head)
        self->disk->position = head;
    return self->disk->position += 1 + rng_below(&self->sim->world.rng, 3);
}

static void s_append(log_t *log, const log_append_t *append) {
    disklog_t *self = (disklog_t *)log;
    model_append(self->sim, append);
    s_push(self, &(op_t){.kind = OP_APPEND, .append = *append});
}

static void s_forget(log_t *log, const log_forget_t *forget) {
    disklog_t *self = (disklog_t *)log;
    model_forget(self->sim, forget, broker_clock(self->sim));
    s_push(self, &(op_t){.kind = OP_FORGET, .forget = *forget});
}

static void s_commit(log_t *log, const log_commit_t *commit) {
    disklog_t *self = (disklog_t *)log;
    model_commit(self->sim, commit->pass);
    s_push(self, &(op_t){.kind = OP_COMMIT, .commit = *commit});
    if (self->sim->plant == PLANT_EARLY_ACK)
        log->sink.stored(log->sink.ctx, commit->pass, true);
    s_begin_sync(self);
}

static void s_read_now(void *ctx, uint64_t incarnation) {
    sim_t *sim = ctx;
    if (!broker_is(sim, (unsigned)incarnation))
        return;
    broker_begin_pass(sim);
    disklog_t *self = (disklog_t *)broker_log(sim);
    log_read_t read = self->reads[self->read_head++];
    if (--self->read_count == 0)
        self->read_head = 0;
    log_t *place = s_place(self, zr_span_of(read.room, read.room_len));
    place->engine->read(place, &read);
    broker_end_pass(sim);
}

/* Readers do not wait for writers. */
static void s_read(log_t *log, const log_read_t *read) {
    disklog_t *self = (disklog_t *)log;
    sim_t *sim = self->sim;
    if (self->read_head + self->read_count == self->read_size)
        self->reads = world_grow(self->reads, &self->read_size, sizeof *self->reads);
    self->reads[self->read_head + self->read_count++] = *read;
    world_at(&sim->world, sim->world.now + rng_skewed(&sim->world.rng, sim->params.log_delay), s_read_now, sim,
        self->incarnation);
}

static log_bounds_t s_bounds(log_t *log, zr_span_t room) {
    log_t *place = s_place((disklog_t *)log, room);
    log_bounds_t bounds = place->engine->bounds(place, room);
    bounds.tail = bounds.oldest; /* what is too old need not go first */
    return bounds;
}

static void s_keep(log_t *log, zr_span_t room, const log_keep_t *keep) {
    log_t *place = s_place((disklog_t *)log, room);
    place->engine->keep(place, room, keep);
}

static void s_restore(log_t *log, const log_restore_t *restore) {
    disklog_t *self = (disklog_t *)log;
    disk_t *disk = self->disk;
    plant_t plant = self->sim->plant;
    for (unsigned r = 0; r < ROOMS; r++) {
        log_bounds_t bounds = s_bounds(log, zr_span(room_text(r)));
        if (bounds.head > bounds.begun)
            restore->room(restore->ctx, zr_span(room_text(r)), &bounds);
    }
    for (size_t i = 0; i < disk->value_count && plant != PLANT_FORGOTTEN_VALUES; i++) {
        zr_blob_t *frame = disk->values[i].frame;
        zr_deliver_reader_t reader;
        zr_entry_t entry;
        zr_deliver_read(&reader, zr_span_of(zr_blob_data(frame), zr_blob_len(frame)));
        while (zr_deliver_next(&reader, &entry))
            if (entry.seq == disk->values[i].seq)
                restore->value(restore->ctx, reader.room, &entry);
    }
    for (size_t i = 0; i < disk->mark_count && plant != PLANT_FORGOTTEN_MARKS; i++) {
        log_mark_t mark = {.mark = disk->marks[i].mark, .refusals = disk->marks[i].refusals};
        if (plant == PLANT_FORGOTTEN_REFUSALS)
            mark.refusals = NULL;
        memcpy(mark.client, disk->marks[i].client, sizeof mark.client);
        restore->mark(restore->ctx, &mark);
    }
    for (unsigned r = 0; r < ROOMS && plant != PLANT_FORGOTTEN_GROUPS; r++) {
        const log_group_t *group = &disk->groups[r];
        if (group->state)
            restore->group(restore->ctx, zr_span(room_text(r)), zr_span_of(group->name, group->name_len),
                zr_span_of(zr_blob_data(group->state), zr_blob_len(group->state)));
    }
}

static void s_destroy(log_t *log) {
    disklog_t *self = (disklog_t *)log;
    sim_t *sim = self->sim;
    uint64_t *passes = world_calloc((self->count + 1) * sizeof *passes);
    if (self->syncing > 0 && sim->world.now >= self->disk->full && rng_chance(&sim->world.rng, 1, 2))
        s_sync(self, passes); /* and nobody was told */
    free(passes);
    while (self->count > 0) {
        op_t op = s_take(self);
        if (op.kind == OP_COMMIT)
            log_commit_finish(&op.commit);
        else if (op.kind == OP_APPEND)
            zr_blob_unref(op.append.frame);
    }
    log_destroy(self->memory);
    free(self->ops);
    free(self->reads);
    free(self);
}

static void s_on_stored(void *ctx, uint64_t pass, bool ok) {
    (void)ctx;
    (void)pass;
    (void)ok;
}

static void s_on_read(void *ctx, uint64_t ticket, const log_slice_t *slice) {
    disklog_t *self = ctx;
    log_slice_t told = plant_read(self->sim, slice);
    self->log.sink.read_done(self->log.sink.ctx, ticket, &told);
}

log_t *disklog_new(sim_t *sim, unsigned incarnation) {
    static const log_engine_t engine = {
        .next_seq = s_next_seq,
        .append = s_append,
        .commit = s_commit,
        .read = s_read,
        .bounds = s_bounds,
        .forget = s_forget,
        .keep = s_keep,
        .restore = s_restore,
        .destroy = s_destroy,
    };
    disklog_t *self = world_calloc(sizeof *self);
    disk_t *disk = sim->disk;
    self->sim = sim;
    self->disk = disk;
    self->incarnation = incarnation;
    self->log = (log_t){.engine = &engine, .level = ZR_LEVEL_DISK, .base = disk->runs++ << 24};
    if (sim->plant == PLANT_POSITIONS_AGAIN)
        self->log.base = 0;
    self->memory = s_frames_new(sim);
    self->memory->sink = disk->frames->sink = (log_sink_t){.ctx = self, .stored = s_on_stored, .read_done = s_on_read};
    return &self->log;
}
