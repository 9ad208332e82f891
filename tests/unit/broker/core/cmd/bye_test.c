#include "fixture.h"

TEST(test_the_session_ends_at_once) {
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'join','room':'r'}");
    fx_tick();
    fx_drop_all(A, BACK);
    fx_ask(A, "{'op':'bye','id':3}");
    fx_expect_text(A, "{\"op\":\"ok\",\"re\":3}");
    ck_assert_uint_eq(fx_effect(EFFECT_UNWATCH), fx.sessions[A]);
    fx_tick();
    fx_expect(BACK, "{'op':'presence','version':2,'left':[{'nick':'ann','reason':'bye'}],'count':0}");
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 0);
    fx_refused(A, "no-session", "{'op':'bye'}");
}

TEST(test_the_token_is_void_afterwards) {
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'bye'}");
    fx_drop(A);
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s','resume':'%s'}", fx_client(A), fx.tokens[A]);
    fx_expect(A, "{'op':'welcome','resumed':false}");
}

TEST(test_what_was_published_in_the_same_pass_stays) {
    fx_hello(A, "ann");
    fx_one(A, "r", 1, "x");
    fx_ask(A, "{'op':'bye'}");
    fx_expect_text(BACK, "r 0: 1/x");
    fx_expect(A, "{'op':'ok'}");
    fx_expect_silence(A);
    fx_hello(A, "ann");
    fx_one(A, "r", 1, "x");
    fx_one_now(A, "r", 2, "y");
    fx_expect_text(BACK, "r 1: 2/y");
}

UNIT_SUITE_WITH("broker.core.cmd_bye", fx_start, fx_finish)
