/* Logins that an application signed: the edge checks the JWT, and the relay lets the user in for as long as it holds. */
#include "fixture.h"

#define JWT "eyJhbGciOiJFZERTQSJ9.e30.c2ln"
#define ROLES "ann: rwspca *\n@member: rwspc *\n@mod: rwspc *, rw staff/*\n@guest: r lobby, !r staff/*\n"

static void s_begin(void) {
    fx_begin();
    fx.rights = ROLES "#7\n";
    fx.private = true;
    fx.config.jwt = true;
    fx_start();
}

static void s_hello(route_t route, unsigned client, const char *more) {
    fx_ask(route, "{'op':'hello','proto':1,'client':'%s'%s}", fx_client(client), more);
}

/* Roles by their names, separated by blanks. */
static grant_t s_grant(const char *user, const char *roles, uint64_t seconds) {
    grant_t grant = {.signer = 7, .expires = fx.now + seconds * 1000000};
    snprintf(grant.user, sizeof grant.user, "%s", user);
    zr_span_t rest = zr_span(roles);
    for (zr_span_t word; (word = zr_span_word(&rest)).len;)
        memcpy(grant.roles[grant.role_count++], word.ptr, word.len);
    return grant;
}

static void s_done(const grant_t *grant, const char *text) {
    relay_jwt_done(fx.relay, fx_effect(EFFECT_LOGIN), grant, text, fx.now);
    fx_run();
}

static void s_log_in(route_t route, const char *user, const char *roles, uint64_t seconds) {
    grant_t grant = s_grant(user, roles, seconds);
    s_hello(route, route, ",'token':'" JWT "'");
    s_done(&grant, NULL);
    fx_expect(route, "{'op':'welcome','nick':'%s','user':'%s'}", user, user);
    fx.sessions[route] = fx_effect(EFFECT_WATCH);
    snprintf(fx.tokens[route], sizeof fx.tokens[route], "%s", fx_string("resume"));
}

static void s_wait_until(uint64_t now) {
    fx.now = now;
    relay_login_tick(fx.relay, now);
    fx_run();
}

TEST(test_the_token_names_the_user) {
    s_hello(A, A, ",'token':'" JWT "','nick':'other','id':3");
    ck_assert_str_eq(fx.login, " " JWT);
    fx_refused(A, "no-session", "{'op':'ping'}");
    grant_t grant = s_grant("carol", "member", 60);
    s_done(&grant, NULL);
    fx_expect(A, "{'op':'welcome','re':3,'nick':'carol','user':'carol','resumed':false}");
    fx_answer(A, "{'op':'join','room':'r'}", "{'op':'joined'}");
    s_hello(B, B, ",'token':'" JWT "','user':'carol'"); /* it may be named */
    s_done(&grant, NULL);
    fx_expect(B, "{'op':'welcome','user':'carol'}");
    s_hello(C, C, ",'token':'" JWT "','user':'dave'");
    s_done(&grant, NULL);
    fx_expect_error(C, "login-failed");
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 2);
}

TEST(test_refused) {
    s_hello(A, A, ",'token':'" JWT "','id':9");
    s_done(NULL, "the token has expired; get a new one");
    fx_expect(A, "{'op':'error','re':9,'code':'login-failed','text':'the token has expired; get a new one'}");
    s_hello(A, A, ",'token':'" JWT "'");
    s_done(NULL, NULL);
    fx_expect_error(A, "login-failed");
    fx.remote[B] = true;
    s_hello(B, B, ",'token':'" JWT "'");
    fx_expect_error(B, "login-failed");
    fx.users[C] = "ann"; /* the connection's key is of another user */
    s_hello(C, C, ",'token':'" JWT "'");
    fx_expect_error(C, "login-failed");
    ck_assert_uint_eq(fx_effect(EFFECT_LOGIN), 0);
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 0);
}

/* What looks like a JWT, and what is a token of the users file. */
TEST(test_forms) {
    char more[5000], token[4200] = "e";
    s_hello(A, A, ",'user':'ann','token':'correct.horse.battery'");
    fx_expect_error(A, "login-failed"); /* tokens of the users file are not taken */
    ck_assert_uint_eq(fx_effect(EFFECT_LOGIN), 0);
    for (size_t len = ZR_JWT_MAX; len <= ZR_JWT_MAX + 1; len++) {
        memset(token, 'e', len);
        token[1] = token[3] = '.';
        token[len] = '\0';
        snprintf(more, sizeof more, ",'token':'%s'", token);
        s_hello(A, A, more);
        ck_assert_int_eq(fx_effect(EFFECT_LOGIN) != 0, len == ZR_JWT_MAX);
        if (len > ZR_JWT_MAX)
            break;
        ck_assert_uint_eq(strlen(fx.login), 1 + len);
        relay_route_lost(fx.relay, A);
    }
    fx_drop(A);
    memset(token, 't', 257);
    token[257] = '\0';
    snprintf(more, sizeof more, ",'user':'ann','token':'%s'", token);
    s_hello(B, B, more);
    fx_expect_error(B, "bad-member");
}

TEST(test_without_the_setting_it_is_another_token) {
    fx_begin();
    fx.rights = ROLES;
    fx.config.tokens = true;
    fx_start();
    s_hello(A, A, ",'user':'ann','token':'" JWT "'");
    ck_assert_str_eq(fx.login, "ann " JWT);
    relay_login_done(fx.relay, fx_effect(EFFECT_LOGIN), LOGIN_FAILED, 250, fx.now);
    fx_run();
    fx_expect_error(A, "login-failed");
}

TEST(test_rights_are_those_of_its_roles) {
    s_log_in(A, "carol", "member", 60);
    s_log_in(B, "dave", "member guest", 60);
    fx_answer(A, "{'op':'join','room':'staff/x'}", "{'op':'joined'}");
    fx_refused(B, "forbidden", "{'op':'join','room':'staff/x'}"); /* guest denies it */
    fx_answer(B, "{'op':'join','room':'lobby'}", "{'op':'joined'}");
    fx_refused(A, "forbidden", "{'op':'admin','do':'bans'}");
}

/* A room that some role may not read is private, whether or not anybody has the role now. */
TEST(test_rooms_are_as_open_as_the_least_role) {
    s_log_in(A, "carol", "member", 60);
    fx_answer(A, "{'op':'join','room':'lobby'}", "{'private':false}");
    fx_answer(A, "{'op':'join','room':'other'}", "{'private':true}");
    fx_set_access(ROLES); /* no key any more, and so nobody can have a role */
    fx_expect(A, "{'op':'bye','reason':'revoked'}");
}

TEST(test_the_session_ends_with_the_token) {
    s_log_in(A, "carol", "member", 60);
    s_log_in(B, "dave", "member", 90);
    fx_answer(B, "{'op':'join','room':'r'}", "{'op':'joined'}");
    fx_answer(A, "{'op':'join','room':'r'}", "{'op':'joined'}");
    uint64_t begun = fx.now;
    s_wait_until(begun + 59999999);
    fx_expect_silence(A);
    s_wait_until(begun + 60000000);
    fx_expect(A, "{'op':'bye','reason':'token-expired'}");
    ck_assert_uint_eq(fx_effect(EFFECT_DROP), 0); /* the client may go on here with another token */
    fx_refused(A, "no-session", "{'op':'ping'}");
    fx_expect_silence(B);
    fx_answer(B, "{'op':'ping'}", "{'op':'pong'}");
    s_wait_until(begun + 90000000);
    fx_expect(B, "{'op':'bye','reason':'token-expired'}");
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 0);
    s_log_in(A, "carol", "member", 60);
}

/* A new token on the same connection: the session goes on, with another end and other rights. */
TEST(test_a_token_is_renewed) {
    s_log_in(A, "carol", "member", 60);
    uint64_t begun = fx.now;
    fx_answer(A, "{'op':'join','room':'r'}", "{'op':'joined'}");
    fx_answer(A, "{'op':'join','room':'lobby'}", "{'op':'joined'}");
    grant_t grant = s_grant("carol", "guest", 600);
    s_hello(A, A, ",'token':'" JWT "','id':5");
    fx_answer(A, "{'op':'ping'}", "{'op':'pong'}"); /* meanwhile it goes on */
    s_done(&grant, NULL);
    fx_expect(A, "{'op':'welcome','re':5,'resumed':true,'user':'carol'}");
    fx_expect(A, "{'op':'left','room':'r','reason':'revoked'}");
    fx_refused(A, "forbidden", "{'op':'join','room':'r'}");
    s_wait_until(begun + 599000000);
    fx_expect_silence(A);
    s_hello(A, A, ",'token':'" JWT "'"); /* one that does not hold ends nothing */
    s_done(NULL, "the token has expired; get a new one");
    fx_expect_error(A, "login-failed");
    grant = s_grant("dave", "guest", 600);
    s_hello(A, A, ",'token':'" JWT "'");
    s_done(&grant, NULL);
    fx_expect_error(A, "login-failed"); /* another user's */
    fx_answer(A, "{'op':'ping'}", "{'op':'pong'}");
    s_wait_until(begun + 601000000);
    fx_expect(A, "{'op':'bye','reason':'token-expired'}");
}

TEST(test_resumed) {
    char more[200];
    s_log_in(A, "carol", "member", 60);
    uint64_t begun = fx.now;
    fx_answer(A, "{'op':'join','room':'r'}", "{'op':'joined'}");
    snprintf(more, sizeof more, ",'user':'carol','resume':'%s'", fx.tokens[A]);
    s_hello(B, A, more); /* without a token: its end stays */
    fx_expect(B, "{'op':'welcome','resumed':true,'user':'carol'}");
    snprintf(more, sizeof more, ",'token':'" JWT "','resume':'%s'", fx.tokens[A]);
    grant_t grant = s_grant("carol", "guest", 600);
    s_hello(C, A, more);
    s_done(&grant, NULL);
    fx_expect(C, "{'op':'welcome','resumed':true}");
    fx_expect(C, "{'op':'left','room':'r'}");
    s_wait_until(begun + 61000000);
    fx_expect_silence(C);
    s_hello(D, A, ",'token':'" JWT "'");
    s_done(&grant, NULL); /* without `resume` it begins anew */
    fx_expect(C, "{'op':'bye','reason':'replaced'}");
    fx_expect(D, "{'op':'welcome','resumed':false}");
    snprintf(more, sizeof more, ",'user':'carol','resume':'%s'", fx.tokens[A]);
    s_hello(B, A, more);
    fx_expect_error(B, "login-failed");
}

/* A ban, a key or a role that is gone, or a user of the file with that name ends sessions at once. */
TEST(test_changes_of_the_files) {
    static const struct {
        const char *access, *reason;
    } changes[] = {
        {ROLES "-carol:\n#7\n", "banned"},
        {ROLES "#8\n", "revoked"},
        {ROLES "Carol: r *\n#7\n", "revoked"},
        {"ann: rwspca *\n@mod: rwspc *\n#7\n", "revoked"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        fx_set_access(ROLES "#7\n");
        s_log_in(A, "carol", "member", 60);
        fx_set_access(changes[i].access);
        fx_expect(A, "{'op':'bye','reason':'%s'}", changes[i].reason);
        ck_assert_uint_ne(fx_effect(EFFECT_DROP), 0);
        ck_assert_uint_eq(relay_stats(fx.relay).sessions, 0);
        grant_t grant = s_grant("carol", "member", 60);
        s_hello(A, A, ",'token':'" JWT "'"); /* checked before the change came into force */
        s_done(&grant, NULL);
        fx_expect_error(A, "forbidden");
        fx_drop(A);
    }
}

TEST(test_roles_change) {
    s_log_in(A, "carol", "member", 60);
    uint64_t begun = fx.now;
    fx_answer(A, "{'op':'join','room':'r'}", "{'op':'joined'}");
    fx_answer(A, "{'op':'join','room':'lobby'}", "{'op':'joined'}");
    fx_set_access("ann: rwspca *\n@member: rwspc lobby\n#7\n");
    fx_expect(A, "{'op':'left','room':'r','reason':'revoked'}");
    fx_refused(A, "forbidden", "{'op':'join','room':'r'}");
    fx_answer(A, "{'op':'join','room':'lobby'}", "{'op':'joined'}");
    s_wait_until(begun + 61000000);
    fx_expect(A, "{'op':'bye','reason':'token-expired'}");
}

TEST(test_names_that_are_taken) {
    static const char *const names[] = {"ann", "ANN", "admin", "anonymous", "Server"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        grant_t grant = s_grant(names[i], "member", 60);
        s_hello(A, A, ",'token':'" JWT "'");
        s_done(&grant, NULL);
        fx_expect_error(A, "forbidden");
    }
}

/* Somebody without a login cannot keep the user out by taking the name, and cannot take it while the user is there. */
TEST(test_a_name_that_somebody_without_a_login_has) {
    fx_set_access(ROLES "anonymous: r lobby\n#7\n");
    fx_hello(A, "carol");
    s_log_in(B, "carol", "member", 60);
    fx_expect(A, "{'op':'bye','reason':'revoked'}");
    s_hello(C, C, ",'nick':'carol'");
    fx_expect_error(C, "nick-in-use");
}

/* Channels of a gateway: a secure one takes a JWT, and its session ends with the token while the channel stays. */
TEST(test_on_channels) {
    fx_set_access(ROLES "web: rwspcg *\n#7\n");
    fx.users[D] = "web";
    fx_hello(D, "web");
    while (fx_effect(EFFECT_WATCH))
        ;
    for (unsigned i = 1; i <= 2; i++) {
        fx_ask(D, "{'op':'open','channel':%u,'address':'203.0.113.7','secure':%s}", i, i == 1 ? "true" : "false");
        fx_expect(D, "{'op':'ok','channel':%u}", i);
    }
    route_t secure = route_of(D, 1), open = route_of(D, 2);
    s_hello(open, 12, ",'token':'" JWT "'");
    fx_expect_error(open, "login-failed");
    grant_t grant = s_grant("carol", "member", 60);
    uint64_t begun = fx.now;
    s_hello(secure, 11, ",'token':'" JWT "','meta':{'a':1}");
    s_done(&grant, NULL);
    fx_expect(secure, "{'op':'welcome','user':'carol'}");
    fx_refused(secure, "forbidden", "{'op':'open','channel':3}");
    s_wait_until(begun + 60000000);
    fx_expect(secure, "{'op':'bye','reason':'token-expired'}");
    grant = s_grant("carol", "member", 60);
    s_hello(secure, 11, ",'token':'" JWT "'");
    s_done(&grant, NULL);
    fx_expect(secure, "{'op':'welcome','user':'carol','resumed':false}");
}

/* A JWT does not wait behind tokens whose hashes take long. */
TEST(test_two_lanes) {
    fx_begin();
    fx.rights = ROLES "#7\n";
    fx.config.tokens = fx.config.jwt = true;
    fx_start();
    for (unsigned i = 0; i < 256; i++)
        s_hello(100 + i, 100 + i, ",'user':'ann','token':'t'");
    uint64_t hash = fx_effect(EFFECT_LOGIN);
    ck_assert_uint_ne(hash, 0);
    s_log_in(A, "carol", "member", 60);
    for (unsigned i = 0; i < 256; i++)
        s_hello(400 + i, 400 + i, ",'token':'" JWT "'");
    s_hello(B, B, ",'token':'" JWT "'");
    fx_expect(B, "{'op':'error','code':'rate-limited','wait':1000}");
    ck_assert_uint_eq(relay_stats(fx.relay).logins, 512);
    relay_jwt_done(fx.relay, hash, NULL, NULL, fx.now); /* not of this lane */
    relay_login_done(fx.relay, hash, LOGIN_OK, 0, fx.now);
    fx_run();
    ck_assert_uint_eq(relay_stats(fx.relay).logins, 256);
}

UNIT_SUITE_WITH("broker.core.session.login_jwt", s_begin, fx_finish)
