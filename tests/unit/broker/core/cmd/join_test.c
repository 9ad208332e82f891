#include "fixture.h"

TEST(test_joined) {
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'join','room':'r','id':'x'}");
    fx_expect_text(A, "{\"count\":1,\"oldest\":0,\"op\":\"joined\",\"private\":false,\"re\":\"x\",\"room\":\"r\","
                      "\"seq\":0,\"version\":0}");
    fx_tick();
    fx_expect(BACK, "{'op':'presence','room':'r','version':1,'joined':[{'nick':'ann'}],'left':[],'count':1}");
    fx_hello(B, "bob");
    fx_one_now(A, "r", 1, "x");
    fx_answer(B, "{'op':'join','room':'r'}", "{'op':'joined','seq':1,'oldest':0,'version':1,'count':2}");
}

TEST(test_recovered) {
    fx_begin();
    fx.limits.room_entries = 2;
    fx_start();
    fx_hello(A, "ann");
    fx_answer(A, "{'op':'join','room':'new','after':0}", "{'seq':0,'oldest':0,'recovered':true}");
    fx_answer(A, "{'op':'join','room':'new','after':1}", "{'recovered':false}");
    for (uint64_t mid = 1; mid <= 5; mid++) {
        fx_one_now(A, "r", mid, "x");
    }
    fx_drop(A);
    static const bool recovered[] = {false, false, false, true, true, true, false};
    for (int after = 0; after <= 6; after++) {
        fx_ask(A, "{'op':'join','room':'r','after':%d}", after);
        fx_expect(A, "{'seq':5,'oldest':3,'recovered':%s}", recovered[after] ? "true" : "false");
    }
}

TEST(test_silent_members_are_only_counted) {
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_answer(A, "{'op':'join','room':'r','presence':false}", "{'op':'joined','count':0}");
    fx_tick();
    fx_expect_silence(BACK);
    fx_answer(B, "{'op':'who','room':'r'}", "{'users':[],'count':0,'silent':1}");
    fx_ask(A, "{'op':'join','room':'r'}"); /* again, and shown now */
    fx_expect(A, "{'op':'joined','count':1}");
    fx_tick();
    fx_expect(BACK, "{'version':1,'joined':[{'nick':'ann'}]}");
    fx_ask(A, "{'op':'join','room':'r'}"); /* changes nothing */
    fx_tick();
    fx_expect_silence(BACK);
    fx_ask(A, "{'op':'join','room':'r','presence':false}");
    fx_tick();
    fx_expect(BACK, "{'version':2,'left':[{'nick':'ann','reason':'leave'}],'count':0}");
    fx_ask(A, "{'op':'bye'}");
    fx_tick();
    fx_expect_silence(BACK);
}

TEST(test_join_and_leave_within_a_tick_is_silent) {
    fx_hello(A, "ann");
    for (int i = 0; i < 3; i++) {
        fx_answer(A, "{'op':'join','room':'r'}", "{'op':'joined'}");
        fx_ask(A, "{'op':'leave','room':'r'}");
        fx_expect_text(A, "{\"op\":\"ok\",\"room\":\"r\"}");
    }
    fx_tick();
    fx_expect_silence(BACK);
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 0); /* and the room is gone */
}

TEST(test_leave_of_where_one_is_not) {
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'leave','room':'r','id':1}");
    fx_expect_text(A, "{\"op\":\"ok\",\"re\":1,\"room\":\"r\"}");
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 0);
    fx_refused(A, "bad-member", "{'op':'leave'}");
    fx_refused(A, "bad-room", "{'op':'leave','room':'a b'}");
    fx_refused(A, "bad-room", "{'op':'join','room':''}");
}

TEST(test_no_heads_after_leaving) {
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'join','room':'r'}");
    fx_ask(A, "{'op':'leave','room':'r'}");
    fx_drop(A);
    fx_one_now(A, "r", 1, "x");
    fx_drop(A);
    fx_answer(A, "{'op':'ping'}", "{'heads':{}}");
}

TEST(test_a_room_that_one_may_not_begin) {
    fx_begin();
    fx.rights = "ann: rwspc *\nbob: rp *\n";
    fx_start();
    fx.users[A] = "ann";
    fx.users[B] = "bob";
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_answer(B, "{'op':'join','room':'r'}", "{'op':'joined','count':1,'seq':0}");
    fx_answer(A, "{'op':'join','room':'r'}", "{'op':'joined','count':2}");
}

UNIT_SUITE_WITH("broker.core.cmd_join", fx_start, fx_finish)
