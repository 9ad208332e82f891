#include "log_sqlite.h"

#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>

#include "fixture_gate.h"
#include "unit.h"

static char s_dir[64];
static log_t *s_log;
static log_sqlite_config_t s_config;
static policy_t s_policies[8];
static uint64_t s_epoch;
static uint64_t s_heads[26]; /* of rooms "a" to "z" */
static char s_got[8192];     /* what the sink was told since the last look */

static void s_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void s_say(const char *format, ...) {
    size_t len = strlen(s_got);
    va_list args;
    va_start(args, format);
    vsnprintf(s_got + len, sizeof s_got - len, format, args);
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
        ck_assert_uint_eq(reader.epoch, s_epoch);
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
    db_error_t error;
    s_log = log_sqlite_new(&s_config, note, error);
    ck_assert_msg(s_log, "%s", error);
    ck_assert_str_eq(note, "");
    s_log->sink = (log_sink_t){NULL, s_stored, s_read_done};
    s_epoch = log_sqlite_epoch(s_log);
    s_got[0] = '\0';
}

static void s_begin(void) {
    gate_install();
    strcpy(s_dir, "/tmp/zrelay-store-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(s_dir));
    s_config = (log_sqlite_config_t){.dir = s_dir,
        .memory = {1000, 1 << 20, 10000, 1 << 24},
        .policies = {s_policies, 0},
        .mark_age = 1000000000,
        .max_marks = 1000,
        .queue_bytes = 1 << 20,
        .fresh_epoch = 0xE1};
    memset(s_heads, 0, sizeof s_heads);
    s_open();
    ck_assert_uint_eq(s_epoch, 0xE1);
}

static void s_reopen(void) {
    log_destroy(s_log);
    s_config.fresh_epoch++;
    s_open();
    ck_assert_uint_eq(s_epoch, 0xE1);
}

static void s_finish(void) {
    log_destroy(s_log);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", s_dir);
    ck_assert_int_eq(system(command), 0);
}

static void s_policy(const char *pattern, policy_t policy) {
    snprintf(policy.pattern, sizeof policy.pattern, "%s", pattern);
    s_policies[s_config.policies.count++] = policy;
}

/* --- Writing --- */

static void s_append_as(char name, size_t count, const char *key, zr_level_t level) {
    zr_buffer_t buffer = {0};
    uint64_t *head = &s_heads[name - 'a'], prev = *head, first = 0;
    zr_deliver_begin(&buffer, zr_span_of(&name, 1), 0, s_epoch, prev);
    for (size_t i = 0; i < count; i++) {
        *head = s_log->engine->next_seq(s_log, zr_span_of(&name, 1), *head);
        first = first ? first : *head;
        zr_deliver_add(&buffer,
            &(zr_entry_t){
                .seq = *head, .time = 1000 + *head, .sender = LIT("s"), .key = zr_span(key), .body = LIT("body")});
    }
    zr_blob_t *frame = zr_buffer_to_blob(&buffer);
    s_log->engine->append(s_log, &(log_append_t){.room = zr_span_of(zr_blob_data(frame), 1),
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

static void s_append(char name, size_t count) {
    s_append_as(name, count, NULL, ZR_LEVEL_DISK);
}

static void s_commit(uint64_t pass) {
    s_log->engine->commit(s_log, &(log_commit_t){.pass = pass});
}

/* A pass with one mark and nothing else. The client id is `client` 32 times. */
static void s_commit_mark(uint64_t pass, char client, uint64_t mark, const char *refusals) {
    log_mark_t *marks = calloc(1, sizeof *marks);
    memset(marks->client, client, sizeof marks->client);
    marks->mark = mark;
    marks->refusals = refusals ? zr_blob_copy(refusals, strlen(refusals)) : NULL;
    s_log->engine->commit(s_log, &(log_commit_t){.pass = pass, .marks = marks, .mark_count = 1});
}

static void s_await_answer(void) {
    struct pollfd fd = {.fd = log_sqlite_fd(s_log), .events = POLLIN};
    ck_assert_int_eq(poll(&fd, 1, 30000), 1);
}

/* Takes answers until the sink was told `text` since the last look. */
static void s_expect(const char *text) {
    while (strlen(s_got) < strlen(text)) {
        s_await_answer();
        log_sqlite_answer(s_log);
    }
    ck_assert_str_eq(s_got, text);
    s_got[0] = '\0';
}

static void s_silent(void) {
    log_sqlite_answer(s_log);
    ck_assert_str_eq(s_got, "");
}

/* Writes a pass while the gate is closed, so that what follows waits behind it. */
static void s_hold(uint64_t pass) {
    gate_close();
    s_append('h', 1);
    s_commit(pass);
    gate_await();
}

/* --- Reading --- */

static void s_read(char name, uint64_t after, uint64_t last) {
    log_read_t read = {.ticket = 7,
        .room = {name},
        .room_len = 1,
        .after = after,
        .until = UINT64_MAX,
        .last = last,
        .entries = 1000,
        .frames = 100,
        .bytes = 1 << 20};
    s_log->engine->read(s_log, &read);
}

static void s_assert_bounds(char name, uint64_t oldest, uint64_t head) {
    log_bounds_t bounds = s_log->engine->bounds(s_log, zr_span_of(&name, 1));
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

static void s_expect_restored(const char *text) {
    s_log->engine->restore(s_log, &(log_restore_t){NULL, s_on_room, s_on_value, s_on_mark});
    ck_assert_str_eq(s_got, text);
    s_got[0] = '\0';
}

/* --- Tests --- */

START_TEST(test_stored_and_there_after_a_restart) {
    s_begin();
    ck_assert_int_eq(s_log->level, ZR_LEVEL_DISK);
    s_expect_restored("");
    s_append('a', 3);
    s_append('b', 2);
    s_append('a', 1);
    s_assert_bounds('a', 0, 0); /* nobody may see it yet */
    s_commit(5);
    s_expect("5 ");
    s_assert_bounds('a', 0, 4);
    s_append_as('b', 1, "colour", ZR_LEVEL_DISK);
    s_commit(6);
    s_commit_mark(7, 'c', 9, NULL);
    s_expect("6 7 ");
    ck_assert(log_sqlite_idle(s_log));
    s_read('a', 1, 0);
    s_expect("#7 1: 2 3 | 3: 4 | = 4 complete");
    s_reopen();
    s_expect_restored("a 0-4@1004; b 0-3@1003; b.colour=3; cc:9; ");
    s_assert_bounds('b', 0, 3);
    s_read('a', 0, 2);
    s_expect("#7 2: 3 | 3: 4 | = 4 complete");
    s_read('b', 0, 0);
    s_expect("#7 0: 1 2 | 2: 3 | = 3 complete");
    s_append('a', 1);
    s_commit(1);
    s_expect("1 ");
    s_assert_bounds('a', 0, 5);
    s_finish();
}
END_TEST

START_TEST(test_what_waits_is_one_transaction) {
    s_begin();
    size_t before = gate_syncs();
    s_hold(1);
    for (uint64_t pass = 2; pass < 10; pass++) {
        s_append('a', 1);
        s_commit(pass);
    }
    s_silent();
    gate_open(false);
    s_expect("1 2 3 4 5 6 7 8 9 ");
    ck_assert_uint_le(gate_syncs() - before, 3); /* a new log syncs its head, too */
    s_assert_bounds('a', 0, 8);
    s_finish();
}
END_TEST

START_TEST(test_marks_of_one_transaction) {
    s_begin();
    s_hold(1);
    s_commit_mark(2, 'c', 1, "refused");
    s_commit_mark(3, 'd', 5, NULL);
    s_commit_mark(4, 'c', 2, NULL); /* its refusals are as they were */
    s_commit_mark(5, 'd', 6, "one");
    s_commit_mark(6, 'd', 7, "two");
    gate_open(false);
    s_expect("1 2 3 4 5 6 ");
    s_reopen();
    s_expect_restored("h 0-1@1001; cc:2/refused; dd:7/two; ");
    s_commit_mark(1, 'c', 3, NULL);
    s_expect("1 ");
    s_reopen();
    s_expect_restored("h 0-1@1001; dd:7/two; cc:3/refused; ");
    s_finish();
}
END_TEST

START_TEST(test_a_failed_commit_takes_with_it_what_follows) {
    s_begin();
    s_append('b', 2);
    s_commit(1);
    s_expect("1 ");
    s_hold(2);
    s_append('a', 1);
    s_append_as('m', 1, NULL, ZR_LEVEL_MEMORY);
    s_commit(3);
    s_append('b', 1);
    s_commit(4);
    s_commit(5);
    gate_open(true);
    s_expect("2! 3! 4! 5! ");
    s_assert_bounds('h', 0, 0);
    s_assert_bounds('a', 0, 0);
    s_assert_bounds('b', 0, 2);
    /* It recovers by itself, and the positions are given anew. */
    memset(s_heads, 0, sizeof s_heads);
    s_append('a', 2);
    s_commit(6);
    s_expect("6 ");
    s_assert_bounds('a', 0, 2);
    s_read('a', 0, 0);
    s_expect("#7 0: 1 2 | = 2 complete");
    s_append('c', 1);
    s_append('h', 1);
    s_commit(7);
    s_expect("7 ");
    s_reopen();
    s_expect_restored("b 0-2@1002; a 0-2@1002; c 0-1@1001; h 0-1@1001; ");
    s_finish();
}
END_TEST

/* The writer has failed already, and the loop does not know it yet. */
START_TEST(test_a_pass_committed_before_the_failure_was_told) {
    s_begin();
    s_hold(1);
    gate_open(true);
    s_await_answer();
    s_append('h', 1);
    s_commit(2);
    s_expect("1! 2! ");
    s_heads['h' - 'a'] = 0;
    s_append('h', 1);
    s_commit(3);
    s_expect("3 ");
    s_assert_bounds('h', 0, 1);
    s_finish();
}
END_TEST

START_TEST(test_full_disk) {
    s_begin();
    s_append('a', 1);
    s_commit(1);
    s_expect("1 ");
    gate_full(true);
    for (uint64_t pass = 2; pass < 5; pass++) {
        s_heads[0] = 1;
        s_append('a', 1);
        s_append('n', 1); /* a room that is never made */
        s_commit(pass);
        char text[8];
        snprintf(text, sizeof text, "%d! ", (int)pass);
        s_expect(text);
        s_read('a', 0, 0);
        s_expect("#7 0: 1 | = 1 complete");
        s_heads['n' - 'a'] = 0;
    }
    gate_full(false);
    s_heads[0] = 1;
    s_append('a', 1);
    s_commit(5);
    s_expect("5 ");
    s_reopen();
    s_expect_restored("a 0-2@1002; ");
    s_finish();
}
END_TEST

START_TEST(test_rooms_in_memory) {
    s_begin();
    s_policy("m", (policy_t){.has_level = true, .level = ZR_LEVEL_MEMORY});
    s_reopen();
    uint64_t base = s_log->base;
    ck_assert_uint_gt(base, 1ULL << DB_SEQ_BITS);
    ck_assert_uint_lt(base, ZR_INT_MAX);
    s_assert_bounds('m', base, base);
    char text[200];
    s_read('m', 0, 0);
    snprintf(text, sizeof text, "#7 = %llu", (unsigned long long)base); /* what was before is gone */
    s_expect(text);
    s_read('m', base, 0);
    snprintf(text, sizeof text, "#7 = %llu complete", (unsigned long long)base);
    s_expect(text);

    size_t before = gate_syncs();
    s_heads['m' - 'a'] = base;
    s_append_as('m', 2, NULL, ZR_LEVEL_MEMORY);
    s_commit(1);
    ck_assert_str_eq(s_got, "1 "); /* at once: there is nothing to wait for */
    s_expect("1 ");
    ck_assert_uint_eq(gate_syncs(), before);
    s_assert_bounds('m', base, base + 2);
    s_read('m', base, 0);
    snprintf(text, sizeof text, "#7 %llu: %llu %llu | = %llu complete", (unsigned long long)base,
        (unsigned long long)base + 1, (unsigned long long)base + 2, (unsigned long long)base + 2);
    s_expect(text);

    s_hold(2);
    s_append_as('m', 1, NULL, ZR_LEVEL_MEMORY);
    s_commit(3);
    s_silent(); /* in order */
    s_assert_bounds('m', base, base + 2);
    gate_open(false);
    s_expect("2 3 ");
    s_assert_bounds('m', base, base + 3);
    s_reopen();
    s_expect_restored("h 0-1@1001; ");
    ck_assert_uint_gt(s_log->base, base + 3);
    ck_assert_uint_eq(s_log->engine->next_seq(s_log, LIT("m"), 0), s_log->base + 1);
    s_finish();
}
END_TEST

START_TEST(test_a_room_that_is_in_memory_by_now) {
    s_begin();
    s_append_as('m', 3, "k", ZR_LEVEL_DISK);
    s_commit(1);
    s_expect("1 ");
    s_policy("m", (policy_t){.has_level = true, .level = ZR_LEVEL_MEMORY});
    s_reopen();
    s_expect_restored("");
    s_assert_bounds('m', s_log->base, s_log->base);
    s_finish();
}
END_TEST

START_TEST(test_empty_passes) {
    s_begin();
    size_t before = gate_syncs();
    s_commit(1);
    ck_assert_str_eq(s_got, "1 ");
    s_expect("1 ");
    ck_assert_uint_eq(gate_syncs(), before);
    s_hold(2);
    s_commit(3);
    s_silent();
    gate_open(false);
    s_expect("2 3 ");
    s_finish();
}
END_TEST

START_TEST(test_unknown_rooms) {
    s_begin();
    s_assert_bounds('a', 0, 0);
    s_read('a', 0, 0);
    s_expect("#7 = 0 complete");
    s_read('a', 5, 0);
    s_expect("#7 = 5");
    s_append('a', 1); /* not committed */
    s_read('a', 0, 0);
    s_expect("#7 = 0 complete");
    s_commit(1);
    s_expect("1 ");
    s_read('a', 5, 0);
    s_expect("#7 = 5");
    s_finish();
}
END_TEST

START_TEST(test_a_read_does_not_see_what_is_not_committed) {
    s_begin();
    s_append('a', 1);
    s_commit(1);
    s_expect("1 ");
    s_hold(2);
    s_append('a', 1);
    s_commit(3);
    s_read('a', 0, 0);
    s_expect("#7 0: 1 | = 1 complete");
    gate_open(false);
    s_expect("2 3 ");
    s_finish();
}
END_TEST

/* The page is as it should be, the frame is not. */
START_TEST(test_a_frame_that_cannot_be_read) {
    s_begin();
    for (uint64_t pass = 1; pass <= 3; pass++) {
        s_append('a', 1);
        s_commit(pass);
    }
    s_expect("1 2 3 ");
    char path[100];
    sqlite3 *other;
    snprintf(path, sizeof path, "%s/zrelay.db", s_dir);
    ck_assert_int_eq(sqlite3_open(path, &other), SQLITE_OK);
    ck_assert_int_eq(
        sqlite3_exec(other, "UPDATE frames SET frame = x'00' WHERE prev = 1", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    s_read('a', 0, 0);
    s_expect("#7 0: 1 | = 1 complete more");
    s_read('a', 1, 0);
    s_expect("#7 = 2 more"); /* something is missing up to 2, and it is not to be asked for again */
    s_read('a', 2, 0);
    s_expect("#7 2: 3 | = 3 complete");
    s_append('a', 1);
    s_commit(4);
    s_expect("4 ");
    s_read('a', 3, 0);
    s_expect("#7 3: 4 | = 4 complete");
    s_finish();
}
END_TEST

START_TEST(test_retention) {
    s_begin();
    s_policy("a", (policy_t){.max_entries = 10});
    s_policy("b", (policy_t){.max_age = 1000000});
    s_reopen();
    for (int i = 0; i < 600; i++) { /* more than one step */
        s_append('a', 1);
        s_append('c', 1);
    }
    s_append('b', 3);
    s_append('b', 1);
    s_commit(1);
    s_expect("1 ");
    log_sqlite_tick(s_log, 1001000 + 3 + 1);
    while (s_log->engine->bounds(s_log, LIT("a")).oldest < 590) {
        s_await_answer();
        log_sqlite_answer(s_log);
    }
    s_assert_bounds('a', 590, 600);
    while (s_log->engine->bounds(s_log, LIT("b")).oldest < 3) {
        s_await_answer();
        log_sqlite_answer(s_log);
    }
    s_assert_bounds('b', 3, 4);
    s_assert_bounds('c', 0, 600);
    s_read('a', 588, 0);
    while (!s_got[0]) { /* the writer may have something to say first */
        s_await_answer();
        log_sqlite_answer(s_log);
    }
    ck_assert_ptr_nonnull(strstr(s_got, "#7 590: 591 |"));
    ck_assert_ptr_null(strstr(s_got, "complete"));
    s_reopen();
    s_expect_restored("a 590-600@1600; c 0-600@1600; b 3-4@1004; ");
    s_finish();
}
END_TEST

/* Waits until the writer has done its chores. */
static void s_chores(uint64_t now) {
    log_sqlite_tick(s_log, now);
    s_await_answer();
    log_sqlite_answer(s_log);
}

START_TEST(test_marks_are_forgotten) {
    s_begin();
    for (uint64_t pass = 1; pass <= 9; pass++) {
        s_commit_mark(pass, (char)('a' + pass), pass, NULL);
        char text[8];
        snprintf(text, sizeof text, "%d ", (int)pass);
        s_expect(text);
    }
    s_config.max_marks = 2;
    s_reopen();
    s_chores(0); /* long before they were used: only the number counts */
    s_reopen();
    s_expect_restored("ii:8; jj:9; ");
    s_chores(4000000000000000); /* µs */
    s_reopen();
    s_expect_restored("");
    s_finish();
}
END_TEST

START_TEST(test_too_much_waits) {
    s_begin();
    s_config.queue_bytes = 2000;
    s_reopen();
    s_hold(1);
    ck_assert(!log_sqlite_full(s_log));
    ck_assert(!log_sqlite_idle(s_log));
    for (int i = 0; i < 100; i++)
        s_append('a', 1);
    s_commit(2);
    ck_assert(log_sqlite_full(s_log));
    gate_open(false);
    s_expect("1 2 ");
    ck_assert(!log_sqlite_full(s_log));
    ck_assert(log_sqlite_idle(s_log));
    s_finish();
}
END_TEST

/* What the relay keeps for a pass counts, too: of resends nothing else is there. */
START_TEST(test_too_much_waits_at_the_relay) {
    s_begin();
    s_hold(1);
    s_log->engine->commit(s_log, &(log_commit_t){.pass = 2, .held = 2 << 20});
    ck_assert(log_sqlite_full(s_log));
    gate_open(false);
    s_expect("1 2 ");
    ck_assert(!log_sqlite_full(s_log));
    s_finish();
}
END_TEST

/* Ticks until `room` keeps nothing up to `oldest`. */
static void s_await_oldest(char room, uint64_t oldest, uint64_t now) {
    for (int i = 0; s_log->engine->bounds(s_log, zr_span_of(&room, 1)).oldest < oldest; i++) {
        ck_assert_int_lt(i, 500);
        log_sqlite_tick(s_log, now);
        struct pollfd fd = {.fd = log_sqlite_fd(s_log), .events = POLLIN};
        poll(&fd, 1, 10);
        log_sqlite_answer(s_log);
    }
}

/* A clock that was ahead for a moment does not stop retention for as long. */
START_TEST(test_retention_after_the_clock_was_ahead) {
    s_begin();
    s_policy("b", (policy_t){.max_age = 1000000});
    s_reopen();
    s_append('b', 1);
    s_commit(1);
    s_expect("1 ");
    s_chores(4000000000000000); /* µs */
    s_append('b', 1);
    s_append('b', 1);
    s_commit(2);
    s_expect("2 ");
    s_await_oldest('b', 2, 10000000);
    s_finish();
}
END_TEST

/* What could not be deleted for now is tried again, though nothing is added. */
START_TEST(test_retention_is_tried_again) {
    s_begin();
    s_policy("a", (policy_t){.max_entries = 1});
    s_reopen();
    s_append('a', 1);
    s_append('a', 1);
    s_append('a', 1);
    s_commit(1);
    s_expect("1 ");
    gate_full(true);
    s_chores(1);
    gate_full(false);
    s_await_oldest('a', 2, 2);
    s_finish();
}
END_TEST

/* A room that cannot be looked at keeps nobody else's entries. */
START_TEST(test_retention_beside_a_damaged_room) {
    s_begin();
    s_policy("*", (policy_t){.max_entries = 1});
    s_reopen();
    for (char name = 'a'; name <= 'c'; name++) {
        s_append(name, 1);
        s_append(name, 1);
    }
    s_commit(1);
    s_expect("1 ");
    char path[100];
    sqlite3 *other;
    snprintf(path, sizeof path, "%s/zrelay.db", s_dir);
    ck_assert_int_eq(sqlite3_open(path, &other), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(other, "DELETE FROM rooms WHERE name = 'a'", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    s_await_oldest('b', 1, 1);
    s_await_oldest('c', 1, 1);
    s_finish();
}
END_TEST

static void s_forget(char name) {
    s_log->engine->forget(s_log, &(log_forget_t){.room = {name}, .room_len = 1, .head = s_heads[name - 'a']});
}

START_TEST(test_a_room_is_forgotten) {
    s_begin();
    s_append_as('a', 3, "k", ZR_LEVEL_DISK);
    s_append('b', 1);
    s_commit(1);
    s_expect("1 ");
    s_forget('a');
    s_assert_bounds('a', 0, 3);
    s_commit(2);
    s_expect("2 ");
    s_assert_bounds('a', 3, 3); /* and so does any room that is not known */
    s_assert_bounds('z', 3, 3);
    s_assert_bounds('b', 0, 1);
    s_read('a', 0, 0);
    s_expect("#7 = 3");
    s_read('a', 3, 0);
    s_expect("#7 = 3 complete");
    s_reopen();
    s_expect_restored("b 0-1@1001; ");
    s_assert_bounds('a', 3, 3);
    s_heads['c' - 'a'] = 3;
    s_append('c', 1);
    s_commit(3);
    s_expect("3 ");
    s_read('c', 3, 0);
    s_expect("#7 3: 4 | = 4 complete");
    s_reopen();
    s_expect_restored("c 3-4@1004; b 0-1@1001; "); /* it has the id that was free */
    ck_assert_uint_eq(s_log->engine->bounds(s_log, LIT("c")).begun, 3);
    s_assert_bounds('a', 3, 3);
    s_finish();
}
END_TEST

START_TEST(test_a_room_is_used_while_it_is_forgotten) {
    s_begin();
    s_append('a', 3);
    s_commit(1);
    s_expect("1 ");
    s_hold(2);
    s_forget('a');
    s_append('a', 1);
    s_commit(3);
    s_append('a', 1);
    s_commit(4);
    s_assert_bounds('a', 0, 3);
    gate_open(false);
    s_expect("2 3 4 ");
    s_assert_bounds('a', 3, 5);
    s_read('a', 0, 0);
    s_expect("#7 3: 4 | 4: 5 | = 5");
    s_append('a', 1);
    s_commit(5);
    s_expect("5 ");
    s_reopen();
    s_expect_restored("h 0-1@1001; a 3-6@1006; ");
    s_finish();
}
END_TEST

START_TEST(test_a_room_could_not_be_forgotten) {
    s_begin();
    s_append('a', 3);
    s_commit(1);
    s_expect("1 ");
    for (int again = 0; again < 2; again++) {
        s_hold(2);
        s_forget('a');
        if (again)
            s_append('a', 1);
        s_commit(3);
        if (again)
            s_append('a', 1);
        s_commit(4);
        gate_open(true);
        s_expect("2! 3! 4! ");
        s_heads['h' - 'a'] = 0;
        s_heads[0] = 3;
        s_assert_bounds('a', 0, 3);
        s_assert_bounds('z', 0, 0);
    }
    s_append('a', 1);
    s_commit(5);
    s_expect("5 ");
    s_read('a', 0, 0);
    s_expect("#7 0: 1 2 3 | 3: 4 | = 4 complete");
    s_forget('a');
    s_commit(6);
    s_expect("6 ");
    s_assert_bounds('a', 4, 4);
    s_reopen();
    s_expect_restored("");
    s_assert_bounds('a', 4, 4);
    s_finish();
}
END_TEST

START_TEST(test_a_room_in_memory_is_forgotten) {
    s_begin();
    s_policy("m", (policy_t){.has_level = true, .level = ZR_LEVEL_MEMORY});
    s_reopen();
    uint64_t base = s_log->base;
    s_heads['m' - 'a'] = base;
    s_append_as('m', 2, NULL, ZR_LEVEL_MEMORY);
    s_commit(1);
    s_expect("1 ");
    s_forget('m');
    s_commit(2);
    s_expect("2 ");
    s_assert_bounds('m', base + 2, base + 2);
    s_assert_bounds('a', 0, 0); /* what is on the disk begins where it did */
    s_finish();
}
END_TEST

/* Retention has been told of the room, and is not there yet; another room gets the id. */
START_TEST(test_forgotten_while_retention_is_due) {
    s_begin();
    s_policy("a", (policy_t){.max_age = 1});
    s_reopen();
    s_append('a', 2);
    s_append('a', 1);
    s_commit(1);
    s_expect("1 ");
    s_hold(2);
    log_sqlite_tick(s_log, 10000);
    s_forget('a');
    s_commit(3);
    gate_open(false);
    s_expect("2 3 ");
    s_heads['b' - 'a'] = 3;
    s_append('b', 2);
    s_append('b', 1);
    s_commit(4);
    s_expect("4 ");
    s_reopen();
    s_assert_bounds('b', 3, 6);
    s_assert_bounds('h', 0, 1);
    s_finish();
}
END_TEST

START_TEST(test_destroyed_while_passes_wait) {
    s_begin();
    s_hold(1);
    s_append('a', 2);
    s_commit(2);
    s_append('a', 1);
    s_commit_mark(3, 'c', 1, "refused");
    s_append('a', 1); /* never committed */
    s_read('h', 0, 0);
    log_sqlite_tick(s_log, 1);
    gate_open(false);
    s_reopen();
    s_expect_restored("h 0-1@1001; a 0-3@1003; cc:1/refused; ");
    s_finish();
}
END_TEST

START_TEST(test_a_second_log_is_refused) {
    s_begin();
    char note[512];
    db_error_t error;
    ck_assert_ptr_null(log_sqlite_new(&s_config, note, error));
    ck_assert_ptr_nonnull(strstr(error, "in use"));
    s_finish();
}
END_TEST

START_TEST(test_corrupt_logs) {
    s_begin();
    s_append('a', 1);
    s_commit(1);
    s_expect("1 ");
    log_destroy(s_log);
    char path[100], note[512];
    db_error_t error;
    snprintf(path, sizeof path, "%s/zrelay.db", s_dir);
    FILE *file = fopen(path, "r+");
    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < 100; i++)
        fputs("no database", file);
    fclose(file);
    s_config.refuse_corrupt = true;
    ck_assert_ptr_null(log_sqlite_new(&s_config, note, error));
    ck_assert_ptr_nonnull(strstr(error, path));
    s_config.refuse_corrupt = false;
    s_config.fresh_epoch = 0xE2;
    s_log = log_sqlite_new(&s_config, note, error);
    ck_assert_ptr_nonnull(s_log);
    ck_assert_ptr_nonnull(strstr(note, "put aside as zrelay.db.corrupt-"));
    ck_assert_uint_eq(log_sqlite_epoch(s_log), 0xE2);
    s_assert_bounds('a', 0, 0);
    s_finish();
}
END_TEST

UNIT_MAIN("broker.store.log_sqlite", test_stored_and_there_after_a_restart, test_what_waits_is_one_transaction,
    test_marks_of_one_transaction, test_a_failed_commit_takes_with_it_what_follows,
    test_a_pass_committed_before_the_failure_was_told, test_full_disk, test_rooms_in_memory,
    test_a_room_that_is_in_memory_by_now, test_empty_passes, test_unknown_rooms,
    test_a_read_does_not_see_what_is_not_committed, test_a_frame_that_cannot_be_read, test_retention,
    test_marks_are_forgotten, test_too_much_waits, test_too_much_waits_at_the_relay,
    test_retention_after_the_clock_was_ahead, test_retention_is_tried_again, test_retention_beside_a_damaged_room,
    test_a_room_is_forgotten, test_a_room_is_used_while_it_is_forgotten, test_a_room_could_not_be_forgotten,
    test_a_room_in_memory_is_forgotten, test_forgotten_while_retention_is_due, test_destroyed_while_passes_wait,
    test_a_second_log_is_refused, test_corrupt_logs)
