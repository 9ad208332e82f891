/* Deletions: of entries and clients' marks by retention, and of forgotten rooms. */
#include <poll.h>
#include <stdio.h>

#include "fixture_log_sqlite.h"

TEST(test_retention) {
    rig_begin();
    rig_policy("a", (policy_t){.max_entries = 10});
    rig_policy("b", (policy_t){.max_age = 1000000});
    rig_reopen();
    for (int i = 0; i < 600; i++) { /* more than one step */
        rig_append('a', 1);
        rig_append('c', 1);
    }
    rig_append('b', 3);
    rig_append('b', 1);
    rig_commit(1);
    rig_expect("1 ");
    log_tick(rig.log, 1001000 + 3 + 1);
    while (rig.log->engine->bounds(rig.log, LIT("a")).oldest < 590) {
        rig_await_answer();
        log_answer(rig.log);
    }
    rig_assert_bounds('a', 590, 600);
    while (rig.log->engine->bounds(rig.log, LIT("b")).oldest < 3) {
        rig_await_answer();
        log_answer(rig.log);
    }
    rig_assert_bounds('b', 3, 4);
    rig_assert_bounds('c', 0, 600);
    rig_read('a', 588, 0);
    while (!rig.got[0]) { /* the writer may have something to say first */
        rig_await_answer();
        log_answer(rig.log);
    }
    ck_assert_ptr_nonnull(strstr(rig.got, "#7 590: 591 |"));
    ck_assert_ptr_null(strstr(rig.got, "complete"));
    rig_reopen();
    rig_expect_restored("a 590-600@1600; c 0-600@1600; b 3-4@1004; ");
    rig_finish();
}

/* Waits until the writer has done its chores. */
static void s_chores(uint64_t now) {
    log_tick(rig.log, now);
    rig_await_answer();
    log_answer(rig.log);
}

static void s_keep(char name, uint64_t after, uint64_t bytes) {
    rig.log->engine->keep(rig.log, zr_span_of(&name, 1), &(log_keep_t){after, bytes});
}

/* What a group keeps of a room is told before the room exists, and changes later. */
TEST(test_what_groups_keep) {
    rig_begin();
    rig_policy("*", (policy_t){.max_entries = 2});
    rig_reopen();
    s_keep('a', 3, 1 << 20);
    for (int i = 0; i < 10; i++) {
        rig_append('a', 1);
        rig_append('b', 1);
    }
    rig_commit(1);
    rig_expect("1 ");
    s_chores(1);
    while (rig.log->engine->bounds(rig.log, LIT("b")).oldest < 8)
        s_chores(1);
    rig_assert_bounds('a', 3, 10);
    s_keep('a', 6, 1 << 20);
    while (rig.log->engine->bounds(rig.log, LIT("a")).oldest < 6)
        s_chores(1);
    rig_assert_bounds('a', 6, 10);
    s_keep('a', UINT64_MAX, 0);
    while (rig.log->engine->bounds(rig.log, LIT("a")).oldest < 8)
        s_chores(1);
    rig_finish();
}

TEST(test_marks_are_forgotten) {
    rig_begin();
    for (uint64_t pass = 1; pass <= 9; pass++) {
        rig_commit_mark(pass, (char)('a' + pass), pass, NULL);
        char text[8];
        snprintf(text, sizeof text, "%d ", (int)pass);
        rig_expect(text);
    }
    rig.config.durable.max_marks = 2;
    rig_reopen();
    s_chores(0); /* long before they were used: only the number counts */
    rig_reopen();
    rig_expect_restored("ii:8; jj:9; ");
    s_chores(4000000000000000); /* µs */
    rig_reopen();
    rig_expect_restored("");
    rig_finish();
}

/* Ticks until `room` keeps nothing up to `oldest`. */
static void s_await_oldest(char room, uint64_t oldest, uint64_t now) {
    for (int i = 0; rig.log->engine->bounds(rig.log, zr_span_of(&room, 1)).oldest < oldest; i++) {
        ck_assert_int_lt(i, 500);
        log_tick(rig.log, now);
        struct pollfd fd = {.fd = log_fd(rig.log), .events = POLLIN};
        poll(&fd, 1, 10);
        log_answer(rig.log);
    }
}

/* A clock that was ahead for a moment does not stop retention for as long. */
TEST(test_retention_after_the_clock_was_ahead) {
    rig_begin();
    rig_policy("b", (policy_t){.max_age = 1000000});
    rig_reopen();
    rig_append('b', 1);
    rig_commit(1);
    rig_expect("1 ");
    s_chores(4000000000000000); /* µs */
    rig_append('b', 1);
    rig_append('b', 1);
    rig_commit(2);
    rig_expect("2 ");
    s_await_oldest('b', 2, 10000000);
    rig_finish();
}

/* The log that is opened next knows until when nothing goes for its age. */
TEST(test_nothing_goes_for_its_age_while_the_clock_is_in_doubt) {
    rig_begin();
    rig_policy("a", (policy_t){.max_age = 1000000});
    rig_reopen();
    ck_assert_uint_eq(rig.log->hold, 0);
    rig_append('a', 1);
    rig_append('a', 1);
    rig_commit(1);
    rig_expect("1 ");
    rig.log->hold = 9000000;
    s_chores(8000000);
    rig_assert_bounds('a', 0, 2);
    rig_reopen();
    ck_assert_uint_eq(rig.log->hold, 9000000);
    s_chores(8500000);
    rig_assert_bounds('a', 0, 2);
    while (rig.log->engine->bounds(rig.log, LIT("a")).oldest < 1)
        s_chores(9000000);       /* the hour is over */
    while (rig.log->hold != 0) { /* the writer may be busy with the chores before */
        rig.log->hold = 0;
        s_chores(9000001);
        rig_reopen();
    }
    rig_finish();
}

/* A deletion that failed is tried again, though nothing is added. */
TEST(test_retention_is_tried_again) {
    rig_begin();
    rig_policy("a", (policy_t){.max_entries = 1});
    rig_reopen();
    rig_append('a', 1);
    rig_append('a', 1);
    rig_append('a', 1);
    rig_commit(1);
    rig_expect("1 ");
    gate_full(true);
    s_chores(1);
    gate_full(false);
    s_await_oldest('a', 2, 2);
    rig_finish();
}

/* A room that cannot be looked at keeps nobody else's entries. */
TEST(test_retention_beside_a_damaged_room) {
    rig_begin();
    rig_policy("*", (policy_t){.max_entries = 1});
    rig_reopen();
    for (char name = 'a'; name <= 'c'; name++) {
        rig_append(name, 1);
        rig_append(name, 1);
    }
    rig_commit(1);
    rig_expect("1 ");
    rig_sql("DELETE FROM rooms WHERE name = 'a'");
    s_await_oldest('b', 1, 1);
    s_await_oldest('c', 1, 1);
    rig_finish();
}

static void s_forget(char name) {
    rig.log->engine->forget(rig.log, &(log_forget_t){.room = {name}, .room_len = 1, .head = rig.heads[name - 'a']});
}

TEST(test_a_room_in_memory_is_forgotten) {
    rig_begin();
    rig_policy("m", (policy_t){.has_level = true, .level = ZR_LEVEL_MEMORY});
    rig_reopen();
    uint64_t base = rig.log->base;
    rig.heads['m' - 'a'] = base;
    rig_append_as('m', 2, NULL, ZR_LEVEL_MEMORY);
    rig_commit(1);
    rig_expect("1 ");
    s_forget('m');
    rig_commit(2);
    rig_expect("2 ");
    rig_assert_bounds('m', base + 2, base + 2);
    rig_assert_bounds('a', 0, 0); /* what is on the disk begins where it did */
    rig_finish();
}

/* Retention has been told of the room, and is not there yet; another room gets the id. */
TEST(test_forgotten_while_retention_is_due) {
    rig_begin();
    rig_policy("a", (policy_t){.max_age = 1});
    rig_reopen();
    rig_append('a', 2);
    rig_append('a', 1);
    rig_commit(1);
    rig_expect("1 ");
    rig_hold(2);
    log_tick(rig.log, 10000);
    s_forget('a');
    rig_commit(3);
    gate_open(false);
    rig_expect("2 3 ");
    rig.heads['b' - 'a'] = 3;
    rig_append('b', 2);
    rig_append('b', 1);
    rig_commit(4);
    rig_expect("4 ");
    rig_reopen();
    rig_assert_bounds('b', 3, 6);
    rig_assert_bounds('h', 0, 1);
    rig_finish();
}

UNIT_SUITE("broker.store.log_sqlite_delete")
