/* The fixture's log: two of log_memory behind a queue, one for rooms on a disk and one for the others. Positions may
 * have gaps. It can fail, and it can be opened again as a later run of the broker finds it. */
#include "fixture.h"

typedef struct job {
    effect_t effect;
    struct job *next;
} job_t;

typedef struct {
    char room[ZR_ROOM_MAX + 1], key[ZR_KEY_MAX + 1], sender[ZR_NICK_MAX + 1], body[64];
    uint64_t seq, time;
} value_t;

static struct {
    log_t log;
    log_t *disk, *memory;
    job_t *jobs, **tail;
    effect_t *staged; /* since the commit before */
    size_t staged_count;
    uint64_t void_upto; /* a pass failed, and those up to this one go with it */
    uint64_t committed; /* the newest pass in the queue, or done */
    value_t values[64]; /* in order of seq within a room */
    size_t value_count;
    fx_mark_t marks[64]; /* longest unused first */
    size_t mark_count;
} s_log;

/* --- What is known of each room --- */

static fx_room_t s_rooms[2048];
static size_t s_room_count;

fx_room_t *fx_room(zr_span_t name) {
    size_t i = 0;
    while (i < s_room_count && !zr_span_equal(zr_span(s_rooms[i].name), name))
        i++;
    ck_assert_uint_lt(i, sizeof s_rooms / sizeof s_rooms[0]);
    if (i == s_room_count) {
        memset(&s_rooms[s_room_count++], 0, sizeof s_rooms[0]);
        memcpy(s_rooms[i].name, name.ptr, name.len);
    }
    return &s_rooms[i];
}

/* --- Values and marks on the disk --- */

static void s_text(char *to, size_t size, zr_span_t text) {
    ck_assert_uint_lt(text.len, size);
    memset(to, 0, size);
    if (text.len)
        memcpy(to, text.ptr, text.len);
}

static void s_set_value(zr_span_t room, const zr_entry_t *entry) {
    size_t kept = 0;
    for (size_t i = 0; i < s_log.value_count; i++) {
        const value_t *value = &s_log.values[i];
        if (!zr_span_equal(zr_span(value->room), room) || !zr_span_equal(zr_span(value->key), entry->key))
            s_log.values[kept++] = *value;
    }
    s_log.value_count = kept;
    if (entry->flags & ZR_ENTRY_DELETE)
        return;
    ck_assert_uint_lt(kept, sizeof s_log.values / sizeof s_log.values[0]);
    value_t *value = &s_log.values[s_log.value_count++];
    s_text(value->room, sizeof value->room, room);
    s_text(value->key, sizeof value->key, entry->key);
    s_text(value->sender, sizeof value->sender, entry->sender);
    s_text(value->body, sizeof value->body, entry->body);
    value->seq = entry->seq;
    value->time = entry->time;
}

static void s_set_values(const log_append_t *append) {
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    ck_assert(zr_deliver_read(&reader, zr_span_of(zr_blob_data(append->frame), zr_blob_len(append->frame))));
    while (zr_deliver_next(&reader, &entry))
        if (entry.key.len)
            s_set_value(append->room, &entry);
}

static void s_set_mark(const log_mark_t *given) {
    fx_mark_t mark = {.mark = given->mark};
    s_text(mark.client, sizeof mark.client, zr_span_of(given->client, ZR_CLIENT_ID_LEN));
    size_t kept = 0;
    for (size_t i = 0; i < s_log.mark_count; i++) {
        if (strcmp(s_log.marks[i].client, mark.client) == 0)
            mark.refusals = s_log.marks[i].refusals;
        else
            s_log.marks[kept++] = s_log.marks[i];
    }
    if (given->refusals) {
        zr_blob_unref(mark.refusals);
        mark.refusals = zr_blob_ref(given->refusals);
    }
    ck_assert_uint_lt(kept, sizeof s_log.marks / sizeof s_log.marks[0]);
    s_log.marks[kept] = mark;
    s_log.mark_count = kept + 1;
}

/* --- The queue --- */

static void s_note_marks(const log_commit_t *commit) {
    fx.mark_count = 0;
    fx.held = commit->held;
    for (size_t i = 0; i < commit->mark_count && i < sizeof fx.marks / sizeof fx.marks[0]; i++) {
        fx_mark_t *mark = &fx.marks[fx.mark_count++];
        s_text(mark->client, sizeof mark->client, zr_span_of(commit->marks[i].client, ZR_CLIENT_ID_LEN));
        mark->mark = commit->marks[i].mark;
        mark->refused = commit->marks[i].refusals != NULL;
    }
}

/* Where the room is kept. */
static log_t *s_place(zr_span_t room) {
    const policy_t *policy = policy_of(&fx.config.policies, room);
    return fx.durable && policy->has_level && policy->level < ZR_LEVEL_DISK ? s_log.memory : s_log.disk;
}

/* Takes `forget` over. */
static void s_forget_now(log_forget_t *forget, bool ok) {
    zr_span_t name = zr_span_of(forget->room, forget->room_len);
    if (ok) {
        log_t *log = s_place(name);
        log->engine->forget(log, forget);
        fx.forgets++;
        fx_room_t *room = fx_room(name);
        room->forgotten = room->begins = true;
    }
    free(forget);
}

static void s_append_now(const log_append_t *append, bool ok) {
    if (!ok) {
        zr_blob_unref(append->frame);
        return;
    }
    fx_room_t *room = fx_room(append->room);
    ck_assert(!room->appended || append->prev == room->appended || (room->forgotten && append->prev > room->appended));
    room->forgotten = false;
    room->appended = append->last;
    if (append->keyed && append->level == ZR_LEVEL_DISK)
        s_set_values(append);
    log_t *log = s_place(append->room);
    log->engine->append(log, append);
}

static void s_commit_now(const log_commit_t *commit) {
    if (fx.fail > 0 && commit->pass > s_log.void_upto) {
        fx.fail--;
        s_log.void_upto = s_log.committed;
    }
    bool ok = commit->pass > s_log.void_upto;
    for (size_t i = 0; i < s_log.staged_count; i++)
        if (s_log.staged[i].kind == EFFECT_APPEND)
            s_append_now(&s_log.staged[i].append, ok);
        else
            s_forget_now(s_log.staged[i].forget, ok);
    s_log.staged_count = 0;
    for (size_t i = 0; ok && i < commit->mark_count; i++)
        s_set_mark(&commit->marks[i]);
    s_note_marks(commit);
    uint64_t pass = commit->pass;
    log_commit_finish(commit);
    s_log.log.sink.stored(s_log.log.sink.ctx, pass, ok);
}

static void s_do(const effect_t *job) {
    if (job->kind == EFFECT_APPEND || job->kind == EFFECT_FORGET) {
        s_log.staged = realloc(s_log.staged, (s_log.staged_count + 1) * sizeof *s_log.staged);
        s_log.staged[s_log.staged_count++] = *job;
        if (job->kind == EFFECT_APPEND)
            fx.appended = job->append;
    } else if (job->kind == EFFECT_COMMIT) {
        s_commit_now(&job->commit);
    } else {
        zr_span_t room = zr_span_of(job->read->room, job->read->room_len);
        log_t *log = s_place(room);
        log->engine->read(log, job->read);
        free(job->read);
    }
}

static void s_job(const effect_t *effect) {
    if (effect->kind == EFFECT_COMMIT)
        s_log.committed = effect->commit.pass;
    if (!fx.late) {
        s_do(effect);
        return;
    }
    job_t *job = calloc(1, sizeof *job);
    job->effect = *effect;
    *s_log.tail = job;
    s_log.tail = &job->next;
}

static bool s_step(bool failing) {
    job_t *job = s_log.jobs;
    if (!job || (failing && job->effect.kind == EFFECT_COMMIT && job->effect.commit.pass > s_log.void_upto))
        return false;
    s_log.jobs = job->next;
    if (!s_log.jobs)
        s_log.tail = &s_log.jobs;
    s_do(&job->effect);
    free(job);
    return true;
}

bool fx_log_step(void) {
    uint64_t failed = s_log.void_upto;
    if (!s_step(false))
        return false;
    /* Passes that go with one that failed are answered before the relay does anything else. */
    if (s_log.void_upto != failed)
        while (s_step(true))
            ;
    fx_carry_out();
    return true;
}

void fx_log_all(void) {
    while (fx_log_step())
        ;
}

void fx_start_stored(void) {
    fx_begin();
    fx.late = fx.durable = true;
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
}

void fx_store(void) {
    fx_run();
    fx_log_all();
}

void fx_store_fails(void) {
    fx.fail = 1;
    fx_store();
    ck_assert_uint_eq(fx.fail, 0);
}

/* --- The engine --- */

static uint64_t s_next_seq(log_t *log, zr_span_t room, uint64_t head) {
    (void)log;
    (void)room;
    return head + fx.gap;
}

static void s_append(log_t *log, const log_append_t *append) {
    (void)log;
    s_job(&(effect_t){.kind = EFFECT_APPEND, .append = *append});
}

static void s_commit(log_t *log, const log_commit_t *commit) {
    (void)log;
    s_job(&(effect_t){.kind = EFFECT_COMMIT, .commit = *commit});
}

static void s_forget(log_t *log, const log_forget_t *forget) {
    (void)log;
    log_forget_t *copy = malloc(sizeof *copy);
    *copy = *forget;
    s_job(&(effect_t){.kind = EFFECT_FORGET, .forget = copy});
}

static void s_read(log_t *log, const log_read_t *read) {
    (void)log;
    log_read_t *copy = malloc(sizeof *copy);
    *copy = *read;
    s_job(&(effect_t){.kind = EFFECT_READ, .read = copy});
}

static log_bounds_t s_bounds(log_t *log, zr_span_t room) {
    (void)log;
    log_t *place = s_place(room);
    log_bounds_t bounds = place->engine->bounds(place, room);
    bounds.tail = bounds.oldest; /* retention is at its end */
    return bounds;
}

static void s_restore(log_t *log, const log_restore_t *restore) {
    for (size_t i = 0; i < s_room_count; i++) {
        log_bounds_t bounds = s_bounds(log, zr_span(s_rooms[i].name));
        if (bounds.head > bounds.begun)
            restore->room(restore->ctx, zr_span(s_rooms[i].name), &bounds);
    }
    for (size_t i = 0; i < s_log.value_count; i++) {
        const value_t *value = &s_log.values[i];
        restore->value(restore->ctx, zr_span(value->room),
            &(zr_entry_t){.seq = value->seq,
                .time = value->time,
                .sender = zr_span(value->sender),
                .key = zr_span(value->key),
                .body = zr_span(value->body)});
    }
    for (size_t i = 0; i < s_log.mark_count; i++) {
        log_mark_t mark = {.mark = s_log.marks[i].mark, .refusals = s_log.marks[i].refusals};
        memcpy(mark.client, s_log.marks[i].client, sizeof mark.client);
        restore->mark(restore->ctx, &mark);
    }
    if (fx.restore)
        fx.restore(restore);
}

static void s_stored(void *ctx, uint64_t pass, bool ok) {
    (void)ctx;
    (void)pass;
    (void)ok;
}

static void s_read_done(void *ctx, uint64_t ticket, const log_slice_t *slice) {
    (void)ctx;
    s_log.log.sink.read_done(s_log.log.sink.ctx, ticket, slice);
}

static log_t *s_memory_new(void) {
    log_t *log = log_memory_new(&fx.limits);
    log->sink = (log_sink_t){NULL, s_stored, s_read_done};
    return log;
}

static void s_drop_jobs(void) {
    while (s_log.jobs) {
        job_t *job = s_log.jobs;
        s_log.jobs = job->next;
        if (job->effect.kind == EFFECT_APPEND)
            zr_blob_unref(job->effect.append.frame);
        else if (job->effect.kind == EFFECT_COMMIT)
            log_commit_finish(&job->effect.commit);
        else if (job->effect.kind == EFFECT_FORGET)
            free(job->effect.forget);
        else
            free(job->effect.read);
        free(job);
    }
    s_log.tail = &s_log.jobs;
    for (size_t i = 0; i < s_log.staged_count; i++)
        if (s_log.staged[i].kind == EFFECT_APPEND)
            zr_blob_unref(s_log.staged[i].append.frame);
        else
            free(s_log.staged[i].forget);
    s_log.staged_count = 0;
    s_log.void_upto = s_log.committed = 0;
}

log_t *fx_log_begin(void) {
    static const log_engine_t durable = {.next_seq = s_next_seq,
        .append = s_append,
        .commit = s_commit,
        .read = s_read,
        .bounds = s_bounds,
        .forget = s_forget,
        .restore = s_restore};
    static log_engine_t plain;
    plain = durable;
    plain.restore = NULL;
    s_drop_jobs();
    if (!s_log.disk) {
        s_log.disk = s_memory_new();
        s_room_count = 0;
    }
    log_destroy(s_log.memory);
    s_log.memory = s_memory_new();
    for (size_t i = 0; i < s_room_count; i++)
        s_rooms[i].appended = s_rooms[i].published =
            s_log.disk->engine->bounds(s_log.disk, zr_span(s_rooms[i].name)).head;
    s_log.log = (log_t){.engine = fx.durable ? &durable : &plain,
        .level = fx.durable ? ZR_LEVEL_DISK : ZR_LEVEL_MEMORY,
        .base = fx.base,
        .ceiling = fx.ceiling};
    return &s_log.log;
}

log_t *fx_log(void) {
    return &s_log.log;
}

const log_sink_t *fx_log_sink(void) {
    return &s_log.log.sink;
}

void fx_log_finish(void) {
    s_drop_jobs();
    free(s_log.staged);
    for (size_t i = 0; i < s_log.mark_count; i++)
        zr_blob_unref(s_log.marks[i].refusals);
    log_destroy(s_log.disk);
    log_destroy(s_log.memory);
    memset(&s_log, 0, sizeof s_log);
}
