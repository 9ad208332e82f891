/* What a log in memory forgets. What every engine does is in log_memory_contract_test.c. */
#include <stdio.h>

#include "log.h"
#include "unit.h"

static log_t *s_log;
static uint64_t s_heads[2];
static char s_got[4096]; /* the last answer: "PREV: SEQ SEQ | PREV: … = SEQ count N complete more" */
static uint64_t s_last_stored;

static void s_stored(void *ctx, uint64_t pass, bool ok) {
    (void)ctx;
    ck_assert(ok);
    s_last_stored = pass;
}

static void s_read_done(void *ctx, uint64_t ticket, const log_slice_t *slice) {
    (void)ctx;
    ck_assert_uint_eq(ticket, 77);
    char *to = s_got, *end = s_got + sizeof s_got;
    size_t count = 0;
    for (size_t i = 0; i < slice->frame_count; i++) {
        zr_deliver_reader_t reader;
        zr_entry_t entry;
        ck_assert(zr_deliver_read(&reader, zr_span_of(zr_blob_data(slice->frames[i]), zr_blob_len(slice->frames[i]))));
        ck_assert_uint_eq(reader.flags, ZR_FRAME_REPLAY);
        ck_assert_uint_eq(reader.epoch, 0xE1);
        to += snprintf(to, (size_t)(end - to), "%llu:", (unsigned long long)reader.prev);
        for (; zr_deliver_next(&reader, &entry); count++)
            to += snprintf(to, (size_t)(end - to), " %llu", (unsigned long long)entry.seq);
        to += snprintf(to, (size_t)(end - to), " | ");
    }
    ck_assert_uint_eq(slice->count, count);
    snprintf(to, (size_t)(end - to), "= %llu%s%s", (unsigned long long)slice->seq, slice->complete ? " complete" : "",
        slice->more ? " more" : "");
}

static void s_begin(log_memory_limits_t limits) {
    s_log = log_memory_new(&limits);
    s_log->sink = (log_sink_t){.stored = s_stored, .read_done = s_read_done};
    s_heads[0] = s_heads[1] = 0;
}

static const log_memory_limits_t s_wide = {1000, 1 << 20, 10000, 1 << 24};

/* Appends a frame of `count` entries to room "a" or "b"; positions rise by `gap`. */
static void s_append_gap(char name, size_t count, uint64_t gap, size_t body) {
    zr_buffer_t buffer = {0};
    uint64_t *head = &s_heads[name - 'a'], prev = *head;
    zr_deliver_begin(&buffer, zr_span_of(&name, 1), 0, 0xE1, prev);
    for (size_t i = 0; i < count; i++)
        zr_deliver_add(&buffer, &(zr_entry_t){.seq = *head += gap, .sender = LIT("s"), .body = unit_fill('b', body)});
    zr_blob_t *frame = zr_buffer_to_blob(&buffer);
    s_log->engine->append(s_log, &(log_append_t){.room = zr_span_of(zr_blob_data(frame), 1),
                                     .first = prev + gap,
                                     .last = *head,
                                     .prev = prev,
                                     .count = count,
                                     .frame = frame});
    zr_buffer_finish(&buffer);
}

static void s_append(char name, size_t count) {
    s_append_gap(name, count, 1, 10);
}

static const char *s_read(log_read_t read) {
    read.ticket = 77;
    read.room_len = 1;
    if (!read.room[0])
        read.room[0] = 'a';
    if (!read.until)
        read.until = UINT64_MAX;
    if (!read.entries)
        read.entries = 1000;
    if (!read.frames)
        read.frames = 1000;
    if (!read.bytes)
        read.bytes = 1 << 20;
    s_got[0] = 0;
    s_log->engine->read(s_log, &read);
    return s_got;
}

#define s_expect(text, ...) ck_assert_str_eq(s_read((log_read_t){__VA_ARGS__}), (text))

TEST(test_commit_is_stored_at_once) {
    s_begin(s_wide);
    ck_assert_int_eq(s_log->level, ZR_LEVEL_MEMORY);
    log_mark_t *marks = calloc(1, sizeof *marks);
    marks->refusals = zr_blob_new(8);
    s_log->engine->commit(s_log,
        &(log_commit_t){.pass = 3, .marks = marks, .mark_count = 1}); /* which it does not keep, and gives back */
    ck_assert_uint_eq(s_last_stored, 3);
    ck_assert_uint_eq(s_log->engine->next_seq(s_log, LIT("a"), 41), 42);
    ck_assert(s_log->engine->restore == NULL);
    log_destroy(s_log);
    log_destroy(NULL);
}

TEST(test_other_limits_hold_at_once) {
    s_begin(s_wide);
    for (size_t i = 0; i < 6; i++)
        s_append(i < 4 ? 'a' : 'b', 2);
    const log_limits_t room = {.memory = {4, 1 << 20, 1000, 1 << 20}}, all = {.memory = {4, 1 << 20, 4, 1 << 20}};
    s_log->engine->limit(s_log, &room);
    s_expect("4: 5 6 | 6: 7 8 | = 8", .after = 0);
    s_expect("0: 1 2 | 2: 3 4 | = 4 complete", .room = "b", .after = 0);
    s_log->engine->limit(s_log, &all);
    ck_assert_uint_eq(s_log->engine->bounds(s_log, LIT("a")).oldest, 8);
    s_expect("0: 1 2 | 2: 3 4 | = 4 complete", .room = "b", .after = 0);
    s_append('b', 1);
    s_expect("2: 3 4 | 4: 5 | = 5", .room = "b", .after = 0);
    log_destroy(s_log);
}

TEST(test_a_room_forgets_by_entries) {
    s_begin((log_memory_limits_t){4, 1 << 20, 1000, 1 << 20});
    s_append('a', 2);
    s_append('a', 2);
    ck_assert_uint_eq(s_log->engine->bounds(s_log, LIT("a")).oldest, 0);
    s_append('a', 1);
    ck_assert_uint_eq(s_log->engine->bounds(s_log, LIT("a")).oldest, 2);
    ck_assert_uint_eq(s_log->engine->bounds(s_log, LIT("a")).head, 5);
    s_expect("2: 3 4 | 4: 5 | = 5", .after = 0);
    s_expect("2: 3 4 | 4: 5 | = 5", .after = 1);
    s_expect("2: 3 4 | 4: 5 | = 5 complete", .after = 2);
    s_expect("2: 3 4 | = 4 more", .after = 0, .frames = 1);
    s_expect("3: 4 | 4: 5 | = 5 complete", .last = 2);
    s_expect("2: 3 4 | 4: 5 | = 5 complete", .last = 3);
    s_expect("2: 3 4 | 4: 5 | = 5", .last = 4);
    s_expect("= 2", .last = 1, .until = 2);
    s_expect("= 1", .last = 1, .until = 1);
    s_append('a', 9); /* one frame that is too much alone is cut */
    s_expect("10: 11 12 13 14 | = 14", .after = 0);
    log_bounds_t bounds = s_log->engine->bounds(s_log, LIT("a"));
    ck_assert_uint_eq(bounds.oldest, 10);
    ck_assert_uint_eq(bounds.tail, 10);
    s_expect("12: 13 14 | = 14 complete", .last = 2);
    s_append('a', 1);
    s_expect("14: 15 | = 15", .after = 0);
    log_destroy(s_log);
}

TEST(test_a_room_forgets_by_bytes) {
    s_begin((log_memory_limits_t){1000, 4000, 1000, 1 << 20});
    for (int i = 0; i < 3; i++)
        s_append_gap('a', 1, 1, 1200);
    s_expect("1: 2 | 2: 3 | = 3", .after = 0);
    s_append_gap('a', 4, 1, 1200); /* one frame that is too much alone is cut, */
    s_expect("4: 5 6 7 | = 7", .after = 0);
    s_append_gap('a', 2, 1, 4090); /* but for its newest */
    s_expect("8: 9 | = 9", .after = 0);
    log_destroy(s_log);

    s_begin((log_memory_limits_t){1000, 1 << 20, 3, 1 << 20});
    s_append('b', 5);
    s_expect("2: 3 4 5 | = 5", .room = "b");
    s_append('a', 4); /* the oldest of all go first */
    s_expect("= 5", .room = "b");
    s_expect("1: 2 3 4 | = 4", .after = 0);
    log_destroy(s_log);
}

TEST(test_all_rooms_together_forget_the_oldest) {
    s_begin((log_memory_limits_t){1000, 1 << 20, 4, 1 << 20});
    s_append('a', 2);
    s_append('b', 2);
    s_append('b', 1);
    s_expect("= 2", .after = 0); /* no entry is left, and the reader's position is past them all the same */
    s_expect("= 2", .last = 1);
    s_expect("= 1", .last = 1, .until = 1);
    s_expect("= 2 complete", .after = 2);
    s_expect("0: 1 2 | 2: 3 | = 3 complete", .room = "b");
    log_bounds_t bounds = s_log->engine->bounds(s_log, LIT("a"));
    ck_assert_uint_eq(bounds.head, 2);
    ck_assert_uint_eq(bounds.oldest, 2);
    s_append('a', 1); /* goes on where it was */
    s_expect("2: 3 | = 3", .after = 0);
    s_expect("2: 3 | = 3 complete", .last = 1);
    s_expect("2: 3 | = 3", .last = 2);
    log_destroy(s_log);

    s_begin((log_memory_limits_t){1000, 1 << 20, 1000, 3000});
    s_append_gap('a', 1, 1, 1200);
    s_append_gap('b', 1, 1, 1200);
    s_append_gap('b', 1, 1, 1200);
    s_expect("= 1", .after = 0);
    log_destroy(s_log);
}

TEST(test_the_ring_wraps_and_grows) {
    s_begin((log_memory_limits_t){20, 1 << 20, 1000, 1 << 20});
    for (int i = 0; i < 100; i++) {
        s_append('a', 1);
        uint64_t head = s_heads[0], oldest = head > 20 ? head - 20 : 0;
        ck_assert_uint_eq(s_log->engine->bounds(s_log, LIT("a")).oldest, oldest);
        char text[128];
        snprintf(text, sizeof text, "%llu: %llu | = %llu complete%s", (unsigned long long)oldest,
            (unsigned long long)oldest + 1, (unsigned long long)oldest + 1, head > oldest + 1 ? " more" : "");
        s_expect(text, .after = oldest, .entries = 1);
        snprintf(text, sizeof text, "%llu: %llu | = %llu complete", (unsigned long long)head - 1,
            (unsigned long long)head, (unsigned long long)head);
        s_expect(text, .last = 1);
    }
    log_destroy(s_log);
}

static uint64_t s_oldest(char name) {
    return s_log->engine->bounds(s_log, zr_span_of(&name, 1)).oldest;
}

/* A group keeps what it has not finished: against the room's limits, not against those of all rooms. */
TEST(test_what_groups_keep) {
    s_begin((log_memory_limits_t){2, 1 << 20, 12, 1 << 20});
    log_keep_t keep = {.after = 3, .bytes = 1 << 19};
    s_log->engine->keep(s_log, LIT("a"), &keep);
    for (int i = 0; i < 10; i++)
        s_append('a', 1);
    ck_assert_uint_eq(s_oldest('a'), 3);
    for (int i = 0; i < 5; i++)
        s_append('b', 1);
    ck_assert_uint_eq(s_oldest('b'), 3);
    ck_assert_uint_eq(s_oldest('a'), 3);
    for (int i = 0; i < 4; i++)
        s_append('a', 1);
    ck_assert_uint_eq(s_oldest('a'), 4); /* all rooms have 12 entries at most */
    keep = (log_keep_t){.after = UINT64_MAX};
    s_log->engine->keep(s_log, LIT("a"), &keep);
    s_append('a', 1);
    ck_assert_uint_eq(s_oldest('a'), 13);
    log_destroy(s_log);
}

TEST(test_what_groups_keep_is_bounded) {
    s_begin((log_memory_limits_t){1000, 2000, 10000, 20000});
    log_keep_t keep = {.after = 0, .bytes = 15000};
    s_log->engine->keep(s_log, LIT("a"), &keep);
    for (int i = 0; i < 9; i++)
        s_append_gap('a', 1, 1, 800);
    ck_assert_uint_eq(s_oldest('a'), 0);
    for (int i = 0; i < 9; i++)
        s_append_gap('a', 1, 1, 800);
    ck_assert_uint_gt(s_oldest('a'), 5); /* half of the bytes of all rooms */
    ck_assert_uint_lt(s_oldest('a'), 12);
    keep.bytes = 3000;
    s_log->engine->keep(s_log, LIT("a"), &keep);
    s_append_gap('a', 1, 1, 800);
    ck_assert_uint_eq(s_heads[0] - s_oldest('a'), 3);
    keep.bytes = 5000; /* one frame that is too large is cut, but only what is not kept */
    s_log->engine->keep(s_log, LIT("b"), &keep);
    s_append_gap('b', 4, 1, 800);
    ck_assert_uint_eq(s_oldest('b'), 0);
    s_append_gap('b', 8, 1, 800);
    ck_assert_uint_gt(s_oldest('b'), 4);
    log_destroy(s_log);
}

UNIT_SUITE("broker.core.log_memory")
