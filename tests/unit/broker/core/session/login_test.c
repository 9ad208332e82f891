#include "fixture.h"

#define USERS "ann: rwspc *\nbob: rwspc *\nweb: g *\n"

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

/* Of a client and a user of its own: nothing is known of its token. */
static void s_hello_of(route_t route, unsigned user) {
    char more[64];
    snprintf(more, sizeof more, ",'user':'u%u','token':'t'", user);
    s_hello(route, user, more);
}

TEST(test_so_many_in_all) {
    for (unsigned i = 0; i < 256; i++) {
        s_hello_of(100 + i, 100 + i);
        fx_expect_silence(100 + i);
    }
    s_hello_of(A, A);
    fx_expect(A, "{'op':'error','code':'rate-limited','wait':1000}");
    uint64_t first = fx_effect(EFFECT_LOGIN);
    ck_assert_uint_eq(fx_effect(EFFECT_LOGIN), 0); /* the edge has one at a time */
    s_done(first, LOGIN_FAILED);
    ck_assert_str_eq(fx.login, "u101 t"); /* in the order in which they came */
    s_hello_of(A, A);
    fx_expect_silence(A); /* the broker ends while logins wait */
}

/* A gateway at D, with channels from that address. */
static void s_open(unsigned first, unsigned count, const char *address, bool secure) {
    if (!fx.users[D]) {
        fx.users[D] = "web";
        fx_hello(D, "web");
        while (fx_effect(EFFECT_WATCH))
            ;
    }
    for (unsigned i = first; i < first + count; i++) {
        fx_ask(D, "{'op':'open','channel':%u,'address':'%s','secure':%s}", i, address, secure ? "true" : "false");
        fx_expect(D, "{'op':'ok','channel':%u}", i);
    }
}

TEST(test_by_a_secure_channel) {
    s_open(1, 1, "203.0.113.7", true);
    s_open(2, 1, "203.0.113.7", false);
    s_open(3, 1, "127.0.0.1", false); /* the gateway says whether it is secure, not the address */
    s_hello(route_of(D, 1), 11, ",'user':'ann','token':'t0'");
    ck_assert_str_eq(fx.login, "ann t0 203.0.113.7"); /* whose guesses are slowed */
    s_done(fx_effect(EFFECT_LOGIN), LOGIN_OK);
    fx_expect(route_of(D, 1), "{'op':'welcome','nick':'ann','user':'ann'}");
    for (unsigned i = 2; i <= 3; i++) {
        s_hello(route_of(D, i), 10 + i, ",'user':'ann','token':'t0'");
        fx_expect_error(route_of(D, i), "login-failed");
        s_hello(route_of(D, i), 10 + i, "");
        fx_expect_error(route_of(D, i), "login-required");
    }
    s_open(4, 1, "203.0.113.8", true);
    s_hello(route_of(D, 4), 14, ",'user':'ann','token':'t0'"); /* it was checked of late */
    fx_expect(route_of(D, 4), "{'op':'welcome','user':'ann'}");
    s_open(5, 1, "", true);
    s_hello(route_of(D, 5), 15, ",'user':'bob','token':'t0'");
    ck_assert_str_eq(fx.login, "bob t0"); /* from this machine */
    ck_assert_uint_eq(relay_stats(fx.relay).errors, 4);
}

/* The address that operators see of the session of "ann". */
static void s_expect_address(const char *address) {
    fx_ask(C, "{'op':'stats','of':'sessions'}");
    fx_expect(C, "{'op':'stats'}");
    json_t *rows = json_object_get(fx.last, "sessions"), *row;
    size_t i, count = 0;
    json_array_foreach(rows, i, row) if (strcmp(json_string_value(json_object_get(row, "nick")), "ann") == 0) {
        ck_assert_str_eq(json_string_value(json_object_get(row, "address")), address);
        count++;
    }
    ck_assert_uint_eq(count, 1);
}

/* The first time the token is hashed, and the login waits. Afterwards it is known. */
TEST(test_operators_see_where_a_login_came_from) {
    fx_begin();
    fx.rights = USERS "root: a *\n";
    fx.config.tokens = true;
    fx.users[C] = "root";
    fx_start();
    fx_hello(C, "root");
    while (fx_effect(EFFECT_WATCH))
        ;
    for (unsigned known = 0; known < 2; known++) {
        s_open(1 + known, 1, "203.0.113.7", true);
        s_hello(route_of(D, 1 + known), 11, ",'user':'ann','token':'t0'");
        if (!known)
            s_done(fx_effect(EFFECT_LOGIN), LOGIN_OK);
        fx_expect(route_of(D, 1 + known), "{'op':'welcome','nick':'ann'}");
        s_expect_address("203.0.113.7");
    }
}

/* A leaf says by `plain` that it is one. */
TEST(test_a_leaf_logs_in_by_a_token) {
    static const char rights[] = USERS "near: l *\n";
    fx_begin();
    fx.rights = rights;
    fx.config.tokens = true;
    fx_start();
    for (unsigned known = 0; known < 2; known++) { /* its peers would read open rooms without logging in */
        s_hello(A, A, ",'plain':true,'user':'near','token':'t0'");
        if (!known)
            s_done(fx_effect(EFFECT_LOGIN), LOGIN_OK);
        fx_expect_error(A, "forbidden");
    }
    s_hello(B, B, ",'plain':false,'user':'near','token':'t1'");
    s_done(fx_effect(EFFECT_LOGIN), LOGIN_OK);
    fx_expect(B, "{'op':'welcome','user':'near'}");
    fx_ask(B, "{'op':'open','channel':1,'user':'web'}");
    fx_expect(B, "{'op':'ok','channel':1}");
    fx_hello(route_of(B, 1), "web");
    fx_ask(route_of(B, 1), "{'op':'open','channel':2}"); /* of a gateway behind it */
    fx_expect(route_of(B, 1), "{'op':'ok','channel':2}");
}

/* A peer logs in as its gateway's user, and is no gateway. */
TEST(test_as_the_user_of_the_gateway) {
    s_open(1, 1, "203.0.113.7", true);
    s_hello(route_of(D, 1), 11, ",'user':'web','token':'t0'");
    s_done(fx_effect(EFFECT_LOGIN), LOGIN_OK);
    fx_expect(route_of(D, 1), "{'op':'welcome','user':'web'}");
    fx_refused(route_of(D, 1), "forbidden", "{'op':'open','channel':2}");
    s_hello(route_of(D, 1), 11, ",'user':'web','token':'t0'");
    fx_expect(route_of(D, 1), "{'op':'welcome','resumed':true}");
}

TEST(test_a_channel_that_ends_while_it_waits) {
    s_open(1, 2, "203.0.113.7", true);
    s_hello(route_of(D, 1), 11, ",'user':'ann','token':'t0'");
    s_hello(route_of(D, 2), 12, ",'user':'ann','token':'t1'");
    ck_assert_uint_eq(relay_stats(fx.relay).logins, 2);
    fx_ask(D, "{'op':'close','channel':1}");
    fx_drop(D);
    s_open(1, 1, "203.0.113.9", true); /* another peer */
    ck_assert_uint_eq(relay_stats(fx.relay).logins, 1);
    s_done(fx_effect(EFFECT_LOGIN), LOGIN_OK);
    fx_expect_silence(route_of(D, 1));
    fx_ask(D, "{'op':'bye'}");
    ck_assert_uint_eq(relay_stats(fx.relay).logins, 0);
    s_done(fx_effect(EFFECT_LOGIN), LOGIN_OK);
    fx_expect_silent(route_of(D, 1), route_of(D, 2));
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 0);
}

/* The user is banned by the time that the token is checked: its channel is closed while its login is let in. */
TEST(test_a_login_that_ends_its_own_channel) {
    s_open(1, 1, "203.0.113.7", true);
    s_hello(route_of(D, 1), 11, ",'user':'ann','token':'t0'");
    uint64_t ticket = fx_effect(EFFECT_LOGIN);
    fx_set_access("-ann: rwspc *\nweb: g *\n");
    s_done(ticket, LOGIN_OK);
    fx_expect_error(route_of(D, 1), "forbidden");
    fx_expect(D, "{'op':'close','channel':1,'reason':'revoked'}");
    ck_assert_uint_eq(relay_stats(fx.relay).logins, 0);
}

/* A gateway that logs in by a token comes anew. That ends the channels of its old trunk, and the logins that wait there,
 * also those with the same token. */
TEST(test_a_login_that_ends_channels_with_logins) {
    s_hello(C, 50, ",'user':'web','token':'t0'");
    s_done(fx_effect(EFFECT_LOGIN), LOGIN_OK);
    fx_expect(C, "{'op':'welcome'}");
    for (unsigned i = 1; i <= 3; i++)
        fx_ask(C, "{'op':'open','channel':%u,'secure':true}", i);
    fx_drop(C);
    fx_set_access(USERS); /* no token is known any more */
    s_hello(B, 50, ",'user':'web','token':'t0'");
    for (unsigned i = 1; i <= 3; i++)
        s_hello(route_of(C, i), 50 + i, i == 2 ? ",'user':'ann','token':'t1'" : ",'user':'web','token':'t0'");
    ck_assert_uint_eq(relay_stats(fx.relay).logins, 4);
    s_done(fx_effect(EFFECT_LOGIN), LOGIN_OK);
    fx_expect(B, "{'op':'welcome','resumed':false}");
    fx_expect(C, "{'op':'bye','reason':'replaced'}");
    ck_assert_uint_eq(relay_stats(fx.relay).logins, 0);
    ck_assert_uint_eq(relay_stats(fx.relay).channels, 0);
}

/* So many peers of one address cannot keep everybody else out. */
TEST(test_so_many_of_an_address) {
    s_open(1, 17, "203.0.113.7", true);
    for (unsigned i = 1; i <= 16; i++) {
        s_hello_of(route_of(D, i), 100 + i);
        fx_expect_silence(route_of(D, i));
    }
    s_hello_of(route_of(D, 17), 117);
    fx_expect(route_of(D, 17), "{'op':'error','code':'rate-limited','wait':1000}");
    s_open(18, 1, "203.0.113.8", true);
    s_hello_of(route_of(D, 18), 118);
    fx_expect_silence(route_of(D, 18));
    s_open(20, 20, "127.0.0.1", true);
    for (unsigned i = 20; i < 40; i++) {
        s_hello_of(route_of(D, i), 100 + i);
        fx_expect_silence(route_of(D, i));
    }
    s_done(fx_effect(EFFECT_LOGIN), LOGIN_FAILED);
    s_hello_of(route_of(D, 17), 117);
    fx_expect_silence(route_of(D, 17));
}

/* While others wait, a tick tells how many are before. */
TEST(test_it_is_told_that_it_waits) {
    s_hello_of(A, A);
    s_hello_of(B, B);
    relay_login_tick(fx.relay, fx.now);
    fx_run();
    fx_expect_silence(A); /* it came just now */
    relay_login_tick(fx.relay, fx.now);
    fx_run();
    fx_expect(A, "{'op':'queued','ahead':0}");
    fx_expect(B, "{'op':'queued','ahead':1}");
    ck_assert_ptr_null(json_object_get(fx.last, "re")); /* it answers nothing */
    s_done(fx_effect(EFFECT_LOGIN), LOGIN_FAILED);
    fx_expect_error(A, "login-failed");
    relay_login_tick(fx.relay, fx.now);
    fx_run();
    fx_expect(B, "{'op':'queued','ahead':0}");
    fx_expect_silence(A);
}

/* Nothing is hashed for connections that are gone. */
TEST(test_a_login_of_a_connection_that_is_gone_is_dropped) {
    s_hello_of(A, A);
    s_hello_of(B, B);
    s_hello_of(C, C);
    uint64_t first = fx_effect(EFFECT_LOGIN);
    relay_login_tick(fx.relay, fx.now);
    fx.deaf = B; /* which is found when it is told that it waits */
    relay_login_tick(fx.relay, fx.now);
    fx_run();
    s_done(first, LOGIN_FAILED);
    char wanted[16];
    snprintf(wanted, sizeof wanted, "u%u t", C);
    ck_assert_str_eq(fx.login, wanted);
    ck_assert_uint_ne(fx_effect(EFFECT_LOGIN), 0);
}

/* It was to be asked next, and goes before the edge comes to it. */
TEST(test_a_login_that_goes_before_the_edge_has_it) {
    static const char hello[] = "{'op':'hello','proto':1,'client':'%s','user':'u%u','token':'t'}";
    fx_say(A, hello, fx_client(A), A);
    fx_say(B, hello, fx_client(B), B);
    relay_route_lost(fx.relay, A);
    fx_run();
    char wanted[16];
    snprintf(wanted, sizeof wanted, "u%u t", B);
    ck_assert_str_eq(fx.login, wanted);
    ck_assert_uint_ne(fx_effect(EFFECT_LOGIN), 0);
    ck_assert_uint_eq(fx_effect(EFFECT_LOGIN), 0);
}

/* A client that gives up and comes again keeps its place. So it is let in, however short its patience is. */
TEST(test_a_newer_hello_takes_the_place_of_the_older) {
    s_hello(A, A, ",'user':'ann','token':'t0','id':1");
    s_hello_of(B, B);
    s_hello(C, A, ",'user':'ann','token':'t0','id':2");
    fx_expect(A, "{'op':'bye','reason':'replaced'}");
    s_hello(D, A, ",'user':'ann','token':'t1','id':3"); /* another token is another login */
    fx_expect_silence(C);
    s_done(fx_effect(EFFECT_LOGIN), LOGIN_OK);
    fx_expect(C, "{'op':'welcome','re':2,'user':'ann'}");
    fx_expect_silence(A);
    s_done(fx_effect(EFFECT_LOGIN), LOGIN_FAILED);
    fx_expect_error(B, "login-failed");
    s_done(fx_effect(EFFECT_LOGIN), LOGIN_FAILED);
    fx_expect_error(D, "login-failed");
}

/* What was checked just now is not checked again: for those that wait, and for those that come. */
TEST(test_a_token_that_was_checked_is_known) {
    s_hello_of(D, D);
    s_hello(A, A, ",'user':'ann','token':'t0'");
    s_hello(B, B, ",'user':'ann','token':'t0','id':4");
    s_hello(C, C, ",'user':'ann','token':'t1'");
    s_done(fx_effect(EFFECT_LOGIN), LOGIN_FAILED);
    s_done(fx_effect(EFFECT_LOGIN), LOGIN_OK);
    fx_expect(A, "{'op':'welcome','user':'ann'}");
    fx_expect(B, "{'op':'welcome','re':4,'user':'ann'}");
    fx_expect_silence(C);
    s_done(fx_effect(EFFECT_LOGIN), LOGIN_FAILED);
    fx_expect_error(C, "login-failed");
    s_hello(C, C, ",'user':'ann','token':'t0'");
    fx_expect(C, "{'op':'welcome','user':'ann'}");
    s_hello(5, 5, ",'user':'bob','token':'t0'"); /* it is known for that user */
    ck_assert_str_eq(fx.login, "bob t0");
    s_done(fx_effect(EFFECT_LOGIN), LOGIN_FAILED);
    fx_expect_error(5, "login-failed");
    s_hello(5, 5, ",'user':'bob','token':'t0'");
    fx_expect_silence(5); /* what was refused is not known */
}

TEST(test_a_known_token_is_forgotten) {
    s_hello(A, A, ",'user':'ann','token':'t0'");
    s_done(fx_effect(EFFECT_LOGIN), LOGIN_OK);
    fx_set_access(USERS); /* with time, and with each change of the users */
    s_hello(B, B, ",'user':'ann','token':'t0'");
    uint64_t ticket = fx_effect(EFFECT_LOGIN);
    ck_assert_uint_ne(ticket, 0);
    s_done(ticket, LOGIN_OK);
    fx.now += 599 * 1000000ULL;
    s_hello(C, C, ",'user':'ann','token':'t0'");
    ck_assert_uint_eq(fx_effect(EFFECT_LOGIN), 0);
    fx.now += 1000000;
    s_hello(D, D, ",'user':'ann','token':'t0'"); /* it does not count from its last use */
    ck_assert_uint_ne(fx_effect(EFFECT_LOGIN), 0);
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
