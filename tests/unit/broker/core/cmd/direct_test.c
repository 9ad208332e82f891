#include "fixture.h"

TEST(test_reaches_the_nick_and_nobody_else) {
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_hello(C, "eve");
    fx_ask(A, "{'op':'direct','to':'bob','text':'h\\u00e9 \\\"\\n','id':1}");
    fx_expect_text(B, "{\"from\":\"ann\",\"op\":\"direct\",\"text\":\"h\xC3\xA9 \\\"\\n\",\"time\":1700000000000000}");
    fx_expect_text(A, "{\"op\":\"ok\",\"re\":1}");
    fx_expect_silent(C, BACK);
    fx_answer(A, "{'op':'direct','to':'ann','text':''}", "{'op':'direct','from':'ann','text':''}");
    fx_expect(A, "{'op':'ok'}");
}

TEST(test_a_request_and_its_answer) {
    static char longest[ZR_ASK_MAX + 2], expected[ZR_ASK_MAX + 100];
    memset(longest, 'a', ZR_ASK_MAX);
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_ask(A, "{'op':'direct','to':'bob','text':'2+2','ask':'%s'}", longest);
    snprintf(expected, sizeof expected,
        "{\"ask\":\"%s\",\"from\":\"ann\",\"op\":\"direct\",\"text\":\"2+2\",\"time\":1700000000000000}", longest);
    fx_expect_text(B, expected);
    fx_expect(A, "{'op':'ok'}");
    fx_ask(B, "{'op':'direct','to':'ann','text':'4','answer':'x 7'}");
    fx_expect_text(
        A, "{\"answer\":\"x 7\",\"from\":\"bob\",\"op\":\"direct\",\"text\":\"4\",\"time\":1700000000000000}");
    fx_expect(B, "{'op':'ok'}");
    fx_ask(B, "{'op':'direct','to':'ann','text':'no','answer':'x','failed':true}");
    fx_expect(A, "{'op':'direct','answer':'x','failed':true}");
    fx_expect(B, "{'op':'ok'}");
    longest[ZR_ASK_MAX] = 'a';
    fx_refused(A, "bad-member", "{'op':'direct','to':'bob','text':'','ask':'%s'}", longest);
    fx_refused(A, "bad-member", "{'op':'direct','to':'bob','text':'','answer':'%s'}", longest);
}

TEST(test_every_session_of_a_user) {
    fx.users[A] = fx.users[B] = "ann";
    fx_hello(A, "ann");
    fx_hello(B, "ann");
    fx_hello(C, "eve");
    fx_ask(C, "{'op':'direct','to':'ann','text':'x'}");
    fx_expect(A, "{'op':'direct'}");
    fx_expect(B, "{'op':'direct'}");
    fx_expect_texts(C, "{\"op\":\"ok\"}", "");
    relay_route_lost(fx.relay, A);
    fx_ask(C, "{'op':'direct','to':'ann','text':'x'}");
    fx_expect(B, "{'op':'direct'}");
    fx_expect(C, "{'op':'ok'}");
    fx_expect_silence(A);
    relay_route_lost(fx.relay, B); /* both are detached: it is handed to nobody */
    fx_refused(C, "no-such-user", "{'op':'direct','to':'ann','text':'x'}");
}

/* The user "many" says hello on routes 10, 11, … */
enum { FIRST = 10, SESSIONS = 40 };

static void s_hello_many(unsigned count) {
    for (route_t route = FIRST; route < FIRST + count; route++) {
        fx.users[route] = "many";
        fx_hello(route, "many");
    }
}

TEST(test_all_sessions_share_one_frame) {
    fx_hello(A, "ann");
    s_hello_many(SESSIONS);
    fx_ask(A, "{'op':'direct','to':'many','text':'x'}");
    fx_expect(FIRST, "{'op':'direct','text':'x'}");
    const zr_blob_t *shared = fx.seen[fx.at].frame;
    for (route_t route = FIRST + 1; route < FIRST + SESSIONS; route++) {
        fx_expect(route, "{'op':'direct','text':'x'}");
        ck_assert_ptr_eq(fx.seen[fx.at].frame, shared);
    }
}

/* How many such requests pass until one is refused; `wait`: for how long. */
static unsigned s_passed(const char *text, uint64_t *wait) {
    for (unsigned count = 0;; count++) {
        fx_ask(A, "{'op':'direct','to':'many','text':'%s'}", text);
        fx_expect(A, "{}");
        if (strcmp(fx_string("op"), "error") == 0) {
            ck_assert_str_eq(fx_string("code"), "rate-limited");
            *wait = fx_int("wait");
            return count;
        }
    }
}

TEST(test_each_session_costs) {
    static const unsigned sessions[] = {1, 2, 7, SESSIONS};
    for (size_t i = 0; i < sizeof sessions / sizeof *sessions; i++) {
        uint64_t wait;
        unsigned cost = 2 * sessions[i];
        fx_begin();
        fx.config.rate_ops = 200;
        fx_start();
        fx_hello(A, "ann"); /* 20 of 800 */
        s_hello_many(sessions[i]);
        ck_assert_uint_eq(s_passed("x", &wait), (780 + cost - 1) / cost); /* the last one may leave a debt */
    }
}

TEST(test_each_session_costs_the_bytes) {
    static char large[965]; /* the frame then has 1000 bytes */
    memset(large, 'x', sizeof large - 1);
    for (unsigned sessions = 1; sessions < SESSIONS; sessions++) {
        uint64_t wait;
        fx_begin();
        fx.config.rate_control = 10000;
        fx_start();
        fx_hello(A, "ann");
        s_hello_many(sessions);
        fx.now += 1000000;
        unsigned cost = 1000 * sessions; /* of 40000 */
        ck_assert_uint_eq(s_passed(large, &wait), (40000 + cost - 1) / cost);
    }
}

/* However many sessions there are: a direct leaves a debt of a bucket at most, and a sender that waits as told is
 * served. */
TEST(test_more_than_a_bucket_costs_a_bucket) {
    fx_begin();
    fx.config.rate_ops = 10;
    fx_start();
    fx_hello(A, "ann"); /* 20 of 40 */
    s_hello_many(SESSIONS);
    uint64_t wait;
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(s_passed("x", &wait), 1);
        ck_assert_uint_eq(wait, 4200); /* and 1 for the refusal, and 1 must be there */
        fx.now += wait * 1000;
    }
    ck_assert_uint_eq(relay_stats(fx.relay).flooders, 0);
}

TEST(test_refusals) {
    fx_hello(A, "ann");
    static const char *const cases[][2] = {
        {"{'op':'direct','to':'bob','text':'x'}", "no-such-user"},
        {"{'op':'direct','to':'','text':'x'}", "bad-nick"},
        {"{'op':'direct','to':'a b','text':'x'}", "bad-nick"},
        {"{'op':'direct','to':'bob'}", "bad-member"},
        {"{'op':'direct','text':'x'}", "bad-member"},
        {"{'op':'direct','to':1,'text':'x'}", "bad-member"},
        {"{'op':'direct','to':'ann','text':'x','ask':''}", "bad-member"},
        {"{'op':'direct','to':'ann','text':'x','ask':7}", "bad-member"},
        {"{'op':'direct','to':'ann','text':'x','answer':''}", "bad-member"},
        {"{'op':'direct','to':'ann','text':'x','answer':'y','failed':1}", "bad-member"},
        {"{'op':'direct','to':'ann','text':'x','failed':true}", "bad-member"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fx_refused(A, cases[i][1], "%s", cases[i][0]);
    }
}

UNIT_SUITE_WITH("broker.core.cmd_direct", fx_start, fx_finish)
