/* What engines do that keep their content over runs, and those that answer later. */
#include <stdio.h>

#include "fixture_contract_rig.h"

/* --- Engines that keep their content --- */

START_TEST(test_the_content_after_a_restart) {
    ct_begin();
    ct_expect_restored("");
    ct_append('a', 3);
    ct_append_as('b', 2, 1, "k", false);
    ct_append_as('b', 1, 1, "gone", false);
    ct_append_as('b', 1, 1, "gone", true);
    ct_store();
    ct_commit_mark(1, 'c', 9, "refused");
    ct_commit_mark(2, 'd', 5, NULL);
    ct_expect("1 2 ");
    ct_reopen(0);
    ct_expect_restored("a 0-3@1003; b 0-4@1004; b.k=2; c:9/refused; d:5/; ");
    ct_expect_bounds('b', 0, 4);
    ct_expect_read('a', "1: 2 3 | = 3 complete", .last = 2);
    ct_commit_mark(1, 'c', 10, NULL); /* used last; its refusals are as they were */
    ct_append('a', 1);
    ct_commit(2);
    ct_expect("1 2 ");
    ct_reopen(0);
    ct_expect_restored("a 0-4@1004; b 0-4@1004; b.k=2; d:5/; c:10/refused; ");
    ct_expect_read('a', "0: 1 2 3 | 3: 4 | = 4 complete", .after = 0);
    ct_finish();
}
END_TEST

START_TEST(test_values_outlive_retention) {
    ct_begin();
    ct_reopen(2);
    ct_append_as('a', 1, 1, "k", false);
    ct_append_as('a', 1, 1, "l", false);
    for (int i = 0; i < 4; i++)
        ct_append('a', 1);
    ct_store();
    for (int i = 0; ct_bounds('a').oldest < 4; i++) {
        ck_assert_int_lt(i, 1000);
        log_tick(ct_log, 1000000);
        ct_pump(10);
    }
    ct_reopen(2);
    ct_expect_restored("a 4-6@1006; a.k=1; a.l=2; ");
    ct_finish();
}
END_TEST

START_TEST(test_a_forgotten_room_after_a_restart) {
    ct_begin();
    ct_append_as('a', 3, 1, "k", false);
    ct_append('b', 1);
    ct_store();
    ct_forget('a');
    ct_store();
    ct_reopen(0);
    ct_expect_restored("b 0-1@1001; ");
    ct_expect_bounds('a', 3, 3);
    *ct_head('c') = 3;
    ct_append('c', 1);
    ct_store();
    ct_reopen(0);
    ct_expect_restored("b 0-1@1001; c 3-4@1004; ");
    ck_assert_uint_eq(ct_bounds('c').begun, 3);
    ct_expect_bounds('a', 3, 3);
    ct_finish();
}
END_TEST

START_TEST(test_the_end_commits_what_waits) {
    ct_begin();
    ct_hold(1);
    ct_append('a', 2);
    ct_commit(2);
    ct_append('a', 1);
    ct_commit_mark(3, 'c', 1, "refused");
    ct_append('a', 1); /* never committed */
    ct_read('h', (log_read_t){.after = 0});
    log_tick(ct_log, 1);
    ct_engine->release(false);
    ct_reopen(0);
    if (ct_log->engine->restore)
        ct_expect_restored("a 0-3@1003; h 0-1@1001; c:1/refused; ");
    ct_finish();
}
END_TEST

/* --- Engines that answer later --- */

START_TEST(test_nothing_is_answered_before_it_is_stored) {
    ct_begin();
    ct_append('a', 1);
    ct_store();
    ct_hold(1);
    ct_append('a', 1);
    ct_commit(2);
    ct_commit(3); /* an empty one waits, too */
    ct_silent();
    ck_assert(!log_is_idle(ct_log));
    ct_expect_bounds('a', 0, 1);
    ct_expect_read('a', "0: 1 | = 1 complete", .after = 0);
    ct_engine->release(false);
    ct_expect("1 2 3 ");
    ck_assert(log_is_idle(ct_log));
    ct_expect_bounds('a', 0, 2);
    ct_finish();
}
END_TEST

START_TEST(test_too_much_waits) {
    ct_begin();
    ct_hold(1);
    ck_assert(!log_is_full(ct_log));
    for (size_t i = 0; i < CONTRACT_QUEUE / 50; i++)
        ct_append('a', 2);
    ct_commit(2);
    ck_assert(log_is_full(ct_log));
    ct_engine->release(false);
    ct_expect("1 2 ");
    ck_assert(!log_is_full(ct_log));
    ct_hold(3);
    ct_log->engine->commit(ct_log, &(log_commit_t){.pass = 4, .held = CONTRACT_QUEUE}); /* which the relay holds */
    ck_assert(log_is_full(ct_log));
    ct_engine->release(false);
    ct_expect("3 4 ");
    ck_assert(!log_is_full(ct_log));
    ct_finish();
}
END_TEST

START_TEST(test_a_room_is_used_while_it_is_forgotten) {
    ct_begin();
    ct_append('a', 3);
    ct_store();
    ct_hold(2);
    ct_forget('a');
    ct_append('a', 1);
    ct_commit(3);
    ct_append('a', 1);
    ct_commit(4);
    ct_expect_bounds('a', 0, 3);
    ct_engine->release(false);
    ct_expect("2 3 4 ");
    ct_expect_bounds('a', 3, 5);
    ct_expect_read('a', "3: 4 | 4: 5 | = 5", .after = 0);
    ct_append('a', 1);
    ct_store();
    ct_expect_bounds('a', 3, 6);
    ct_finish();
}
END_TEST

START_TEST(test_the_states_of_groups_after_a_restart) {
    ct_begin();
    ct_append('a', 1);
    ct_commit_group(1, 'a', "g", "one");
    ct_commit_group(2, 'b', "g", "of a room without entries");
    ct_commit_group(3, 'a', "g", "two");
    ct_commit_group(4, 'a', "gone", "soon");
    ct_commit_group(5, 'a', "gone", NULL);
    ct_commit_group(6, 'a', "never was", NULL);
    ct_expect("1 2 3 4 5 6 ");
    ct_reopen(0);
    ct_expect_restored("a 0-1@1001; a#g=two; b#g=of a room without entries; ");
    ct_commit_group(1, 'a', "g", "");
    ct_expect("1 ");
    ct_reopen(0);
    ct_expect_restored("a 0-1@1001; a#g=; b#g=of a room without entries; ");
    ct_finish();
}
END_TEST

START_TEST(test_a_pass_that_fails_takes_with_it_what_follows) {
    ct_begin();
    ct_append('b', 2);
    ct_store();
    ct_hold(2);
    ct_append('a', 1);
    ct_commit(3);
    ct_append('b', 1);
    ct_commit_mark(4, 'c', 1, "refused");
    ct_commit_group(5, 'b', "g", "lost");
    ct_engine->release(true);
    ct_expect("2! 3! 4! 5! ");
    ct_expect_bounds('h', 0, 0);
    ct_expect_bounds('a', 0, 0);
    ct_expect_bounds('b', 0, 2);
    *ct_head('h') = *ct_head('a') = 0; /* it recovers by itself, and the positions are given anew */
    *ct_head('b') = 2;
    ct_append('a', 2);
    ct_commit(6);
    ct_expect("6 ");
    ct_expect_bounds('a', 0, 2);
    ct_expect_read('a', "0: 1 2 | = 2 complete", .after = 0);
    ct_expect_read('b', "0: 1 2 | = 2 complete", .after = 0);
    if (ct_log->engine->restore) {
        ct_reopen(0);
        ct_expect_restored("a 0-2@1002; b 0-2@1002; ");
        ct_commit_group(1, 'b', "g", "the table is made again");
        ct_expect("1 ");
        ct_reopen(0);
        ct_expect_restored("a 0-2@1002; b 0-2@1002; b#g=the table is made again; ");
    }
    ct_finish();
}
END_TEST

START_TEST(test_a_room_could_not_be_forgotten) {
    ct_begin();
    ct_append('a', 3);
    ct_store();
    for (int again = 0; again < 2; again++) {
        ct_hold(2);
        ct_forget('a');
        if (again)
            ct_append('a', 1);
        ct_commit(3);
        if (again)
            ct_append('a', 1);
        ct_commit(4);
        ct_engine->release(true);
        ct_expect("2! 3! 4! ");
        *ct_head('h') = 0;
        *ct_head('a') = 3;
        ct_expect_bounds('a', 0, 3);
        ct_expect_bounds('z', 0, 0);
    }
    ct_append('a', 1);
    ct_store();
    ct_expect_read('a', "0: 1 2 3 | 3: 4 | = 4 complete", .after = 0);
    ct_forget('a');
    ct_store();
    ct_expect_bounds('a', 4, 4);
    ct_finish();
}
END_TEST

START_TEST(test_nothing_can_be_stored_for_a_while) {
    ct_begin();
    ct_append('a', 1);
    ct_store();
    ct_engine->fill(true);
    for (uint64_t pass = 2; pass < 5; pass++) {
        ct_append('a', 1);
        ct_append('n', 1); /* a room that is never made */
        ct_commit(pass);
        char text[8];
        snprintf(text, sizeof text, "%u! ", (unsigned)pass);
        ct_expect(text);
        ct_expect_read('a', "0: 1 | = 1 complete", .after = 0);
        *ct_head('a') = 1;
        *ct_head('n') = 0;
    }
    ct_engine->fill(false);
    ct_append('a', 1);
    ct_store();
    ct_expect_bounds('a', 0, 2);
    ct_expect_bounds('n', 0, 0);
    ct_finish();
}
END_TEST

/* --- The suite's parts --- */

void ct_tests_of_keeping(ct_tests_t *tests) {
    *tests = (ct_tests_t){{test_the_content_after_a_restart, test_values_outlive_retention,
                              test_a_forgotten_room_after_a_restart, test_the_states_of_groups_after_a_restart},
        4};
}

void ct_tests_of_later(ct_tests_t *tests) {
    *tests = (ct_tests_t){
        {test_nothing_is_answered_before_it_is_stored, test_too_much_waits, test_a_room_is_used_while_it_is_forgotten,
            test_a_pass_that_fails_takes_with_it_what_follows, test_a_room_could_not_be_forgotten,
            test_nothing_can_be_stored_for_a_while, test_the_end_commits_what_waits},
        7};
}
