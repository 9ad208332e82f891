/* What clients of a leaf see, while its upstream is there and while it is away. */
#include "fixture_leaf.h"
#include "wire.h"

#define HELLO "{'op':'hello','id':1,'proto':1}"
#define NO_SESSION "{'op':'error','code':'no-session','text':'say hello first'"

TEST(test_the_first_frame_opens_a_channel) {
    lf_go_live();
    lf_say(A, HELLO);
    lf_expect_up("0 {'op':'open','channel':1,'address':'','secure':true}\n1 " HELLO "\n");
    lf_frame(A, LIT("\1\1r"));
    lf_expect_up("1 ..r\n");
    lf.peer = (peer_t){.address = zr_span("203.0.113.7"), .connection = 78};
    lf_say(B, HELLO);
    lf_expect_up("0 {'op':'open','channel':2,'address':'203.0.113.7','secure':false}\n2 " HELLO "\n");
    lf.peer = (peer_t){.address = zr_span("2001:db8::/64"), .user = zr_span("ann")};
    lf_say(C, HELLO);
    lf_expect_up("0 {'op':'open','channel':3,'address':'2001:db8::','secure':true,'user':'ann'}\n3 " HELLO "\n");
    lf_expect_out("");
}

TEST(test_frames_of_the_upstream_go_to_their_client) {
    lf.relay.greeting = "hi";
    lf_go_live();
    lf_say(A, HELLO);
    lf_hear_on(1, "{'op':'welcome','nick':'ann','back':'tcp://up:2'}");
    lf_expect_out("1 {'op':'welcome','nick':'ann','back':'tcp://leaf:1','greeting':'hi'}\n");
    lf_hear_on(1, "{'op':'direct','text':'{'op':'welcome''}");
    lf_expect_out("1 {'op':'direct','text':'{'op':'welcome''}\n");
    lf_hear_on(9, "{'op':'direct'}");
    lf_expect_out("");
}

/* A client whose queue is full can do without a live frame, and without nothing else. */
TEST(test_live_frames_of_private_rooms_may_be_dropped) {
    const struct {
        zr_span_t frame;
        const char *out;
    } cases[] = {
        {LIT("r\0\1\0rest"), "live 1 r...rest\n"},
        {LIT("r\0\1\1rest"), "1 r...rest\n"},
        {LIT("r\0\1\2rest"), "1 r...rest\n"},
        {LIT("r\1{\"op\":1}"), "live 1 r.{'op':1}\n"},
        {LIT("\2\1ack"), "1 ..ack\n"},
        {LIT("r"), "1 r\n"},
        {LIT(""), "1 \n"},
    };
    lf_go_live();
    lf_say(A, HELLO);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        zr_blob_t *frame = zr_trunk_frame(1, cases[i].frame);
        leaf_take_front(lf.leaf, zr_span_of(zr_blob_data(frame), zr_blob_len(frame)));
        zr_blob_unref(frame);
        lf_expect_out(cases[i].out);
    }
}

TEST(test_clients_are_told_once_that_the_upstream_is_away) {
    lf_go_live();
    lf_say(A, HELLO);
    lf_out();
    leaf_down(lf.leaf, "gone");
    lf_expect_out("1 " NO_SESSION "}\n");
    lf_frame(A, LIT("\1\1r"));
    lf_frame(A, LIT("\1\1r"));
    lf_expect_out("");
    lf_frame(B, LIT("\1\1r")); /* a newcomer is told, once too */
    lf_frame(B, LIT("\1\1r"));
    lf_expect_out("2 " NO_SESSION "}\n");
    lf_say(A, "{'op':'ping','id':7}");
    lf_expect_out("1 " NO_SESSION ",'re':7}\n");
    static const char *const waits[] = {
        "147", "347", "747", "947", "947"}; /* half of it is certain, and doubles to 500 */
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        lf_say(A, HELLO);
        const char *out = lf_out(), *wait = strstr(out, "'wait':");
        ck_assert(strstr(out, "rate-limited") && wait);
        ck_assert_msg(strncmp(wait + 7, waits[i], 3) == 0, "%s, not %s", wait, waits[i]);
    }
    lf_say(A, "{broken");
    lf_expect_out("");
}

/* Until the upstream accepted its channel. */
TEST(test_a_client_that_says_much_too_early) {
    lf_go_live();
    for (int i = 0; i < 20; i++)
        lf_frame(A, LIT("\1\1r"));
    const char *up = lf_up();
    size_t count = 0;
    for (; (up = strstr(up, "1 ..r")); up++)
        count++;
    ck_assert_uint_eq(count, 16);
    lf_expect_out("1 " NO_SESSION "}\n");
    lf_say(A, HELLO);
    ck_assert_ptr_nonnull(strstr(lf_out(), "'rate-limited'"));
    lf_hear("{'op':'ok','channel':1}");
    lf_say(A, HELLO);
    lf_expect_up("1 " HELLO "\n");
}

TEST(test_a_client_that_asks_without_end_while_the_upstream_is_away) {
    lf.relay.rate_ops = 10;
    lf_go_live();
    leaf_down(lf.leaf, "gone");
    for (int i = 0; i < 90; i++)
        lf_say(A, HELLO);
    ck_assert_ptr_null(strstr(lf_out(), "bye"));
    lf_say(A, HELLO);
    lf_expect_out("1 {'op':'bye','reason':'flooding'}\ncharge 77\ndrop 77\n");
}

TEST(test_after_the_upstream_is_back_each_client_opens_again) {
    lf_go_live();
    lf_say(A, HELLO);
    leaf_down(lf.leaf, "gone");
    lf_pass(200);
    leaf_up(lf.leaf);
    lf_hear("{'op':'welcome','heartbeat':5000,'back':'tcp://up:2'}");
    lf_up();
    lf_say(A, HELLO);
    lf_expect_up("0 {'op':'open','channel':1,'address':'','secure':true}\n1 " HELLO "\n");
    leaf_down(lf.leaf, "gone again");
    lf_out();
    ck_assert_uint_eq(core_stats(&lf.core).sessions, 1);
}

TEST(test_a_full_leaf_lets_no_more_in) {
    lf.relay.max_sessions = 1;
    lf_go_live();
    lf_say(A, HELLO);
    lf_say(B, HELLO);
    lf_expect_up("0 {'op':'open','channel':1,'address':'','secure':true}\n1 " HELLO "\n");
    lf_expect_out(
        "2 {'op':'error','code':'too-many-sessions','text':'the broker is full; try again later'}\ndrop 77\n");
}

TEST(test_a_revoked_peer_is_sent_away) {
    lf_go_live();
    lf.peer.revoked = true;
    lf_say(A, HELLO);
    lf_expect_up("");
    ck_assert_ptr_nonnull(strstr(lf_out(), "'forbidden'"));
}

TEST(test_a_silent_client_loses_its_channel) {
    lf_go_live();
    lf_say(A, HELLO);
    lf_say(B, HELLO);
    for (int i = 0; i < 26; i++) { /* from the first look on */
        lf_second();
        lf_say(B, "{'op':'ping'}");
        lf_hear("{'op':'pong'}");
    }
    ck_assert_uint_eq(core_stats(&lf.core).sessions, 2);
    lf_up();
    lf_second();
    ck_assert_ptr_nonnull(strstr(lf_up(), "0 {'op':'close','channel':1}\n"));
    ck_assert_uint_eq(core_stats(&lf.core).sessions, 1);
    lf_hear("{'op':'close','channel':1}");
    lf_say(A, "{'op':'ping'}");
    lf_expect_up("0 {'op':'open','channel':3,'address':'','secure':true}\n3 {'op':'ping'}\n");
}

/* A frame of it may still come, so its channel stays for a moment. */
TEST(test_a_client_that_left) {
    lf_go_live();
    lf_say(A, HELLO);
    lf.peer.connection = 78;
    lf_say(B, HELLO);
    lf_second();
    leaf_left(lf.leaf, 77);
    leaf_left(lf.leaf, 99);
    lf_say(A, "{'op':'bye'}");
    lf_up();
    lf_second();
    lf_second();
    lf_expect_up("");
    lf_second();
    lf_expect_up("0 {'op':'close','channel':1}\n");
    ck_assert_uint_eq(core_stats(&lf.core).sessions, 1);
}

/* A process that was stopped finds clients' frames waiting. */
TEST(test_after_a_stop_nobody_was_silent) {
    lf_go_live();
    lf_say(A, HELLO);
    lf_second();
    lf_up();
    lf_pass(60000);
    core_second(&lf.core, 0, true);
    ck_assert_ptr_null(strstr(lf_up(), "close"));
    ck_assert_uint_eq(core_stats(&lf.core).sessions, 1);
    lf_expect_out("");
}

TEST(test_a_lost_route_ends_its_channel) {
    lf_go_live();
    lf_say(A, HELLO);
    lf_up();
    lf_hear_on(1, "never sent");
    core_route_lost(&lf.core, A);
    lf_expect_out("drop 77\n");
    lf_expect_up("0 {'op':'close','channel':1}\n");
    core_route_lost(&lf.core, B); /* nobody */
    lf_expect_out("");
}

TEST(test_a_shutdown_says_bye_to_all) {
    lf_go_live();
    lf_say(A, HELLO);
    lf_up();
    core_shutdown(&lf.core);
    lf_expect_out("1 {'op':'bye','reason':'shutdown'}\n");
    lf_expect_up("0 {'op':'bye'}\n");
}

TEST(test_users) {
    lf_go_live();
    lf.peer = (peer_t){.user = zr_span("ann"), .connection = 5};
    ck_assert(core_shuts_out(&lf.core, zr_span("ann")));
    lf_say(A, HELLO);
    ck_assert(core_shuts_out(&lf.core, zr_span("ann"))); /* until the upstream says so */
    lf_hear("{'op':'ok','channel':1}");
    ck_assert(!core_shuts_out(&lf.core, zr_span("ann")));
    leaf_down(lf.leaf, "gone");
    ck_assert(!core_shuts_out(&lf.core, zr_span("ann")));
    core_disown(&lf.core, zr_span("ann"));
    core_set_access(&lf.core, access_new_open());
    ck_assert_ptr_nonnull(strstr(lf_out(), "drop-user ann\n"));
}

static void s_seconds(int count) {
    while (count--) {
        lf_second();
        lf_hear("{'op':'pong'}");
    }
}

static void s_accept_ann(void) {
    lf_go_live();
    lf.peer = (peer_t){.user = zr_span("ann"), .connection = 5};
    lf_say(A, HELLO);
    lf_hear("{'op':'ok','channel':1}");
}

/* Its user may be a user no more: the upstream tells that of clients only. */
TEST(test_a_reader_is_sent_away_whose_clients_left) {
    s_accept_ann();
    s_seconds(1);
    leaf_left(lf.leaf, 5);
    s_seconds(3);
    ck_assert_uint_eq(core_stats(&lf.core).sessions, 0);
    s_seconds(24);
    ck_assert(!core_shuts_out(&lf.core, zr_span("ann"))); /* its next client may be on its way */
    lf_expect_out("");
    s_seconds(2);
    lf_expect_out("drop-user ann\n");
    ck_assert(core_shuts_out(&lf.core, zr_span("ann")));
    s_seconds(30);
    lf_expect_out("");
}

/* A minute later. */
static void s_come_back(void) {
    for (int i = 0; i < 60; i++) {
        lf_second();
        ck_assert_ptr_null(strstr(lf_out(), "drop-user"));
    }
    for (int i = 0; i < 100 && !strstr(lf_up(), "connect"); i++)
        lf_pass(100);
    leaf_up(lf.leaf);
    lf_hear("{'op':'welcome','heartbeat':5000,'back':'tcp://up:2'}");
    ck_assert_ptr_nonnull(strstr(lf_up(), "back tcp://up:2"));
}

TEST(test_users_are_accepted_anew_after_the_upstream_was_away) {
    s_accept_ann();
    leaf_down(lf.leaf, "gone");
    s_come_back();
    s_seconds(24);
    lf_expect_out("");
    s_seconds(3);
    lf_expect_out("drop-user ann\n");
}

TEST(test_a_user_that_is_accepted_anew_reads_on) {
    s_accept_ann();
    leaf_down(lf.leaf, "gone");
    s_come_back();
    lf_say(A, HELLO);
    lf_hear("{'op':'ok','channel':2}");
    for (int i = 0; i < 40; i++) {
        s_seconds(1);
        lf_say(A, "{'op':'ping'}");
    }
    lf_expect_out("");
    ck_assert(!core_shuts_out(&lf.core, zr_span("ann")));
}

UNIT_SUITE_WITH("broker.leaf.leaf", lf_begin, lf_finish)
