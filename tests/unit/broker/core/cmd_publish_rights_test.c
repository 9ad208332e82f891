/* Entries that may not be where they are sent, in both forms of publish. */
#include "fixture.h"

static access_t *s_access(void) {
    return fx_access("ann: rwspc *\nbob: wc *, s keyed*, !w mute, !c old*\n");
}

/* Bob writes, keys only in rooms keyed…, nothing in mute, and in rooms old… only if they are there. */
static void s_begin(void) {
    fx_begin();
    fx.access = s_access;
    fx.private = true;
    fx_start();
    fx.users[A] = "ann";
    fx.users[B] = "bob";
    fx_hello(A, "ann");
    fx_hello(B, "bob");
}

START_TEST(test_no_right_to_write) {
    s_begin();
    fx_pub("mute");
    for (uint64_t mid = 1; mid <= 3; mid++)
        fx_add(mid, "x");
    fx_send(B);
    fx_run();
    fx_expect(B, "{'op':'error','code':'forbidden','room':'mute','mid':1,'upto':3}");
    fx_expect_silence(B);
    fx_ask(B, "{'op':'publish','room':'mute','text':'x','mid':4,'id':9}");
    fx_expect(B, "{'op':'error','code':'forbidden','room':'mute','mid':4,'re':9}");
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 0);
    fx_finish();
}
END_TEST

START_TEST(test_refused_is_refused_when_it_comes_again) {
    s_begin();
    fx_one(B, "mute", 1, "x");
    fx_ask(B, "{'op':'publish','room':'mute','text':'x','mid':2}");
    fx_drop(B);
    fx_set_access("ann: rwspc *\nbob: rwspc *\n");
    fx_one(B, "mute", 1, "x");
    fx_ask(B, "{'op':'publish','room':'mute','text':'x','mid':2}");
    fx_expect(B, "{'op':'error','code':'forbidden','mid':1}");
    fx_expect(B, "{'op':'error','code':'forbidden','mid':2}");
    fx_one(B, "mute", 3, "x");
    fx_run();
    fx_expect_text(BACK, "mute 0: 1/x");
    fx_expect_text(B, "ack 3 @1 memory");
    fx_finish();
}
END_TEST

START_TEST(test_stored_is_stored_when_it_comes_again_without_the_right) {
    s_begin();
    fx_one(B, "r", 1, "x");
    fx_run();
    fx_expect_text(B, "ack 1 @1 memory");
    fx_set_access("ann: rwspc *\nbob: r *\n");
    fx_one(B, "r", 1, "x");
    fx_run();
    fx_expect_text(B, "ack 1 @0 memory");
    fx_finish();
}
END_TEST

START_TEST(test_keys_need_a_right_of_their_own) {
    s_begin();
    fx_pub("r");
    fx_add(1, "x");
    fx_add_key(2, "k", "v");
    fx_add_delete(3, "k");
    fx_add_expect(4, "k", 0, "v");
    fx_add(5, "y");
    fx_send(B);
    fx_run();
    fx_expect(B, "{'op':'error','code':'forbidden','room':'r','mid':2,'upto':4}");
    fx_expect_text(B, "ack 5 @2 memory");
    fx_ask(B, "{'op':'publish','room':'r','key':'k','text':'v'}");
    fx_expect(B, "{'op':'error','code':'forbidden','room':'r','key':'k'}");
    fx_pub("keyed/a");
    fx_add_key(6, "k", "v");
    fx_send(B);
    fx_run();
    fx_expect_text(B, "ack 6 @1 memory");
    fx_pub("only-a-key");
    fx_add_key(7, "k", "v");
    fx_send(B);
    fx_run();
    fx_expect_error(B, "forbidden");
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 2); /* nothing is left of that one */
    fx_finish();
}
END_TEST

START_TEST(test_a_room_that_is_not_there) {
    s_begin();
    fx_one(B, "old", 1, "x");
    fx_run();
    fx_expect(B, "{'op':'error','code':'forbidden','room':'old','mid':1}");
    fx_ask(A, "{'op':'join','room':'old'}");
    fx_one(B, "old", 2, "x");
    fx_run();
    fx_expect_text(B, "ack 2 @1 memory");
    fx_finish();
}
END_TEST

UNIT_MAIN("broker.core.cmd_publish_rights", test_no_right_to_write, test_refused_is_refused_when_it_comes_again,
    test_stored_is_stored_when_it_comes_again_without_the_right, test_keys_need_a_right_of_their_own,
    test_a_room_that_is_not_there)
