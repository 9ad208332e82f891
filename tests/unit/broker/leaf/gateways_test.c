/* A gateway at A, behind the leaf. */
#include <stdio.h>

#include "fixture_leaf.h"

static void s_open(void) {
    lf_go_live();
    lf_say(A, "{'op':'hello'}");
    lf_say(A, "{'op':'open','id':3,'channel':7,'address':'203.0.113.1','secure':true}");
    lf_expect_up("0 {'op':'open','channel':1,'address':'','secure':true}\n1 {'op':'hello'}\n"
                 "1 {'op':'open','id':3,'channel':2,'address':'203.0.113.1','secure':true}\n");
    lf_hear("{'op':'ok','channel':1}");
    lf_hear_on(1, "{'op':'ok','re':3,'channel':2}");
    lf_expect_out("1 {'op':'ok','re':3,'channel':7}\n");
}

TEST(test_its_channels_have_other_numbers_upstream) {
    s_open();
    lf_frame(A, LIT("\3\0\0\0\7{hi}"));
    lf_expect_up("2 {hi}\n");
    lf_hear_on(2, "{'op':'welcome','back':'tcp://up:2'}");
    lf_expect_out("1/7 {'op':'welcome','back':'tcp://up:2'}\n"); /* its gateway knows better */
    ck_assert(core_is_trunk(&lf.core, A));
    ck_assert(!core_is_trunk(&lf.core, B));
}

/* Its numbers are those of the connection that it came by. */
TEST(test_one_of_its_peers_may_be_a_leaf_with_peers) {
    s_open();
    lf_frame(A, LIT("\3\0\0\0\7{\"op\":\"open\",\"channel\":8,\"user\":\"ann\"}"));
    lf_expect_up("2 {'op':'open','channel':3,'user':'ann'}\n");
    lf_hear_on(2, "{'op':'ok','channel':3}");
    lf_expect_out("1/7 {'op':'ok','channel':8}\n");
    lf_frame(A, LIT("\3\0\0\0\x08{hi}"));
    lf_expect_up("3 {hi}\n");
    lf_hear("{'op':'close','channel':3,'reason':'kicked'}"); /* as the trunk says it, so does the leaf */
    lf_expect_out("1 {'op':'close','channel':8,'reason':'kicked'}\n");
    core_route_lost(&lf.core, A);
    lf_expect_up("0 {'op':'close','channel':3}\n0 {'op':'close','channel':2}\n0 {'op':'close','channel':1}\n");
}

static void s_open_within(void) {
    s_open();
    lf_frame(A, LIT("\3\0\0\0\7{\"op\":\"open\",\"channel\":8}"));
    lf_hear_on(2, "{'op':'ok','channel':3}");
    lf_up();
    lf_out();
}

TEST(test_the_upstream_is_away_from_a_leaf_with_a_gateway) {
    s_open_within();
    leaf_down(lf.leaf, "gone");
    lf_expect_out("1 {'op':'error','code':'no-session','text':'say hello first'}\n");
    ck_assert_uint_eq(core_stats(&lf.core).sessions, 1);
}

/* A leaf behind this one ends a client of a gateway behind it. It says so on the trunk, and is answered there. */
TEST(test_a_leaf_closes_a_channel_of_its_gateway) {
    s_open_within();
    lf_say(A, "{'op':'close','id':5,'channel':8}");
    lf_expect_up("0 {'op':'close','channel':3}\n");
    lf_expect_out("1 {'op':'close','channel':8,'re':5}\n");
    lf_frame(A, LIT("\3\0\0\0\7{\"op\":\"open\",\"channel\":8}")); /* the number is free */
    lf_expect_up("2 {'op':'open','channel':4}\n");
    lf_hear("{'op':'close','channel':3}");
    lf_expect_up("");
    lf_expect_out("");
}

TEST(test_a_peer_closes_no_channel_of_another) {
    s_open();
    lf_say(A, "{'op':'open','channel':9}");
    lf_hear_on(1, "{'op':'ok','channel':3}");
    lf_up();
    lf_out();
    lf_frame(A, LIT("\3\0\0\0\x09{\"op\":\"close\",\"channel\":7}"));
    ck_assert_ptr_nonnull(strstr(lf_out(), "1/9 {'op':'error','code':'no-channel'"));
    lf_expect_up("");
    lf_hear_on(2, "frame");
    lf_expect_out("1/7 frame\n");
}

/* A peer that may open none cannot hold numbers that its gateway is about to use. */
TEST(test_a_peer_takes_no_number_of_its_gateway) {
    s_open();
    lf_frame(A, LIT("\3\0\0\0\7{\"op\":\"open\",\"channel\":8}"));
    lf_say(A, "{'op':'open','id':4,'channel':8}");
    lf_expect_up("2 {'op':'open','channel':3}\n0 {'op':'close','channel':3}\n1 {'op':'open','id':4,'channel':4}\n");
    lf_hear_on(2, "{'op':'error','code':'forbidden','channel':3}");
    lf_hear("{'op':'error','code':'no-channel','channel':3}");
    lf_expect_out("");
    lf_hear_on(1, "{'op':'ok','re':4,'channel':4}");
    lf_expect_out("1 {'op':'ok','re':4,'channel':8}\n");
}

TEST(test_it_closes_a_channel) {
    s_open();
    lf_say(A, "{'op':'close','id':4,'channel':7}");
    lf_expect_up("1 {'op':'close','id':4,'channel':2}\n");
    lf_frame(A, LIT("\3\0\0\0\7late"));
    lf_hear_on(2, "late");
    lf_expect_out("");
    lf_hear_on(1, "{'op':'close','re':4,'channel':2}");
    lf_expect_out("1 {'op':'close','re':4,'channel':7}\n");
    lf_frame(A, LIT("\3\0\0\0\7late"));
    ck_assert_ptr_nonnull(strstr(lf_out(), "'code':'no-channel'"));
    lf_expect_up("");
}

TEST(test_the_upstream_closes_a_channel) {
    s_open();
    lf_hear("{'op':'close','channel':2,'reason':'kicked'}");
    lf_expect_up("0 {'op':'close','channel':2}\n");
    lf_expect_out("1 {'op':'close','channel':7,'reason':'kicked'}\n");
    lf_say(A, "{'op':'close','channel':7}");
    lf_expect_up("");
    lf_expect_out("");
    lf_say(A, "{'op':'close','channel':7}");
    ck_assert_ptr_nonnull(strstr(lf_out(), "'no-channel'"));
}

/* Each takes the other's `close` for its answer. */
TEST(test_both_sides_close_a_channel_at_once) {
    s_open();
    lf_say(A, "{'op':'close','channel':7}");
    lf_up();
    lf_hear("{'op':'close','channel':2,'reason':'kicked'}");
    lf_expect_up("");
    lf_expect_out("1 {'op':'close','channel':7,'reason':'kicked'}\n");
    lf_say(A, "{'op':'open','channel':7}");
    lf_expect_up("1 {'op':'open','channel':3}\n");
}

TEST(test_the_upstream_refuses_a_channel) {
    lf_go_live();
    lf_say(A, "{'op':'hello'}");
    lf_say(A, "{'op':'open','id':3,'channel':7}");
    lf_hear_on(1, "{'op':'error','re':3,'code':'forbidden','channel':2}");
    lf_expect_out("1 {'op':'error','re':3,'code':'forbidden','channel':7}\n");
    ck_assert(!core_is_trunk(&lf.core, A));
}

TEST(test_a_number_that_is_in_use) {
    s_open();
    lf_say(A, "{'op':'open','channel':7}");
    ck_assert_ptr_nonnull(strstr(lf_out(), "'bad-member'"));
    lf_say(A, "{'op':'open','channel':0}");
    lf_say(A, "{'op':'open'}");
    lf_expect_up("");
}

TEST(test_it_has_as_many_channels_as_it_may) {
    lf.relay.max_channels = 2;
    s_open();
    lf_say(A, "{'op':'open','channel':8}");
    ck_assert_ptr_nonnull(strstr(lf_out(), "'too-many-channels'"));
    lf_expect_up("");
}

TEST(test_its_end_ends_its_channels) {
    s_open();
    core_route_lost(&lf.core, A);
    lf_expect_up("0 {'op':'close','channel':2}\n0 {'op':'close','channel':1}\n");
    ck_assert_uint_eq(core_stats(&lf.core).sessions, 0);
}

TEST(test_it_left) {
    s_open();
    lf_say(A, "{'op':'open','channel':8}");
    lf_second();
    lf_up();
    leaf_left(lf.leaf, 77);
    for (int i = 0; i < 3; i++)
        lf_second();
    lf_expect_up("0 {'op':'close','channel':2}\n0 {'op':'close','channel':3}\n0 {'op':'close','channel':1}\n");
}

/* As with any trunk that broke: it hears of it for itself, and its channels are over without a word. */
TEST(test_the_upstream_is_away) {
    s_open();
    leaf_down(lf.leaf, "gone");
    lf_expect_out("1 {'op':'error','code':'no-session','text':'say hello first'}\n");
    lf_frame(A, LIT("\3\0\0\0\7late"));
    lf_expect_out("");
    ck_assert_uint_eq(core_stats(&lf.core).sessions, 1);
}

TEST(test_a_full_queue_of_one_channel) {
    s_open();
    core_route_lost(&lf.core, route_of(A, 7));
    lf_expect_up("0 {'op':'close','channel':2}\n");
    lf_expect_out("1 {'op':'close','channel':7,'reason':'slow'}\n");
    lf_say(A, "{'op':'close','channel':7}");
    lf_expect_out("");
    lf_hear("{'op':'close','channel':2}");
    lf_expect_up("");
}

/* Its session is over, and so are its channels. */
TEST(test_its_session_ends) {
    s_open();
    lf_hear_on(1, "{'op':'error','code':'no-session','text':'t'}");
    lf_expect_out("1 {'op':'error','code':'no-session','text':'t'}\n");
    lf_expect_up("0 {'op':'close','channel':2}\n");
    lf_hear("{'op':'close','channel':2}");
    ck_assert_uint_eq(core_stats(&lf.core).sessions, 1);
}

TEST(test_it_goes_while_an_answer_is_to_come) {
    s_open();
    lf_say(A, "{'op':'close','channel':7}");
    lf_say(A, "{'op':'open','channel':8}");
    lf_up();
    core_route_lost(&lf.core, A);
    lf_expect_up("0 {'op':'close','channel':3}\n0 {'op':'close','channel':1}\n");
    lf_hear("{'op':'error','code':'no-channel','channel':3}"); /* the upstream had refused it */
    lf_hear("{'op':'close','channel':1}");
    lf_expect_out("drop 77\n");
}

TEST(test_other_answers_go_on_as_they_are) {
    static const char *const answers[] = {
        "{'op':'ok','re':4}", "{'op':'error','code':'forbidden'}", "{'op':'joined'}", "{"};
    s_open();
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        char expected[64];
        lf_hear_on(1, answers[i]);
        snprintf(expected, sizeof expected, "1 %s\n", answers[i]);
        lf_expect_out(expected);
    }
    lf_hear_on(1, "{'op':'ok','channel':99}"); /* of a channel that is gone */
    lf_expect_out("");
}

TEST(test_what_only_looks_like_it) {
    lf_go_live();
    lf_say(A, "{'op':'publish','room':'r','text':'\\'open\\''}");
    lf_say(A, "{'op':'x','y':'open'}");
    lf_say(A, "{'open'");
    lf_expect_up(
        "0 {'op':'open','channel':1,'address':'','secure':true}\n1 {'op':'publish','room':'r','text':'\\'open\\''}\n"
        "1 {'op':'x','y':'open'}\n1 {'open'\n");
    lf_frame(A, LIT("\3\0\0"));
    ck_assert_ptr_nonnull(strstr(lf_out(), "'bad-frame'"));
}

TEST(test_escapes_hide_nothing) {
    lf_go_live();
    lf_say(A, "{'op':'\\u006fpen','channel':5}");
    lf_expect_up("0 {'op':'open','channel':1,'address':'','secure':true}\n1 {'op':'open','channel':2}\n");
}

/* What the leaf itself must refuse counts, as it would at the upstream. */
TEST(test_a_flood_of_faults) {
    lf.relay.rate_ops = 10;
    s_open();
    for (int i = 0; i < 1000; i++) /* these may be under way, and are no flood */
        lf_frame(A, LIT("\3\0\0\0\x09\1\1r"));
    const char *out = lf_out();
    ck_assert_ptr_null(strstr(out, "bye"));
    for (int i = 0; i < 90; i++)
        lf_frame(A, LIT("\3\0\0\0\x09{}"));
    ck_assert_ptr_null(strstr(lf_out(), "bye"));
    lf_second();
    for (int i = 0; i < 11; i++)
        lf_frame(A, LIT("\3\0"));
    ck_assert_ptr_nonnull(strstr(lf_out(), "1 {'op':'bye','reason':'flooding'}\ncharge 77\ndrop 77\n"));
    ck_assert_uint_eq(core_stats(&lf.core).sessions, 0);
    ck_assert_uint_eq(core_stats(&lf.core).flooders, 1);
}

/* A peer of a gateway pays for its own faults. */
TEST(test_a_peer_that_floods_is_sent_away_alone) {
    lf.relay.rate_ops = 10;
    s_open();
    for (int i = 0; i < 91; i++)
        lf_frame(A, LIT("\3\0\0\0\7{\"op\":\"close\",\"channel\":99}"));
    ck_assert_ptr_nonnull(strstr(lf_out(), "1 {'op':'close','channel':7,'reason':'flooding'}\n"));
    lf_expect_up("0 {'op':'close','channel':2}\n");
    lf_frame(A, LIT("\3\0\0\0\7{\"op\":\"close\",\"channel\":99}"));
    lf_expect_out("");
    ck_assert_uint_eq(core_stats(&lf.core).flooders, 1);
    lf_say(A, "{'op':'close','channel':7}");
    ck_assert_uint_eq(core_stats(&lf.core).sessions, 1);
}

UNIT_SUITE_WITH("broker.leaf.gateways", lf_begin, lf_finish)
