/* The leaf's own session at its upstream. */
#include <stdio.h>

#include "fixture_leaf.h"

#define CLIENT "abababababababababababababababab"

static void s_hello(void) {
    lf_start();
    lf_expect_up("");
    lf_pass(100);
    lf_expect_up("connect\n");
    leaf_up(lf.leaf);
}

TEST(test_it_says_hello_and_is_welcomed) {
    s_hello();
    lf_expect_up("0 {'op':'hello','id':'hello','proto':1,'client':'" CLIENT "','agent':'test','plain':false}\n");
    lf_hear("{'op':'welcome','heartbeat':1000,'back':'tcp://up:2'}");
    lf_expect_up("back tcp://up:2\n");
    lf_hear("{'op':'welcome','heartbeat':1000,'back':'tcp://up:3'}"); /* unasked */
    lf_expect_up("");
}

TEST(test_it_logs_in_and_says_that_it_is_plain) {
    lf.config.user = "web";
    lf.config.token = "secret";
    lf.config.plain = true;
    s_hello();
    lf_expect_up("0 {'op':'hello','id':'hello','proto':1,'client':'" CLIENT
                 "','agent':'test','user':'web','token':'secret','plain':true}\n");
}

TEST(test_it_pings_and_notes_silence) {
    lf_go_live();
    for (int i = 0; i < 49; i++)
        lf_pass(100);
    lf_expect_up("");
    lf_pass(100);
    ck_assert_ptr_nonnull(strstr(lf_up(), "0 {'op':'ping'"));
    lf_hear("{'op':'pong'}");
    for (int i = 0; i < 150; i++)
        lf_pass(100);
    ck_assert_ptr_null(strstr(lf_up(), "disconnect"));
    lf_pass(100);
    lf_expect_up("disconnect\n");
}

TEST(test_it_backs_off) {
    static const unsigned after[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000};
    s_hello();
    for (size_t i = 0; i < sizeof after / sizeof *after; i++) {
        unsigned wait = after[i] * (128 + 0xab) / 384;
        leaf_down(lf.leaf, "no");
        leaf_down(lf.leaf, "no"); /* told twice, it counts once */
        lf_up();
        lf_pass(wait - 1);
        lf_expect_up("");
        lf_pass(1);
        lf_expect_up("connect\n");
    }
}

TEST(test_a_connection_has_a_time_to_stand) {
    lf_start();
    lf_pass(1);
    lf_up();
    for (int i = 0; i < 49; i++)
        lf_pass(100);
    lf_expect_up("");
    lf_pass(100);
    lf_expect_up("disconnect\n");
}

TEST(test_it_is_refused) {
    s_hello();
    lf_up();
    lf_hear("{'op':'error','re':'hello','code':'forbidden','text':'no'}");
    lf_expect_up("disconnect\n");
}

TEST(test_a_welcome_that_lacks_something) {
    s_hello();
    lf_up();
    lf_hear("{'op':'welcome','heartbeat':1000}");
    lf_expect_up("disconnect\n");
}

TEST(test_the_upstream_says_bye_or_does_not_know_it) {
    lf_go_live();
    lf_hear("{'op':'bye','reason':'shutdown'}");
    lf_expect_up("disconnect\n");
    lf_pass(5000);
    leaf_up(lf.leaf);
    lf_hear("{'op':'welcome','heartbeat':1000,'back':'tcp://up:2'}");
    lf_up();
    lf_hear("{'op':'error','code':'rate-limited'}"); /* says nothing about the session */
    lf_expect_up("");
    lf_hear("{'op':'error','code':'no-session'}");
    lf_expect_up("disconnect\n");
}

/* Clients are not read while the upstream does not read. */
TEST(test_the_window) {
    static char bytes[1 << 20];
    bytes[0] = 1;
    lf_go_live();
    lf_say(A, "{'op':'hello'}");
    lf_hear("{'op':'ok','channel':1}");
    unsigned long long marked = 0;
    for (int i = 0; i < 32; i++) {
        ck_assert(!core_is_full(&lf.core));
        lf_frame(A, zr_span_of(bytes, sizeof bytes));
        const char *ping = strstr(lf_up(), "{'op':'ping','id':");
        if (ping)
            marked = strtoull(ping + 18, NULL, 10);
    }
    ck_assert(core_is_full(&lf.core));
    ck_assert_uint_gt(marked, 28 << 20);
    char pong[64];
    snprintf(pong, sizeof pong, "{'op':'pong','re':%llu}", marked);
    lf_hear(pong);
    ck_assert(!core_is_full(&lf.core));
    lf_hear("{'op':'pong','re':99999999999}"); /* more than was sent */
    leaf_down(lf.leaf, "gone");
    ck_assert(!core_is_full(&lf.core));
}

TEST(test_another_back_after_its_end) {
    lf_go_live();
    leaf_back_down(lf.leaf);
    leaf_back_down(lf.leaf);
    lf_pass(499);
    lf_expect_up("");
    lf_pass(1);
    lf_expect_up("back tcp://up:2\n");
}

TEST(test_of_several_upstreams_the_next_one_follows_a_loss) {
    static const char *const order[] = {"tcp://up:1", "tcp://up:2", "tcp://up:3", "tcp://up:1"};
    lf.config.server = "tcp://up:1,tcp://up:2,tcp://up:3";
    lf_start();
    for (size_t i = 0; i < 4; i++) {
        lf_pass(1000);
        ck_assert_str_eq(lf.server, order[i]);
        leaf_down(lf.leaf, "gone");
    }
    for (int i = 0; i < 20; i++) { /* no wait is longer than a second */
        lf_up();
        lf_pass(1000);
        lf_expect_up("connect\n");
        leaf_down(lf.leaf, "gone");
    }
}

static void s_expect_order(const char *const order[], size_t count) {
    for (size_t i = 0; i < count; i++) {
        leaf_down(lf.leaf, "gone");
        lf_pass(1000);
        ck_assert_str_eq(lf.server, order[i]);
    }
}

TEST(test_it_learns_further_upstreams_of_the_one_it_has) {
    static const char *const order[] = {"tcp://up:2", "tcp://up3:1", "tcp://up:1"}, *const only[] = {"tcp://up:1"};
    lf.config.learns = true;
    lf_start();
    lf_pass(1);
    leaf_up(lf.leaf);
    lf_hear("{'op':'welcome','heartbeat':5000,'back':'tcp://up:9','peers':['tcp://up:2',7,'inproc://x',"
            "'ipc:///up','tcp://127.0.0.1:1','tcp://up3:1']}");
    s_expect_order(order, 3);
    leaf_up(lf.leaf);
    lf_hear("{'op':'welcome','heartbeat':5000,'back':'tcp://up:9'}"); /* it names none any more */
    s_expect_order(only, 1);
}

TEST(test_a_follower_learns_none) {
    static const char *const only[] = {"tcp://up:1"};
    lf_start();
    lf_pass(1);
    leaf_up(lf.leaf);
    lf_hear("{'op':'welcome','heartbeat':5000,'back':'tcp://up:9','peers':['tcp://up:2']}");
    s_expect_order(only, 1);
}

TEST(test_it_follows_another_upstream_at_once_and_that_alone) {
    lf.config.server = "tcp://up:1,tcp://up:2";
    lf_go_live();
    leaf_follow(lf.leaf, &(zr_server_t){.endpoint = "tcp://other:1"});
    lf_expect_up("disconnect\n");
    lf_pass(1);
    lf_expect_up("connect\n");
    ck_assert_str_eq(lf.server, "tcp://other:1");
    leaf_down(lf.leaf, "gone");
    lf_pass(1000);
    ck_assert_str_eq(lf.server, "tcp://other:1");
    leaf_down(lf.leaf, "gone");
    leaf_follow(lf.leaf, &(zr_server_t){.endpoint = "tcp://third:1"}); /* while it is away */
    lf_pass(1);
    ck_assert_str_eq(lf.server, "tcp://third:1");
}

TEST(test_its_clients_learn_its_own_peers) {
    lf_go_live();
    lf_say(A, "{'op':'hello','id':1,'proto':1,'client':'" CLIENT "'}");
    lf_hear("{'op':'ok','channel':1}");
    lf_hear_on(1, "{'op':'welcome','re':1,'back':'tcp://up:2','peers':['tcp://up:9']}");
    lf_expect_out("1 {'op':'welcome','re':1,'back':'tcp://leaf:1'}\n");
    lf.relay.peers = "tcp://b:1,tcp://c:1";
    lf_hear_on(1, "{'op':'welcome','re':1,'back':'tcp://up:2'}");
    lf_expect_out("1 {'op':'welcome','re':1,'back':'tcp://leaf:1','peers':['tcp://b:1','tcp://c:1']}\n");
}

UNIT_SUITE_WITH("broker.leaf.upstream", lf_begin, lf_finish)
