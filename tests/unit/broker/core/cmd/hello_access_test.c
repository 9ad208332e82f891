/* Which peers are let in, and their nicks. */
#include "fixture.h"

#define USERS "ann: rwspc *\n-bob: rwspc *\n"
#define USERS_AND_OTHERS USERS "anonymous: r *\n"

static void s_begin(const char *rights) {
    fx_begin();
    fx.rights = rights;
    fx.private = true;
    fx_start();
}

static void s_hello(route_t route, unsigned client, const char *more) {
    fx_ask(route, "{'op':'hello','proto':1,'client':'%s'%s}", fx_client(client), more);
}

TEST(test_users_only) {
    s_begin(USERS);
    s_hello(A, A, "");
    fx_expect_error(A, "login-required");
    s_hello(A, A, ",'nick':'ann'");
    fx_expect_error(A, "login-required");
    ck_assert_uint_eq(fx_effect(EFFECT_DROP), 0); /* it may log in yet */
    fx.users[A] = "ann";
    s_hello(A, A, "");
    fx_expect(A, "{'op':'welcome','nick':'ann','user':'ann'}");
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 1);
}

TEST(test_a_user_who_is_not_let_in) {
    static const char *const names[] = {"bob", "eve"};
    s_begin(USERS);
    for (size_t i = 0; i < 2; i++) {
        fx.users[A] = names[i];
        s_hello(A, A, "");
        fx_expect_error(A, "forbidden");
        ck_assert_uint_eq(fx_effect(EFFECT_DROP), A);
    }
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 0);
}

TEST(test_names_of_users_are_theirs) {
    s_begin(USERS_AND_OTHERS);
    s_hello(A, A, ",'nick':'ann'");
    fx_expect_error(A, "nick-in-use");
    s_hello(A, A, ",'nick':'bob'"); /* banned, and still nobody else's */
    fx_expect_error(A, "nick-in-use");
    s_hello(A, A, ",'nick':'anonymous'"); /* no client may have the name that stands for all anonymous ones */
    fx_expect_error(A, "bad-nick");
    s_hello(A, A, ",'nick':'ann'");
    fx_expect_error(A, "nick-in-use");
    s_hello(A, A, ",'nick':'cat'");
    fx_expect(A, "{'op':'welcome','nick':'cat'}");
    ck_assert_ptr_null(json_object_get(fx.last, "user"));
    fx_hello(B, "dog");
    char more[96];
    snprintf(more, sizeof more, ",'nick':'ann','resume':'%s'", fx.tokens[B]);
    s_hello(C, B, more);
    fx_expect_error(C, "nick-in-use");
}

/* Case, width and the form of its letters do not make another name of a user's name. */
TEST(test_names_that_look_like_those_of_users) {
    static const char *const taken[] = {"jos\u00e9", "JOS\u00c9", "Jos\u00e9", "\uff4aos\u00e9"};
    static const char *const bad[] = {"jose\u0301", "j\u043es\u00e9", "Anonymous", "ADMIN", "server"};
    s_begin("jos\u00e9: rwspc *\nadmin: rwspc *\nanonymous: rwspc *\n");
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        fx_refused(A, "nick-in-use", "{'op':'hello','proto':1,'client':'%s','nick':'%s'}", fx_client(A), taken[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fx_refused(A, "bad-nick", "{'op':'hello','proto':1,'client':'%s','nick':'%s'}", fx_client(A), bad[i]);
    }
    fx_hello(A, "jose");                                                               /* an accent does */
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s','nick':'broker'}", fx_client(A)); /* a session renews its nick */
    fx_expect_error(A, "bad-nick");
    fx.users[B] = "admin"; /* the operator gave that name */
    fx_hello(B, "admin");
}

/* A client whose nick resembles a new user's name is sent away, like one that has the very name. */
TEST(test_a_new_user_takes_the_nicks_like_its_name) {
    s_begin(USERS_AND_OTHERS);
    fx_hello(A, "Zoe");
    fx_hello(B, "zoey");
    fx_set_access("zoe: rwspc *\nanonymous: r *\n");
    fx_expect(A, "{'op':'bye','reason':'revoked'}");
    fx_expect_silence(B);
}

static unsigned s_drawn;

static void s_first_guest_is_taken(void *ctx, void *out, size_t len) {
    (void)ctx;
    memset(out, s_drawn++ == 0 ? 0 : 1, len);
}

TEST(test_guests_do_not_get_names_of_users) {
    fx_begin();
    fx.rights = "guest-aaaaaaaa: r *\nanonymous: r *\n";
    fx.config.entropy = s_first_guest_is_taken;
    fx_start();
    s_hello(A, A, "");
    fx_expect(A, "{'op':'welcome','nick':'guest-bbbbbbbb'}");
}

TEST(test_rights_of_who_did_not_log_in) {
    s_begin(USERS_AND_OTHERS);
    fx.users[A] = "ann";
    fx_hello(A, "ann");
    fx_hello(B, "cat");
    fx_ask(A, "{'op':'join','room':'r'}");
    fx_answer(B, "{'op':'join','room':'r'}", "{'op':'joined','count':0}");
    fx_one_now(B, "r", 1, "x");
    fx_expect_error(B, "forbidden");
}

/* A route that has another peer than before: the session there is not that peer's. */
TEST(test_the_session_of_another) {
    s_begin(USERS_AND_OTHERS);
    fx.users[A] = "ann";
    fx_hello(A, "ann");
    fx.users[A] = NULL;
    s_hello(A, B, "");
    fx_expect(A, "{'op':'welcome','resumed':false}");
    ck_assert_ptr_null(json_object_get(fx.last, "user"));
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 2);
    fx.users[A] = "ann";
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s','resume':'%s'}", fx_client(A), fx.tokens[A]);
    fx_expect(A, "{'op':'welcome','resumed':true,'user':'ann'}");
}

/* Another's client id, if it ever gets known: neither the session nor what is remembered of it can be met with it. */
TEST(test_the_client_id_of_another) {
    fx_begin();
    fx.rights = "ann: rwspc *\neve: rwspc *\nanonymous: rwspc *\n";
    fx.private = true;
    fx.durable = true;
    fx_start();
    fx.users[A] = "ann";
    fx.users[B] = "eve";
    fx_hello(A, "ann");
    for (route_t route = B; route <= C; route++) { /* another user, and an anonymous client */
        s_hello(route, A, "");
        fx_expect(route, "{'op':'welcome','resumed':false}");
        fx_one_now(route, "r", 100, "x");
        ck_assert_int_eq(strncmp(fx_text(route), "ack 100 ", 8), 0);
        fx_ask(route, "{'op':'hello','proto':1,'client':'%s','resume':'%s'}", fx_client(A), fx.tokens[A]);
        fx_drop(route);
    }
    fx_expect_silence(A);
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 3);
    fx_drop(BACK);
    fx_restart(); /* nor is its stored record */
    fx_hello(A, "ann");
    fx_one_now(A, "r", 1, "x");
    fx_expect_text(A, "ack 1 @3 disk");
}

/* A wrong token is no error: a new session replaces that of the client id. Another client's is worth nothing. */
TEST(test_tokens_that_are_not_the_sessions) {
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    char token[33];
    for (int i = 0; i < 4; i++) {
        snprintf(token, sizeof token, "%s", fx_string("resume"));
        const char *wrong[] = {"", "00000000000000000000000000000000", token, fx.tokens[A]};
        token[31] = token[31] == '0' ? '1' : '0';
        route_t before = i ? 9 + (route_t)i : B, now = 10 + (route_t)i;
        fx_ask(now, "{'op':'hello','proto':1,'client':'%s','nick':'bob','resume':'%s'}", fx_client(B), wrong[i]);
        fx_expect(before, "{'op':'bye','reason':'replaced'}");
        fx_expect(now, "{'op':'welcome','nick':'bob','resumed':false}");
    }
    fx_answer(A, "{'op':'ping'}", "{'op':'pong'}");
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 2);
}

/* The room hears of a nick that changed on the way, and of nothing else. */
TEST(test_a_room_hears_what_a_resume_changed) {
    fx_hello(A, "ann");
    fx_answer(A, "{'op':'join','room':'r'}", "{'op':'joined'}");
    fx_tick();
    fx_resume(B, A, "ann");
    fx_answer(B, "{'op':'join','room':'r','after':0}", "{'op':'joined','version':1,'count':1,'recovered':true}");
    fx_resume(C, A, "anna");
    fx_tick();
    fx_expect(BACK, "{'version':1,'joined':[{'nick':'ann'}]}");
    fx_expect(BACK, "{'version':2,'joined':[{'nick':'anna','was':'ann'}],"
                    "'left':[{'nick':'ann','reason':'renamed','to':'anna'}]}");
    fx_expect_silence(BACK);
}

/* Nobody has the broker's own words for a nick, also where everybody comes in. */
TEST(test_reserved_nicks_of_open_mode) {
    fx_refused(A, "bad-nick", "{'op':'hello','proto':1,'client':'%s','nick':'anonymous'}", fx_client(A));
    fx_hello(A, "ann");
    fx_refused(A, "bad-nick", "{'op':'hello','proto':1,'client':'%s','nick':'Operator'}", fx_client(A));
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s'}", fx_client(A));
    fx_expect(A, "{'op':'welcome','nick':'ann'}");
}

TEST(test_without_a_callback_everybody_is_nobody) {
    fx_begin();
    fx.config.peer = NULL;
    fx_start();
    fx.users[A] = "ann";
    fx_hello(A, "cat");
    ck_assert_str_eq(fx_string("nick"), "cat");
    ck_assert_ptr_null(json_object_get(fx.last, "user"));
}

UNIT_SUITE_WITH("broker.core.cmd_hello_access", fx_start, fx_finish)
