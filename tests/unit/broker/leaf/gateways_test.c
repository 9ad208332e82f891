/* A gateway at A, behind the leaf. */
#include "fixture_leaf.h"

static void s_open(void) {
    lf_go_live();
    lf_say(A, "{'op':'hello'}");
    lf_say(A, "{'op':'open','id':3,'channel':7,'address':'203.0.113.1','secure':true}");
    lf_expect_up("0 {'op':'open','channel':1,'address':'','secure':true}\n1 {'op':'hello'}\n"
                 "0 {'op':'open','id':3,'channel':2,'address':'203.0.113.1','secure':true,'via':1}\n");
    lf_hear("{'op':'ok','channel':1}");
    lf_hear("{'op':'ok','re':3,'channel':2}");
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

TEST(test_one_of_its_peers_may_be_a_leaf_with_peers) {
    s_open();
    lf_say(A, "{'op':'open','channel':8,'via':7,'user':'ann'}");
    lf_expect_up("0 {'op':'open','channel':3,'via':2,'user':'ann'}\n");
    lf_say(A, "{'op':'open','channel':9,'via':99}");
    ck_assert_ptr_nonnull(strstr(lf_out(), "'bad-member'"));
    lf_expect_up("");
}

TEST(test_it_closes_a_channel) {
    s_open();
    lf_say(A, "{'op':'close','id':4,'channel':7}");
    lf_expect_up("0 {'op':'close','id':4,'channel':2}\n");
    lf_frame(A, LIT("\3\0\0\0\7late"));
    lf_hear_on(2, "late");
    lf_expect_out("");
    lf_hear("{'op':'close','re':4,'channel':2}");
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

TEST(test_the_upstream_refuses_a_channel) {
    lf_go_live();
    lf_say(A, "{'op':'hello'}");
    lf_say(A, "{'op':'open','id':3,'channel':7}");
    lf_hear("{'op':'error','re':3,'code':'forbidden','channel':2}");
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

TEST(test_what_only_looks_like_it) {
    lf_go_live();
    lf_say(A, "{'op':'publish','room':'r','text':'\\'open\\''}");
    lf_say(A, "{'op':'x','y':'open'}");
    lf_say(A, "{'open'");
    ck_assert_ptr_null(strstr(lf_up(), "via"));
    lf_frame(A, LIT("\3\0\0"));
    ck_assert_ptr_nonnull(strstr(lf_out(), "'bad-frame'"));
}

UNIT_SUITE_WITH("broker.leaf.gateways", lf_begin, lf_finish)
