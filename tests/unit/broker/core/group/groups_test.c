/* Groups in the relay: entries go to workers, and what they say is stored before it is answered. */
#include "fixture.h"
#include "group_options.h"

#define WORK "{'op':'work','room':'r','group':'g','worker':7,'credit':%d%s}"

static void s_start(bool durable) {
    fx_begin();
    fx.durable = durable;
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_hello(C, "pub");
}

static void s_work(route_t route, int credit, const char *options) {
    fx_ask(route, WORK, credit, options);
    fx_expect(route, "{'op':'working','room':'r','group':'g','worker':7}");
}

static void s_publish(uint64_t first, uint64_t last) {
    fx_pub("r");
    for (uint64_t mid = first; mid <= last; mid++) {
        char body[8];
        snprintf(body, sizeof body, "%c", (char)('a' + mid - 1));
        fx_add(mid, body);
    }
    fx_send_now(C);
    fx_drop_all(C, BACK);
}

static void s_publish_key(uint64_t mid, const char *key, const char *body) {
    fx_pub("r");
    fx_add_key(mid, key, body);
    fx_send_now(C);
    fx_drop_all(C, BACK);
}

static void s_groups(const char *members) {
    fx_ask(D, "{'op':'groups','room':'r'}");
    fx_expect(D, "{'op':'groups','more':false}");
    json_t *row = json_incref(json_array_get(json_object_get(fx.last, "groups"), 0));
    char text[1000];
    snprintf(text, sizeof text, "%s", members);
    unit_quotes(text);
    json_t *wanted = json_loads(text, 0, NULL), *value;
    const char *name;
    char *got = json_dumps(row, JSON_COMPACT);
    json_object_foreach(wanted, name, value)
        ck_assert_msg(json_equal(json_object_get(row, name), value), "%s is not %s", got, text);
    free(got);
    json_decref(wanted);
    json_decref(row);
}

TEST(test_live_entries_go_to_the_worker) {
    s_start(true);
    s_work(A, 10, "");
    s_publish(1, 3);
    fx_expect_texts(A, "work 7 x1: 1/a 2/b 3/c", "");
    fx_settle(A, 7, 1, ZR_SETTLE_DONE, 0, 1, 3);
    fx_expect_texts(A, "settled 7 #1 3 disk", "");
}

TEST(test_entries_from_before_are_read_from_the_log) {
    s_start(true);
    s_publish(1, 3);
    s_work(A, 2, "");
    fx_expect_texts(A, "work 7 x1: 1/a 2/b", "");
    fx_settle(A, 7, 1, ZR_SETTLE_DONE, 0, 1, 1);
    fx_expect_texts(A, "settled 7 #1 1 disk", "work 7 x1: 3/c", "");
}

TEST(test_now_begins_with_the_next_entry) {
    s_start(true);
    s_publish(1, 3);
    s_work(A, 5, ",'now':true");
    fx_expect_silence(A);
    s_publish(4, 4);
    fx_expect_texts(A, "work 7 x1: 4/d", "");
}

TEST(test_after_begins_behind_it) {
    s_start(true);
    s_publish(1, 3);
    s_work(A, 5, ",'after':2");
    fx_expect_texts(A, "work 7 x1: 3/c", "");
}

TEST(test_two_workers_share) {
    s_start(true);
    s_work(A, 10, "");
    s_work(B, 10, "");
    s_publish(1, 4);
    fx_expect_texts(A, "work 7 x1: 1/a 2/b", "");
    fx_expect_texts(B, "work 7 x1: 3/c 4/d", "");
}

TEST(test_a_slow_worker_holds_nothing_beyond_its_credit) {
    s_start(true);
    s_work(A, 1, "");
    s_work(B, 10, "");
    s_publish(1, 4);
    fx_expect_texts(A, "work 7 x1: 1/a", "");
    fx_expect_texts(B, "work 7 x1: 2/b 3/c", "work 7 x1: 4/d", "");
}

TEST(test_credit_of_zero_and_of_too_much) {
    s_start(true);
    s_work(A, 0, "");
    s_publish(1, 2);
    fx_expect_silence(A);
    fx_refused(A, "bad-member", "{'op':'work','room':'r','group':'g','worker':7,'credit':9007199254740992}");
    fx_ask(A, "{'op':'work','room':'r','group':'g','worker':7,'credit':9007199254740991}");
    fx_expect(A, "{'op':'working','credit':1000,'created':false}");
    fx_expect_texts(A, "work 7 x1: 1/a 2/b", "");
}

TEST(test_time_over_and_back_off_and_dead) {
    s_start(true);
    s_work(A, 10, ",'time':1000,'deliveries':2,'backoff':500,'dead':'r/dead'");
    s_publish(1, 1);
    fx_expect_text(A, "work 7 x1: 1/a");
    fx_pass(999);
    fx_expect_silence(A);
    fx_pass(1);
    fx_expect_silence(A);
    fx_settle(A, 7, 1, ZR_SETTLE_RETRY, 0, 1, 1);
    fx_expect_texts(A, "settled 7 #1 0 disk 1=waiting", "");
    fx_pass(499);
    fx_expect_silence(A);
    fx_pass(1);
    fx_expect_texts(A, "work 7 x2: 1/a", "");
    fx_pass(1000);
    fx_expect_silence(A);
    fx_ask(C, "{'op':'replay','room':'r/dead','after':0}");
    ck_assert_ptr_nonnull(strstr(fx_text(C), "replay r/dead 0: 1/<"));
    fx_hello(D, "dan");
    s_groups("{'died':1,'retried':1,'backlog':0,'held':0,'waiting':0}");
}

TEST(test_a_dead_entry_says_where_it_came_from) {
    s_start(true);
    s_work(A, 10, ",'dead':'d'");
    s_publish_key(1, "k", "poison");
    fx_expect_text(A, "work 7 x1: 1/poison");
    fx_ask(B, "{'op':'join','room':'d'}");
    fx_settle(A, 7, 1, ZR_SETTLE_REJECT, 0, 1, 1);
    fx_expect_texts(A, "settled 7 #1 1 disk", "");
    fx_text(BACK);
    ck_assert_uint_eq(fx.appended.last, 1);
    fx_ask(C, "{'op':'replay','room':'d','after':0}");
    zr_blob_t *frame = NULL;
    for (size_t i = 0; i < fx.seen_count; i++)
        if (!fx.seen[i].taken && fx.seen[i].route == C && fx.seen[i].frame && !frame)
            frame = fx.seen[i].frame;
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    ck_assert(zr_deliver_read(&reader, zr_span_of(zr_blob_data(frame), zr_blob_len(frame))));
    ck_assert(zr_deliver_next(&reader, &entry));
    zr_span_t rest = entry.body, line = zr_span_cut(&rest, '\n');
    json_t *about = NULL;
    ck_assert_int_eq(zr_control_read(line, &about), ZR_OK);
    ck_assert_str_eq(json_string_value(json_object_get(about, "room")), "r");
    ck_assert_str_eq(json_string_value(json_object_get(about, "group")), "g");
    ck_assert_str_eq(json_string_value(json_object_get(about, "key")), "k");
    ck_assert_str_eq(json_string_value(json_object_get(about, "reason")), "rejected");
    ck_assert_int_eq(json_integer_value(json_object_get(about, "deliveries")), 1);
    json_decref(about);
    ck_assert(zr_span_equal(rest, zr_span("poison")));
    ck_assert(zr_span_equal(entry.sender, zr_span("pub")));
    ck_assert_uint_eq(entry.key.len, 0);
}

TEST(test_a_session_that_ends_gives_back_at_once) {
    s_start(true);
    s_work(A, 2, "");
    s_work(B, 0, "");
    s_publish(1, 2);
    fx_expect_text(A, "work 7 x1: 1/a 2/b");
    fx_ask(B, WORK, 5, "");
    fx_drop(B);
    fx_be_silent(fx.sessions[A]);
    fx_run();
    fx_expect_texts(B, "work 7 x2: 1/a 2/b", "");
}

TEST(test_a_worker_that_dies_in_a_loop_does_not_kill_the_group) {
    s_start(true);
    for (int i = 0; i < 5; i++) {
        s_work(A, 1, i ? "" : ",'deliveries':5");
        if (i == 0)
            s_publish(1, 1);
        char text[40];
        snprintf(text, sizeof text, "work 7 x%d: 1/a", i + 1);
        fx_expect_text(A, text);
        fx_ask(A, "{'op':'bye'}");
        fx_drop(A);
        fx_hello(A, "ann");
    }
    s_publish(2, 2);
    s_work(A, 1, "");
    fx_expect_texts(A, "work 7 x1: 2/b", "");
}

TEST(test_unwork_gives_back_and_the_delivery_does_not_count) {
    s_start(true);
    s_work(A, 1, "");
    s_publish(1, 1);
    fx_expect_text(A, "work 7 x1: 1/a");
    fx_answer(A, "{'op':'unwork','worker':7}", "{'op':'ok'}");
    fx_refused(A, "no-group", "{'op':'unwork','worker':7}");
    s_work(B, 1, "");
    fx_expect_texts(B, "work 7 x1: 1/a", "");
    fx_settle(A, 7, 3, ZR_SETTLE_DONE, 0, 1, 1);
    fx_expect(A, "{'op':'error','code':'no-group','worker':7,'settle':3}");
}

TEST(test_foreign_entries_and_doubles_are_told_apart) {
    s_start(true);
    s_work(A, 1, "");
    s_work(B, 1, "");
    s_publish(1, 3);
    fx_drop_all(A, B);
    fx_settle(A, 7, 1, ZR_SETTLE_DONE, 0, 2, 2);
    fx_expect_text(A, "settled 7 #1 0 disk 2=taken");
    fx_settle(A, 7, 2, ZR_SETTLE_DONE, 0, 1, 1);
    fx_expect_texts(A, "settled 7 #2 1 disk", "work 7 x1: 3/c");
    fx_settle(A, 7, 3, ZR_SETTLE_DONE, 0, 1, 1);
    fx_expect_text(A, "settled 7 #3 0 disk 1=settled");
    fx_settle(A, 7, 4, ZR_SETTLE_DONE, 0, 99, 99);
    fx_expect_text(A, "settled 7 #4 0 disk 99=ahead");
    fx_settle(A, 7, 5, ZR_SETTLE_DONE, 0, 1, (1ULL << 53) - 1);
    fx_expect_texts(A, "settled 7 #5 1 disk", "");
}

TEST(test_done_after_the_time_counts_if_nobody_else_has_it) {
    s_start(true);
    s_work(A, 1, ",'time':1000");
    s_publish(1, 1);
    fx_drop(A);
    fx_pass(1000);
    fx_settle(A, 7, 1, ZR_SETTLE_DONE, 0, 1, 1);
    fx_expect_texts(A, "settled 7 #1 1 disk", "");
    fx_pass(100000);
    fx_expect_silence(A);
}

TEST(test_extend) {
    s_start(true);
    s_work(A, 3, ",'time':1000,'backoff':0");
    s_publish(1, 2);
    fx_drop(A);
    fx_settle(A, 7, 1, ZR_SETTLE_EXTEND, 5000, 1, 9);
    fx_expect_text(A, "settled 7 #1 2 disk");
    fx_pass(4999);
    fx_expect_silence(A);
    fx_pass(1);
    fx_expect_texts(A, "work 7 x2: 1/a 2/b", "");
}

TEST(test_retry_waits_as_the_worker_says) {
    s_start(true);
    s_work(A, 3, "");
    s_publish(1, 1);
    fx_drop(A);
    fx_settle(A, 7, 1, ZR_SETTLE_RETRY, 7000, 1, 1);
    fx_expect_text(A, "settled 7 #1 1 disk");
    fx_pass(6999);
    fx_expect_silence(A);
    fx_pass(1);
    fx_expect_texts(A, "work 7 x2: 1/a", "");
}

TEST(test_ordered_by_key) {
    s_start(true);
    s_work(A, 10, ",'ordered':true,'backoff':0");
    s_work(B, 10, "");
    s_publish_key(1, "x", "1");
    s_publish_key(2, "x", "2");
    s_publish_key(3, "y", "3");
    s_publish_key(4, "x", "4");
    fx_expect_texts(A, "work 7 x1: 1/1", "");
    fx_expect_texts(B, "work 7 x1: 3/3", "");
    fx_settle(A, 7, 1, ZR_SETTLE_RETRY, 0, 1, 1);
    fx_expect_text(A, "settled 7 #1 1 disk");
    fx_expect_texts(A, "work 7 x2: 1/1", "");
    fx_settle(A, 7, 2, ZR_SETTLE_DONE, 0, 1, 1);
    fx_expect_text(A, "settled 7 #2 1 disk");
    fx_expect_silence(A);
    fx_expect_texts(B, "work 7 x1: 2/2", "");
}

TEST(test_clock_jumps_do_not_matter) {
    s_start(true);
    s_work(A, 1, ",'time':1000,'backoff':0");
    s_publish(1, 1);
    fx_drop(A);
    fx.now += 1000000000000;
    fx_pass(500);
    fx_expect_silence(A);
    fx.now -= 2000000000000;
    fx_pass(499);
    fx_expect_silence(A);
    fx_pass(1);
    fx_expect_texts(A, "work 7 x2: 1/a", "");
}

TEST(test_state_survives_a_restart) {
    s_start(true);
    s_work(A, 3, "");
    s_publish(1, 5);
    fx_expect_text(A, "work 7 x1: 1/a 2/b 3/c");
    fx_settle(A, 7, 1, ZR_SETTLE_DONE, 0, 2, 2);
    fx_drop(A);
    fx_restart();
    fx_hello(A, "ann");
    s_work(A, 10, "");
    fx_expect_texts(A, "work 7 x2: 1/a 3/c", "work 7 x1: 4/d 5/e", "");
}

TEST(test_what_was_not_stored_is_handed_out_again) {
    s_start(true);
    s_work(A, 3, "");
    s_publish(1, 2);
    fx_drop(A);
    fx.late = true;
    fx_settle(A, 7, 1, ZR_SETTLE_DONE, 0, 1, 2);
    fx_expect_silence(A); /* the disk takes its time */
    fx_restart();
    fx_log_all();
    fx.late = false;
    fx_hello(A, "ann");
    s_work(A, 10, "");
    fx_expect_texts(A, "work 7 x1: 1/a 2/b", "");
}

TEST(test_a_full_disk_refuses_the_settling_and_it_can_be_sent_again) {
    s_start(true);
    s_work(A, 3, "");
    s_publish(1, 2);
    fx_drop(A);
    fx.fail = 1;
    fx_settle(A, 7, 1, ZR_SETTLE_DONE, 0, 1, 1);
    fx_expect(A, "{'op':'error','code':'store-failed','worker':7,'settle':1}");
    fx_settle(A, 7, 2, ZR_SETTLE_DONE, 0, 1, 1);
    fx_expect_text(A, "settled 7 #2 0 disk 1=settled");
    fx_restart();
    fx_hello(A, "ann");
    s_work(A, 10, "");
    fx_expect_texts(A, "work 7 x2: 2/b", "");
}

TEST(test_a_full_disk_keeps_dead_entries) {
    s_start(true);
    s_work(A, 3, ",'dead':'d'");
    s_publish(1, 1);
    fx_drop(A);
    fx.fail = 2; /* the settling, and the burial */
    fx_settle(A, 7, 1, ZR_SETTLE_REJECT, 0, 1, 1);
    fx_drop_all(A, BACK);
    fx_pass(100);
    fx_pass(1000);
    fx_pass(1000);
    ck_assert_uint_eq(fx.fail, 0);
    fx_ask(C, "{'op':'replay','room':'d','after':0}");
    ck_assert_ptr_nonnull(strstr(fx_text(C), "replay d 0: 1/<"));
}

TEST(test_a_group_that_could_not_be_stored_is_not_there) {
    s_start(true);
    fx.fail = 1;
    fx_ask(A, WORK, 3, ",'id':4");
    fx_expect(A, "{'op':'error','code':'store-failed','re':4}");
    fx_expect(A, "{'op':'dismissed','worker':7,'reason':'deleted'}");
    s_publish(1, 1);
    fx_expect_silence(A);
    s_work(A, 3, "");
    fx_expect_texts(A, "work 7 x1: 1/a", "");
}

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
    s_work(A, 1, "");
    s_publish(1, 1);
    fx_expect_text(A, "work 7 x1: 1/a");
    s_work(B, 1, "");
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
    s_work(A, 1, ",'dead':'d'");
    fx_refused(B, "forbidden", "{'op':'work','worker':1,'room':'r','group':'h','credit':1,'dead':'d'}");
    fx_refused(C, "forbidden", "{'op':'work','worker':1,'room':'r','group':'h','credit':1,'dead':'d'}");
    fx_refused(B, "forbidden", "{'op':'group','room':'r','group':'g','do':'set','dead':'e'}");
}

TEST(test_pause_resume_seek_delete) {
    s_start(true);
    s_work(A, 1, "");
    fx_answer(C, "{'op':'group','room':'r','group':'g','do':'pause'}", "{'op':'ok','room':'r','group':'g'}");
    s_publish(1, 3);
    fx_expect_silence(A);
    fx_restart();
    fx_hello(A, "ann");
    fx_hello(C, "pub");
    fx_hello(D, "dan");
    fx_ask(A, WORK, 1, "");
    fx_expect(A, "{'op':'working','paused':true}");
    fx_expect_silence(A);
    s_groups("{'paused':true,'backlog':3,'workers':1}");
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
    s_start(true);
    s_work(A, 500, ",'time':5000");
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
    s_work(A, 0, "");
    for (uint64_t mid = 1; mid <= 5; mid++)
        s_publish(mid, mid);
    fx_ask(A, WORK, 10, "");
    fx_drop(A);
    s_groups("{'lost':3,'held':2,'seq':5}");
}

TEST(test_entries_that_wait_and_are_trimmed_are_lost) {
    fx_begin();
    fx.durable = true;
    fx.limits.room_entries = 2;
    fx_start();
    fx_hello(A, "ann");
    fx_hello(C, "pub");
    fx_hello(D, "dan");
    s_work(A, 10, ",'backoff':0,'time':1000");
    for (uint64_t mid = 1; mid <= 4; mid++)
        s_publish(mid, mid);
    fx_pass(1000);
    fx_drop(A);
    s_groups("{'lost':2,'held':2}");
}

TEST(test_a_room_with_a_group_is_not_forgotten) {
    fx_begin();
    fx.durable = true;
    fx.config.forget_after_ms = 1000;
    fx_start();
    fx_hello(A, "ann");
    s_work(A, 1, "");
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
    s_work(A, 100, "");
    fx_pub("r");
    for (uint64_t mid = 1; mid <= 30; mid++)
        fx_add(mid, "x");
    fx_send_now(C);
    fx_drop_all(A, C, BACK);
    s_groups("{'held':20,'backlog':30}");
    fx_settle(A, 7, 1, ZR_SETTLE_DONE, 0, 1, 5);
    fx_drop(A);
    s_groups("{'held':20,'backlog':25}");
}

/* The rest waits in the log until some is done. */
TEST(test_the_memory_of_groups_is_bounded) {
    fx_begin();
    fx.config.max_group_bytes = 1;
    fx_start();
    fx_hello(A, "ann");
    fx_hello(C, "pub");
    s_work(A, 1, "");
    for (uint64_t mid = 1; mid <= 4; mid++)
        s_publish(mid, mid);
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
    s_start(true);
    s_work(A, 1, "");
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
    s_start(true);
    s_work(A, 2, "");
    s_publish(1, 2);
    fx_expect_text(A, "work 7 x1: 1/a 2/b");
    fx_resume(D, A, "ann");
    fx_ask(D, WORK, 3, "");
    fx_expect(D, "{'op':'working','held':2,'created':false}");
    fx_settle(D, 7, 1, ZR_SETTLE_DONE, 0, 1, 1);
    fx_expect_texts(D, "settled 7 #1 1 disk", "");
}

TEST(test_a_log_in_memory_has_groups_too) {
    s_start(false);
    s_work(A, 2, "");
    s_publish(1, 2);
    fx_expect_text(A, "work 7 x1: 1/a 2/b");
    fx_settle(A, 7, 1, ZR_SETTLE_DONE, 0, 1, 2);
    fx_expect_texts(A, "settled 7 #1 2 memory", "");
    ck_assert_uint_eq(fx.group_count, 0);
}

TEST(test_a_room_without_groups_costs_nothing) {
    s_start(true);
    s_publish(1, 2);
    ck_assert_uint_eq(fx.group_count, 0);
    s_work(A, 0, "");
    ck_assert_uint_eq(fx.group_count, 1);
    s_publish(3, 3);
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
    s_publish(1, 1);
    fx_log_all();
    fx_run();
    fx_drop_all(A, BACK);
    fx_settle(A, 7, 1, ZR_SETTLE_REJECT, 0, 1, 1);
    fx_ask(C, "{'op':'group','room':'r','group':'g','do':'set','dead':''}");
    fx_log_all();
    fx_run();
    fx_log_all();
    fx_expect_silence(BACK); /* nor is it put into a room without a name */
    s_groups("{'died':1,'backlog':0}");
}

UNIT_SUITE_WITH("broker.core.group.groups", fx_start, fx_finish)
