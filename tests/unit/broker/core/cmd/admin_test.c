#include "audit.h"
#include "fixture.h"

#define USERS "ann: arwspc *\nbob: rwspc *\nanonymous: rwspc *\n"

static void s_begin(void) {
    fx_begin();
    fx.rights = USERS;
    fx_start();
    fx.users[A] = "ann";
    fx.users[B] = "bob";
    fx_hello(A, "me");
    fx_hello(B, "me");
}

TEST(test_for_administrators_only) {
    static const char *const asks[] = {
        "reload", "kick", "ban", "unban", "bans", "dance", "log-level", "drain", "drain-away", "undrain", "audit"};
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        fx_refused(B, "forbidden", "{'op':'admin','do':'%s','user':'ann'}", asks[i]);
    }
    ck_assert_uint_eq(fx_effect(EFFECT_ADMIN), 0);
    fx_expect_silence(A);
    fx_start(); /* of open mode nobody is */
    fx_hello(A, "ann");
    fx_refused(A, "forbidden", "{'op':'admin','do':'reload'}");
}

TEST(test_members) {
    char reason[202] = "";
    memset(reason, 'r', 201);
    fx_refused(A, "bad-member", "{'op':'admin'}");
    fx_refused(A, "bad-member", "{'op':'admin','do':'dance'}");
    fx_refused(A, "bad-member", "{'op':'admin','do':1}");
    fx_refused(A, "bad-member", "{'op':'admin','do':'bans','user':[]}");
    fx_refused(A, "bad-member", "{'op':'admin','do':'bans','reason':null}");
    fx_refused(A, "bad-member", "{'op':'admin','do':'ban'}");
    fx_refused(A, "bad-member", "{'op':'admin','do':'kick','user':'a b'}");
    fx_refused(A, "bad-member", "{'op':'admin','do':'ban','user':'bob','reason':'%s'}", reason);
    fx_refused(A, "bad-member", "{'op':'admin','do':'ban','user':'bob','reason':'a\\nb'}");
    ck_assert_uint_eq(fx_effect(EFFECT_ADMIN), 0);
    reason[200] = '\0';
    fx_ask(A, "{'op':'admin','do':'ban','user':'bob','reason':'%s'}", reason);
    ck_assert_uint_ne(fx_effect(EFFECT_ADMIN), 0);
}

TEST(test_kick) {
    fx.users[C] = "bob";
    fx_hello(C, "me");
    fx_answer(A, "{'op':'admin','do':'kick','user':'bob','reason':'noise','id':3}", "{'op':'ok','re':3}");
    for (route_t route = B; route <= C; route++) {
        fx_expect(route, "{'op':'bye','reason':'kicked'}");
        ck_assert_uint_eq(fx_effect(EFFECT_DROP), route);
    }
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 1);
    ck_assert_str_eq(fx_dropped_user(), "bob");           /* also readers at the back */
    fx_ask(A, "{'op':'admin','do':'kick','user':'bob'}"); /* without a session he may read all the same */
    fx_expect(A, "{'op':'ok'}");
    ck_assert_str_eq(fx_dropped_user(), "bob");
    fx_refused(A, "no-such-user", "{'op':'admin','do':'kick','user':'nobody'}");
    ck_assert_str_eq(fx_dropped_user(), "");
    fx_ask(A, "{'op':'admin','do':'kick','user':'ann'}"); /* itself */
    fx_expect(A, "{'op':'ok'}");
    fx_expect(A, "{'op':'bye','reason':'kicked'}");
    fx_hello(B, "bob"); /* which is no ban */
}

TEST(test_nobody_bans_themselves) {
    fx_refused(A, "admin-failed", "{'op':'admin','do':'ban','user':'ann'}");
    ck_assert_uint_eq(fx_effect(EFFECT_ADMIN), 0);
}

TEST(test_what_the_edge_does) {
    static const struct {
        const char *ask, *admin;
    } cases[] = {
        {"'do':'reload'", "0  by ann: "},
        {"'do':'ban','user':'bob','reason':'a \xC3\xA9'", "1 bob by ann: a \xC3\xA9"},
        {"'do':'unban','user':'bob'", "2 bob by ann: "},
        {"'do':'bans'", "3  by ann: "},
    };
    for (size_t i = 0; i < 4; i++) {
        fx_ask(A, "{'op':'admin',%s,'id':%zu}", cases[i].ask, i);
        ck_assert_str_eq(fx.admin, cases[i].admin);
        fx_expect_silence(A);
        uint64_t ticket = fx_effect(EFFECT_ADMIN);
        relay_admin_done(fx.relay, ticket, ZR_OK, i == 3 ? "[{\"user\":\"bob\"}]" : i == 0 ? "3 users" : NULL);
        fx_run();
        fx_expect(A, "{'op':'ok','re':%zu%s}", i,
            i == 3   ? ",'bans':[{'user':'bob'}]"
            : i == 0 ? ",'text':'3 users'"
                     : "");
    }
    fx_ask(A, "{'op':'admin','do':'reload','id':'x'}");
    relay_admin_done(fx.relay, fx_effect(EFFECT_ADMIN), ZR_ADMIN_FAILED, "users, line 3: no such right");
    fx_run();
    fx_expect(A, "{'op':'error','code':'admin-failed','re':'x','text':'users, line 3: no such right'}");
    fx_ask(A, "{'op':'admin','do':'unban','user':'eve'}");
    relay_admin_done(fx.relay, fx_effect(EFFECT_ADMIN), ZR_NO_SUCH_USER, NULL);
    fx_run();
    fx_expect_error(A, "no-such-user");
}

TEST(test_the_asker_goes_meanwhile) {
    fx_ask(A, "{'op':'admin','do':'ban','user':'bob'}");
    uint64_t first = fx_effect(EFFECT_ADMIN);
    fx_set_access("-ann: arwspc *\nbob: arwspc *\n");
    fx_expect(A, "{'op':'bye','reason':'banned'}");
    relay_admin_done(fx.relay, first, ZR_OK, NULL);
    fx_run();
    fx_expect_silence(A);
    fx_ask(B, "{'op':'admin','do':'reload'}");
    uint64_t second = fx_effect(EFFECT_ADMIN);
    fx.users[C] = "bob";
    fx_resume(C, B, "me"); /* elsewhere it asks again */
    relay_admin_done(fx.relay, second, ZR_OK, NULL);
    fx_run();
    fx_expect_silence(C);
}

TEST(test_so_many_under_way) {
    uint64_t ticket = 0;
    for (unsigned i = 0; i < 64; i++) {
        fx_ask(A, "{'op':'admin','do':'bans'}");
        ticket = fx_effect(EFFECT_ADMIN);
        ck_assert_uint_ne(ticket, 0);
    }
    fx_answer(A, "{'op':'admin','do':'bans','id':65}", "{'op':'error','code':'rate-limited','re':65,'wait':1000}");
    relay_admin_done(fx.relay, ticket, ZR_OK, "[]");
    fx_run();
    fx_expect(A, "{'op':'ok','bans':[]}");
    fx_ask(A, "{'op':'admin','do':'bans'}");
    ck_assert_uint_ne(fx_effect(EFFECT_ADMIN), 0);
}

TEST(test_log_level) {
    static const char *const bad[] = {"", ",'level':'loud'", ",'level':1", ",'level':'audit'"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fx_refused(A, "bad-member", "{'op':'admin','do':'log-level'%s}", bad[i]);
    }
    fx_answer(A, "{'op':'admin','do':'log-level','level':'error','id':2}", "{'op':'ok','re':2}");
    fx_answer(A, "{'op':'admin','do':'log-level','level':'info'}", "{'op':'ok'}");
}

TEST(test_drain) {
    fx_answer(A, "{'op':'admin','do':'drain'}", "{'op':'ok'}");
    fx_ask(C, "{'op':'hello','proto':1,'client':'%s'}", fx_client(C));
    fx_expect_error(C, "too-many-sessions");
    fx_ask(B, "{'op':'join','room':'r'}"); /* the others go on, */
    fx_expect(B, "{'op':'joined'}");
    relay_route_lost(fx.relay, B);
    fx.users[D] = "bob";
    fx_resume(D, B, "me"); /* and resume */
    fx.users[5] = "ann";
    fx_hello(5, "me"); /* operators come in: else nobody could undrain */
    fx_answer(A, "{'op':'admin','do':'undrain'}", "{'op':'ok'}");
    fx_hello(C, "new");
}

TEST(test_drain_away) {
    enum { MANY = 600 };
    for (route_t route = 10; route < 10 + MANY; route++) {
        char nick[16];
        snprintf(nick, sizeof nick, "g%u", (unsigned)route);
        fx_hello(route, nick);
    }
    fx_answer(A, "{'op':'admin','do':'drain-away'}", "{'op':'ok'}");
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 2 + MANY - 500); /* of the first second */
    fx_expect(B, "{'op':'bye','reason':'shutdown'}");
    ck_assert_uint_eq(fx_effect(EFFECT_DROP), B);
    relay_channels_tick(fx.relay, fx.now);
    fx_run();
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 1);
    fx_ask(A, "{'op':'ping'}"); /* the operator's own stays */
    fx_expect(A, "{'op':'pong'}");
}

static void s_line(uint64_t number, const char *text) {
    audit_tell(fx.relay, number, 7, zr_span(text));
    fx_run();
}

TEST(test_audit) {
    s_line(1, "nobody follows");
    fx_answer(A, "{'op':'admin','do':'audit'}", "{'op':'ok'}");
    fx_answer(A, "{'op':'admin','do':'audit'}", "{'op':'ok'}"); /* once is enough */
    s_line(2, "a line");
    fx_expect(A, "{'op':'audit','number':2,'time':7,'text':'a line'}");
    fx_expect_silent(A, B);
    fx_set_access("ann: rwspc *\nbob: rwspc *\nanonymous: rwspc *\n"); /* no administrator any more */
    s_line(3, "another");
    fx_expect_silence(A);
    fx_set_access(USERS);
    s_line(4, "not without a new request");
    fx_expect_silence(A);
}

TEST(test_so_many_follow_the_audit) {
    enum { FIRST = 10, MANY = 8 };
    for (route_t route = FIRST; route <= FIRST + MANY; route++) {
        fx.users[route] = "ann";
        fx_hello(route, "me");
        if (route < FIRST + MANY)
            fx_answer(route, "{'op':'admin','do':'audit'}", "{'op':'ok'}");
    }
    fx_refused(FIRST + MANY, "rate-limited", "{'op':'admin','do':'audit'}");
    fx_ask(FIRST, "{'op':'bye'}");
    fx_drop(FIRST);
    fx_answer(FIRST + MANY, "{'op':'admin','do':'audit'}", "{'op':'ok'}");
}

TEST(test_delete_members) {
    static const char *const bad[] = {
        "", ",'room':1", ",'room':'r','upto':-1", ",'room':'r','key':1", ",'room':'r','key':'k','upto':1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fx_refused(A, "bad-member", "{'op':'admin','do':'delete'%s}", bad[i]);
    }
    fx_refused(A, "bad-room", "{'op':'admin','do':'delete','room':'a b'}");
    fx_refused(A, "bad-key", "{'op':'admin','do':'delete','room':'r','key':'a b'}");
    fx_answer(A, "{'op':'admin','do':'delete','room':'r','key':'k'}", "{'op':'ok'}"); /* there is none */
    fx_answer(A, "{'op':'admin','do':'delete','room':'r'}", "{'op':'ok'}");
}

TEST(test_delete_entries) {
    for (uint64_t mid = 1; mid <= 3; mid++)
        fx_one_now(B, "r", mid, "x");
    fx_drop_all(A, B, BACK);
    fx_answer(A, "{'op':'admin','do':'delete','room':'r','upto':1,'id':5}", "{'op':'ok','re':5}");
    fx_ask(B, "{'op':'replay','room':'r','after':0}");
    fx_expect_text(B, "replay r 1: 2/x");
    fx_expect_text(B, "replay r 2: 3/x");
    fx_expect(B, "{'op':'replayed','complete':false,'count':2}");
    fx_answer(A, "{'op':'admin','do':'delete','room':'r'}", "{'op':'ok'}"); /* all but the newest */
    fx_ask(B, "{'op':'replay','room':'r','after':0}");
    fx_expect_text(B, "replay r 2: 3/x");
    fx_expect(B, "{'op':'replayed','complete':false,'count':1}");
    fx_one_now(B, "r", 4, "y"); /* positions go on */
    fx_expect_text(B, "ack 4 @4 memory");
}

TEST(test_delete_a_key) {
    fx_pub("r");
    fx_add_key(1, "k", "v");
    fx_send_now(B);
    fx_drop_all(A, B, BACK);
    fx_answer(A, "{'op':'admin','do':'delete','room':'r','key':'k','id':6}", "{'op':'ok','re':6}");
    fx_drop(BACK);
    fx_answer(B, "{'op':'state','room':'r','key':'k'}", "{'op':'ok','count':0}");
}

UNIT_SUITE_WITH("broker.core.cmd_admin", s_begin, fx_finish)
