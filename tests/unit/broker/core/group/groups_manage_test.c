/* Groups in the relay: rights, options, limits, and what becomes of them and their rooms. */
#include "fixture_groups.h"
#include "group_options.h"

TEST(test_rights_taken_while_entries_are_handed_out) {
    fx_begin();
    fx.durable = true;
    fx.rights = "ann: rwspck *\nbob: rwspck *\nanonymous: rwspck *";
    fx.users[A] = "ann";
    fx.users[B] = "bob";
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_hello(C, "pub");
    fx_group_work(A, 1, "");
    fx_group_publish(1, 1);
    fx_expect_text(A, "work 7 x1: 1/a");
    fx_group_work(B, 1, "");
    fx_set_access("ann: rwspc *\nbob: rwspck *\nanonymous: rwspck *");
    fx_expect(A, "{'op':'dismissed','worker':7,'room':'r','group':'g','reason':'revoked'}");
    fx_expect_texts(B, "work 7 x1: 1/a", "");
    fx_refused(A, "forbidden", WORK, 1, "");
    fx_refused(A, "forbidden", "{'op':'group','room':'r','group':'g','do':'delete'}");
    fx_refused(A, "forbidden", "{'op':'groups','room':'r'}");
    fx_ask(A, "{'op':'groups'}");
    fx_expect(A, "{'op':'groups','groups':[],'more':false}");
}

TEST(test_a_room_for_dead_entries_needs_rights) {
    fx_begin();
    fx.durable = true;
    fx.rights = "ann: rwspck *\nbob: rwspk *\ncat: rspck *";
    fx.users[A] = "ann";
    fx.users[B] = "bob";
    fx.users[C] = "cat";
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_hello(C, "cat");
    fx_group_work(A, 1, ",'dead':'d'");
    fx_refused(B, "forbidden", "{'op':'work','worker':1,'room':'r','group':'h','credit':1,'dead':'d'}");
    fx_refused(C, "forbidden", "{'op':'work','worker':1,'room':'r','group':'h','credit':1,'dead':'d'}");
    fx_refused(B, "forbidden", "{'op':'group','room':'r','group':'g','do':'set','dead':'e'}");
    fx_ask(B, "{'op':'group','room':'r','group':'g','do':'set','time':5000}"); /* the room stays the same */
    fx_expect(B, "{'op':'ok'}");
    fx_ask(B, "{'op':'group','room':'r','group':'g','do':'set','dead':''}");
    fx_expect(B, "{'op':'ok'}");
    fx_refused(B, "forbidden", "{'op':'group','room':'r','group':'g','do':'set','dead':'d'}");
}

TEST(test_pause_resume_seek_delete) {
    fx_group_start(true);
    fx_group_work(A, 1, "");
    fx_answer(C, "{'op':'group','room':'r','group':'g','do':'pause'}", "{'op':'ok','room':'r','group':'g'}");
    fx_group_publish(1, 3);
    fx_expect_silence(A);
    fx_restart();
    fx_hello(A, "ann");
    fx_hello(C, "pub");
    fx_hello(D, "dan");
    fx_ask(A, WORK, 1, "");
    fx_expect(A, "{'op':'working','paused':true}");
    fx_expect_silence(A);
    fx_group_groups("{'paused':true,'backlog':3,'workers':1}");
    fx_answer(C, "{'op':'group','room':'r','group':'g','do':'resume'}", "{'op':'ok'}");
    fx_expect_texts(A, "work 7 x1: 1/a", "");
    fx_answer(C, "{'op':'group','room':'r','group':'g','do':'seek','after':2}", "{'op':'ok'}");
    fx_expect_texts(A, "work 7 x1: 3/c", "");
    fx_answer(C, "{'op':'group','room':'r','group':'g','do':'delete'}", "{'op':'ok'}");
    fx_expect(A, "{'op':'dismissed','reason':'deleted'}");
    fx_refused(C, "no-group", "{'op':'group','room':'r','group':'g','do':'delete'}");
    fx_refused(A, "no-group", WORK, 1, ",'make':false");
    fx_restart();
    fx_hello(A, "ann");
    fx_refused(A, "no-group", WORK, 1, ",'make':false");
}

TEST(test_options_are_shown_and_changed) {
    fx_group_start(true);
    fx_group_work(A, 500, ",'time':5000");
    fx_answer(C, "{'op':'group','room':'r','group':'g','do':'set','each':3,'dead':'d'}", "{'op':'ok'}");
    fx_ask(A, WORK, 500, ",'time':1234");
    fx_expect(A, "{'op':'working','time':5000,'each':3,'dead':'d','credit':3}");
    fx_refused(C, "bad-member", "{'op':'group','room':'r','group':'g','do':'set','each':10001}");
    fx_refused(C, "bad-member", "{'op':'group','room':'r','group':'g','do':'set','dead':'r'}");
    fx_refused(C, "bad-member", "{'op':'group','room':'r','group':'g','do':'dance'}");
    fx_refused(C, "bad-member", "{'op':'group','room':'r','group':'g','do':'seek'}");
}

TEST(test_a_trimmed_room_tells_of_a_loss) {
    fx_begin();
    fx.durable = true;
    fx.limits.room_entries = 2;
    fx_start();
    fx_hello(A, "ann");
    fx_hello(C, "pub");
    fx_hello(D, "dan");
    fx_group_work(A, 0, "");
    for (uint64_t mid = 1; mid <= 5; mid++)
        fx_group_publish(mid, mid);
    fx_ask(A, WORK, 10, "");
    fx_expect(A, "{'op':'working'}");
    fx_expect(A, "{'op':'lost','worker':7,'room':'r','group':'g','count':3}");
    fx_expect_texts(A, "work 7 x1: 4/d 5/e", "");
    fx_group_groups("{'lost':3,'held':2,'seq':5}");
}

TEST(test_entries_that_wait_and_are_trimmed_are_lost) {
    fx_begin();
    fx.durable = true;
    fx.limits.room_entries = 2;
    fx_start();
    fx_hello(A, "ann");
    fx_hello(C, "pub");
    fx_hello(D, "dan");
    fx_group_work(A, 10, ",'backoff':0,'time':1000");
    for (uint64_t mid = 1; mid <= 4; mid++)
        fx_group_publish(mid, mid);
    fx_drop(A);
    fx_pass(1000);
    fx_expect(A, "{'op':'lost','count':2}");
    fx_drop(A);
    fx_group_groups("{'lost':2,'held':2}");
    for (uint64_t mid = 5; mid <= 8; mid++) /* once a second, workers are told of more */
        fx_group_publish(mid, mid);
    for (uint64_t seq = 3; seq <= 4; seq++)
        fx_settle(A, 7, seq, ZR_SETTLE_RETRY, 1, seq, seq);
    fx_drop(A);
    fx_pass(900);
    fx_group_groups("{'lost':4}");
    fx_expect_silence(A);
    fx_pass(100);
    fx_expect(A, "{'op':'lost','count':2}");
}

TEST(test_a_room_with_a_group_is_not_forgotten) {
    fx_begin();
    fx.durable = true;
    fx.config.forget_after_ms = 1000;
    fx_start();
    fx_hello(A, "ann");
    fx_group_work(A, 1, "");
    fx_answer(A, "{'op':'unwork','worker':7}", "{'op':'ok'}");
    relay_forget_idle(fx.relay, fx.now);
    fx.now += 10000000;
    relay_forget_idle(fx.relay, fx.now);
    fx_run();
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 1);
    fx_answer(A, "{'op':'group','room':'r','group':'g','do':'delete'}", "{'op':'ok'}");
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 0);
}

TEST(test_rooms_of_level_none_have_no_groups) {
    static const policy_t policy = {.pattern = "r", .has_level = true, .level = ZR_LEVEL_NONE};
    fx_begin();
    fx.durable = true;
    fx.config.policies = (policies_t){&policy, 1};
    fx_start();
    fx_hello(A, "ann");
    fx_refused(A, "not-kept", WORK, 1, "");
    fx_refused(A, "not-kept", "{'op':'work','room':'x','group':'g','worker':7,'credit':1,'dead':'r'}");
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 0);
}

TEST(test_limits_of_groups_on_both_sides) {
    fx_begin();
    fx.config.max_groups = 3;
    fx.config.max_room_groups = 2;
    fx.config.max_joins = 4;
    fx_start();
    fx_hello(A, "ann");
    fx_answer(A, "{'op':'work','room':'a','group':'1','worker':1,'credit':1}", "{'op':'working'}");
    fx_answer(A, "{'op':'work','room':'a','group':'2','worker':2,'credit':1}", "{'op':'working'}");
    fx_refused(A, "too-many-groups", "{'op':'work','room':'a','group':'3','worker':3,'credit':1}");
    fx_answer(A, "{'op':'work','room':'b','group':'1','worker':3,'credit':1}", "{'op':'working'}");
    fx_refused(A, "too-many-groups", "{'op':'work','room':'c','group':'1','worker':4,'credit':1}");
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 2);
    fx_answer(A, "{'op':'join','room':'a'}", "{'op':'joined'}");
    fx_refused(A, "too-many-joins", "{'op':'work','room':'a','group':'1','worker':9,'credit':1}");
    fx_refused(A, "bad-member", "{'op':'work','room':'b','group':'1','worker':1,'credit':1}");
}

TEST(test_all_entries_of_groups_are_bounded) {
    fx_begin();
    fx.config.max_group_entries = 20;
    fx_start();
    fx_hello(A, "ann");
    fx_hello(C, "pub");
    fx_hello(D, "dan");
    fx_group_work(A, 100, "");
    fx_pub("r");
    for (uint64_t mid = 1; mid <= 30; mid++)
        fx_add(mid, "x");
    fx_send_now(C);
    fx_drop_all(A, C, BACK);
    fx_group_groups("{'held':20,'backlog':30}");
    fx_settle(A, 7, 1, ZR_SETTLE_DONE, 0, 1, 5);
    fx_drop(A);
    fx_group_groups("{'held':20,'backlog':25}");
}

/* The rest waits in the log until some is done. */
TEST(test_the_memory_of_groups_is_bounded) {
    fx_begin();
    fx.config.max_group_bytes = 1;
    fx_start();
    fx_hello(A, "ann");
    fx_hello(C, "pub");
    fx_group_work(A, 1, "");
    for (uint64_t mid = 1; mid <= 4; mid++)
        fx_group_publish(mid, mid);
    fx_expect_text(A, "work 7 x1: 1/a");
    for (uint64_t seq = 1; seq <= 4; seq++) {
        char text[40];
        fx_settle(A, 7, seq, ZR_SETTLE_DONE, 0, seq, seq);
        snprintf(text, sizeof text, "settled 7 #%d 1 memory", (int)seq);
        fx_expect_text(A, text);
        snprintf(text, sizeof text, "work 7 x1: %d/%c", (int)seq + 1, (char)('a' + seq));
        fx_pass(100);
        fx_expect_text(A, seq < 4 ? text : "");
    }
}

TEST(test_options_on_both_sides_of_their_bounds) {
    fx_group_start(true);
    fx_group_work(A, 1, "");
    for (size_t i = 0; i < GROUP_NUMBERS; i++) {
        const group_number_t *number = &group_numbers[i];
        static const char ask[] = "{'op':'group','room':'r','group':'g','do':'set','%s':%llu}";
        fx.now += 1000000;
        fx_ask(C, ask, number->name, (unsigned long long)number->most);
        fx_expect(C, "{'op':'ok'}");
        fx_ask(C, ask, number->name, (unsigned long long)number->least);
        fx_expect(C, "{'op':'ok'}");
        fx_refused(C, "bad-member", ask, number->name, (unsigned long long)number->most + 1);
        if (number->least)
            fx_refused(C, "bad-member", ask, number->name, (unsigned long long)number->least - 1);
    }
}

/* Each is found, works and is stored; a room may have sixteen. */
TEST(test_ten_thousand_groups) {
    fx_begin();
    fx.config.max_rooms = 2000;
    fx.config.max_joins = 20000;
    fx.config.rate_ops = fx.config.rate_control = 0;
    fx_start();
    fx_hello(A, "ann");
    for (unsigned i = 0; i < 10000; i++) {
        fx_say(A, "{'op':'work','room':'r%u','group':'g%u','worker':%u,'credit':1}", i / 16, i % 16, i + 1);
        if (i % 500 == 499)
            fx_run();
    }
    fx_run();
    ck_assert_uint_eq(fx_drop(A), 10000);
    fx_refused(A, "too-many-groups", "{'op':'work','room':'x','group':'g','worker':10001,'credit':1}");
    fx_one_now(A, "r7", 1, "x");
    ck_assert_uint_eq(fx_drop(A), 17); /* the ack, and one entry for each group of the room */
}

TEST(test_a_session_that_is_resumed_keeps_its_entries) {
    fx_group_start(true);
    fx_group_work(A, 2, "");
    fx_group_publish(1, 2);
    fx_expect_text(A, "work 7 x1: 1/a 2/b");
    fx_resume(D, A, "ann");
    fx_ask(D, WORK, 3, "");
    fx_expect(D, "{'op':'working','held':2,'created':false}");
    fx_settle(D, 7, 1, ZR_SETTLE_DONE, 0, 1, 1);
    fx_expect_texts(D, "settled 7 #1 1 disk", "");
}

TEST(test_a_log_in_memory_has_groups_too) {
    fx_group_start(false);
    fx_group_work(A, 2, "");
    fx_group_publish(1, 2);
    fx_expect_text(A, "work 7 x1: 1/a 2/b");
    fx_settle(A, 7, 1, ZR_SETTLE_DONE, 0, 1, 2);
    fx_expect_texts(A, "settled 7 #1 2 memory", "");
    ck_assert_uint_eq(fx.group_count, 0);
}

TEST(test_a_room_without_groups_costs_nothing) {
    fx_group_start(true);
    fx_group_publish(1, 2);
    ck_assert_uint_eq(fx.group_count, 0);
    fx_group_work(A, 0, "");
    ck_assert_uint_eq(fx.group_count, 1);
    fx_group_publish(3, 3);
    ck_assert_uint_eq(fx.group_count, 0); /* nor does one that nobody works on */
}

/* The log answers late: the dead entry is not read yet when the room is taken away. */
TEST(test_dead_entries_when_their_room_is_taken_from_the_options) {
    fx_begin();
    fx.durable = fx.late = true;
    fx_start();
    fx_hello(A, "ann");
    fx_hello(C, "pub");
    fx_hello(D, "dan");
    fx_ask(A, WORK, 2, ",'dead':'d'");
    fx_log_all();
    fx_group_publish(1, 1);
    fx_log_all();
    fx_run();
    fx_drop_all(A, BACK);
    fx_settle(A, 7, 1, ZR_SETTLE_REJECT, 0, 1, 1);
    fx_ask(C, "{'op':'group','room':'r','group':'g','do':'set','dead':''}");
    fx_log_all();
    fx_run();
    fx_log_all();
    fx_expect_silence(BACK); /* nor is it put into a room without a name */
    fx_group_groups("{'died':1,'backlog':0}");
}

TEST(test_groups_of_a_user) {
    fx_begin();
    fx.config.max_user_groups = 2;
    fx.rights = "ann: rwspck *\nbob: rwspck *";
    fx.users[A] = fx.users[B] = "ann";
    fx.users[C] = "bob";
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "ann2");
    fx_hello(C, "bob");
    fx_answer(A, "{'op':'work','room':'a','group':'1','worker':1,'credit':1}", "{'op':'working'}");
    fx_answer(B, "{'op':'work','room':'b','group':'1','worker':1,'credit':1}", "{'op':'working'}");
    fx_refused(A, "too-many-groups", "{'op':'work','room':'c','group':'1','worker':2,'credit':1}");
    fx_answer(A, "{'op':'work','room':'b','group':'1','worker':2,'credit':1}", "{'op':'working','created':false}");
    fx_answer(C, "{'op':'work','room':'c','group':'1','worker':1,'credit':1}", "{'op':'working','created':true}");
    fx_ask(C, "{'op':'group','room':'a','group':'1','do':'delete'}");
    fx_drop_all(A, C, BACK);
    fx_answer(A, "{'op':'work','room':'d','group':'1','worker':3,'credit':1}", "{'op':'working','created':true}");
}

TEST(test_workers_of_a_group) {
    fx_begin();
    fx.config.max_group_workers = 2;
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_group_work(A, 1, "");
    fx_group_work(B, 1, "");
    fx_refused(A, "too-many-workers", "{'op':'work','room':'r','group':'g','worker':8,'credit':1}");
    fx_group_work(A, 2, ""); /* one of them, again */
    fx_answer(A, "{'op':'work','room':'r','group':'h','worker':8,'credit':1}", "{'op':'working','created':true}");
    fx_ask(B, "{'op':'unwork','worker':7}");
    fx_drop(B);
    fx_answer(A, "{'op':'work','room':'r','group':'g','worker':9,'credit':1}", "{'op':'working','created':false}");
}

/* The room keeps two entries, and one of a group that keeps them; see log_memory_test.c. */
TEST(test_a_group_keeps_what_it_has_not_finished) {
    fx_begin();
    fx.limits = (log_memory_limits_t){2, 1 << 20, 1000, 1 << 20};
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_hello(C, "pub");
    fx_hello(D, "dan");
    fx_group_work(A, 1, ",'keep':true");
    for (uint64_t mid = 1; mid <= 9; mid++)
        fx_group_publish(mid, mid);
    fx_expect_text(A, "work 7 x1: 1/a");
    for (uint64_t seq = 1; seq <= 3; seq++)
        fx_settle(A, 7, seq, ZR_SETTLE_DONE, 0, seq, seq);
    fx_drop_all(A, C, BACK);
    fx_group_groups("{'lost':0,'done':3,'keep':true}");
    fx_group_publish(10, 10);
    fx_ask(D, "{'op':'replay','room':'r','after':0}");
    fx_expect_text(D, "replay r 3: 4/d");
    fx_drop_all(D, BACK);
    fx_ask(C, "{'op':'group','room':'r','group':'g','do':'set','keep':false}");
    fx_drop_all(C, BACK);
    fx_group_publish(11, 11);
    fx_ask(D, "{'op':'replay','room':'r','after':0}");
    fx_expect_text(D, "replay r 9: 10/j");
}

UNIT_SUITE_WITH("broker.core.group.groups_manage", fx_start, fx_finish)
