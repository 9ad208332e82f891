/* See log_durable.h. This is the loop's side. It gathers passes for the writing thread (writer.c), gives reads to the
 * reading one (reader.c), and hands their answers to the sink. Its table of rooms has only what is committed.
 *
 * Rooms of level memory begin at `base`. That is far above any position in the database, and above all positions of an
 * earlier process of the same epoch. It is twice the time in µs, so that no room outruns it with less than two million
 * entries a second. As a clock can be set back, the database holds a position that is ahead of that rate. */
#include "log_durable.h"

#include "clock.h"
#include "disk_rooms.h"
#include "fatal.h"
#include "logger.h"
#include "reader.h"
#include "writer.h"

#define MARKS_EVERY 60000000ULL /* µs */
#define BASE_FIRST 60000ULL     /* ms from the start until the base is stored again */
#define BASE_EVERY 3600000ULL
#define BASE_CLOCK_MAX (1ULL << 52) /* µs: a later clock is wrong, and its double no exact number in JSON */
#define CEILING                                                                                                        \
    (1ULL << (DB_SEQ_BITS - 1)) /* rooms that begin after one that was forgotten have as many positions left */

typedef struct {
    log_t log;
    log_limits_t config;
    log_durable_db_t db;
    writer_t *writer;
    reader_t *reader;
    log_t *memory;
    zr_mailbox_t answers;

    disk_rooms_t rooms;
    uint64_t floor; /* rooms that are on the disk and not known begin there */

    write_pass_t *gathering;            /* NULL: nothing appended since the last commit */
    write_pass_t *flight, **flight_end; /* with the writer, in order */
    uint64_t generation;                /* rises with each failure */
    size_t queued;                      /* bytes in flight */
    bool failing;                       /* the last pass for the disk could not be stored */
    bool told;                          /* there was a line about it */
    uint64_t failed_passes;             /* of this episode */
    uint64_t passes, failed, store_us;  /* log_stats_t */
    bool chores_failing;
    uint64_t held; /* the log's `hold` that the database has */
    zr_log_limit_t failure_lines, read_lines;
    bool chores; /* under way */
    uint64_t marks_due;
    uint64_t now;             /* of the last tick */
    uint64_t began, base_due; /* ms of the rising clock: the start; when the base is to be stored again */
} log_durable_t;

static bool s_on_disk(const log_durable_t *self, zr_span_t name) {
    const policy_t *policy = policy_of(&self->config.policies, name);
    return !policy->has_level || policy->level >= ZR_LEVEL_DISK;
}

/* --- Appending --- */

static uint64_t s_next_seq(log_t *log, zr_span_t room, uint64_t head) {
    const log_durable_t *self = (log_durable_t *)log;
    if (head == 0 && !s_on_disk(self, room))
        return self->log.base + 1;
    return head + 1;
}

static write_pass_t *s_gathering(log_durable_t *self) {
    if (!self->gathering) {
        self->gathering = fatal_calloc(sizeof *self->gathering);
        self->gathering->bytes = sizeof *self->gathering;
    }
    return self->gathering;
}

/* The room that a frame for the disk belongs to; if need be its row is added in this pass. */
static disk_room_t *s_room_of(log_durable_t *self, write_pass_t *pass, zr_span_t name) {
    disk_room_t *room = disk_rooms_find(&self->rooms, name);
    if (room && room->going)
        room = room->successor;
    if (!room) {
        room = disk_rooms_add(&self->rooms, name);
        FATAL_GROW(pass->rooms, pass->room_count, pass->room_size);
        pass->rooms[pass->room_count++] = (write_room_t){.id = room->id, .name = disk_room_name(room), .owner = room};
    }
    return room;
}

static void s_append(log_t *log, const log_append_t *append) {
    log_durable_t *self = (log_durable_t *)log;
    write_pass_t *pass = s_gathering(self);
    disk_room_t *room = append->level >= ZR_LEVEL_DISK ? s_room_of(self, pass, append->room) : NULL;
    FATAL_GROW(pass->frames, pass->frame_count, pass->frame_size);
    pass->frames[pass->frame_count++] = (write_frame_t){.room = room ? room->id : 0, .append = *append, .owner = room};
    pass->bytes += zr_blob_len(append->frame) + sizeof(write_frame_t);
}

static void s_forget(log_t *log, const log_forget_t *forget) {
    log_durable_t *self = (log_durable_t *)log;
    write_pass_t *pass = s_gathering(self);
    zr_span_t name = zr_span_of(forget->room, forget->room_len);
    disk_room_t *room = s_on_disk(self, name) ? disk_rooms_find(&self->rooms, name) : NULL;
    if (room)
        room->going = true;
    FATAL_GROW(pass->forgets, pass->forget_count, pass->forget_size);
    pass->forgets[pass->forget_count++] = (write_forget_t){.id = room ? room->id : 0, .forget = *forget, .owner = room};
    pass->bytes += sizeof(write_forget_t);
}

/* The operator hears that the entries are gone, or that they cannot be deleted. */
static void s_trimmed(log_durable_t *self, disk_room_t *room, bool ok) {
    if (!room->trim_upto)
        return;
    room->trim_upto = 0;
    self->log.sink.trimmed(self->log.sink.ctx, room->trim_ticket, ok);
}

static void s_forgotten(log_durable_t *self, const write_forget_t *gone) {
    const log_forget_t *forget = &gone->forget;
    if (gone->owner) {
        s_trimmed(self, gone->owner, true); /* housekeeping does not come to it any more */
        disk_rooms_bury(&self->rooms, gone->owner);
        if (forget->head > self->floor)
            self->floor = forget->head;
    } else if (!s_on_disk(self, zr_span_of(forget->room, forget->room_len))) {
        self->memory->engine->forget(self->memory, forget);
    }
}

/* The pass is stored: its entries can be read. */
static void s_stored(log_durable_t *self, write_pass_t *pass) {
    for (size_t i = 0; i < pass->forget_count; i++)
        s_forgotten(self, &pass->forgets[i]);
    if (!self->chores)
        disk_rooms_unbury(&self->rooms);
    for (size_t i = 0; i < pass->frame_count; i++) {
        write_frame_t *frame = &pass->frames[i];
        disk_room_t *room = frame->owner;
        if (!room) {
            self->memory->engine->append(self->memory, &frame->append);
            frame->append.frame = NULL;
            continue;
        }
        if (room->bounds.head == 0)
            room->bounds.oldest = room->bounds.begun = frame->append.prev;
        room->bounds.tail = frame->append.prev;
        room->bounds.head = frame->append.last;
        room->bounds.time = frame->append.time;
        room->grown = true;
    }
    uint64_t number = pass->number;
    self->log.sink.stored(self->log.sink.ctx, number, true);
}

static void s_commit(log_t *log, const log_commit_t *commit) {
    log_durable_t *self = (log_durable_t *)log;
    write_pass_t *pass = s_gathering(self);
    self->gathering = NULL;
    pass->number = commit->pass;
    pass->check = commit->check;
    pass->now = self->now;
    pass->generation = self->generation;
    pass->marks = commit->marks;
    pass->mark_count = commit->mark_count;
    pass->groups = commit->groups;
    pass->group_count = commit->group_count;
    pass->bytes += commit->held + commit->mark_count * sizeof *commit->marks;
    for (size_t i = 0; i < commit->mark_count; i++)
        pass->bytes += commit->marks[i].refusals ? zr_blob_len(commit->marks[i].refusals) : 0;
    for (size_t i = 0; i < commit->group_count; i++)
        pass->bytes += sizeof *commit->groups + (commit->groups[i].state ? zr_blob_len(commit->groups[i].state) : 0);

    if (!self->flight && !write_pass_for_disk(pass)) { /* no pass before it, and nothing to write */
        self->passes++;
        s_stored(self, pass);
        write_pass_destroy(pass);
        return;
    }
    pass->later = NULL;
    pass->began_us = zr_boot_us();
    *self->flight_end = pass;
    self->flight_end = &pass->later;
    self->queued += pass->bytes;
    writer_put(self->writer, pass);
}

/* --- Reading --- */

/* Of a room that has nothing: what there may have been up to the floor is gone. */
static void s_answer_nothing(log_durable_t *self, const log_read_t *read) {
    uint64_t gone = self->floor < read->until ? self->floor : read->until;
    log_slice_t slice = {.seq = read->after < gone ? gone : read->after,
        .complete = read->last ? gone <= read->begun : gone <= read->after && read->after <= self->floor};
    self->log.sink.read_done(self->log.sink.ctx, read->ticket, &slice);
}

static void s_read(log_t *log, const log_read_t *read) {
    log_durable_t *self = (log_durable_t *)log;
    zr_span_t name = zr_span_of(read->room, read->room_len);
    if (!s_on_disk(self, name)) {
        self->memory->sink = self->log.sink;
        self->memory->engine->read(self->memory, read);
        return;
    }
    const disk_room_t *room = disk_rooms_find(&self->rooms, name);
    if (!room || room->bounds.head == 0) {
        s_answer_nothing(self, read);
        return;
    }
    log_read_t capped = *read;
    if (capped.until > room->bounds.head)
        capped.until = room->bounds.head;
    reader_ask(self->reader, &capped, room->id, &room->bounds);
}

static log_bounds_t s_bounds(log_t *log, zr_span_t name) {
    log_durable_t *self = (log_durable_t *)log;
    if (!s_on_disk(self, name))
        return self->memory->engine->bounds(self->memory, name);
    const disk_room_t *room = disk_rooms_find(&self->rooms, name);
    if (room && room->bounds.head)
        return room->bounds;
    return (log_bounds_t){.head = self->floor, .oldest = self->floor, .begun = self->floor, .tail = self->floor};
}

/* --- Answers --- */

/* Nothing of this pass is stored, and nothing of those after it can be. */
static void s_fail_all(log_durable_t *self, write_pass_t *first, const char *error) {
    if (!self->failing) {
        self->failing = true;
        self->told = zr_log_pass(&self->failure_lines, zr_mono_ms());
        if (self->told)
            zr_log(ZR_LOG_ERROR, "%s; what is published is refused until it works again", error);
    }
    self->generation++;
    for (write_pass_t *pass = first, *later; pass; pass = later) {
        later = pass->later;
        pass->answered = true;
        self->failed_passes++;
        for (size_t i = 0; i < pass->forget_count; i++)
            if (pass->forgets[i].owner)
                ((disk_room_t *)pass->forgets[i].owner)->going = false;
        for (size_t i = 0; i < pass->room_count; i++) /* the frames refer to it still, and nobody follows them */
            disk_rooms_drop(&self->rooms, pass->rooms[i].owner);
        self->log.sink.stored(self->log.sink.ctx, pass->number, false);
    }
}

static void s_pass_answered(log_durable_t *self, write_pass_t *pass) {
    FATAL_UNLESS(self->flight == pass);
    if (!pass->ok && !pass->answered)
        s_fail_all(self, pass, pass->error ? pass->error : "storing failed before");
    self->flight = pass->later;
    if (!self->flight)
        self->flight_end = &self->flight;
    self->queued -= pass->bytes;
    self->passes += pass->ok;
    self->failed += !pass->ok;
    self->store_us += zr_boot_us() - pass->began_us;
    if (pass->ok) {
        if (self->failing && write_pass_for_disk(pass)) {
            if (self->told)
                zr_log(ZR_LOG_WARN, "storing again, after %llu passes that were refused",
                    (unsigned long long)self->failed_passes);
            self->failing = false;
            self->failed_passes = 0;
        }
        s_stored(self, pass);
    }
    write_pass_destroy(pass);
}

static void s_retained_answered(log_durable_t *self, write_retained_t *retained) {
    disk_room_t *room = retained->owner;
    if (retained->failed)
        disk_room_again(room);
    else if (retained->bounds.oldest > room->bounds.oldest)
        room->bounds.oldest = retained->bounds.oldest;
    if (!retained->failed && retained->bounds.head == room->bounds.head)
        room->bounds.tail = retained->bounds.tail;
    if (retained->upto && retained->upto == room->trim_upto && !retained->more)
        s_trimmed(self, room, !retained->failed);
    free(retained);
}

static void s_chores_answered(log_durable_t *self, write_chores_t *chores) {
    self->chores = false;
    disk_rooms_unbury(&self->rooms);
    if (chores->held)
        self->held = chores->hold;
    if (chores->base)
        self->base_due = zr_mono_ms() + BASE_EVERY;
    bool failed = chores->error.count > 0;
    if (failed && !self->chores_failing)
        zr_log(ZR_LOG_ERROR, "cannot delete what is too old: %s; it is tried again", chores->error.text);
    self->chores_failing = failed;
    write_chores_destroy(chores);
}

static void s_read_answered(log_durable_t *self, read_job_t *job) {
    if (job->error.count > 0 && zr_log_pass(&self->read_lines, zr_mono_ms()))
        zr_log(ZR_LOG_ERROR, "cannot read what is kept of %.*s: %s; the reader is told that entries are missing",
            (int)job->read.room_len, job->read.room, job->error.text);
    reader_taken(self->reader, job);
    self->log.sink.read_done(self->log.sink.ctx, job->read.ticket, &job->slice);
    read_job_destroy(job);
}

static void s_answer(log_t *log) {
    log_durable_t *self = (log_durable_t *)log;
    for (zr_mail_t *mail = zr_mailbox_take_all(&self->answers), *next; mail; mail = next) {
        next = mail->next;
        switch ((log_mail_t)mail->kind) {
        case LOG_MAIL_PASS:
            s_pass_answered(self, (write_pass_t *)mail);
            break;
        case LOG_MAIL_RETAINED:
            s_retained_answered(self, (write_retained_t *)mail);
            break;
        case LOG_MAIL_CHORES:
            s_chores_answered(self, (write_chores_t *)mail);
            break;
        case LOG_MAIL_READ:
            s_read_answered(self, (read_job_t *)mail);
            break;
        }
    }
}

static int s_fd(const log_t *log) {
    return ((const log_durable_t *)log)->answers.fd;
}

static bool s_is_full(const log_t *log) {
    const log_durable_t *self = (const log_durable_t *)log;
    return self->queued > self->config.queue_bytes;
}

static uint64_t s_leads_until(const log_t *log) {
    const log_durable_t *self = (const log_durable_t *)log;
    return self->db.ops->leads_until ? self->db.ops->leads_until(self->db.db) : UINT64_MAX;
}

static bool s_is_idle(const log_t *log) {
    return !((const log_durable_t *)log)->flight;
}

uint64_t log_durable_epoch(const log_t *log) {
    return ((const log_durable_t *)log)->db.epoch;
}

/* --- Housekeeping --- */

/* The positions that rooms of level memory may have reached after so many ms more. */
static uint64_t s_base_after(const log_durable_t *self, uint64_t ms) {
    return self->log.base + 2 * 1000 * (zr_mono_ms() - self->began + ms);
}

static void s_tick(log_t *log, uint64_t now) {
    log_durable_t *self = (log_durable_t *)log;
    self->now = now;
    if (self->chores) { /* perhaps done long ago, while the loop stands still: the lease must not end for that */
        writer_renew(self->writer);
        return;
    }
    bool planned = now < self->marks_due && self->marks_due - now <= MARKS_EVERY; /* or the clock was ahead */
    write_chores_t *chores = fatal_calloc(sizeof *chores);
    chores->now = self->log.hold > now ? 0 : now;
    chores->hold = self->log.hold;
    chores->held = chores->hold != self->held;
    chores->max_marks = self->config.max_marks;
    chores->marks = !planned;
    chores->rooms = disk_rooms_due(&self->rooms, chores->now, &chores->room_count);
    if (chores->marks) {
        self->marks_due = now + MARKS_EVERY;
        chores->marks_before = chores->now > self->config.mark_age ? chores->now - self->config.mark_age : 0;
        chores->base = zr_mono_ms() >= self->base_due ? s_base_after(self, 2 * BASE_EVERY) : 0;
    }
    self->chores = chores->marks || chores->held || chores->room_count > 0 || self->db.ops->renew;
    if (self->chores)
        writer_chores(self->writer, chores);
    else
        write_chores_destroy(chores);
}

static void s_limit(log_t *log, const log_limits_t *limits) {
    log_durable_t *self = (log_durable_t *)log;
    self->config = *limits;
    disk_rooms_set_policies(&self->rooms);
    self->memory->engine->limit(self->memory, limits);
}

static void s_keep(log_t *log, zr_span_t room, const log_keep_t *keep) {
    log_durable_t *self = (log_durable_t *)log;
    if (s_on_disk(self, room))
        disk_rooms_keep(&self->rooms, room, keep);
    else
        self->memory->engine->keep(self->memory, room, keep);
}

/* --- Before the start --- */

typedef struct {
    log_durable_t *self;
    const log_restore_t *to;
} restoring_t;

static void s_restore_value(void *ctx, uint32_t id, const zr_entry_t *entry) {
    const restoring_t *restoring = ctx;
    const disk_room_t *room = disk_rooms_at(&restoring->self->rooms, id);
    if (room && s_on_disk(restoring->self, disk_room_name(room)))
        restoring->to->value(restoring->to->ctx, disk_room_name(room), entry);
}

static void s_restore_mark(void *ctx, const log_mark_t *mark) {
    const restoring_t *restoring = ctx;
    restoring->to->mark(restoring->to->ctx, mark);
}

static void s_restore_group(void *ctx, zr_span_t room, zr_span_t name, zr_span_t state) {
    const restoring_t *restoring = ctx;
    if (s_on_disk(restoring->self, room))
        restoring->to->group(restoring->to->ctx, room, name, state);
}

/* The writer has nothing to do yet, so the database is not in its hands. */
static void s_restore(log_t *log, const log_restore_t *restore) {
    log_durable_t *self = (log_durable_t *)log;
    const log_durable_db_t *db = &self->db;
    restoring_t restoring = {self, restore};
    zr_error_t error = {0};
    for (uint32_t id = 1; id <= self->rooms.last_id; id++) {
        const disk_room_t *room = self->rooms.by_id[id];
        if (room && s_on_disk(self, disk_room_name(room)))
            restore->room(restore->ctx, disk_room_name(room), &room->bounds);
    }
    if (db->ops->each_value(db->db, s_restore_value, &restoring, &error) &&
        db->ops->each_mark(db->db, s_restore_mark, &restoring, &error) &&
        db->ops->each_group(db->db, s_restore_group, &restoring, &error))
        return;
    /* They could be read a moment ago. Without them entries would be stored twice and values lost. */
    zr_log(ZR_LOG_ERROR, "cannot read what is kept: %s", error.text);
    FATAL_UNLESS(!"the log is read as a whole or not at all");
}

/* The answers that nobody waits for any more. */
static void s_drop_answers(log_durable_t *self) {
    for (zr_mail_t *mail = zr_mailbox_take_all(&self->answers), *next; mail; mail = next) {
        next = mail->next;
        write_pass_t *pass = (write_pass_t *)mail;
        if (mail->kind == LOG_MAIL_PASS && pass->error)
            zr_log(ZR_LOG_ERROR, "%s; what waited at the end is lost", pass->error);
        if (mail->kind == LOG_MAIL_PASS)
            write_pass_destroy(pass);
        else if (mail->kind == LOG_MAIL_CHORES)
            write_chores_destroy((write_chores_t *)mail);
        else if (mail->kind == LOG_MAIL_READ)
            read_job_destroy((read_job_t *)mail);
        else
            free(mail);
    }
    zr_mailbox_finish(&self->answers);
}

static void s_close(const log_durable_db_t *db) {
    if (db->read_db != db->db)
        db->ops->close(db->read_db);
    db->ops->close(db->db);
}

static void s_destroy(log_t *log) {
    log_durable_t *self = (log_durable_t *)log;
    if (self->db.ops->give_up) {
        self->db.ops->give_up(self->db.read_db);
        self->db.ops->give_up(self->db.db);
    }
    reader_destroy(self->reader);
    writer_destroy(self->writer);
    s_drop_answers(self);
    s_close(&self->db);
    write_pass_destroy(self->gathering);
    log_destroy(self->memory);
    disk_rooms_finish(&self->rooms);
    free(self);
}

/* With the next housekeeping. */
static void s_trim(log_t *log, const log_trim_t *trim) {
    log_durable_t *self = (log_durable_t *)log;
    zr_span_t name = zr_span_of(trim->room, trim->room_len);
    if (!s_on_disk(self, name)) {
        self->memory->sink = self->log.sink;
        self->memory->engine->trim(self->memory, trim);
        return;
    }
    disk_room_t *room = disk_rooms_find(&self->rooms, name);
    bool there = room && room->bounds.head && !room->going, busy = there && room->trim_upto;
    if (!there || busy || !trim->upto) {
        self->log.sink.trimmed(self->log.sink.ctx, trim->ticket, !busy);
        return;
    }
    room->trim_upto = trim->upto;
    room->trim_ticket = trim->ticket;
}

static void s_stats(log_t *log, log_stats_t *stats) {
    log_durable_t *self = (log_durable_t *)log;
    stats->passes = self->passes;
    stats->failed_passes = self->failed;
    stats->store_us = self->store_us;
    stats->failing = self->failing;
    stats->waiting_bytes = self->queued;
    stats->max_waiting_bytes = self->config.queue_bytes;
    if (self->db.ops->measure)
        self->db.ops->measure(self->db.db, &stats->file_bytes, &stats->free_bytes);
    log_stats_t memory = log_stats(self->memory);
    stats->entries = memory.entries;
    stats->bytes = memory.bytes;
}

static const log_engine_t s_engine = {
    .next_seq = s_next_seq,
    .append = s_append,
    .commit = s_commit,
    .read = s_read,
    .bounds = s_bounds,
    .forget = s_forget,
    .keep = s_keep,
    .restore = s_restore,
    .destroy = s_destroy,
    .fd = s_fd,
    .answer = s_answer,
    .is_full = s_is_full,
    .is_idle = s_is_idle,
    .leads_until = s_leads_until,
    .tick = s_tick,
    .trim = s_trim,
    .stats = s_stats,
    .limit = s_limit,
};

static void s_begin_positions(log_durable_t *self) {
    zr_error_t error = {0};
    self->log.base = self->now < BASE_CLOCK_MAX ? 2 * self->now : 0;
    self->log.hold = self->held = self->db.hold;
    if (self->log.base <= self->db.base)
        self->log.base = self->db.base + 1;
    log_memory_raise(self->memory, self->log.base);
    /* Little at first, as a broker may be started very often. A full disk refuses; then a later try has to do. */
    self->db.ops->set_base(self->db.db, s_base_after(self, 2 * BASE_FIRST), &error);
    self->base_due = self->began + BASE_FIRST;
    for (uint32_t id = 1; id <= self->rooms.last_id; id++) {
        const disk_room_t *room = self->rooms.by_id[id];
        if (room && room->bounds.time > self->log.newest)
            self->log.newest = room->bounds.time;
    }
}

log_t *log_durable_new(const log_limits_t *config, const log_durable_db_t *db, zr_error_t *error) {
    log_durable_t *self = fatal_calloc(sizeof *self);
    self->log = (log_t){.engine = &s_engine, .level = db->level, .shared = db->shared, .ceiling = CEILING};
    self->config = *config;
    self->db = *db;
    self->now = zr_time_us();
    self->began = zr_mono_ms();
    self->generation = 1;
    self->flight_end = &self->flight;
    self->floor = db->floor;
    self->memory = log_memory_new(&config->memory);
    zr_mailbox_init(&self->answers);
    self->rooms.policies = &self->config.policies;
    if (!disk_rooms_load(&self->rooms, db->ops, db->db, error)) {
        s_destroy(&self->log);
        return NULL;
    }
    s_begin_positions(self);
    self->writer = writer_new(db->ops, db->db, &self->answers);
    self->reader = reader_new(db->ops, db->read_db, &self->answers);
    return &self->log;
}
