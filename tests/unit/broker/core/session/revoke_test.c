#include <stdio.h>
#include <unistd.h>

#include "fixture.h"

#define USERS "ann: rwspc *\nbob: rwspc *\nanonymous: rwspc *\n"

/* Ann and bob are users, the one on C is nobody and called cat. */
static void s_begin(void) {
    fx_begin();
    fx.rights = USERS;
    fx.private = true;
    fx_start();
    fx.users[A] = "ann";
    fx.users[B] = "bob";
    fx_hello(A, "me");
    fx_hello(B, "me");
    fx_hello(C, "cat");
    for (route_t route = A; route <= C; route++)
        fx_ask(route, "{'op':'join','room':'r'}");
    fx_tick();
    for (route_t route = BACK; route <= C; route++)
        fx_drop(route);
}

static void s_expect_bye(route_t route, const char *reason) {
    fx_expect(route, "{'op':'bye','reason':'%s'}", reason);
    fx_expect_silence(route);
    ck_assert_uint_eq(fx_effect(EFFECT_UNWATCH), fx.sessions[route]);
    ck_assert_uint_eq(fx_effect(EFFECT_DROP), route);
    fx_refused(route, "no-session", "{'op':'ping'}");
}

TEST(test_a_user_who_is_gone) {
    s_begin();
    fx_set_access("ann: rwspc *\nanonymous: rwspc *\n");
    s_expect_bye(B, "revoked");
    ck_assert_str_eq(fx_dropped_user(), "bob");
    ck_assert_str_eq(fx_dropped_user(), "");
    fx_tick();
    fx_expect(BACK, "{'left':[{'nick':'bob','reason':'revoked'}]}");
    char resume[64];
    snprintf(resume, sizeof resume, "%s", fx.tokens[B]);
    fx_ask(B, "{'op':'hello','proto':1,'client':'%s','resume':'%s'}", fx_client(B), resume);
    fx_expect_error(B, "forbidden"); /* its connection stood a moment longer */
    ck_assert_uint_eq(fx_effect(EFFECT_DROP), B);
    fx.users[B] = NULL;
    fx_ask(B, "{'op':'hello','proto':1,'client':'%s','resume':'%s'}", fx_client(B), resume);
    fx_expect(B, "{'op':'welcome','resumed':false}");
    ck_assert_ptr_null(json_object_get(fx.last, "user"));
}

TEST(test_a_user_who_is_banned) {
    s_begin();
    relay_route_lost(fx.relay, B); /* detached: it ends all the same */
    fx_set_access("ann: rwspc *\n-bob: rwspc *\nanonymous: rwspc *\n");
    fx_expect_silence(B);
    ck_assert_uint_eq(fx_effect(EFFECT_UNWATCH), fx.sessions[B]);
    ck_assert_uint_eq(fx_effect(EFFECT_DROP), B);
    ck_assert_str_eq(fx_dropped_user(), "bob");
    fx_tick();
    fx_expect(BACK, "{'left':[{'nick':'bob','reason':'banned'}]}");
    fx_set_access("ann: rwspc *\n-bob: rwspc *\nanonymous: rwspc *\n"); /* once only */
    ck_assert_str_eq(fx_dropped_user(), "");
}

TEST(test_who_did_not_log_in) {
    s_begin();
    fx_set_access("ann: rwspc *\nbob: rwspc *\ncat: rwspc *\nanonymous: rwspc *\n"); /* a user's name now */
    s_expect_bye(C, "revoked");
    ck_assert_str_eq(fx_dropped_user(), "");
    fx_hello(C, "dog");
    fx_set_access("ann: rwspc *\nbob: rwspc *\n");
    s_expect_bye(C, "revoked");
}

TEST(test_open_mode_ends) {
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    relay_set_access(fx.relay, fx_access("ann: r *\nanonymous: rc *\n"));
    fx_run();
    s_expect_bye(A, "revoked");
    fx_answer(B, "{'op':'join','room':'r'}", "{'op':'joined'}");
    relay_set_access(fx.relay, access_new_open());
    fx_one_now(B, "r", 1, "x");
    fx_expect_text(B, "ack 1 @1 memory");
}

TEST(test_a_room_may_not_be_read_any_more) {
    s_begin();
    fx_one_now(A, "r", 1, "1");
    fx_drop_all(A, BACK);
    fx_one(A, "r", 2, "2"); /* on its way to the log */
    relay_flush(fx.relay);
    relay_set_access(fx.relay, fx_access("ann: rwspc *\nbob: wc *, rp x\nanonymous: rwspc *\n"));
    fx_run();
    fx_expect(B, "{'op':'left','room':'r','reason':'revoked','seq':1}");
    fx_expect_silent(B, BACK);
    fx_expect_texts(A, "live r 1: 2/2", "ack 2 @2 memory");
    fx_expect_text(C, "live r 1: 2/2");
    fx_tick();
    fx_expect(A, "{'left':[{'nick':'bob','reason':'revoked'}],'count':2}");
    fx_expect_silence(BACK);
    static const char *const asks[] = {"{'op':'join','room':'r'}", "{'op':'replay','room':'r','after':0}",
        "{'op':'state','room':'r'}", "{'op':'who','room':'r'}"};
    for (size_t i = 0; i < 4; i++) {
        fx_refused(B, "forbidden", "%s", asks[i]);
    }
    fx_one(B, "r", 1, "blind"); /* which it may */
    fx_run();
    fx_expect_text(B, "ack 1 @0 memory");
    fx_answer(B, "{'op':'ping'}", "{'op':'pong','heads':{},'versions':{}}");
    fx_set_access(USERS);
    fx_answer(B, "{'op':'join','room':'r','after':1}", "{'op':'joined','recovered':true,'seq':3,'private':false}");
}

TEST(test_a_room_of_which_nothing_is_left) {
    s_begin();
    fx_ask(B, "{'op':'join','room':'mine'}");
    fx_drop(B);
    size_t rooms = relay_stats(fx.relay).rooms;
    fx_tick();
    fx_set_access("ann: rwspc *\nbob: rwspc r\nanonymous: rwspc *\n");
    fx_expect(B, "{'op':'left','room':'mine','seq':0}");
    fx_tick();
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, rooms - 1);
}

TEST(test_a_replay_under_way) {
    s_begin();
    fx_one_now(A, "r", 1, "1");
    fx_drop(BACK);
    fx.late = true;
    fx_ask(A, "{'op':'replay','room':'r','after':0,'id':7}");
    fx_ask(B, "{'op':'replay','room':'r','after':0,'id':8}");
    fx_set_access("ann: rwspc *\nbob: wspc *\nanonymous: rwspc *\n");
    fx_expect(B, "{'op':'left'}");
    fx_drop(A);
    fx_log_all();
    fx_expect_text(A, "replay r 0: 1/1");
    fx_expect(A, "{'op':'replayed','re':7}");
    fx_expect(B, "{'op':'error','code':'forbidden','re':8}");
    fx_expect_silence(B);
}

TEST(test_rights_to_publish_are_looked_up_anew) {
    s_begin();
    fx_one_now(B, "r", 1, "1");
    fx_drop(BACK);
    fx_expect_text(B, "ack 1 @1 memory");
    fx_set_access("ann: rwspc *\nbob: rspc *\nanonymous: rwspc *\n");
    fx_one_now(B, "r", 2, "2");
    fx_expect(B, "{'op':'error','code':'forbidden','mid':2,'room':'r'}");
    fx_set_access(USERS);
    fx_one(B, "r", 2, "2"); /* once refused is refused */
    fx_one_now(B, "r", 3, "3");
    fx_expect(B, "{'op':'error','code':'forbidden','mid':2}");
    fx_expect_text(B, "ack 3 @2 memory");
}

TEST(test_a_user_who_lost_a_key) {
    s_begin();
    fx.users[D] = "bob";
    fx_hello(D, "me");
    fx_drop(D);
    relay_disown(fx.relay, zr_span("bob"));
    fx_run();
    s_expect_bye(B, "revoked");
    s_expect_bye(D, "revoked");
    ck_assert_str_eq(fx_dropped_user(), "bob");
    fx_answer(A, "{'op':'ping'}", "{'op':'pong'}");
    /* By another key. */
    fx_ask(B, "{'op':'hello','proto':1,'client':'%s','resume':'%s'}", fx_client(B), fx.tokens[B]);
    fx_expect(B, "{'op':'welcome','user':'bob','resumed':false}");
    /* A user without a session may still have connections. */
    relay_disown(fx.relay, zr_span("eve"));
    fx_run();
    ck_assert_str_eq(fx_dropped_user(), "eve");
}

/* Gets the text written to stderr from s_listen on. */
static int s_stderr;

static void s_listen(void) {
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    fflush(stderr);
    s_stderr = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    fclose(file);
}

/* How many lines say so; ends it. */
static size_t s_heard(const char *what) {
    static char text[8192];
    fflush(stderr);
    lseek(STDERR_FILENO, 0, SEEK_SET);
    ssize_t len = read(STDERR_FILENO, text, sizeof text - 1);
    ck_assert_int_ge(len, 0);
    text[len] = '\0';
    dup2(s_stderr, STDERR_FILENO);
    close(s_stderr);
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, what)); at++)
        count++;
    return count;
}

/* However many sessions a user has, and rooms: the log stays readable. */
TEST(test_a_line_for_each_user) {
    s_begin();
    fx.users[D] = "bob";
    fx_hello(D, "me");
    fx_hello(9, "dog");
    for (route_t route = A; route <= 9; route++) {
        if (route > D && route < 9)
            continue;
        fx_ask(route, "{'op':'join','room':'r'}");
        fx_ask(route, "{'op':'join','room':'s'}");
    }
    s_listen();
    fx_set_access("ann: rwspc *\nbob: wspc *\nanonymous: wspc *\n");
    ck_assert_uint_eq(s_heard("audit"), 2);
    s_listen();
    fx_set_access("ann: rwspc *\nbob: rwspc *\n");
    ck_assert_uint_eq(s_heard("audit"), 1); /* for the anonymous sessions */
    s_listen();
    fx_set_access("ann: rwspc *\n");
    ck_assert_uint_eq(s_heard("bob is not let in any more: revoked"), 1);
}

/* Changes that the edge logs are not logged twice. */
TEST(test_no_line_for_what_the_edge_tells) {
    fx_begin();
    fx.config.tokens = true;
    fx.rights = USERS;
    fx.private = true;
    fx_start();
    fx.users[A] = "ann";
    fx_hello(A, "me");
    s_listen();
    fx_set_access("ann: rwspca *\nbob: rwspc *\n");
    fx_ask(B, "{'op':'hello','proto':1,'client':'%s','user':'bob','token':'t'}", fx_client(B));
    relay_login_done(fx.relay, fx_effect(EFFECT_LOGIN), LOGIN_OK, 0, fx.now);
    fx_run();
    fx_ask(A, "{'op':'admin','do':'ban','user':'bob','reason':'spam'}");
    uint64_t ticket = fx_effect(EFFECT_ADMIN);
    fx_set_access("ann: rwspca *\n-bob: rwspc *\n");
    relay_admin_done(fx.relay, ticket, ZR_OK, NULL);
    fx_run();
    ck_assert_uint_eq(s_heard("audit"), 0);
    fx_expect(B, "{'op':'welcome','user':'bob'}");
    fx_expect(B, "{'op':'bye','reason':'banned'}");
    s_listen();
    fx_set_access("ann: rwspca *\n");
    fx_set_access("-ann: rwspca *\n"); /* by a reload: no other line names the user */
    ck_assert_uint_eq(s_heard("ann is not let in any more: banned"), 1);
}

UNIT_SUITE_WITH("broker.core.revoke", fx_start, fx_finish)
