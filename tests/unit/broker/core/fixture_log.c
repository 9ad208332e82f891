/* The fixture's log: two of log_memory behind a late one (fixture_late.h), one for rooms on a disk and one for the
 * others. It can be opened again as a later run of the broker finds it. */
#include "fixture.h"
#include "fixture_late.h"

typedef struct {
    char room[ZR_ROOM_MAX + 1], key[ZR_KEY_MAX + 1], sender[ZR_NICK_MAX + 1], body[64];
    uint64_t seq, time, ttl;
} value_t;

static struct {
    late_log_t late;
    log_t *disk, *memory;
    value_t values[64]; /* in order of seq within a room */
    size_t value_count;
    fx_mark_t marks[64]; /* longest unused first */
    size_t mark_count;
    log_group_t groups[64];
    size_t group_count;
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
    value->ttl = entry->ttl;
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

static void s_set_group(const log_group_t *given) {
    size_t kept = 0;
    for (size_t i = 0; i < s_log.group_count; i++) {
        log_group_t *group = &s_log.groups[i];
        if (memcmp(group->room, given->room, sizeof group->room + sizeof group->name) == 0)
            zr_blob_unref(group->state);
        else
            s_log.groups[kept++] = *group;
    }
    s_log.group_count = kept;
    if (!given->state)
        return;
    ck_assert_uint_lt(kept, sizeof s_log.groups / sizeof s_log.groups[0]);
    s_log.groups[kept] = *given;
    s_log.groups[kept].state = zr_blob_ref(given->state);
    s_log.group_count++;
}

/* --- What is stored --- */

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
static log_t *s_place(void *ctx, zr_span_t room) {
    (void)ctx;
    const policy_t *policy = policy_of(&fx.config.policies, room);
    return fx.durable && policy->has_level && policy->level < ZR_LEVEL_DISK ? s_log.memory : s_log.disk;
}

static void s_on_append(void *ctx, const log_append_t *append) {
    (void)ctx;
    fx_room_t *room = fx_room(append->room);
    ck_assert(!room->appended || append->prev == room->appended || (room->forgotten && append->prev > room->appended));
    room->forgotten = false;
    room->appended = append->last;
    fx.appended = *append;
    if (append->keyed && append->level == ZR_LEVEL_DISK)
        s_set_values(append);
}

static void s_on_forget(void *ctx, const log_forget_t *forget) {
    (void)ctx;
    fx_room_t *room = fx_room(zr_span_of(forget->room, forget->room_len));
    room->forgotten = room->begins = true;
    fx.forgets++;
}

static void s_on_commit(void *ctx, const log_commit_t *commit, bool ok) {
    (void)ctx;
    for (size_t i = 0; ok && i < commit->mark_count; i++)
        s_set_mark(&commit->marks[i]);
    for (size_t i = 0; ok && i < commit->group_count; i++)
        s_set_group(&commit->groups[i]);
    fx.group_count = commit->group_count;
    s_note_marks(commit);
}

bool fx_log_step(void) {
    if (!late_log_step(&s_log.late))
        return false;
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

/* --- The log --- */

static void s_restore(log_t *log, const log_restore_t *restore) {
    for (size_t i = 0; i < s_room_count; i++) {
        log_bounds_t bounds = log->engine->bounds(log, zr_span(s_rooms[i].name));
        if (bounds.head > bounds.begun)
            restore->room(restore->ctx, zr_span(s_rooms[i].name), &bounds);
    }
    for (size_t i = 0; i < s_log.value_count; i++) {
        const value_t *value = &s_log.values[i];
        restore->value(restore->ctx, zr_span(value->room),
            &(zr_entry_t){.seq = value->seq,
                .time = value->time,
                .flags = value->ttl ? ZR_ENTRY_TTL : 0,
                .ttl = value->ttl,
                .sender = zr_span(value->sender),
                .key = zr_span(value->key),
                .body = zr_span(value->body)});
    }
    for (size_t i = 0; i < s_log.mark_count; i++) {
        log_mark_t mark = {.mark = s_log.marks[i].mark, .refusals = s_log.marks[i].refusals};
        memcpy(mark.client, s_log.marks[i].client, sizeof mark.client);
        restore->mark(restore->ctx, &mark);
    }
    for (size_t i = 0; i < s_log.group_count; i++) {
        const log_group_t *group = &s_log.groups[i];
        restore->group(restore->ctx, zr_span_of(group->room, group->room_len), zr_span_of(group->name, group->name_len),
            zr_span_of(zr_blob_data(group->state), zr_blob_len(group->state)));
    }
    if (fx.restore)
        fx.restore(restore);
}

static bool s_is_full(const log_t *log) {
    (void)log;
    return fx.full;
}

log_t *fx_log_begin(void) {
    static const late_calls_t calls = {
        .place = s_place, .append = s_on_append, .forget = s_on_forget, .commit = s_on_commit};
    late_log_t *late = &s_log.late;
    late->calls = &calls;
    late->late = &fx.late;
    late->gap = &fx.gap;
    late->fail = &fx.fail;
    late_log_begin(late, fx.durable ? ZR_LEVEL_DISK : ZR_LEVEL_MEMORY);
    late->engine.restore = fx.durable ? s_restore : NULL;
    late->engine.is_full = s_is_full;
    late->log.base = fx.base;
    late->log.ceiling = fx.ceiling;
    if (!s_log.disk) {
        s_log.disk = log_memory_new(&fx.limits);
        s_room_count = 0;
    }
    log_destroy(s_log.memory);
    s_log.memory = log_memory_new(&fx.limits);
    for (size_t i = 0; i < s_room_count; i++)
        s_rooms[i].appended = s_rooms[i].published =
            s_log.disk->engine->bounds(s_log.disk, zr_span(s_rooms[i].name)).head;
    return &late->log;
}

log_t *fx_log(void) {
    return &s_log.late.log;
}

const log_sink_t *fx_log_sink(void) {
    return &s_log.late.log.sink;
}

void fx_log_finish(void) {
    late_log_finish(&s_log.late);
    for (size_t i = 0; i < s_log.mark_count; i++)
        zr_blob_unref(s_log.marks[i].refusals);
    for (size_t i = 0; i < s_log.group_count; i++)
        zr_blob_unref(s_log.groups[i].state);
    log_destroy(s_log.disk);
    log_destroy(s_log.memory);
    memset(&s_log, 0, sizeof s_log);
}
