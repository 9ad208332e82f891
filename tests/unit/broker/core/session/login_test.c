#include "fixture.h"

#define USERS "ann: rwspc *\nbob: rwspc *\n"

static void s_begin(void) {
    fx_begin();
    fx.rights = USERS;
    fx.config.tokens = true;
    fx_start();
}

/* hello with whatever members beside proto and client. */
static void s_hello(route_t route, unsigned client, const char *more) {
    fx_ask(route, "{'op':'hello','proto':1,'client':'%s'%s}", fx_client(client), more);
}

static void s_done(uint64_t ticket, login_t result) {
    relay_login_done(fx.relay, ticket, result, 250, fx.now);
    fx_run();
}

static void s_log_in(route_t route, unsigned client) {
    s_hello(route, client, ",'user':'ann','token':'t0'");
    s_done(fx_effect(EFFECT_LOGIN), LOGIN_OK);
    fx_expect(route, "{'op':'welcome','nick':'ann','user':'ann','resumed':false}");
    fx.sessions[route] = fx_effect(EFFECT_WATCH);
    snprintf(fx.tokens[route], sizeof fx.tokens[route], "%s", fx_string("resume"));
}

TEST(test_a_token_is_looked_at) {
    s_hello(A, A, ",'user':'ann','token':'t0','id':4,'nick':'other'");
    ck_assert_str_eq(fx.login, "ann t0");
    fx_expect_silence(A);
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 0);
    fx_refused(A, "no-session", "{'op':'ping'}");
    s_done(fx_effect(EFFECT_LOGIN), LOGIN_OK);
    fx_expect(A, "{'op':'welcome','re':4,'nick':'ann','user':'ann','back':'tcp://127.0.0.1:5571'}");
    fx_answer(A, "{'op':'join','room':'r'}", "{'op':'joined'}");
}

TEST(test_a_wrong_token) {
    s_hello(A, A, ",'user':'ann','token':'no','id':4");
    s_done(fx_effect(EFFECT_LOGIN), LOGIN_FAILED);
    fx_expect(A, "{'op':'error','code':'login-failed','re':4}");
    s_hello(A, A, ",'user':'ann','token':'no','id':5");
    s_done(fx_effect(EFFECT_LOGIN), LOGIN_SLOW);
    fx_expect(A, "{'op':'error','code':'rate-limited','re':5,'wait':250}");
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 0);
}

TEST(test_where_tokens_are_not_taken) {
    static const char *const hello = ",'user':'ann','token':'t0'";
    fx.remote[A] = true;
    s_hello(A, A, hello);
    fx_expect_error(A, "login-failed");
    fx.users[B] = "bob"; /* another than the connection says */
    s_hello(B, B, hello);
    fx_expect_error(B, "login-failed");
    s_hello(B, B, ",'user':'bob'"); /* the same, and so nothing is to be asked */
    fx_expect(B, "{'op':'welcome','user':'bob'}");
    s_hello(C, C, ",'user':'ann'");
    fx_expect_error(C, "login-failed");
    ck_assert_uint_eq(fx_effect(EFFECT_LOGIN), 0);

    fx_begin();
    fx.rights = USERS;
    fx_start();
    s_hello(A, A, hello);
    fx_expect_error(A, "login-failed");
}

TEST(test_members) {
    char more[512], token[258] = "";
    memset(token, 't', 257);
    snprintf(more, sizeof more, ",'user':'ann','token':'%s'", token);
    s_hello(A, A, more);
    fx_expect_error(A, "bad-member");
    token[256] = '\0';
    snprintf(more, sizeof more, ",'user':'ann','token':'%s'", token);
    s_hello(A, A, more);
    ck_assert_uint_eq(strlen(fx.login), 4 + 256);
    s_hello(B, B, ",'user':'a b','token':'t'");
    fx_expect_error(B, "bad-nick");
    s_hello(B, B, ",'user':'','token':'t'");
    fx_expect_error(B, "bad-nick");
    s_hello(B, B, ",'user':1,'token':'t'");
    fx_expect_error(B, "bad-member");
}

TEST(test_one_at_a_time_of_a_connection) {
    s_hello(A, A, ",'user':'ann','token':'t0'");
    s_hello(A, A, ",'user':'ann','token':'t1','id':2");
    fx_expect(A, "{'op':'error','code':'rate-limited','re':2,'wait':1000}");
    s_hello(A, A, ",'id':3");
    fx_expect(A, "{'op':'error','code':'rate-limited','re':3}");
    s_done(fx_effect(EFFECT_LOGIN), LOGIN_OK);
    fx_expect(A, "{'op':'welcome'}");
    ck_assert_uint_eq(fx_effect(EFFECT_LOGIN), 0);
}

TEST(test_so_many_in_all) {
    uint64_t tickets[64];
    for (unsigned i = 0; i < 64; i++) {
        s_hello(100 + i, 100 + i, ",'user':'ann','token':'t0'");
        fx_expect_silence(100 + i);
        tickets[i] = fx_effect(EFFECT_LOGIN);
        ck_assert_uint_ne(tickets[i], 0);
    }
    s_hello(A, A, ",'user':'ann','token':'t0'");
    fx_expect(A, "{'op':'error','code':'rate-limited','wait':1000}");
    s_done(tickets[7], LOGIN_FAILED);
    s_hello(A, A, ",'user':'ann','token':'t0'");
    fx_expect_silence(A);
    ck_assert_uint_ne(fx_effect(EFFECT_LOGIN), 0); /* the broker ends while logins wait */
}

TEST(test_the_peer_goes_meanwhile) {
    s_hello(A, A, ",'user':'ann','token':'t0'");
    uint64_t ticket = fx_effect(EFFECT_LOGIN);
    relay_route_lost(fx.relay, A);
    s_done(ticket, LOGIN_OK);
    fx_expect_silence(A);
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 0);
    s_done(4711, LOGIN_OK); /* likewise forgotten */
}

TEST(test_the_user_goes_meanwhile) {
    s_hello(A, A, ",'user':'ann','token':'t0'");
    fx_set_access("bob: r *\n");
    s_done(fx_effect(EFFECT_LOGIN), LOGIN_OK);
    fx_expect_error(A, "forbidden");
    ck_assert_uint_eq(fx_effect(EFFECT_DROP), A);
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 0);
}

TEST(test_who_logged_in_resumes_without) {
    s_log_in(A, A);
    char more[128];
    snprintf(more, sizeof more, ",'user':'ann','resume':'%s'", fx.tokens[A]);
    s_hello(B, A, more);
    fx_expect(B, "{'op':'welcome','resumed':true,'user':'ann'}");
    s_hello(B, A, ""); /* on this connection it keeps its user */
    fx_expect(B, "{'op':'welcome','resumed':true,'user':'ann'}");
    s_hello(B, A, ",'user':'ann','token':'t0'");
    fx_expect(B, "{'op':'welcome','resumed':true,'user':'ann'}");
    s_hello(B, A, ",'user':'bob','token':'t0'");
    fx_expect_error(B, "bad-member");
    ck_assert_uint_eq(fx_effect(EFFECT_LOGIN), 0);
    snprintf(more, sizeof more, ",'resume':'%s'", fx.tokens[A]);
    s_hello(C, A, more); /* it says nobody, and nobody is not let in */
    fx_expect_error(C, "login-required");
    snprintf(more, sizeof more, ",'user':'bob','resume':'%s'", fx.tokens[A]);
    s_hello(C, A, more);
    fx_expect_error(C, "login-failed");
    snprintf(more, sizeof more, ",'user':'ann','resume':'%032d'", 0);
    s_hello(C, A, more);
    fx_expect_error(C, "login-failed");
    fx.remote[C] = true;
    snprintf(more, sizeof more, ",'user':'ann','resume':'%s'", fx.tokens[A]);
    s_hello(C, A, more);
    fx_expect_error(C, "login-failed");
}

TEST(test_the_token_of_an_authenticated_session_does_not_log_in) {
    fx.users[A] = "ann";
    fx_hello(A, "me");
    char more[128];
    snprintf(more, sizeof more, ",'user':'ann','resume':'%s'", fx.tokens[A]);
    s_hello(B, A, more);
    fx_expect_error(B, "login-failed");
    snprintf(more, sizeof more, ",'user':'ann','token':'t0','resume':'%s'", fx.tokens[A]);
    s_hello(B, A, more); /* but with a login it is resumed */
    s_done(fx_effect(EFFECT_LOGIN), LOGIN_OK);
    fx_expect(B, "{'op':'welcome','resumed':true,'user':'ann'}");
}

TEST(test_a_session_that_logged_in_is_revoked) {
    s_log_in(A, A);
    fx_set_access("bob: r *\n-ann: r *\n");
    fx_expect(A, "{'op':'bye','reason':'banned'}");
    ck_assert_uint_eq(fx_effect(EFFECT_DROP), A);
}

UNIT_SUITE_WITH("broker.core.login", s_begin, fx_finish)
