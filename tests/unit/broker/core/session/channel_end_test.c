/* The ends of channels, and of trunks with all of theirs. */
#include "channel_end.h"

#include "fixture.h"

#define ONE route_of(A, 1)
#define TWO route_of(A, 2)

static char s_tokens[2][33];

static void s_hello(route_t route, const char *nick, char token[33]) {
    fx_hello(route, nick);
    snprintf(token, 33, "%s", fx_string("resume"));
}

/* A gateway at A with two peers, which are in a room. */
static void s_begin(void) {
    fx_start();
    fx_hello(A, "gate");
    for (unsigned i = 1; i <= 2; i++) {
        fx_ask(A, "{'op':'open','channel':%u}", i);
        s_hello(route_of(A, i), i == 1 ? "ann" : "bob", s_tokens[i - 1]);
        fx_ask(route_of(A, i), "{'op':'join','room':'r'}");
    }
    fx_tick();
    fx_drop_all(A, ONE, TWO, BACK);
    while (fx_effect(EFFECT_WATCH) || fx_effect(EFFECT_ALIVE) || fx_effect(EFFECT_UNWATCH))
        ;
}

/* The peers of the trunk that ended come back by another, and nobody saw them leave. */
static void s_expect_resumed(route_t gateway) {
    static const char *const nicks[] = {"ann", "bob"};
    for (unsigned i = 1; i <= 2; i++) {
        route_t route = route_of((uint32_t)gateway, i);
        fx_ask(gateway, "{'op':'open','channel':%u}", i);
        fx_expect(gateway, "{'op':'ok'}");
        fx_refused(route, "no-session", "{'op':'ping'}");
        fx_ask(route, "{'op':'hello','proto':1,'client':'%s','nick':'%s','resume':'%s'}", fx_client(route_of(A, i)),
            nicks[i - 1], s_tokens[i - 1]);
        fx_expect(route, "{'op':'welcome','resumed':true}");
        fx_answer(route, "{'op':'ping'}", "{'op':'pong'}");
    }
    fx_tick();
    fx_expect_silence(BACK);
}

TEST(test_the_connection_is_lost) {
    ck_assert(relay_is_trunk(fx.relay, A) && !relay_is_trunk(fx.relay, B) && !relay_is_trunk(fx.relay, ONE));
    relay_route_lost(fx.relay, A);
    fx_run();
    ck_assert_uint_eq(relay_stats(fx.relay).channels, 0);
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 3);
    fx_expect_silent(A, ONE, TWO);
    fx_say(ONE, "{'op':'ping'}"); /* the gateway did not hear of it */
    fx_run();
    fx_expect_error(A, "no-session");
    fx_resume(A, A, "gate");
    s_expect_resumed(A);
}

TEST(test_the_gateway_comes_by_another_connection) {
    fx_resume(B, A, "gate");
    ck_assert_uint_eq(relay_stats(fx.relay).channels, 0);
    s_expect_resumed(B);
}

TEST(test_the_gateway_comes_anew) {
    fx_ask(B, "{'op':'hello','proto':1,'client':'%s','nick':'gate'}", fx_client(A));
    fx_expect(B, "{'op':'welcome','resumed':false}");
    fx_expect(A, "{'op':'bye','reason':'replaced'}");
    ck_assert_uint_eq(relay_stats(fx.relay).channels, 0);
    s_expect_resumed(B);
}

TEST(test_the_gateway_says_bye) {
    fx_answer(A, "{'op':'bye'}", "{'op':'ok'}");
    ck_assert_uint_eq(relay_stats(fx.relay).channels, 0);
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 2);
    fx_hello(A, "gate");
    s_expect_resumed(A);
}

TEST(test_the_gateway_falls_silent) {
    fx_be_silent(fx.sessions[A]);
    fx_run();
    fx_expect(A, "{'op':'bye','reason':'expired'}");
    ck_assert_uint_eq(relay_stats(fx.relay).channels, 0);
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 2);
}

/* Whatever its peers send shows that the gateway lives. A peer lives by its own frames. */
TEST(test_signs_of_life) {
    for (int i = 0; i < 3; i++)
        relay_silent(fx.relay, fx.sessions[A]);
    fx_answer(ONE, "{'op':'ping'}", "{'op':'pong'}");
    relay_silent(fx.relay, fx.sessions[A]);
    fx_run();
    fx_expect_silence(A);
    ck_assert_uint_eq(relay_stats(fx.relay).channels, 2);
    fx_be_silent(fx.sessions[A] + 1); /* ann's */
    fx_run();
    fx_expect_text(ONE, "{\"op\":\"bye\",\"reason\":\"expired\"}");
    fx_expect_silence(A); /* the channel stays, for another hello */
    fx_hello(ONE, "ann");
}

TEST(test_a_gateway_that_renews_keeps_its_channels) {
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s','nick':'gate2'}", fx_client(A));
    fx_expect(A, "{'op':'welcome','resumed':true,'nick':'gate2'}");
    fx_answer(ONE, "{'op':'ping'}", "{'op':'pong'}");
    ck_assert_uint_eq(relay_stats(fx.relay).channels, 2);
}

/* A frame to a peer found the trunk's queue full. Only that peer is detached; it says hello again on the same channel. */
TEST(test_one_channel_is_lost) {
    relay_route_lost(fx.relay, ONE);
    fx_run();
    fx_expect_silent(A, ONE, TWO);
    fx_answer(TWO, "{'op':'ping'}", "{'op':'pong'}");
    fx_refused(ONE, "no-session", "{'op':'ping'}");
    fx_ask(ONE, "{'op':'hello','proto':1,'client':'%s','nick':'ann','resume':'%s'}", fx_client(ONE), s_tokens[0]);
    fx_expect(ONE, "{'op':'welcome','resumed':true}");
    ck_assert_uint_eq(relay_stats(fx.relay).channels, 2);
}

/* Its channel may be another peer's by the time it expires. */
TEST(test_a_lost_peer_that_expires_takes_no_channel_along) {
    relay_route_lost(fx.relay, ONE);
    fx_ask(A, "{'op':'close','channel':1}");
    fx_ask(A, "{'op':'open','channel':1}");
    fx_drop(A);
    fx_be_silent(fx.sessions[A] + 1);
    fx_run();
    fx_expect_silent(A, ONE);
    ck_assert_uint_eq(fx_effect(EFFECT_DROP), 0);
    fx_hello(ONE, "eve");
}

TEST(test_the_right_is_taken) {
    fx_set_access("anonymous: rwspc *");
    fx_expect_text(A, "{\"op\":\"bye\",\"reason\":\"revoked\"}");
    ck_assert_uint_eq(fx_effect(EFFECT_DROP), A);
    ck_assert_uint_eq(relay_stats(fx.relay).channels, 0);
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 2);
    fx_hello(B, "gate");
    fx_refused(B, "forbidden", "{'op':'open','channel':1}");
}

/* The peers of a gateway may not read any more what they read; they are told on their channels. */
TEST(test_the_rights_of_a_peer_change) {
    fx_set_access("anonymous: g *, rwc other");
    fx_expect(ONE, "{'op':'left','room':'r','reason':'revoked'}");
    fx_expect(TWO, "{'op':'left','room':'r','reason':'revoked'}");
    fx_expect_silence(A);
    ck_assert_uint_eq(relay_stats(fx.relay).channels, 2);
}

/* There may be no time for all peers, so the gateway comes first, also if their sessions are older than its own. */
TEST(test_shutdown) {
    fx_answer(A, "{'op':'bye'}", "{'op':'ok'}");
    fx_hello(A, "gate");
    s_expect_resumed(A);
    relay_shutdown(fx.relay);
    fx_run();
    fx_expect(A, "{'op':'bye','reason':'shutdown'}");
    size_t at = fx.at;
    for (unsigned i = 1; i <= 2; i++) {
        fx_expect(route_of(A, i), "{'op':'bye','reason':'shutdown'}");
        ck_assert_uint_gt(fx.at, at);
    }
}

/* A peer that says no hello for too long is sent away. Those that did stay, also without a session. */
TEST(test_silent_channels) {
    fx_ask(A, "{'op':'open','channel':3}");
    fx_ask(A, "{'op':'open','channel':4}");
    fx_ask(TWO, "{'op':'bye'}");
    fx_drop_all(A, TWO);
    fx_refused(route_of(A, 4), "no-session", "{'op':'ping'}"); /* that is no hello */
    fx.now += fx.config.login_timeout_ms * 1000 - 1;
    relay_channels_tick(fx.relay, fx.now);
    fx_run();
    fx_expect_silence(A);
    fx.now += 1;
    relay_channels_tick(fx.relay, fx.now);
    fx_run();
    fx_expect_text(A, "{\"channel\":3,\"op\":\"close\",\"reason\":\"silent\"}");
    fx_expect_text(A, "{\"channel\":4,\"op\":\"close\",\"reason\":\"silent\"}");
    fx_expect_silent(A, ONE, TWO);
}

/* No more than 500 at a time. */
TEST(test_many_silent_channels) {
    for (unsigned i = 3; i < 1203; i++)
        fx_say(A, "{'op':'open','channel':%u}", i);
    fx_run();
    fx_drop(A);
    fx.now += fx.config.login_timeout_ms * 1000;
    for (unsigned left = 1200; left > 0;) {
        relay_channels_tick(fx.relay, fx.now);
        fx_run();
        size_t closed = fx_drop(A);
        ck_assert_uint_eq(closed, left < 500 ? left : 500);
        left -= (unsigned)closed;
    }
}

/* A peer knows the gateway's client id and token, and says hello as the gateway. Its channel would end with it. */
TEST(test_a_peer_cannot_take_its_gateway_over) {
    fx_ask(A, "{'op':'open','channel':3}");
    fx_drop(A);
    fx_refused(route_of(A, 3), "bad-member", "{'op':'hello','proto':1,'client':'%s'}", fx_client(A));
    fx_refused(route_of(A, 3), "bad-member", "{'op':'hello','proto':1,'client':'%s','resume':'%s'}", fx_client(A),
        fx.tokens[A]);
    fx_answer(A, "{'op':'ping'}", "{'op':'pong'}");
    ck_assert_uint_eq(relay_stats(fx.relay).channels, 3);
}

UNIT_SUITE_WITH("broker.core.session.channel_end", s_begin, fx_finish)
