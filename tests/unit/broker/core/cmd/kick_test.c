#include "fixture.h"

#define USERS "ann: arwspc *\nbob: rwspck *\ncat: rwspc *, o plans\nanonymous: rwspc *\n"

static void s_begin(void) {
    fx_begin();
    fx.rights = USERS;
    fx_start();
    fx.users[A] = "ann";
    fx.users[B] = "bob";
    fx.users[C] = "bob";
    fx.users[D] = "cat";
    fx_hello(A, "me");
    fx_hello(B, "me");
    fx_hello(C, "me");
    fx_hello(D, "me");
}

static void s_join(route_t route, const char *room) {
    fx_ask(route, "{'op':'join','room':'%s'}", room);
    fx_expect(route, "{'op':'joined'}");
}

TEST(test_every_session_leaves_this_room_alone) {
    for (route_t route = A; route <= C; route++) {
        s_join(route, "plans");
        s_join(route, "other");
    }
    fx_one_now(A, "plans", 1, "x");
    fx_tick();
    fx_drop_all(A, B, C, BACK);
    fx_answer(
        A, "{'op':'kick','room':'plans','user':'bob','reason':'spam','id':3}", "{'op':'ok','re':3,'room':'plans'}");
    for (route_t route = B; route <= C; route++)
        fx_expect(route, "{'op':'left','room':'plans','reason':'kicked','seq':1,'text':'spam'}");
    fx_tick();
    fx_expect(BACK, "{'op':'presence','left':[{'nick':'bob','reason':'kicked'}],'count':1}");
    fx_answer(A, "{'op':'who','room':'other'}", "{'op':'who','users':[{'nick':'ann'},{'nick':'bob'}]}");
    fx_expect_silent(A, B, C);
    s_join(B, "plans"); /* which is no ban */
}

TEST(test_the_user_is_kept_out_for_a_time) {
    s_join(B, "plans");
    fx_answer(A, "{'op':'kick','room':'plans','user':'bob','for':60}", "{'op':'ok'}");
    fx_expect(B, "{'op':'left','room':'plans','reason':'kicked','seq':0,'for':60}");
    static const char *const asks[] = {"'op':'join'", "'op':'replay','after':0", "'op':'state'", "'op':'who'",
        "'op':'publish','text':'x'", "'op':'work','group':'g','worker':1,'credit':1"};
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        fx_refused(B, "forbidden", "{%s,'room':'plans'}", asks[i]);
        fx_refused(C, "forbidden", "{%s,'room':'plans'}", asks[i]);
    }
    fx_ask(B, "{'op':'join','room':'plans'}");
    fx_expect_error(B, "forbidden");
    ck_assert_ptr_nonnull(strstr(fx_string("text"), "keeps this user out"));
    s_join(B, "other");
    s_join(D, "plans");
    fx_pass(59999);
    fx_refused(B, "forbidden", "{'op':'join','room':'plans'}");
    fx_pass(1);
    s_join(B, "plans");
}

TEST(test_a_room_is_not_listed_for_a_user_that_is_kept_out) {
    fx_one_now(A, "plans", 1, "x");
    fx_one_now(A, "quiet", 2, "x");
    fx_tick();
    fx_drop_all(A, B, BACK);
    fx_answer(A, "{'op':'kick','room':'plans','user':'bob','for':60}", "{'op':'ok'}");
    fx_answer(B, "{'op':'rooms'}", "{'op':'rooms','rooms':[{'room':'quiet','seq':1,'count':0}],'more':false}");
    fx_answer(B, "{'op':'rooms','prefix':'plans'}", "{'op':'rooms','rooms':[],'more':false}");
    fx_pass(60000);
    fx_answer(B, "{'op':'rooms','prefix':'plans'}",
        "{'op':'rooms','rooms':[{'room':'plans','seq':1,'count':0}],'more':false}");
}

TEST(test_a_user_is_let_in_again) {
    fx_answer(A, "{'op':'kick','room':'plans','user':'bob','for':60}", "{'op':'ok'}"); /* it was not there */
    fx_refused(B, "forbidden", "{'op':'join','room':'plans'}");
    fx_answer(A, "{'op':'kick','room':'plans','user':'bob','for':0}", "{'op':'ok'}");
    s_join(B, "plans");
    fx_refused(A, "no-such-user", "{'op':'kick','room':'plans','user':'bob','for':0}");
    fx_expect_silence(B); /* it stays */
}

TEST(test_a_user_that_comes_later_is_kept_out_too) {
    fx_answer(A, "{'op':'kick','room':'plans','user':'guest','for':60}", "{'op':'ok'}");
    fx_client(5);
    fx_hello(5, "guest");
    fx_refused(5, "forbidden", "{'op':'join','room':'plans'}");
    fx_ask(5, "{'op':'hello','proto':1,'client':'%s','nick':'other'}", fx_client(5));
    fx_expect(5, "{'op':'welcome','nick':'other'}");
    s_join(5, "plans"); /* another nick */
}

TEST(test_workers_and_followers) {
    s_join(D, "plans");
    fx_set_access("ann: arwspc *\nbob: rwspck *\ncat: rwspc *, o plans\n"
                  "eve: rwspc *, !r plans\nanonymous: rwspc *\n"); /* the room is private now */
    fx_ask(B, "{'op':'follow','prefix':'p'}");
    fx_ask(C, "{'op':'work','room':'plans','group':'g','worker':1,'credit':1}");
    fx_expect(C, "{'op':'working'}");
    fx_drop_all(A, B, C, D);
    fx_one_now(D, "plans", 1, "x");
    ck_assert_str_ne(fx_text(B), "");
    fx_drop_all(B, C, D);
    fx_answer(A, "{'op':'kick','room':'plans','user':'bob','for':60}", "{'op':'ok'}");
    fx_expect(C, "{'op':'dismissed','reason':'revoked'}");
    fx_one_now(D, "plans", 2, "y");
    fx_expect_silent(B, C);
}

TEST(test_rights) {
    s_join(B, "plans");
    s_join(B, "other");
    fx_refused(B, "forbidden", "{'op':'kick','room':'plans','user':'cat'}");
    fx_refused(D, "forbidden", "{'op':'kick','room':'other','user':'bob'}");
    fx_expect_silence(B);
    fx_answer(D, "{'op':'kick','room':'plans','user':'bob'}", "{'op':'ok'}");
    fx_expect(B, "{'op':'left','room':'plans','reason':'kicked'}");
    fx_refused(D, "no-such-user", "{'op':'kick','room':'plans','user':'bob'}");
    fx_refused(D, "no-such-user", "{'op':'kick','room':'plans','user':'nobody'}");
    ck_assert_str_eq(fx_dropped_user(), ""); /* its connections stay */
}

TEST(test_members) {
    char reason[202] = "";
    memset(reason, 'r', 201);
    fx_refused(A, "bad-room", "{'op':'kick','room':'a b','user':'bob'}");
    fx_refused(A, "bad-member", "{'op':'kick','room':'plans'}");
    fx_refused(A, "bad-member", "{'op':'kick','room':'plans','user':'a b'}");
    fx_refused(A, "bad-member", "{'op':'kick','room':'plans','user':'bob','for':-1}");
    fx_refused(A, "bad-member", "{'op':'kick','room':'plans','user':'bob','for':604801}");
    fx_refused(A, "bad-member", "{'op':'kick','room':'plans','user':'bob','for':'1'}");
    fx_refused(A, "bad-member", "{'op':'kick','room':'plans','user':'bob','reason':'a\\nb','for':1}");
    fx_refused(A, "bad-member", "{'op':'kick','room':'plans','user':'bob','reason':'%s','for':1}", reason);
    s_join(B, "plans"); /* nothing of that was done */
    reason[200] = '\0';
    fx_ask(A, "{'op':'kick','room':'plans','user':'bob','reason':'%s','for':604800}", reason);
    fx_expect(A, "{'op':'ok'}");
}

TEST(test_no_more_than_so_many) {
    for (unsigned i = 0; i < 1000; i++) {
        fx_ask(A, "{'op':'kick','room':'plans','user':'u%u','for':100}", i);
        fx_expect(A, "{'op':'ok'}");
        fx.now += 20000; /* rate-ops */
    }
    fx_refused(A, "rate-limited", "{'op':'kick','room':'plans','user':'bob','for':1}");
    fx_pass(100000);
    fx_answer(A, "{'op':'kick','room':'plans','user':'bob','for':1}", "{'op':'ok'}");
}

UNIT_SUITE_WITH("broker.core.cmd_kick", s_begin, fx_finish)
