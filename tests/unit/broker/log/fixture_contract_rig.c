/* See fixture_contract_rig.h. */
#include "fixture_contract_rig.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>

enum { TICKET = 77, ROOMS = 26 };

const contract_t *ct_engine;
log_t *ct_log;
static uint64_t s_heads[ROOMS];
char ct_got[8192];

/* --- What the sink is told --- */

static void s_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void s_say(const char *format, ...) {
    size_t len = strlen(ct_got);
    va_list args;
    va_start(args, format);
    vsnprintf(ct_got + len, sizeof ct_got - len, format, args);
    va_end(args);
}

static void s_stored(void *ctx, uint64_t pass, bool ok) {
    ck_assert_ptr_eq(ctx, &ct_log);
    s_say("%u%s ", (unsigned)pass, ok ? "" : "!");
}

static void s_read_done(void *ctx, uint64_t ticket, const log_slice_t *slice) {
    ck_assert_ptr_eq(ctx, &ct_log);
    ck_assert_uint_eq(ticket, TICKET);
    size_t count = 0;
    for (size_t i = 0; i < slice->frame_count; i++) {
        zr_deliver_reader_t reader;
        zr_entry_t entry;
        ck_assert(zr_deliver_read(&reader, zr_span_of(zr_blob_data(slice->frames[i]), zr_blob_len(slice->frames[i]))));
        ck_assert_uint_eq(reader.flags, ZR_FRAME_REPLAY);
        ck_assert_uint_eq(reader.epoch, CONTRACT_EPOCH);
        s_say("%u:", (unsigned)reader.prev);
        for (; zr_deliver_next(&reader, &entry); count++)
            s_say(" %u", (unsigned)entry.seq);
        ck_assert(!reader.failed);
        s_say(" | ");
    }
    ck_assert_uint_eq(slice->count, count);
    s_say("= %u%s%s", (unsigned)slice->seq, slice->complete ? " complete" : "", slice->more ? " more" : "");
}

static void s_trimmed(void *ctx, uint64_t ticket, bool ok) {
    ck_assert_ptr_eq(ctx, &ct_log);
    s_say("%u trimmed%s ", (unsigned)ticket, ok ? "" : "!");
}

bool ct_pump(int ms) {
    struct pollfd fd = {.fd = log_fd(ct_log), .events = POLLIN};
    if (fd.fd < 0)
        return false;
    bool there = poll(&fd, 1, ms) == 1;
    log_answer(ct_log);
    return there;
}

void ct_expect(const char *text) {
    while (strlen(ct_got) < strlen(text) && ct_pump(30000))
        ;
    ck_assert_str_eq(ct_got, text);
    ct_got[0] = '\0';
}

void ct_silent(void) {
    log_answer(ct_log);
    ck_assert_str_eq(ct_got, "");
}

/* --- Beginning and end --- */

static void s_open(uint64_t keep) {
    ct_log = ct_engine->open(keep);
    ct_log->sink = (log_sink_t){&ct_log, s_stored, s_read_done, s_trimmed};
    ck_assert_int_eq(ct_log->level, ct_engine->level);
    ck_assert_int_eq(ct_log->engine->restore != NULL, ct_engine->keeps);
    ck_assert_int_eq(ct_log->engine->answer != NULL, ct_engine->hold != NULL);
    ct_got[0] = '\0';
}

void ct_begin(void) {
    memset(s_heads, 0, sizeof s_heads);
    s_open(0);
}

void ct_reopen(uint64_t keep) {
    log_destroy(ct_log);
    s_open(keep);
}

void ct_finish(void) {
    log_destroy(ct_log);
    if (ct_engine->wipe)
        ct_engine->wipe();
}

/* --- Appending --- */

uint64_t *ct_head(char name) {
    return &s_heads[name - 'a'];
}

/* Every other value lasts for a time. */
static uint64_t s_ttl(uint64_t seq) {
    return seq % 2 ? 0 : seq << 40;
}

void ct_append_as(char name, size_t count, uint64_t gap, const char *key, bool deletes) {
    zr_buffer_t buffer = {0};
    uint64_t *head = ct_head(name), prev = *head;
    ck_assert_uint_gt(ct_log->engine->next_seq(ct_log, zr_span_of(&name, 1), prev), prev);
    zr_deliver_begin(&buffer, zr_span_of(&name, 1), 0, CONTRACT_EPOCH, prev);
    for (size_t i = 0; i < count; i++) {
        *head += gap;
        uint64_t ttl = key && !deletes ? s_ttl(*head) : 0;
        zr_deliver_add(&buffer, &(zr_entry_t){.seq = *head,
                                    .time = 1000 + *head,
                                    .flags = deletes ? ZR_ENTRY_DELETE
                                             : ttl   ? ZR_ENTRY_TTL
                                                     : 0,
                                    .ttl = ttl,
                                    .sender = LIT("s"),
                                    .key = zr_span(key),
                                    .body = deletes ? zr_span(NULL) : LIT("body")});
    }
    zr_blob_t *frame = zr_buffer_to_blob(&buffer);
    ct_log->engine->append(ct_log, &(log_append_t){.room = zr_span_of(zr_blob_data(frame), 1),
                                       .first = prev + gap,
                                       .last = *head,
                                       .prev = prev,
                                       .count = count,
                                       .time = 1000 + *head,
                                       .keyed = key != NULL,
                                       .level = ct_engine->level,
                                       .frame = frame});
    zr_buffer_finish(&buffer);
}

void ct_append(char name, size_t count) {
    ct_append_as(name, count, 1, NULL, false);
}

void ct_commit(uint64_t pass) {
    ct_log->engine->commit(ct_log, &(log_commit_t){.pass = pass});
}

void ct_commit_group(uint64_t pass, char room, const char *name, const char *state) {
    log_group_t *groups = calloc(1, sizeof *groups);
    groups->room[0] = room;
    groups->room_len = 1;
    groups->name_len = strlen(name);
    memcpy(groups->name, name, groups->name_len);
    groups->state = state ? zr_blob_copy(state, strlen(state)) : NULL;
    ct_log->engine->commit(ct_log, &(log_commit_t){.pass = pass, .groups = groups, .group_count = 1});
}

void ct_commit_mark(uint64_t pass, char client, uint64_t mark, const char *refusals) {
    log_mark_t *marks = calloc(1, sizeof *marks);
    memset(marks->client, client, sizeof marks->client);
    marks->mark = mark;
    marks->refusals = refusals ? zr_blob_copy(refusals, strlen(refusals)) : NULL;
    ct_log->engine->commit(ct_log, &(log_commit_t){.pass = pass, .marks = marks, .mark_count = 1});
}

void ct_store(void) {
    ct_commit(1000);
    ct_expect("1000 ");
}

void ct_forget(char name) {
    ct_log->engine->forget(ct_log, &(log_forget_t){.room = {name}, .room_len = 1, .head = *ct_head(name)});
}

void ct_trim(char name, uint64_t upto) {
    ct_log->engine->trim(ct_log, &(log_trim_t){.ticket = 3, .room = {name}, .room_len = 1, .upto = upto});
    for (int i = 0; !ct_got[0]; i++) {
        ck_assert_int_lt(i, 1000);
        log_tick(ct_log, 1000000);
        ct_pump(10);
    }
    ct_expect("3 trimmed ");
}

void ct_hold(uint64_t pass) {
    ct_engine->hold();
    ct_append('h', 1);
    ct_commit(pass);
    ct_engine->await_held();
}

/* --- Reading --- */

log_read_t ct_request(char name, log_read_t read) {
    read.ticket = TICKET;
    read.room[0] = name;
    read.room_len = 1;
    read.until = read.until ? read.until : ZR_INT_MAX;
    read.entries = read.entries ? read.entries : 1000;
    read.frames = read.frames ? read.frames : 100;
    read.bytes = read.bytes ? read.bytes : 1 << 20;
    return read;
}

void ct_read(char name, log_read_t read) {
    read = ct_request(name, read);
    ct_log->engine->read(ct_log, &read);
}

log_bounds_t ct_bounds(char name) {
    return ct_log->engine->bounds(ct_log, zr_span_of(&name, 1));
}

void ct_expect_bounds(char name, uint64_t oldest, uint64_t head) {
    log_bounds_t bounds = ct_bounds(name);
    ck_assert_uint_eq(bounds.oldest, oldest);
    ck_assert_uint_eq(bounds.head, head);
}

/* --- The content from before --- */

static char s_lines[32][64];
static size_t s_line_count, s_mark_line; /* the first that is of a mark */

static void s_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void s_line(const char *format, ...) {
    ck_assert_uint_lt(s_line_count, sizeof s_lines / sizeof *s_lines);
    va_list args;
    va_start(args, format);
    vsnprintf(s_lines[s_line_count++], sizeof *s_lines, format, args);
    va_end(args);
}

static void s_on_room(void *ctx, zr_span_t name, const log_bounds_t *bounds) {
    (void)ctx;
    s_line("%c %u-%u@%u", name.ptr[0], (unsigned)bounds->oldest, (unsigned)bounds->head, (unsigned)bounds->time);
}

static void s_on_value(void *ctx, zr_span_t room, const zr_entry_t *entry) {
    (void)ctx;
    ck_assert_span_eq(entry->sender, LIT("s"));
    ck_assert_span_eq(entry->body, LIT("body"));
    ck_assert_uint_eq(entry->time, 1000 + entry->seq);
    ck_assert_uint_eq(entry->ttl, s_ttl(entry->seq));
    ck_assert_uint_eq(entry->flags, entry->ttl ? ZR_ENTRY_TTL : 0);
    s_line("%c.%.*s=%u", room.ptr[0], (int)entry->key.len, entry->key.ptr, (unsigned)entry->seq);
}

static void s_on_mark(void *ctx, const log_mark_t *mark) {
    (void)ctx;
    if (s_mark_line == SIZE_MAX)
        s_mark_line = s_line_count;
    zr_span_t refusals = zr_span(NULL);
    if (mark->refusals)
        refusals = zr_span_of(zr_blob_data(mark->refusals), zr_blob_len(mark->refusals));
    s_line("%c:%u/%.*s", mark->client[0], (unsigned)mark->mark, (int)refusals.len, refusals.len ? refusals.ptr : "");
}

static void s_on_group(void *ctx, zr_span_t room, zr_span_t name, zr_span_t state) {
    (void)ctx;
    if (s_mark_line == SIZE_MAX)
        s_mark_line = s_line_count;
    s_line("%.*s#%.*s=%.*s", (int)room.len, room.ptr, (int)name.len, name.ptr, (int)state.len, state.ptr);
}

static int s_by_text(const void *a, const void *b) {
    return strcmp(a, b);
}

void ct_expect_restored(const char *text) {
    zr_buffer_t got = {0};
    s_line_count = 0;
    s_mark_line = SIZE_MAX;
    ct_log->engine->restore(ct_log, &(log_restore_t){NULL, s_on_room, s_on_value, s_on_mark, s_on_group});
    qsort(s_lines, s_mark_line == SIZE_MAX ? s_line_count : s_mark_line, sizeof *s_lines, s_by_text);
    for (size_t i = 0; i < s_line_count; i++) {
        zr_buffer_append(&got, s_lines[i], strlen(s_lines[i]));
        zr_buffer_append(&got, "; ", 2);
    }
    zr_buffer_u8(&got, 0);
    ck_assert_str_eq((const char *)got.data, text);
    zr_buffer_finish(&got);
}
