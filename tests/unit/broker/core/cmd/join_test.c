#include "fixture.h"

START_TEST(test_joined) {
    fx_start();
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'join','room':'r','id':'x'}");
    fx_expect_text(A, "{\"count\":1,\"oldest\":0,\"op\":\"joined\",\"private\":false,\"re\":\"x\",\"room\":\"r\","
                      "\"seq\":0,\"version\":0}");
    fx_tick();
    fx_expect(BACK, "{'op':'presence','room':'r','version':1,'joined':[{'nick':'ann'}],'left':[],'count':1}");
    fx_hello(B, "bob");
    fx_one(A, "r", 1, "x");
    fx_run();
    fx_ask(B, "{'op':'join','room':'r'}");
    fx_expect(B, "{'op':'joined','seq':1,'oldest':0,'version':1,'count':2}");
    fx_finish();
}
END_TEST

START_TEST(test_recovered) {
    fx_begin();
    fx.limits.room_entries = 2;
    fx_start();
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'join','room':'new','after':0}");
    fx_expect(A, "{'seq':0,'oldest':0,'recovered':true}");
    fx_ask(A, "{'op':'join','room':'new','after':1}");
    fx_expect(A, "{'recovered':false}");
    for (uint64_t mid = 1; mid <= 5; mid++) {
        fx_one(A, "r", mid, "x");
        fx_run();
    }
    fx_drop(A);
    static const bool recovered[] = {false, false, false, true, true, true, false};
    for (int after = 0; after <= 6; after++) {
        fx_ask(A, "{'op':'join','room':'r','after':%d}", after);
        fx_expect(A, "{'seq':5,'oldest':3,'recovered':%s}", recovered[after] ? "true" : "false");
    }
    fx_finish();
}
END_TEST

START_TEST(test_silent_members_are_only_counted) {
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_ask(A, "{'op':'join','room':'r','presence':false}");
    fx_expect(A, "{'op':'joined','count':0}");
    fx_tick();
    fx_expect_silence(BACK);
    fx_ask(B, "{'op':'who','room':'r'}");
    fx_expect(B, "{'users':[],'count':0,'silent':1}");
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
    fx_finish();
}
END_TEST

START_TEST(test_join_and_leave_within_a_tick_is_silent) {
    fx_start();
    fx_hello(A, "ann");
    for (int i = 0; i < 3; i++) {
        fx_ask(A, "{'op':'join','room':'r'}");
        fx_expect(A, "{'op':'joined'}");
        fx_ask(A, "{'op':'leave','room':'r'}");
        fx_expect_text(A, "{\"op\":\"ok\",\"room\":\"r\"}");
    }
    fx_tick();
    fx_expect_silence(BACK);
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 0); /* and the room is gone */
    fx_finish();
}
END_TEST

START_TEST(test_leave_of_where_one_is_not) {
    fx_start();
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'leave','room':'r','id':1}");
    fx_expect_text(A, "{\"op\":\"ok\",\"re\":1,\"room\":\"r\"}");
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 0);
    fx_ask(A, "{'op':'leave'}");
    fx_expect_error(A, "bad-member");
    fx_ask(A, "{'op':'leave','room':'a b'}");
    fx_expect_error(A, "bad-room");
    fx_ask(A, "{'op':'join','room':''}");
    fx_expect_error(A, "bad-room");
    fx_finish();
}
END_TEST

START_TEST(test_no_heads_after_leaving) {
    fx_start();
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'join','room':'r'}");
    fx_ask(A, "{'op':'leave','room':'r'}");
    fx_drop(A);
    fx_one(A, "r", 1, "x");
    fx_run();
    fx_drop(A);
    fx_ask(A, "{'op':'ping'}");
    fx_expect(A, "{'heads':{}}");
    fx_finish();
}
END_TEST

static access_t *s_access(void) {
    return fx_access("ann: rwspc *\nbob: rp *\n");
}

START_TEST(test_a_room_that_one_may_not_begin) {
    fx_begin();
    fx.access = s_access;
    fx_start();
    fx.users[A] = "ann";
    fx.users[B] = "bob";
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_ask(B, "{'op':'join','room':'r'}");
    fx_expect(B, "{'op':'joined','count':1,'seq':0}");
    fx_ask(A, "{'op':'join','room':'r'}");
    fx_expect(A, "{'op':'joined','count':2}");
    fx_finish();
}
END_TEST

UNIT_MAIN("broker.core.cmd_join", test_joined, test_recovered, test_silent_members_are_only_counted,
    test_join_and_leave_within_a_tick_is_silent, test_leave_of_where_one_is_not, test_no_heads_after_leaving,
    test_a_room_that_one_may_not_begin)
