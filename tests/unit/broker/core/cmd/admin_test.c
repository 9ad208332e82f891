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
    static const char *const asks[] = {"reload", "kick", "ban", "unban", "bans", "dance"};
    for (size_t i = 0; i < 6; i++) {
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

UNIT_SUITE_WITH("broker.core.cmd_admin", s_begin, fx_finish)
