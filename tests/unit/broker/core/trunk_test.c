/* Frames of a gateway's peers, over the gateway's connection. */
#include "trunk.h"

#include "fixture.h"

#define ONE route_of(A, 1)
#define TWO route_of(A, 2)

static const char USERS[] = "web: g *\nann: rwspc *\nanonymous: rwspc lobby";

/* The gateway at A has these channels, open. */
static void s_open(unsigned channels) {
    fx_hello(A, "gate");
    for (unsigned i = 1; i <= channels; i++) {
        fx_ask(A, "{'op':'open','channel':%u,'address':'203.0.113.%u','secure':true}", i, i);
        fx_expect(A, "{'op':'ok','channel':%u}", i);
    }
}

static void s_frame(const char *bytes, size_t len) {
    fx_frame(A, zr_span_of(bytes, len));
    fx_run();
}

TEST(test_two_peers_chat) {
    s_open(2);
    fx_hello(ONE, "ann");
    fx_hello(TWO, "bob");
    fx_expect_silence(A);
    fx_ask(ONE, "{'op':'join','room':'r'}");
    fx_expect(ONE, "{'op':'joined','seq':0}");
    fx_one_now(TWO, "r", 1, "hi");
    fx_expect_text(TWO, "ack 1 @1 memory");
    fx_expect_text(BACK, "r 0: 1/hi"); /* once, however many peers the gateway has */
    fx_ask(ONE, "{'op':'direct','to':'bob','text':'psst'}");
    fx_expect(TWO, "{'op':'direct','from':'ann','text':'psst'}");
    fx_expect(ONE, "{'op':'ok'}");
    fx_ask(ONE, "{'op':'who','room':'r'}");
    fx_expect(ONE, "{'op':'who','count':1,'users':[{'nick':'ann'}]}");
    fx_tick();
    fx_drop(BACK);
    fx_expect_silent(A, ONE, TWO, BACK);
    ck_assert_uint_eq(relay_stats(fx.relay).channels, 2);
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 3);
}

TEST(test_a_private_room_comes_by_the_channels_that_may_read_it) {
    fx_begin();
    fx.rights = "web: g *\nann: rwspc *\nbob: w *\nanonymous: rwspc lobby";
    fx.users[A] = "web";
    fx.private = true;
    fx_start();
    s_open(2);
    fx_ask(ONE, "{'op':'hello','proto':1,'client':'%s'}", fx_client(ONE));
    fx_expect(ONE, "{'op':'welcome'}");
    fx_hello(TWO, "eve");
    fx_refused(ONE, "forbidden", "{'op':'join','room':'secret'}");
    fx_ask(ONE, "{'op':'join','room':'lobby'}");
    fx_expect(ONE, "{'op':'joined','private':true}");
    fx_one_now(TWO, "lobby", 1, "x");
    fx_expect_text(TWO, "ack 1 @1 memory");
    fx_expect_text(ONE, "live lobby 0: 1/x");
    fx_expect_silent(A, ONE, TWO, BACK);
}

/* The bytes of a frame that a gateway sends are those of its peer, whatever they are. */
TEST(test_what_is_wrong_inside_is_answered_there) {
    s_open(2);
    fx_refused(ONE, "no-session", "{'op':'ping'}");
    fx_hello(ONE, "ann");
    fx_frame(ONE, zr_span(""));
    fx_run();
    fx_expect_error(ONE, "bad-frame");
    fx_frame(ONE, LIT("\3\0\0\0\2{}")); /* a frame for TWO, in one of ONE */
    fx_run();
    fx_expect_error(ONE, "bad-frame");
    fx_frame(ONE, LIT("\x1f"));
    fx_run();
    fx_expect_error(ONE, "bad-frame");
    fx_frame(TWO, LIT("\3\0\0\0\2{}"));
    fx_run();
    fx_expect_error(TWO, "no-session");
    fx_expect_silent(A, ONE, TWO);
    ck_assert_uint_eq(relay_stats(fx.relay).channels, 2);
}

TEST(test_a_broken_head_is_answered_on_the_trunk) {
    s_open(1);
    for (size_t len = 1; len < ZR_TRUNK_HEAD; len++) {
        s_frame("\3\0\0\0", len);
        fx_expect_error(A, "bad-frame");
    }
    s_frame("\3\0\0\0\0{}", 7);
    fx_expect_error(A, "bad-frame");
    fx_expect_silent(A, ONE);
}

TEST(test_a_channel_that_is_not_open) {
    s_open(1);
    fx_say(route_of(A, 2), "{'op':'ping'}");
    fx_run();
    fx_expect(A, "{'op':'error','code':'no-channel','channel':2}");
    fx_say(route_of(A, UINT32_MAX), "{'op':'ping'}");
    fx_run();
    fx_expect(A, "{'op':'error','code':'no-channel','channel':4294967295}");
    fx_expect_silent(A, ONE);
}

/* A gateway that lost a channel may have a window of PUBLISH frames under way. */
TEST(test_publishing_on_a_channel_that_is_gone_is_no_flood) {
    fx.config.rate_ops = 10;
    fx_restart();
    s_open(1);
    for (unsigned i = 0; i < 1000; i++)
        fx_one(TWO, "r", i + 1, "x");
    fx_run();
    size_t told = fx_drop(A);
    ck_assert_uint_gt(told, 5);
    ck_assert_uint_lt(told, 100);
    ck_assert_uint_eq(relay_stats(fx.relay).flooders, 0);
    ck_assert_uint_eq(relay_stats(fx.relay).channels, 1);
}

TEST(test_a_gateway_that_only_makes_faults_is_sent_away) {
    fx.config.rate_ops = 10;
    fx_restart();
    s_open(1);
    for (unsigned i = 0; i < 200; i++)
        fx_say(TWO, "{'op':'ping'}");
    fx_run();
    size_t count = 0;
    for (const char *text; strcmp(text = fx_text(A), "") != 0; count++)
        if (strstr(text, "\"bye\""))
            break;
    ck_assert_uint_lt(count, 120);
    ck_assert_uint_eq(relay_stats(fx.relay).flooders, 1);
    ck_assert_uint_eq(relay_stats(fx.relay).channels, 0);
    ck_assert_uint_eq(fx_effect(EFFECT_DROP), A);
}

TEST(test_trunks_are_for_gateways) {
    s_frame("\3\0\0\0\1{}", 7);
    fx_expect_error(A, "no-session");
    fx.remote[B] = true; /* without users, only this machine may have gateways */
    fx_hello(B, "bob");
    fx_refused(B, "forbidden", "{'op':'open','channel':1}");
    fx_refused(B, "forbidden", "{'op':'close','channel':1}");
    fx_say(route_of(B, 1), "{'op':'ping'}");
    fx_run();
    fx_expect_error(B, "bad-frame");
    fx_begin();
    fx.rights = USERS;
    fx.users[A] = "ann";
    fx_start();
    fx_hello(A, "ann");
    fx_refused(A, "forbidden", "{'op':'open','channel':1}");
    fx_say(ONE, "{'op':'ping'}");
    fx_run();
    fx_expect_error(A, "bad-frame");
    ck_assert_uint_eq(relay_stats(fx.relay).channels, 0);
}

TEST(test_a_channel_is_no_trunk) {
    s_open(1);
    fx_hello(ONE, "ann");
    fx_ask(ONE, "{'op':'open','channel':2}");
    fx_expect(ONE, "{'op':'error','code':'forbidden','channel':2}");
    fx_ask(ONE, "{'op':'close','channel':1}");
    fx_expect(ONE, "{'op':'error','code':'forbidden','channel':1}");
    ck_assert_uint_eq(relay_stats(fx.relay).channels, 1);
}

/* A peer floods, and the others and the gateway notice nothing. */
TEST(test_a_channel_floods_alone) {
    fx.config.rate_ops = 10;
    fx_restart();
    s_open(2);
    fx_hello(ONE, "ann");
    fx_hello(TWO, "bob");
    for (unsigned i = 0; i < 200; i++)
        fx_say(ONE, "{'op':'ping'}");
    fx_run();
    const char *last = "";
    for (const char *text; strcmp(text = fx_text(ONE), "") != 0;)
        last = text;
    ck_assert_str_eq(last, "{\"op\":\"bye\",\"reason\":\"flooding\"}");
    fx_expect(A, "{'op':'close','channel':1,'reason':'flooding'}");
    fx_expect_silent(A, TWO);
    fx_answer(TWO, "{'op':'ping'}", "{'op':'pong'}");
    fx_answer(A, "{'op':'ping'}", "{'op':'pong'}");
    ck_assert_uint_eq(fx_effect(EFFECT_DROP), 0);
    ck_assert_uint_eq(fx_effect(EFFECT_CHARGE), 0);
}

/* Without a session too; and its address may open fewer for a while. */
TEST(test_a_channel_without_a_session_floods) {
    fx.config.rate_ops = 10;
    fx.config.rate_channels = 1;
    fx_restart();
    s_open(1);
    for (unsigned i = 0; i < 200; i++)
        fx_say(ONE, "{'op':'ping'}");
    fx_run();
    fx_expect(A, "{'op':'close','channel':1,'reason':'flooding'}");
    fx_ask(A, "{'op':'close','channel':1}");
    fx_expect_silence(A);
    fx_ask(A, "{'op':'open','channel':1,'address':'203.0.113.1'}");
    fx_expect(A, "{'op':'error','code':'rate-limited','channel':1,'wait':2000}"); /* 1 for the first, 4 for the flood */
    fx_ask(A, "{'op':'open','channel':1,'address':'203.0.113.9'}");
    fx_expect(A, "{'op':'ok'}");
}

UNIT_SUITE_WITH("broker.core.trunk", fx_start, fx_finish)
