/* Passes in one transaction or several, the content after a restart, and rooms that are in memory. */
#include <stdio.h>

#include "fixture_log_sqlite.h"

START_TEST(test_stored_and_there_after_a_restart) {
    rig_begin();
    ck_assert_int_eq(rig.log->level, ZR_LEVEL_DISK);
    rig_expect_restored("");
    rig_append('a', 3);
    rig_append('b', 2);
    rig_append('a', 1);
    rig_assert_bounds('a', 0, 0); /* nobody may see it yet */
    rig_commit(5);
    rig_expect("5 ");
    rig_assert_bounds('a', 0, 4);
    rig_append_as('b', 1, "colour", ZR_LEVEL_DISK);
    rig_commit(6);
    rig_commit_mark(7, 'c', 9, NULL);
    rig_expect("6 7 ");
    ck_assert(log_is_idle(rig.log));
    rig_read('a', 1, 0);
    rig_expect("#7 1: 2 3 | 3: 4 | = 4 complete");
    rig_reopen();
    rig_expect_restored("a 0-4@1004; b 0-3@1003; b.colour=3; cc:9; ");
    rig_assert_bounds('b', 0, 3);
    rig_read('a', 0, 2);
    rig_expect("#7 2: 3 | 3: 4 | = 4 complete");
    rig_read('b', 0, 0);
    rig_expect("#7 0: 1 2 | 2: 3 | = 3 complete");
    rig_append('a', 1);
    rig_commit(1);
    rig_expect("1 ");
    rig_assert_bounds('a', 0, 5);
    rig_finish();
}
END_TEST

START_TEST(test_what_waits_is_one_transaction) {
    rig_begin();
    size_t before = gate_syncs();
    rig_hold(1);
    for (uint64_t pass = 2; pass < 10; pass++) {
        rig_append('a', 1);
        rig_commit(pass);
    }
    rig_silent();
    gate_open(false);
    rig_expect("1 2 3 4 5 6 7 8 9 ");
    ck_assert_uint_le(gate_syncs() - before, 3); /* a new log syncs its head, too */
    rig_assert_bounds('a', 0, 8);
    rig_finish();
}
END_TEST

START_TEST(test_marks_of_one_transaction) {
    rig_begin();
    rig_hold(1);
    rig_commit_mark(2, 'c', 1, "refused");
    rig_commit_mark(3, 'd', 5, NULL);
    rig_commit_mark(4, 'c', 2, NULL); /* its refusals are as they were */
    rig_commit_mark(5, 'd', 6, "one");
    rig_commit_mark(6, 'd', 7, "two");
    gate_open(false);
    rig_expect("1 2 3 4 5 6 ");
    rig_reopen();
    rig_expect_restored("h 0-1@1001; cc:2/refused; dd:7/two; ");
    rig_commit_mark(1, 'c', 3, NULL);
    rig_expect("1 ");
    rig_reopen();
    rig_expect_restored("h 0-1@1001; dd:7/two; cc:3/refused; ");
    rig_finish();
}
END_TEST

START_TEST(test_empty_passes) {
    rig_begin();
    size_t before = gate_syncs();
    rig_commit(1);
    ck_assert_str_eq(rig.got, "1 ");
    rig_expect("1 ");
    ck_assert_uint_eq(gate_syncs(), before);
    rig_hold(2);
    rig_commit(3);
    rig_silent();
    gate_open(false);
    rig_expect("2 3 ");
    rig_finish();
}
END_TEST

START_TEST(test_unknown_rooms) {
    rig_begin();
    rig_assert_bounds('a', 0, 0);
    rig_read('a', 0, 0);
    rig_expect("#7 = 0 complete");
    rig_read('a', 5, 0);
    rig_expect("#7 = 5");
    rig_append('a', 1); /* not committed */
    rig_read('a', 0, 0);
    rig_expect("#7 = 0 complete");
    rig_commit(1);
    rig_expect("1 ");
    rig_read('a', 5, 0);
    rig_expect("#7 = 5");
    rig_finish();
}
END_TEST

START_TEST(test_a_read_does_not_see_what_is_not_committed) {
    rig_begin();
    rig_append('a', 1);
    rig_commit(1);
    rig_expect("1 ");
    rig_hold(2);
    rig_append('a', 1);
    rig_commit(3);
    rig_read('a', 0, 0);
    rig_expect("#7 0: 1 | = 1 complete");
    gate_open(false);
    rig_expect("2 3 ");
    rig_finish();
}
END_TEST

START_TEST(test_rooms_in_memory) {
    rig_begin();
    rig_policy("m", (policy_t){.has_level = true, .level = ZR_LEVEL_MEMORY});
    rig_reopen();
    uint64_t base = rig.log->base;
    ck_assert_uint_gt(base, 1ULL << DB_SEQ_BITS);
    ck_assert_uint_lt(base, ZR_INT_MAX);
    rig_assert_bounds('m', base, base);
    char text[200];
    rig_read('m', 0, 0);
    snprintf(text, sizeof text, "#7 = %llu", (unsigned long long)base); /* what was before is gone */
    rig_expect(text);
    rig_read('m', base, 0);
    snprintf(text, sizeof text, "#7 = %llu complete", (unsigned long long)base);
    rig_expect(text);

    size_t before = gate_syncs();
    rig.heads['m' - 'a'] = base;
    rig_append_as('m', 2, NULL, ZR_LEVEL_MEMORY);
    rig_commit(1);
    ck_assert_str_eq(rig.got, "1 "); /* at once: there is nothing to wait for */
    rig_expect("1 ");
    ck_assert_uint_eq(gate_syncs(), before);
    rig_assert_bounds('m', base, base + 2);
    rig_read('m', base, 0);
    snprintf(text, sizeof text, "#7 %llu: %llu %llu | = %llu complete", (unsigned long long)base,
        (unsigned long long)base + 1, (unsigned long long)base + 2, (unsigned long long)base + 2);
    rig_expect(text);

    rig_hold(2);
    rig_append_as('m', 1, NULL, ZR_LEVEL_MEMORY);
    rig_commit(3);
    rig_silent(); /* in order */
    rig_assert_bounds('m', base, base + 2);
    gate_open(false);
    rig_expect("2 3 ");
    rig_assert_bounds('m', base, base + 3);
    rig_reopen();
    rig_expect_restored("h 0-1@1001; ");
    ck_assert_uint_gt(rig.log->base, base + 3);
    ck_assert_uint_eq(rig.log->engine->next_seq(rig.log, LIT("m"), 0), rig.log->base + 1);
    rig_finish();
}
END_TEST

START_TEST(test_a_room_that_is_in_memory_by_now) {
    rig_begin();
    rig_append_as('m', 3, "k", ZR_LEVEL_DISK);
    rig_commit(1);
    rig_expect("1 ");
    rig_policy("m", (policy_t){.has_level = true, .level = ZR_LEVEL_MEMORY});
    rig_reopen();
    rig_expect_restored("");
    rig_assert_bounds('m', rig.log->base, rig.log->base);
    rig_finish();
}
END_TEST

START_TEST(test_too_much_waits) {
    rig_begin();
    rig.config.queue_bytes = 2000;
    rig_reopen();
    rig_hold(1);
    ck_assert(!log_is_full(rig.log));
    ck_assert(!log_is_idle(rig.log));
    for (int i = 0; i < 100; i++)
        rig_append('a', 1);
    rig_commit(2);
    ck_assert(log_is_full(rig.log));
    gate_open(false);
    rig_expect("1 2 ");
    ck_assert(!log_is_full(rig.log));
    ck_assert(log_is_idle(rig.log));
    rig_finish();
}
END_TEST

/* The relay's memory for a pass counts, too: a pass of resends has nothing else. */
START_TEST(test_too_much_waits_at_the_relay) {
    rig_begin();
    rig_hold(1);
    rig.log->engine->commit(rig.log, &(log_commit_t){.pass = 2, .held = 2 << 20});
    ck_assert(log_is_full(rig.log));
    gate_open(false);
    rig_expect("1 2 ");
    ck_assert(!log_is_full(rig.log));
    rig_finish();
}
END_TEST

START_TEST(test_destroyed_while_passes_wait) {
    rig_begin();
    rig_hold(1);
    rig_append('a', 2);
    rig_commit(2);
    rig_append('a', 1);
    rig_commit_mark(3, 'c', 1, "refused");
    rig_append('a', 1); /* never committed */
    rig_read('h', 0, 0);
    log_tick(rig.log, 1);
    gate_open(false);
    rig_reopen();
    rig_expect_restored("h 0-1@1001; a 0-3@1003; cc:1/refused; ");
    rig_finish();
}
END_TEST

UNIT_MAIN("broker.store.log_sqlite", test_stored_and_there_after_a_restart, test_what_waits_is_one_transaction,
    test_marks_of_one_transaction, test_empty_passes, test_unknown_rooms,
    test_a_read_does_not_see_what_is_not_committed, test_rooms_in_memory, test_a_room_that_is_in_memory_by_now,
    test_too_much_waits, test_too_much_waits_at_the_relay, test_destroyed_while_passes_wait)
