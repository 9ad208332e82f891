/* See fixture_log_sqlite.h. */
#include "fixture_log_sqlite.h"

#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>

#include "fixture_db.h"

rig_t rig;

static void s_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void s_say(const char *format, ...) {
    size_t len = strlen(rig.got);
    va_list args;
    va_start(args, format);
    vsnprintf(rig.got + len, sizeof rig.got - len, format, args);
    va_end(args);
}

static void s_stored(void *ctx, uint64_t pass, bool ok) {
    (void)ctx;
    s_say("%llu%s ", (unsigned long long)pass, ok ? "" : "!");
}

static void s_read_done(void *ctx, uint64_t ticket, const log_slice_t *slice) {
    (void)ctx;
    s_say("#%llu ", (unsigned long long)ticket);
    for (size_t i = 0; i < slice->frame_count; i++) {
        zr_deliver_reader_t reader;
        zr_entry_t entry;
        ck_assert(zr_deliver_read(&reader, zr_span_of(zr_blob_data(slice->frames[i]), zr_blob_len(slice->frames[i]))));
        ck_assert_uint_eq(reader.flags, ZR_FRAME_REPLAY);
        ck_assert_uint_eq(reader.epoch, rig.epoch);
        s_say("%llu:", (unsigned long long)reader.prev);
        while (zr_deliver_next(&reader, &entry))
            s_say(" %llu", (unsigned long long)entry.seq);
        s_say(" | ");
    }
    s_say("= %llu%s%s", (unsigned long long)slice->seq, slice->complete ? " complete" : "", slice->more ? " more" : "");
}

/* --- Opening --- */

static void s_open(void) {
    char note[512];
    zr_error_t error[1] = {{0}};
    rig.log = log_sqlite_new(&rig.config, note, error);
    ck_assert_msg(rig.log, "%s", error->text);
    ck_assert_str_eq(note, "");
    rig.log->sink = (log_sink_t){.stored = s_stored, .read_done = s_read_done};
    rig.epoch = log_durable_epoch(rig.log);
    rig.got[0] = '\0';
}

void rig_begin(void) {
    gate_install();
    strcpy(rig.dir, "/tmp/zrelay-store-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(rig.dir));
    rig.config = (log_sqlite_config_t){.dir = rig.dir,
        .durable = {.memory = {1000, 1 << 20, 10000, 1 << 24},
            .policies = {rig.policies, 0},
            .mark_age = 1000000000,
            .max_marks = 1000,
            .queue_bytes = 1 << 20},
        .fresh_epoch = 0xE1};
    memset(rig.heads, 0, sizeof rig.heads);
    s_open();
    ck_assert_uint_eq(rig.epoch, 0xE1);
}

void rig_reopen(void) {
    log_destroy(rig.log);
    rig.config.fresh_epoch++;
    s_open();
    ck_assert_uint_eq(rig.epoch, 0xE1);
}

void rig_finish(void) {
    log_destroy(rig.log);
    store_remove_dir(rig.dir);
}

void rig_policy(const char *pattern, policy_t policy) {
    snprintf(policy.pattern, sizeof policy.pattern, "%s", pattern);
    rig.policies[rig.config.durable.policies.count++] = policy;
}

const char *rig_path(void) {
    static char path[100];
    snprintf(path, sizeof path, "%s/zrelay.db", rig.dir);
    return path;
}

void rig_sql(const char *sql) {
    sqlite3 *other;
    ck_assert_int_eq(sqlite3_open(rig_path(), &other), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(other, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
}

/* --- Writing --- */

void rig_append_as(char name, size_t count, const char *key, zr_level_t level) {
    zr_buffer_t buffer = {0};
    uint64_t *head = &rig.heads[name - 'a'], prev = *head, first = 0;
    zr_deliver_begin(&buffer, zr_span_of(&name, 1), 0, rig.epoch, prev);
    for (size_t i = 0; i < count; i++) {
        *head = rig.log->engine->next_seq(rig.log, zr_span_of(&name, 1), *head);
        first = first ? first : *head;
        zr_deliver_add(&buffer,
            &(zr_entry_t){
                .seq = *head, .time = 1000 + *head, .sender = LIT("s"), .key = zr_span(key), .body = LIT("body")});
    }
    zr_blob_t *frame = zr_buffer_to_blob(&buffer);
    rig.log->engine->append(rig.log, &(log_append_t){.room = zr_span_of(zr_blob_data(frame), 1),
                                         .first = first,
                                         .last = *head,
                                         .prev = prev,
                                         .count = count,
                                         .time = 1000 + *head,
                                         .keyed = key != NULL,
                                         .level = level,
                                         .frame = frame});
    zr_buffer_finish(&buffer);
}

void rig_append(char name, size_t count) {
    rig_append_as(name, count, NULL, ZR_LEVEL_DISK);
}

void rig_commit(uint64_t pass) {
    rig.log->engine->commit(rig.log, &(log_commit_t){.pass = pass});
}

void rig_commit_mark(uint64_t pass, char client, uint64_t mark, const char *refusals) {
    log_mark_t *marks = calloc(1, sizeof *marks);
    memset(marks->client, client, sizeof marks->client);
    marks->mark = mark;
    marks->refusals = refusals ? zr_blob_copy(refusals, strlen(refusals)) : NULL;
    rig.log->engine->commit(rig.log, &(log_commit_t){.pass = pass, .marks = marks, .mark_count = 1});
}

void rig_await_answer(void) {
    struct pollfd fd = {.fd = log_fd(rig.log), .events = POLLIN};
    ck_assert_int_eq(poll(&fd, 1, 30000), 1);
}

void rig_expect(const char *text) {
    while (strlen(rig.got) < strlen(text)) {
        rig_await_answer();
        log_answer(rig.log);
    }
    ck_assert_str_eq(rig.got, text);
    rig.got[0] = '\0';
}

void rig_silent(void) {
    log_answer(rig.log);
    ck_assert_str_eq(rig.got, "");
}

void rig_hold(uint64_t pass) {
    gate_close();
    rig_append('h', 1);
    rig_commit(pass);
    gate_await();
}

/* --- Reading --- */

void rig_read(char name, uint64_t after, uint64_t last) {
    log_read_t read = {.ticket = 7,
        .room = {name},
        .room_len = 1,
        .after = after,
        .until = UINT64_MAX,
        .last = last,
        .entries = 1000,
        .frames = 100,
        .bytes = 1 << 20};
    rig.log->engine->read(rig.log, &read);
}

void rig_assert_bounds(char name, uint64_t oldest, uint64_t head) {
    log_bounds_t bounds = rig.log->engine->bounds(rig.log, zr_span_of(&name, 1));
    ck_assert_uint_eq(bounds.oldest, oldest);
    ck_assert_uint_eq(bounds.head, head);
}

static void s_on_room(void *ctx, zr_span_t name, const log_bounds_t *bounds) {
    (void)ctx;
    s_say("%.*s %llu-%llu@%llu; ", (int)name.len, name.ptr, (unsigned long long)bounds->oldest,
        (unsigned long long)bounds->head, (unsigned long long)bounds->time);
}

static void s_on_value(void *ctx, zr_span_t room, const zr_entry_t *entry) {
    (void)ctx;
    s_say("%.*s.%.*s=%llu; ", (int)room.len, room.ptr, (int)entry->key.len, entry->key.ptr,
        (unsigned long long)entry->seq);
}

static void s_on_mark(void *ctx, const log_mark_t *mark) {
    (void)ctx;
    s_say("%.2s:%llu", mark->client, (unsigned long long)mark->mark);
    if (mark->refusals)
        s_say("/%.*s", (int)zr_blob_len(mark->refusals), (const char *)zr_blob_data(mark->refusals));
    s_say("; ");
}

void rig_expect_restored(const char *text) {
    rig.log->engine->restore(rig.log, &(log_restore_t){NULL, s_on_room, s_on_value, s_on_mark, NULL});
    ck_assert_str_eq(rig.got, text);
    rig.got[0] = '\0';
}
