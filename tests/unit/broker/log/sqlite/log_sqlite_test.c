/* Passes in one transaction or several, and rooms that are in memory. What every engine does is in
 * log_sqlite_contract_test.c. */
#include <stdio.h>

#include "fixture_log_sqlite.h"

TEST(test_what_waits_is_one_transaction) {
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

TEST(test_marks_of_one_transaction) {
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

TEST(test_empty_passes) {
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

TEST(test_rooms_in_memory) {
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

TEST(test_a_room_that_is_in_memory_by_now) {
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

UNIT_SUITE("broker.store.log_sqlite")
