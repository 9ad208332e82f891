/* Groups in the relay: entries go to workers, and what they say is stored before it is answered. */
#include "fixture_groups.h"

TEST(test_live_entries_go_to_the_worker) {
    fx_group_start(true);
    fx_group_work(A, 10, "");
    fx_group_publish(1, 3);
    fx_expect_texts(A, "work 7 x1: 1/a 2/b 3/c", "");
    fx_settle(A, 7, 1, ZR_SETTLE_DONE, 0, 1, 3);
    fx_expect_texts(A, "settled 7 #1 3 disk", "");
}

TEST(test_entries_from_before_are_read_from_the_log) {
    fx_group_start(true);
    fx_group_publish(1, 3);
    fx_group_work(A, 2, "");
    fx_expect_texts(A, "work 7 x1: 1/a 2/b", "");
    fx_settle(A, 7, 1, ZR_SETTLE_DONE, 0, 1, 1);
    fx_expect_texts(A, "settled 7 #1 1 disk", "work 7 x1: 3/c", "");
}

TEST(test_now_begins_with_the_next_entry) {
    fx_group_start(true);
    fx_group_publish(1, 3);
    fx_group_work(A, 5, ",'now':true");
    fx_expect_silence(A);
    fx_group_publish(4, 4);
    fx_expect_texts(A, "work 7 x1: 4/d", "");
}

TEST(test_after_begins_behind_it) {
    fx_group_start(true);
    fx_group_publish(1, 3);
    fx_group_work(A, 5, ",'after':2");
    fx_expect_texts(A, "work 7 x1: 3/c", "");
}

TEST(test_two_workers_share) {
    fx_group_start(true);
    fx_group_work(A, 10, "");
    fx_group_work(B, 10, "");
    fx_group_publish(1, 4);
    fx_expect_texts(A, "work 7 x1: 1/a 2/b", "");
    fx_expect_texts(B, "work 7 x1: 3/c 4/d", "");
}

TEST(test_a_slow_worker_holds_nothing_beyond_its_credit) {
    fx_group_start(true);
    fx_group_work(A, 1, "");
    fx_group_work(B, 10, "");
    fx_group_publish(1, 4);
    fx_expect_texts(A, "work 7 x1: 1/a", "");
    fx_expect_texts(B, "work 7 x1: 2/b 3/c", "work 7 x1: 4/d", "");
}

TEST(test_credit_of_zero_and_of_too_much) {
    fx_group_start(true);
    fx_group_work(A, 0, "");
    fx_group_publish(1, 2);
    fx_expect_silence(A);
    fx_refused(A, "bad-member", "{'op':'work','room':'r','group':'g','worker':7,'credit':9007199254740992}");
    fx_ask(A, "{'op':'work','room':'r','group':'g','worker':7,'credit':9007199254740991}");
    fx_expect(A, "{'op':'working','credit':1000,'created':false}");
    fx_expect_texts(A, "work 7 x1: 1/a 2/b", "");
}

TEST(test_time_over_and_back_off_and_dead) {
    fx_group_start(true);
    fx_group_work(A, 10, ",'time':1000,'deliveries':2,'backoff':500,'dead':'r/dead'");
    fx_group_publish(1, 1);
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
    fx_group_groups("{'died':1,'retried':1,'backlog':0,'held':0,'waiting':0}");
}

/* The next entry that the route got: its line is read, and `*rest` is the body of the original entry. */
static json_t *s_dead(route_t route, zr_entry_t *entry, zr_span_t *rest) {
    static zr_blob_t *frame;
    zr_blob_unref(frame);
    frame = NULL;
    for (size_t i = 0; i < fx.seen_count; i++)
        if (!fx.seen[i].taken && fx.seen[i].route == route && fx.seen[i].frame && !frame)
            frame = zr_blob_ref(fx.seen[i].frame);
    fx_text(route);
    zr_deliver_reader_t reader;
    ck_assert(zr_deliver_read(&reader, zr_span_of(zr_blob_data(frame), zr_blob_len(frame))));
    ck_assert(zr_deliver_next(&reader, entry));
    *rest = entry->body;
    zr_span_t line = zr_span_cut(rest, '\n');
    json_t *about = NULL;
    ck_assert_int_eq(zr_control_read(line, &about), ZR_OK);
    return about;
}

TEST(test_a_dead_entry_says_where_it_came_from) {
    fx_group_start(true);
    fx_group_work(A, 10, ",'dead':'d'");
    fx_group_publish_key(1, "k", "poison");
    fx_expect_text(A, "work 7 x1: 1/poison");
    fx_ask(B, "{'op':'join','room':'d'}");
    fx_settle(A, 7, 1, ZR_SETTLE_REJECT, 0, 1, 1);
    fx_expect_texts(A, "settled 7 #1 1 disk", "");
    fx_text(BACK);
    ck_assert_uint_eq(fx.appended.last, 1);
    fx_ask(C, "{'op':'replay','room':'d','after':0}");
    zr_entry_t entry;
    zr_span_t rest;
    json_t *about = s_dead(C, &entry, &rest);
    ck_assert_str_eq(json_string_value(json_object_get(about, "room")), "r");
    ck_assert_str_eq(json_string_value(json_object_get(about, "group")), "g");
    ck_assert_str_eq(json_string_value(json_object_get(about, "key")), "k");
    ck_assert_str_eq(json_string_value(json_object_get(about, "reason")), "rejected");
    ck_assert_ptr_null(json_object_get(about, "text"));
    ck_assert_int_eq(json_integer_value(json_object_get(about, "deliveries")), 1);
    json_decref(about);
    ck_assert(zr_span_equal(rest, zr_span("poison")));
    ck_assert(zr_span_equal(entry.sender, zr_span("pub")));
    ck_assert_uint_eq(entry.key.len, 0);
}

static void s_expect_reason(route_t route, const char *reason) {
    zr_entry_t entry;
    zr_span_t rest;
    json_t *about = s_dead(route, &entry, &rest);
    ck_assert_str_eq(json_string_value(json_object_get(about, "reason")), "rejected");
    ck_assert_str_eq(json_string_value(json_object_get(about, "text")), reason);
    json_decref(about);
}

TEST(test_a_dead_entry_says_why_it_was_rejected) {
    fx_group_start(true);
    fx_group_work(A, 10, ",'dead':'d'");
    fx_group_publish(1, 1);
    fx_drop(A);
    fx_reject(A, 7, 1, 1, "no \"card\"");
    fx_drop_all(A, BACK);
    fx_ask(C, "{'op':'replay','room':'d','after':0}");
    s_expect_reason(C, "no \"card\"");
}

/* The entry is rejected, and cannot be put into the other room before the broker ends. */
TEST(test_a_reason_survives_a_restart) {
    fx_begin();
    fx.durable = true;
    fx.config.max_rooms = 1;
    fx_start();
    fx_hello(A, "ann");
    fx_hello(C, "pub");
    fx_group_work(A, 10, ",'dead':'d'");
    fx_group_publish(1, 1);
    fx_drop(A);
    fx_reject(A, 7, 1, 1, "why");
    fx_expect_texts(A, "settled 7 #1 1 disk", "");
    fx.config.max_rooms = 9;
    fx_restart();
    fx_pass(1000);
    fx_text(BACK);
    fx_hello(C, "pub");
    fx_ask(C, "{'op':'replay','room':'d','after':0}");
    s_expect_reason(C, "why");
}

TEST(test_what_a_worker_never_saw_goes_back_uncounted) {
    fx_group_start(true);
    fx_group_work(A, 1, ",'deliveries':2,'dead':'r/dead'");
    fx_group_publish(1, 1);
    for (uint64_t i = 1; i <= 5; i++) {
        char text[40];
        fx_expect_text(A, "work 7 x1: 1/a");
        fx_settle(A, 7, i, ZR_SETTLE_RETURN, 0, 1, ZR_INT_MAX);
        snprintf(text, sizeof text, "settled 7 #%d 1 disk", (int)i);
        fx_expect_text(A, text);
    }
    fx_expect_text(A, "work 7 x1: 1/a");
    fx_hello(D, "dan");
    fx_group_groups("{'retried':0,'died':0,'held':1}");
}

TEST(test_a_settle_that_comes_again_takes_nothing_back) {
    fx_group_start(true);
    fx_group_work(A, 1, "");
    fx_group_publish(1, 1);
    fx_expect_text(A, "work 7 x1: 1/a");
    fx_settle(A, 7, 1, ZR_SETTLE_RETURN, 0, 1, ZR_INT_MAX);
    fx_expect_text(A, "settled 7 #1 1 disk");
    fx_expect_text(A, "work 7 x1: 1/a");
    fx_settle(A, 7, 1, ZR_SETTLE_RETURN, 0, 1, ZR_INT_MAX);
    fx_expect_text(A, "settled 7 #1 0 disk");
    fx_settle(A, 7, 0, ZR_SETTLE_RETRY, 0, 1, 1);
    fx_expect_text(A, "settled 7 #0 0 disk");
    fx_settle(A, 7, 1, ZR_SETTLE_DONE, 0, 1, 1);
    fx_expect_text(A, "settled 7 #1 1 disk");
    fx_expect_text(A, "");
}

TEST(test_a_session_that_ends_gives_back_at_once) {
    fx_group_start(true);
    fx_group_work(A, 2, "");
    fx_group_work(B, 0, "");
    fx_group_publish(1, 2);
    fx_expect_text(A, "work 7 x1: 1/a 2/b");
    fx_ask(B, WORK, 5, "");
    fx_drop(B);
    fx_be_silent(fx.sessions[A]);
    fx_run();
    fx_expect_texts(B, "work 7 x2: 1/a 2/b", "");
}

TEST(test_a_worker_that_dies_in_a_loop_does_not_kill_the_group) {
    fx_group_start(true);
    for (int i = 0; i < 5; i++) {
        fx_group_work(A, 1, i ? "" : ",'deliveries':5");
        if (i == 0)
            fx_group_publish(1, 1);
        char text[40];
        snprintf(text, sizeof text, "work 7 x%d: 1/a", i + 1);
        fx_expect_text(A, text);
        fx_ask(A, "{'op':'bye'}");
        fx_drop(A);
        fx_hello(A, "ann");
    }
    fx_group_publish(2, 2);
    fx_group_work(A, 1, "");
    fx_expect_texts(A, "work 7 x1: 2/b", "");
}

TEST(test_unwork_gives_back_and_the_delivery_does_not_count) {
    fx_group_start(true);
    fx_group_work(A, 1, "");
    fx_group_publish(1, 1);
    fx_expect_text(A, "work 7 x1: 1/a");
    fx_answer(A, "{'op':'unwork','worker':7}", "{'op':'ok'}");
    fx_refused(A, "no-group", "{'op':'unwork','worker':7}");
    fx_group_work(B, 1, "");
    fx_expect_texts(B, "work 7 x1: 1/a", "");
    fx_settle(A, 7, 3, ZR_SETTLE_DONE, 0, 1, 1);
    fx_expect(A, "{'op':'error','code':'no-group','worker':7,'settle':3}");
}

TEST(test_foreign_entries_and_doubles_are_told_apart) {
    fx_group_start(true);
    fx_group_work(A, 1, "");
    fx_group_work(B, 1, "");
    fx_group_publish(1, 3);
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
    fx_group_start(true);
    fx_group_work(A, 1, ",'time':1000");
    fx_group_publish(1, 1);
    fx_drop(A);
    fx_pass(1000);
    fx_settle(A, 7, 1, ZR_SETTLE_DONE, 0, 1, 1);
    fx_expect_texts(A, "settled 7 #1 1 disk", "");
    fx_pass(100000);
    fx_expect_silence(A);
}

TEST(test_extend) {
    fx_group_start(true);
    fx_group_work(A, 3, ",'time':1000,'backoff':0");
    fx_group_publish(1, 2);
    fx_drop(A);
    fx_settle(A, 7, 1, ZR_SETTLE_EXTEND, 5000, 1, 9);
    fx_expect_text(A, "settled 7 #1 2 disk");
    fx_pass(4999);
    fx_expect_silence(A);
    fx_pass(1);
    fx_expect_texts(A, "work 7 x2: 1/a 2/b", "");
}

TEST(test_retry_waits_as_the_worker_says) {
    fx_group_start(true);
    fx_group_work(A, 3, "");
    fx_group_publish(1, 1);
    fx_drop(A);
    fx_settle(A, 7, 1, ZR_SETTLE_RETRY, 7000, 1, 1);
    fx_expect_text(A, "settled 7 #1 1 disk");
    fx_pass(6999);
    fx_expect_silence(A);
    fx_pass(1);
    fx_expect_texts(A, "work 7 x2: 1/a", "");
}

TEST(test_ordered_by_key) {
    fx_group_start(true);
    fx_group_work(A, 10, ",'ordered':true,'backoff':0");
    fx_group_work(B, 10, "");
    fx_group_publish_key(1, "x", "1");
    fx_group_publish_key(2, "x", "2");
    fx_group_publish_key(3, "y", "3");
    fx_group_publish_key(4, "x", "4");
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
    fx_group_start(true);
    fx_group_work(A, 1, ",'time':1000,'backoff':0");
    fx_group_publish(1, 1);
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
    fx_group_start(true);
    fx_group_work(A, 3, "");
    fx_group_publish(1, 5);
    fx_expect_text(A, "work 7 x1: 1/a 2/b 3/c");
    fx_settle(A, 7, 1, ZR_SETTLE_DONE, 0, 2, 2);
    fx_drop(A);
    fx_restart();
    fx_hello(A, "ann");
    fx_group_work(A, 10, "");
    fx_expect_texts(A, "work 7 x2: 1/a 3/c", "work 7 x1: 4/d 5/e", "");
}

TEST(test_what_was_not_stored_is_handed_out_again) {
    fx_group_start(true);
    fx_group_work(A, 3, "");
    fx_group_publish(1, 2);
    fx_drop(A);
    fx.late = true;
    fx_settle(A, 7, 1, ZR_SETTLE_DONE, 0, 1, 2);
    fx_expect_silence(A); /* the disk takes its time */
    fx_restart();
    fx_log_all();
    fx.late = false;
    fx_hello(A, "ann");
    fx_group_work(A, 10, "");
    fx_expect_texts(A, "work 7 x1: 1/a 2/b", "");
}

TEST(test_a_full_disk_refuses_the_settling_and_it_can_be_sent_again) {
    fx_group_start(true);
    fx_group_work(A, 3, "");
    fx_group_publish(1, 2);
    fx_drop(A);
    fx.fail = 1;
    fx_settle(A, 7, 1, ZR_SETTLE_DONE, 0, 1, 1);
    fx_expect(A, "{'op':'error','code':'store-failed','worker':7,'settle':1}");
    fx_settle(A, 7, 2, ZR_SETTLE_DONE, 0, 1, 1);
    fx_expect_text(A, "settled 7 #2 0 disk 1=settled");
    fx_restart();
    fx_hello(A, "ann");
    fx_group_work(A, 10, "");
    fx_expect_texts(A, "work 7 x2: 2/b", "");
}

TEST(test_a_full_disk_keeps_dead_entries) {
    fx_group_start(true);
    fx_group_work(A, 3, ",'dead':'d'");
    fx_group_publish(1, 1);
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
    fx_group_start(true);
    fx.fail = 1;
    fx_ask(A, WORK, 3, ",'id':4");
    fx_expect(A, "{'op':'error','code':'store-failed','re':4}");
    fx_expect(A, "{'op':'dismissed','worker':7,'reason':'deleted'}");
    fx_group_publish(1, 1);
    fx_expect_silence(A);
    fx_group_work(A, 3, "");
    fx_expect_texts(A, "work 7 x1: 1/a", "");
}

UNIT_SUITE_WITH("broker.core.group.groups", fx_start, fx_finish)
