/* Passes that the log could not store: nobody sees anything of them, and everything is as it was. */
#include <stdio.h>

#include "fixture.h"

/* Everything that shows a room's head and values to B. */
static void s_expect_room(const char *room, int head, const char *state) {
    fx_ask(B, "{'op':'join','room':'%s','after':%d}", room, head);
    fx_expect(B, "{'op':'joined','seq':%d,'recovered':true}", head);
    fx_answer(B, "{'op':'ping'}", "{'op':'pong'}");
    ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(fx.last, "heads"), room)), head);
    fx_ask(B, "{'op':'replay','room':'%s','after':%d}", room, head);
    fx_log_all();
    fx_expect(B, "{'op':'replayed','seq':%d,'count':0,'complete':true,'more':false}", head);
    fx_ask(B, "{'op':'state','room':'%s'}", room);
    if (state)
        fx_expect_text(B, state);
    fx_expect(B, "{'op':'ok','seq':%d}", head);
    fx_ask(B, "{'op':'leave','room':'%s'}", room);
    fx_expect(B, "{'op':'ok'}");
    fx_tick();
    fx_drop(BACK);
}

TEST(test_a_pass_that_fails) {
    fx_start_stored();
    fx_one(A, "r", 1, "a");
    fx_store();
    fx_expect_text(BACK, "r 0: 1/a");
    fx_expect_text(A, "ack 1 @1 disk");
    fx_pub("r");
    fx_add(2, "b");
    fx_add_key(3, "k", "c");
    fx_send(A);
    fx_one(B, "s", 1, "d");
    fx_store_fails();
    fx_expect(A, "{'op':'error','code':'store-failed','room':'r','mid':2,'upto':3}");
    fx_expect(B, "{'op':'error','code':'store-failed','room':'s','mid':1}");
    ck_assert_ptr_null(json_object_get(fx.last, "upto"));
    fx_expect_silent(A, B, BACK);
    s_expect_room("r", 1, NULL);
    s_expect_room("s", 0, NULL);
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 1); /* nothing is left of s */
    fx_pub("r");
    fx_add_expect(4, "k", 0, "e");
    fx_send(A);
    fx_one(B, "s", 2, "f");
    fx_store();
    fx_expect_text(BACK, "s 0: 1/f"); /* the positions are given anew, without a gap */
    fx_expect_text(BACK, "r 1: 2/k=e");
    fx_expect_text(A, "ack 4 @2 disk");
    fx_expect_text(B, "ack 2 @1 disk");
}

TEST(test_passes_that_wait_go_with_it) {
    fx_start_stored();
    for (uint64_t mid = 1; mid <= 4; mid++) {
        fx_one(A, mid % 2 ? "r" : "s", mid, "x");
        fx_one(B, "r", mid, "y");
        if (mid == 2)
            fx_log_step(); /* the first is with the log, nothing is stored */
        fx_run();
    }
    while (fx_drop(A) == 0)
        fx_log_step();
    fx_drop(B);
    ck_assert_uint_gt(fx_drop(BACK), 0); /* one pass is stored */
    fx.fail = 1;
    fx_log_all();
    for (uint64_t mid = 2; mid <= 4; mid++) {
        fx_expect(A, "{'op':'error','code':'store-failed','mid':%d}", (int)mid);
        fx_expect(B, "{'op':'error','code':'store-failed','mid':%d}", (int)mid);
    }
    fx_expect_silent(A, B, BACK);
    s_expect_room("r", 2, NULL);
    s_expect_room("s", 0, NULL);
    fx_one(A, "r", 5, "x");
    fx_one(A, "s", 6, "x");
    fx_store();
    fx_expect_texts(BACK, "s 0: 1/x", "r 2: 3/x");
    fx_expect_text(A, "ack 6 @1 disk");
}

TEST(test_a_long_room_over_many_passes) {
    fx_start_stored();
    fx.gap = 3;
    uint64_t mid = 0, bob = 0;
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 6; i++) {
            fx_one_now(A, "r", ++mid, "x");
        }
        fx_store_fails();
        for (int i = 0; i < 6; i++)
            fx_expect_error(A, "store-failed");
        fx_one(B, "r", ++bob, "y");
        fx_store();
        char text[40];
        snprintf(text, sizeof text, "r %d: %d/y", 3 * round, 3 * round + 3);
        fx_expect_text(BACK, text);
        fx_drop(B);
    }
    fx_one(A, "r", 1, "x"); /* refused for good, all of them; the refusals are one */
    fx_one_now(A, "r", 30, "x");
    fx_expect(A, "{'op':'error','code':'store-failed','mid':1}");
    fx_expect(A, "{'op':'error','code':'store-failed','mid':30}");
    fx_expect_silence(A);
}

TEST(test_frames_of_a_pass_that_was_split) {
    fx_begin();
    fx.late = true;
    fx.config.batch_bytes = 60;
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_pub("r");
    for (uint64_t mid = 1; mid <= 5; mid++)
        fx_add_key(mid, mid % 2 ? "k" : "l", "0123456789");
    fx_send(A);
    fx_store_fails();
    fx_expect(A, "{'op':'error','code':'store-failed','mid':1,'upto':5}");
    s_expect_room("r", 0, NULL);
    fx_one(A, "r", 6, "x");
    fx_store();
    fx_expect_text(BACK, "r 0: 1/x");
}

TEST(test_json_publish) {
    fx_start_stored();
    fx_say(A, "{'op':'publish','room':'r','text':'a','mid':1,'id':'x'}");
    fx_say(A, "{'op':'publish','room':'r','text':'b','id':7}");
    fx_say(A, "{'op':'publish','room':'r','text':'c'}");
    fx_store_fails();
    fx_expect(A, "{'op':'error','code':'store-failed','room':'r','mid':1,'re':'x'}");
    fx_expect(A, "{'op':'error','code':'store-failed','room':'r','re':7}");
    ck_assert_ptr_null(json_object_get(fx.last, "mid"));
    fx_expect(A, "{'op':'error','code':'store-failed','room':'r'}");
    ck_assert_ptr_null(json_object_get(fx.last, "re"));
    fx_expect_silence(A);
    fx_ask(A, "{'op':'publish','room':'r','text':'a','mid':1,'id':'y'}");
    fx_expect(A, "{'op':'error','code':'store-failed','room':'r','mid':1,'re':'y'}");
    fx_say(A, "{'op':'publish','room':'r','text':'d','mid':2}");
    fx_store();
    fx_expect(A, "{'op':'ack','mid':2,'seq':1,'level':'disk'}");
}

/* Ids between those of a pass that were refused for another reason were told so, and are not told again. */
TEST(test_refusals_in_between) {
    fx_start_stored();
    fx_pub("r");
    fx_add(1, "a");
    fx_add_expect(2, "k", 9, "b");
    fx_add(3, "c");
    fx_add(4, "d");
    fx_add_expect(5, "k", 0, "e");
    fx_add(6, "f");
    fx_send(A);
    fx_store_fails();
    fx_expect(A, "{'op':'error','code':'conflict','mid':2}");
    fx_expect(A, "{'op':'error','code':'store-failed','mid':1}");
    ck_assert_ptr_null(json_object_get(fx.last, "upto"));
    fx_expect(A, "{'op':'error','code':'store-failed','mid':3,'upto':4}");
    fx_expect(A, "{'op':'error','code':'store-failed','mid':5}");
    ck_assert_ptr_null(json_object_get(fx.last, "upto"));
    fx_expect(A, "{'op':'error','code':'store-failed','mid':6}");
    fx_expect_silence(A);
    fx_pub("r");
    for (uint64_t mid = 1; mid <= 6; mid++)
        fx_add(mid, "x");
    fx_send(A);
    fx_store();
    fx_expect(A, "{'op':'error','code':'store-failed','mid':1}");
    fx_expect(A, "{'op':'error','code':'conflict','mid':2}");
    fx_expect(A, "{'op':'error','code':'store-failed','mid':3,'upto':6}");
    fx_expect_silent(A, BACK);
}

TEST(test_each_room_has_an_error_of_its_own) {
    fx_start_stored();
    fx_one(A, "r", 1, "a");
    fx_one(A, "r", 2, "a");
    fx_one(A, "s", 3, "a");
    fx_one(A, "r", 4, "a");
    fx_store_fails();
    fx_expect(A, "{'op':'error','code':'store-failed','room':'r','mid':1,'upto':2}");
    fx_expect(A, "{'op':'error','code':'store-failed','room':'s','mid':3}");
    fx_expect(A, "{'op':'error','code':'store-failed','room':'r','mid':4}");
    fx_expect_silence(A);
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 0);
    for (uint64_t mid = 5; mid <= 8; mid++) /* stored they are one ack */
        fx_one(A, mid % 2 ? "r" : "s", mid, "a");
    fx_store();
    fx_expect_texts(A, "ack 8 @2 disk", "");
}

/* --- Keys --- */

TEST(test_values_are_set_back) {
    fx_begin();
    fx.late = fx.durable = true;
    fx.config.max_keys = 2;
    fx.config.max_state_bytes = 110;
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_pub("r");
    fx_add_key(1, "k", "old");
    fx_add_key(2, "l", "old");
    fx_send(A);
    fx_store();
    fx_drop_all(A, BACK);
    const char *before = "state r 0: 1/k=old 2/l=old";
    fx_pub("r");
    fx_add_delete(3, "k"); /* makes place for m */
    fx_add_key(4, "m", "new");
    fx_add_key(5, "l", "overwritten, longer");
    fx_add_key(6, "l", "twice");
    fx_add_delete(7, "m");
    fx_add_key(8, "k", "again");
    fx_send_now(A);
    fx_pub("r");
    fx_add_delete(1, "l"); /* and in a later pass */
    fx_add_expect(2, "k", 8, "newer");
    fx_send(B);
    fx_store_fails();
    fx_expect(A, "{'op':'error','code':'store-failed','mid':3,'upto':8}");
    fx_expect(B, "{'op':'error','code':'store-failed','mid':1}");
    fx_expect(B, "{'op':'error','code':'store-failed','mid':2}");
    s_expect_room("r", 2, before);
    /* The limits count what was there: two keys of 35 bytes. */
    fx_pub("r");
    fx_add_key(9, "m", "");
    fx_add_expect(10, "k", 8, "x");
    fx_send(A);
    fx_store();
    fx_expect(A, "{'op':'error','code':'too-many-keys','mid':9}");
    fx_expect(A, "{'op':'error','code':'conflict','mid':10,'seq':1}");
    fx_pub("r");
    fx_add_key(11, "l", "0123456789012345678901234567890123456789012345678901234567890123");
    fx_send(A);
    fx_store();
    fx_expect(A, "{'op':'error','code':'state-full','mid':11}");
    fx_pub("r");
    fx_add_delete(12, "k");
    fx_add_key(13, "m", "new");
    fx_send(A);
    fx_store();
    fx_expect_text(A, "ack 13 @4 disk");
    fx_ask(B, "{'op':'state','room':'r'}");
    fx_expect_text(B, "state r 0: 2/l=old 4/m=new");
}

TEST(test_members_keep_a_room_whose_first_pass_failed) {
    fx_start_stored();
    fx_ask(B, "{'op':'join','room':'r'}");
    fx_drop(B);
    fx_one(A, "r", 1, "a");
    fx_one(A, "s", 2, "a");
    fx_store_fails();
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 1);
    fx_answer(B, "{'op':'rooms'}", "{'rooms':[{'room':'r','seq':0,'count':1}],'more':false}");
    fx_ask(B, "{'op':'leave','room':'r'}");
    fx_tick();
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 0);
}

/* An engine that stores a pass after one that failed would leave readers with positions that never were. */
TEST_ABORTS(test_a_pass_that_outlives_a_failed_one_is_a_bug) {
    fx_begin();
    fx.late = true;
    fx_start();
    fx_hello(A, "ann");
    fx_one_now(A, "r", 1, "a");
    fx_one_now(A, "r", 2, "a");
    fx_log_sink()->stored(fx_log_sink()->ctx, 1, false);
    fx_log_sink()->stored(fx_log_sink()->ctx, 2, true);
}

TEST_ABORTS(test_a_failure_while_a_pass_is_gathered_is_a_bug) {
    fx_begin();
    fx.late = true;
    fx_start();
    fx_hello(A, "ann");
    fx_one_now(A, "r", 1, "a");
    fx_one(A, "r", 2, "a");
    fx_log_sink()->stored(fx_log_sink()->ctx, 1, false);
}

UNIT_SUITE_WITH("broker.core.stored", fx_start, fx_finish)
