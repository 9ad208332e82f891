/* Entries that may not be where they are sent, in both forms of publish. */
#include "fixture.h"

#define RIGHTS "ann: rwspc *\nbob: wc *, s keyed*, !w mute, !c old*\n"

/* Bob writes, keys only in rooms keyed…, nothing in mute, and in rooms old… only if they are there. */
static void s_begin(void) {
    fx_begin();
    fx.rights = RIGHTS;
    fx.private = true;
    fx_start();
    fx.users[A] = "ann";
    fx.users[B] = "bob";
    fx_hello(A, "ann");
    fx_hello(B, "bob");
}

TEST(test_no_right_to_write) {
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

TEST(test_refused_is_refused_when_it_comes_again) {
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

TEST(test_stored_is_stored_when_it_comes_again_without_the_right) {
    s_begin();
    fx_one(B, "r", 1, "x");
    fx_run();
    fx_expect_text(B, "ack 1 @0 memory"); /* where it stands is for readers */
    fx_set_access("ann: rwspc *\nbob: r *\n");
    fx_one(B, "r", 1, "x");
    fx_run();
    fx_expect_text(B, "ack 1 @0 memory");
    fx_finish();
}

TEST(test_keys_need_a_right_of_their_own) {
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
    fx_expect_text(B, "ack 5 @0 memory");
    fx_ask(B, "{'op':'publish','room':'r','key':'k','text':'v'}");
    fx_expect(B, "{'op':'error','code':'forbidden','room':'r','key':'k'}");
    fx_pub("keyed/a");
    fx_add_key(6, "k", "v");
    fx_send(B);
    fx_run();
    fx_expect_text(B, "ack 6 @0 memory");
    fx_pub("only-a-key");
    fx_add_key(7, "k", "v");
    fx_send(B);
    fx_run();
    fx_expect_error(B, "forbidden");
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 2); /* nothing is left of that one */
    fx_finish();
}

TEST(test_a_room_that_is_not_there) {
    s_begin();
    fx_one(B, "old", 1, "x");
    fx_run();
    fx_expect(B, "{'op':'error','code':'forbidden','room':'old','mid':1}");
    fx_ask(A, "{'op':'join','room':'old'}");
    fx_one(B, "old", 2, "x");
    fx_run();
    fx_expect(B, "{'op':'error','code':'forbidden','room':'old','mid':2}"); /* there is one, and nothing in it */
    fx_one(A, "old", 1, "x");
    fx_one(B, "old", 3, "x");
    fx_run();
    fx_expect_text(B, "ack 3 @0 memory");
    fx_finish();
}

/* Positions are for readers: a user that may only write learns that an entry is stored, and not how many there are. */
TEST(test_positions_are_for_readers) {
    s_begin();
    fx_set_access("ann: rwspc *\nbob: ws *, r read*\n");
    static const char *const rooms[] = {"read", "mute"};
    for (uint64_t i = 0; i < 2; i++) {
        fx_ask(A, "{'op':'publish','room':'%s','key':'k','text':'x'}", rooms[i]);
        fx_ask(A, "{'op':'publish','room':'%s','key':'k','text':'x'}", rooms[i]);
        uint64_t mid = 10 * i;
        bool reads = i == 0;
        fx_ask(B, "{'op':'publish','room':'%s','text':'x'}", rooms[i]);
        fx_expect(B, "{'op':'ack','seq':%d}", reads ? 3 : 0);
        fx_ask(B, "{'op':'publish','room':'%s','key':'k','text':'x','expect':1}", rooms[i]);
        if (reads)
            fx_expect(B, "{'op':'error','code':'conflict','seq':2}");
        else
            fx_expect_error(B, "forbidden");
        fx_pub(rooms[i]);
        fx_add(mid + 1, "x");
        fx_add_expect(mid + 2, "k", 1, "x");
        fx_add_expect(mid + 3, "k", 3, "x");
        fx_send(B);
        fx_run();
        if (reads) {
            fx_expect(B, "{'op':'error','code':'conflict','mid':2,'seq':2}");
            fx_expect(B, "{'op':'error','code':'conflict','mid':3,'seq':2}");
        } else {
            fx_expect(B, "{'op':'error','code':'forbidden','mid':12,'upto':13}");
        }
        fx_drop(B);
    }
    fx_finish();
}

/* A conflict that is asked for again names the position of whatever key the resend names: of rooms that may be read. */
TEST(test_a_conflict_again_tells_of_readable_rooms_only) {
    s_begin();
    fx_set_access("ann: rwspc *\nbob: wsc secret, rwsc own\n");
    fx_ask(A, "{'op':'publish','room':'secret','key':'k','text':'x'}");
    fx_ask(A, "{'op':'publish','room':'secret','key':'k','text':'x'}");
    fx_ask(A, "{'op':'publish','room':'own','key':'k','text':'x'}");
    fx_ask(B, "{'op':'publish','room':'own','key':'k','text':'x','mid':1,'expect':99}");
    fx_expect(B, "{'op':'error','code':'conflict','seq':1}");
    for (int seq = 1; seq >= 0; seq--) {
        fx_ask(B, "{'op':'publish','room':'secret','key':'k','text':'x','mid':1}");
        fx_expect(B, "{'op':'error','code':'conflict','seq':0}");
        fx_pub("secret");
        fx_add_key(1, "k", "x");
        fx_send(B);
        fx_run();
        fx_expect(B, "{'op':'error','code':'conflict','seq':0}");
        fx_ask(B, "{'op':'publish','room':'own','key':'k','text':'x','mid':1}");
        fx_expect(B, "{'op':'error','code':'conflict','seq':%d}", seq);
        fx_one(B, "own", 1, "x");
        fx_run();
        fx_expect(B, "{'op':'error','code':'conflict','seq':0}");
        fx_pub("own");
        fx_add_key(1, "k", "x");
        fx_send(B);
        fx_run();
        fx_expect(B, "{'op':'error','code':'conflict','seq':%d}", seq);
        fx_set_access("ann: rwspc *\nbob: wsc *\n"); /* and now nobody is */
    }
    fx_finish();
}

/* A stranger comes under many client ids and gets nothing anywhere: nobody is forgotten for it. */
TEST(test_who_may_nothing_makes_nobody_forgotten) {
    fx_begin();
    fx.rights = RIGHTS;
    fx.private = true;
    fx.config.max_clients = 2;
    fx.durable = true;
    fx_start();
    fx_set_access("ann: rwspc *\nbob: r *, wc no-keys\n");
    fx.users[A] = "ann";
    fx.users[B] = "bob";
    fx_hello(A, "ann");
    fx_one(A, "r", 1, "x");
    fx_run();
    fx_expect_text(A, "ack 1 @1 disk");
    fx_ask(A, "{'op':'bye'}");
    fx_drop(A);
    fx.mark_count = 0;
    for (unsigned i = 0; i < 5; i++) {
        fx_ask(B, "{'op':'hello','proto':1,'client':'%s'}", fx_client(10 + i));
        fx_one(B, "r", 1, "x");
        fx_run();
        ck_assert_uint_eq(fx.mark_count, 0);
        fx_one(B, "no room", 2, "x");
        fx_ask(B, "{'op':'publish','room':'r','text':'x','mid':3}");
        fx_ask(B, "{'op':'publish','room':'no-keys','text':'x','key':'k','mid':4}");
        ck_assert_uint_eq(fx.mark_count, 0);
        fx_one(B, "r", 1, "x"); /* as long as the session lives it is remembered */
        fx_run();
        fx_drop(B);
        fx_ask(B, "{'op':'bye'}");
        fx_drop(B);
    }
    fx_hello(A, "ann");
    fx_one(A, "r", 1, "x");
    fx_run();
    fx_expect_text(A, "ack 1 @0 disk");
    fx_finish();
}

UNIT_SUITE("broker.core.cmd_publish_rights")
