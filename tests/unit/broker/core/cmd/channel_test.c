#include "fixture.h"

#define ONE route_of(A, 1)
#define TWO route_of(A, 2)

static void s_open(unsigned channel, const char *address) {
    fx_ask(A, "{'op':'open','channel':%u,'address':'%s'}", channel, address);
}

#define EXPECT_OPEN(channel, address)                                                                                  \
    do {                                                                                                               \
        s_open((channel), (address));                                                                                  \
        fx_expect(A, "{'op':'ok','channel':%u}", (unsigned)(channel));                                                 \
    } while (0)

#define EXPECT_NOT_OPEN(channel, address, code)                                                                        \
    do {                                                                                                               \
        s_open((channel), (address));                                                                                  \
        fx_expect(A, "{'op':'error','code':'%s','channel':%u}", (code), (unsigned)(channel));                          \
    } while (0)

static void s_begin(void) {
    fx_start();
    fx_hello(A, "gate");
}

static void s_anew(void) {
    fx_restart();
    fx_hello(A, "gate");
}

TEST(test_open) {
    fx_ask(A, "{'op':'open','id':13,'channel':4294967295,'address':'2001:db8::1','secure':true}");
    fx_expect_text(A, "{\"channel\":4294967295,\"op\":\"ok\",\"re\":13}");
    fx_hello(route_of(A, UINT32_MAX), "ann");
    fx_ask(A, "{'op':'open','channel':1}"); /* from a local socket */
    fx_expect_text(A, "{\"channel\":1,\"op\":\"ok\"}");
    EXPECT_OPEN(2, "");
    EXPECT_NOT_OPEN(1, "", "bad-member");
    EXPECT_NOT_OPEN(UINT32_MAX, "", "bad-member");
    ck_assert_uint_eq(relay_stats(fx.relay).channels, 3);
}

TEST(test_numbers_that_are_none) {
    static const char *const numbers[] = {"0", "4294967296", "9007199254740991", "-1", "1.0", "'1'", "null"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        fx_refused(A, "bad-member", "{'op':'open','channel':%s}", numbers[i]);
        ck_assert(!json_object_get(fx.last, "channel"));
        fx_refused(A, "bad-member", "{'op':'close','channel':%s}", numbers[i]);
    }
    ck_assert_uint_eq(relay_stats(fx.relay).channels, 0);
}

TEST(test_addresses_that_are_none) {
    static const char *const addresses[] = {" ", "localhost", "10.0.0.1:80", "[::1]", "fe80::1%eth0", "10.0.0.256",
        "0000:0000:0000:0000:0000:ffff:255.255.255.2555"};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        EXPECT_NOT_OPEN(1, addresses[i], "bad-member");
        ck_assert_ptr_nonnull(strstr(fx_string("text"), "'address'"));
    }
    EXPECT_OPEN(1, "0000:0000:0000:0000:0000:ffff:255.255.255.255");
}

/* The peer is gone. Its session waits for it, and it may come back by another channel, or without a gateway. */
TEST(test_close) {
    char token[33];
    EXPECT_OPEN(1, "");
    fx_hello(ONE, "ann");
    snprintf(token, sizeof token, "%s", fx_string("resume"));
    fx_ask(ONE, "{'op':'join','room':'r'}");
    fx_drop(ONE);
    fx_ask(A, "{'op':'close','id':5,'channel':1,'reason':'the browser left'}");
    fx_expect_text(A, "{\"channel\":1,\"op\":\"close\",\"re\":5}");
    fx_tick();
    fx_drop(BACK);
    fx_say(ONE, "{'op':'ping'}");
    fx_run();
    fx_expect_error(A, "no-channel");
    fx_ask(A, "{'op':'close','channel':1}");
    fx_expect(A, "{'op':'error','code':'no-channel','channel':1}");

    EXPECT_OPEN(1, ""); /* the number is free again, and another peer's */
    fx_refused(ONE, "no-session", "{'op':'ping'}");
    EXPECT_OPEN(2, "");
    fx_ask(TWO, "{'op':'hello','proto':1,'client':'%s','nick':'ann','resume':'%s'}", fx_client(ONE), token);
    fx_expect(TWO, "{'op':'welcome','resumed':true,'nick':'ann'}");
    fx_tick();
    fx_expect_silent(A, ONE, TWO, BACK); /* nobody saw it leave */
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 2);
}

/* An operator sends a peer away; the gateway is to close its socket. Only then is the number free. */
TEST(test_close_by_the_broker) {
    relay_set_access(fx.relay, fx_access("anonymous: rwspcag *"));
    EXPECT_OPEN(1, "");
    fx_hello(ONE, "ann");
    fx_ask(A, "{'op':'admin','do':'kick','user':'ann'}");
    fx_expect(A, "{'op':'ok'}");
    fx_expect_text(ONE, "{\"op\":\"bye\",\"reason\":\"kicked\"}");
    fx_expect_text(A, "{\"channel\":1,\"op\":\"close\",\"reason\":\"kicked\"}");
    ck_assert_uint_eq(fx_effect(EFFECT_DROP), 0);

    fx_say(ONE, "{'op':'ping'}"); /* sent before the gateway heard of it */
    fx_one(ONE, "r", 1, "x");
    fx_run();
    fx_expect_silent(A, ONE, BACK);
    EXPECT_NOT_OPEN(1, "", "bad-member");
    fx_ask(A, "{'op':'close','channel':1}");
    fx_expect_silent(A, ONE);
    EXPECT_OPEN(1, "");
    fx_hello(ONE, "ann");
}

static const char LEAF[] = "near: l *\nweb: g *\nann: rwspc *\n-mal: r *\nanonymous: r lobby";

/* The leaf "near" is at A. */
static void s_leaf(const char *user) {
    fx_begin();
    fx.rights = LEAF;
    fx.users[A] = user;
    fx.private = true;
    fx_start();
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s','plain':false}", fx_client(A));
    fx_expect(A, "{'op':'welcome','user':'%s'}", user);
}

TEST(test_a_leaf_names_users) {
    s_leaf("near");
    fx_answer(A, "{'op':'open','channel':1,'user':'ann'}", "{'op':'ok','channel':1}");
    fx_ask(ONE, "{'op':'hello','proto':1,'client':'%s','nick':'other'}", fx_client(ONE));
    fx_expect(ONE, "{'op':'welcome','nick':'ann','user':'ann'}");
    fx_answer(ONE, "{'op':'join','room':'staff'}", "{'op':'joined','private':true}");
    fx_answer(A, "{'op':'open','channel':2,'secure':true}", "{'op':'ok','channel':2}");
    fx_ask(TWO, "{'op':'hello','proto':1,'client':'%s'}", fx_client(TWO));
    fx_expect(TWO, "{'op':'welcome'}");
    ck_assert_ptr_null(json_object_get(fx.last, "user"));
    fx_refused(A, "no-such-user", "{'op':'open','channel':3,'user':'eve'}");
    fx_refused(A, "no-such-user", "{'op':'open','channel':3,'user':'mal'}");
    fx_refused(A, "no-such-user", "{'op':'open','channel':3,'user':'anonymous'}");
    fx_refused(A, "bad-member", "{'op':'open','channel':3,'user':7}");
    ck_assert_uint_eq(relay_stats(fx.relay).channels, 2);
}

TEST(test_a_user_that_a_leaf_named_is_revoked) {
    s_leaf("near");
    fx_answer(A, "{'op':'open','channel':1,'user':'ann'}", "{'op':'ok'}");
    fx_ask(ONE, "{'op':'hello','proto':1,'client':'%s'}", fx_client(ONE));
    fx_expect(ONE, "{'op':'welcome'}");
    fx_set_access("near: l *\nweb: g *\nanonymous: r lobby");
    fx_expect(ONE, "{'op':'bye','reason':'revoked'}");
    fx_expect(A, "{'op':'close','channel':1,'reason':'revoked'}");
}

TEST(test_only_a_leaf_names_users) {
    s_leaf("web");
    fx_refused(A, "forbidden", "{'op':'open','channel':1,'user':'ann'}");
    fx_begin();
    s_begin(); /* without users there are none */
    fx_refused(A, "forbidden", "{'op':'open','channel':1,'user':'ann'}");
    ck_assert_uint_eq(relay_stats(fx.relay).channels, 0);
}

/* A gateway or leaf behind the leaf at A: its session came by the channel 1. */
static void s_behind(const char *user) {
    s_leaf("near");
    char open[64];
    snprintf(open, sizeof open, "{'op':'open','channel':1,'user':'%s'}", user);
    fx_answer(A, open, "{'op':'ok'}");
    fx_refused(ONE, "no-session", "{'op':'open','channel':2}"); /* before its hello */
    fx_ask(ONE, "{'op':'hello','proto':1,'client':'%s'}", fx_client(ONE));
    fx_expect(ONE, "{'op':'welcome'}");
}

TEST(test_a_gateway_behind_a_leaf_opens_channels_of_the_leafs_trunk) {
    s_behind("web");
    fx_answer(ONE, "{'op':'open','id':4,'channel':2}", "{'op':'ok','re':4,'channel':2}");
    fx_answer(TWO, "{'op':'ping'}", "{'op':'error','code':'no-session'}");
    fx_refused(ONE, "bad-member", "{'op':'open','channel':2}");
    fx_refused(ONE, "forbidden", "{'op':'open','channel':3,'user':'ann'}"); /* a gateway names no users */
    fx_refused(ONE, "no-channel", "{'op':'close','channel':1}");            /* this one is not its own */
    fx_answer(ONE, "{'op':'close','id':5,'channel':2}", "{'op':'close','re':5,'channel':2}");
    fx_answer(ONE, "{'op':'open','channel':2}", "{'op':'ok','channel':2}");
    fx_answer(A, "{'op':'close','channel':2}", "{'op':'close','channel':2}"); /* the leaf may */
    fx_set_access("near: l *\nweb: r *\nanonymous: r lobby");                 /* no gateway any more */
    fx_expect(ONE, "{'op':'bye','reason':'revoked'}");
}

TEST(test_a_leaf_behind_a_leaf_names_users) {
    s_behind("near");
    fx_answer(ONE, "{'op':'open','channel':2,'user':'ann'}", "{'op':'ok','channel':2}");
    ck_assert_uint_eq(relay_stats(fx.relay).channels, 2);
}

TEST(test_without_users_a_leaf_says_that_it_is_one) {
    for (int leaf = 0; leaf < 2; leaf++) {
        fx_begin();
        fx_start();
        fx_ask(A, "{'op':'hello','proto':1,'client':'%s'%s}", fx_client(A), leaf ? ",'plain':true" : "");
        fx_expect(A, "{'op':'welcome'}");
        EXPECT_OPEN(1, "");
        fx_hello(ONE, "gate");
        fx_ask(ONE, "{'op':'open','channel':2}");
        fx_expect(ONE, leaf ? "{'op':'ok','channel':2}" : "{'op':'error','code':'forbidden'}");
    }
}

TEST(test_a_channel_of_a_gateway_carries_no_trunk) {
    s_leaf("web");
    fx_answer(A, "{'op':'open','channel':1}", "{'op':'ok'}");
    fx_ask(ONE, "{'op':'hello','proto':1,'client':'%s'}", fx_client(ONE));
    fx_expect(ONE, "{'op':'welcome'}");
    fx_refused(ONE, "forbidden", "{'op':'open','channel':2}");
}

/* Its peers would read open rooms without logging in, and here nobody may. */
TEST(test_a_plain_leaf_needs_a_plain_broker) {
    fx_begin();
    fx.rights = LEAF;
    fx.users[A] = "near";
    fx.users[B] = "ann";
    fx_start();
    fx_refused(A, "forbidden", "{'op':'hello','proto':1,'client':'%s','plain':true}", fx_client(A));
    fx_refused(B, "forbidden", "{'op':'hello','proto':1,'client':'%s','plain':true}", fx_client(B));
    access_t *access = fx_access(LEAF);
    access_set_plain(access, true);
    relay_set_access(fx.relay, access);
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s','plain':true}", fx_client(A));
    fx_expect(A, "{'op':'welcome'}");
}

TEST(test_channels_of_a_trunk_and_of_all) {
    fx.config.max_trunk_channels = 2;
    fx.config.max_channels = 3;
    s_anew();
    EXPECT_OPEN(1, "");
    EXPECT_OPEN(2, "");
    EXPECT_NOT_OPEN(3, "", "too-many-channels");
    fx_hello(B, "other");
    fx_answer(B, "{'op':'open','channel':1}", "{'op':'ok'}");
    fx_answer(B, "{'op':'open','channel':2}", "{'op':'error','code':'too-many-channels'}");
    fx_ask(A, "{'op':'close','channel':1}");
    fx_drop(A);
    fx_answer(B, "{'op':'open','channel':2}", "{'op':'ok'}");
    EXPECT_NOT_OPEN(1, "", "too-many-channels"); /* of all */
}

TEST(test_a_channel_that_is_closing_counts) {
    fx.config.max_trunk_channels = 1;
    fx.config.login_timeout_ms = 1000;
    s_anew();
    EXPECT_OPEN(1, "");
    fx.now += 1000 * 1000;
    relay_channels_tick(fx.relay, fx.now);
    fx_run();
    fx_expect(A, "{'op':'close','channel':1,'reason':'silent'}");
    EXPECT_NOT_OPEN(2, "", "too-many-channels");
    fx_ask(A, "{'op':'close','channel':1}");
    EXPECT_OPEN(2, "");
}

TEST(test_channels_of_an_address) {
    fx.config.max_address_channels = 2;
    s_anew();
    EXPECT_OPEN(1, "2001:db8:0:1::1");
    EXPECT_OPEN(2, "2001:db8:0:1:ffff::2");
    EXPECT_NOT_OPEN(3, "2001:db8:0:1::3", "too-many-channels");
    EXPECT_OPEN(3, "2001:db8:0:2::3");
    fx_hello(B, "other"); /* over another trunk */
    fx_answer(B, "{'op':'open','channel':1,'address':'2001:db8:0:1::4'}", "{'op':'error','code':'too-many-channels'}");
    fx_ask(A, "{'op':'close','channel':1}");
    fx_answer(B, "{'op':'open','channel':1,'address':'2001:db8:0:1::4'}", "{'op':'ok'}");
    for (unsigned i = 10; i < 20; i++) /* this machine is not counted */
        fx_answer(B, i % 2 ? "{'op':'close','channel':9}" : "{'op':'open','channel':9,'address':'127.0.0.1'}",
            i % 2 ? "{'op':'close'}" : "{'op':'ok'}");
}

TEST(test_channels_that_an_address_opens) {
    fx.config.rate_channels = 2;
    s_anew();
    for (unsigned i = 1; i <= 8; i++)
        EXPECT_OPEN(i, "10.0.0.1");
    EXPECT_NOT_OPEN(9, "10.0.0.1", "rate-limited");
    ck_assert_uint_eq(fx_int("wait"), 500);
    EXPECT_OPEN(9, "10.0.0.2");
    fx.now += 499 * 1000;
    EXPECT_NOT_OPEN(10, "10.0.0.1", "rate-limited");
    fx.now += 1000;
    EXPECT_OPEN(10, "10.0.0.1");
}

/* Peers without a login make rooms for their address. */
TEST(test_rooms_of_an_address) {
    fx.config.max_user_rooms = 1;
    fx.rights = "web: g *\nanonymous: rwspc *";
    fx.users[A] = "web";
    s_anew();
    EXPECT_OPEN(1, "10.0.0.1");
    EXPECT_OPEN(2, "10.0.0.1");
    EXPECT_OPEN(3, "10.0.0.2");
    for (unsigned i = 1; i <= 3; i++)
        fx_hello(route_of(A, i), i == 1 ? "ann" : i == 2 ? "bob" : "eve");
    fx_answer(ONE, "{'op':'publish','room':'a'}", "{'op':'ack'}");
    fx_answer(TWO, "{'op':'publish','room':'b'}", "{'op':'error','code':'too-many-rooms'}");
    fx_answer(route_of(A, 3), "{'op':'publish','room':'b'}", "{'op':'ack'}");
}

/* Opening is free; so a gateway that comes back with thousands of peers is not sent away. */
TEST(test_many_at_once) {
    for (unsigned i = 1; i <= fx.config.max_trunk_channels; i++)
        fx_say(A, "{'op':'open','channel':%u}", i);
    fx_run();
    ck_assert_uint_eq(relay_stats(fx.relay).channels, fx.config.max_trunk_channels);
    ck_assert_uint_eq(relay_stats(fx.relay).errors, 0);
    s_open(UINT32_MAX, "");
    ck_assert_uint_eq(relay_stats(fx.relay).errors, 1);
    ck_assert_uint_eq(relay_stats(fx.relay).flooders, 0);
}

/* But it costs the bytes of the frames, so a million at once are a flood. */
TEST(test_a_million_at_once) {
    size_t most = 0;
    fx.config.rate_control = 20000;
    s_anew();
    for (unsigned i = 1; i <= 1000000 && !relay_stats(fx.relay).flooders; i++) {
        fx_say(A, "{'op':'open','channel':%u}", i);
        fx_say(A, "{'op':'close','channel':%u}", i - i % 2); /* every second one stays */
        size_t channels = relay_stats(fx.relay).channels;
        most = channels > most ? channels : most;
        if (i % 100 == 0) {
            fx_run();
            fx_drop(A);
        }
    }
    ck_assert_uint_ge(relay_stats(fx.relay).flooders, 1);
    ck_assert_uint_eq(relay_stats(fx.relay).channels, 0);
    ck_assert_uint_le(most, fx.config.max_trunk_channels);
}

UNIT_SUITE_WITH("broker.core.cmd.channel", s_begin, fx_finish)
