/* Sessions that fall silent at once end one by one. */
#include "fixture.h"

/* ann, bob and cyd, whose tickets ran out. */
static void s_begin(void) {
    fx_start();
    static const char *const nicks[] = {"ann", "bob", "cyd"};
    for (route_t route = A; route <= C; route++) {
        fx_hello(route, nicks[route - A]);
        fx_ask(route, "{'op':'ping'}");
        fx_drop(route);
    }
    for (route_t route = A; route <= C; route++) {
        fx_be_silent(fx.sessions[route]);
        relay_silent(fx.relay, fx.sessions[route]); /* it waits for its end already */
    }
    fx_carry_out();
    while (fx_effect(EFFECT_ALIVE))
        ;
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 3);
}

static void s_expect_end(route_t route) {
    ck_assert(fx_piece());
    fx_expect_text(route, "{\"op\":\"bye\",\"reason\":\"expired\"}");
    ck_assert_uint_eq(fx_effect(EFFECT_UNWATCH), fx.sessions[route]);
}

TEST(test_one_by_one) {
    s_begin();
    for (route_t route = A; route <= C; route++) {
        s_expect_end(route);
        ck_assert_uint_eq(relay_stats(fx.relay).sessions, C - route);
    }
    ck_assert(!fx_piece());
}

TEST(test_heard_in_time) {
    s_begin();
    fx_say(A, "{'op':'ping'}");
    fx_one_now(B, "r", 1, "x"); /* the end of cyd is in it */
    ck_assert_uint_eq(fx_effect(EFFECT_ALIVE), fx.sessions[A]);
    fx_expect(A, "{'op':'pong'}");
    fx_expect_text(B, "ack 1 @1 memory");
    fx_expect(C, "{'op':'bye','reason':'expired'}");
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 2);
    while (fx_effect(EFFECT_ALIVE))
        ;
}

/* How many tickets run out until the session has ended. */
static size_t s_beats(route_t route) {
    size_t beats = 0;
    while (relay_stats(fx.relay).sessions > 0) {
        relay_silent(fx.relay, fx.sessions[route]);
        fx_run();
        beats++;
    }
    fx_drop(route);
    return beats;
}

/* Three whole heartbeats, whatever was the last that the session said. The first ticket may run out at once. */
TEST(test_three_heartbeats) {
    static const char *const last[] = {"{'op':'ping'}", "{'op':'rooms'}", "{"};
    fx_start();
    for (size_t i = 0; i < sizeof last / sizeof *last; i++) {
        fx_hello(A, "ann");
        ck_assert_uint_eq(s_beats(A), 4);
        fx_hello(A, "ann");
        fx_ask(A, "{'op':'ping'}");
        fx_ask(A, "%s", last[i]);
        ck_assert_uint_eq(s_beats(A), 4);
    }
}

TEST(test_each_frame_counts_anew) {
    fx_start();
    fx_hello(A, "ann");
    for (size_t i = 0; i < 10; i++) {
        for (size_t beats = 0; beats < 3; beats++)
            relay_silent(fx.relay, fx.sessions[A]);
        fx_run();
        ck_assert_uint_eq(relay_stats(fx.relay).sessions, 1);
        fx_ask(A, "{");
    }
    ck_assert_uint_eq(s_beats(A), 4);
}

TEST(test_resumed_in_time) {
    s_begin();
    fx_resume(D, B, "bob");
    fx_run();
    ck_assert_uint_eq(fx_effect(EFFECT_ALIVE), fx.sessions[B]);
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 1);
    fx_answer(D, "{'op':'ping'}", "{'op':'pong'}");
}

TEST(test_another_end_comes_first) {
    s_begin();
    fx_say(B, "{'op':'bye'}");
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 2);
    fx_say(D, "{'op':'hello','proto':1,'client':'%s','nick':'ann'}", fx_client(A)); /* replaces it */
    fx_carry_out();
    fx_drop(A);
    while (fx_effect(EFFECT_UNWATCH))
        ;
    s_expect_end(C);
    ck_assert(!fx_piece());
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 1);
}

UNIT_SUITE("broker.core.silence")
