/* How channels open and end. */
#include "fixture_leaf.h"

#define HELLO "{'op':'hello'}"

static void s_with(const char *user) {
    lf_go_live();
    lf.peer = (peer_t){.user = zr_span(user), .connection = 5};
    lf_say(A, HELLO);
    lf_up();
}

TEST(test_the_upstream_sends_a_client_away) {
    s_with("ann");
    lf_hear("{'op':'ok','channel':1}");
    lf_hear("{'op':'close','channel':1,'reason':'banned'}");
    lf_expect_up("0 {'op':'close','channel':1}\n");
    lf_expect_out("drop 5\ndrop-user ann\n");
    ck_assert(core_shuts_out(&lf.core, zr_span("ann")));
    ck_assert_uint_eq(core_stats(&lf.core).sessions, 0);
}

TEST(test_a_flooder_is_charged) {
    s_with("");
    lf_hear("{'op':'close','channel':1,'reason':'flooding'}");
    lf_expect_out("charge 5\ndrop 5\n");
}

TEST(test_the_upstream_does_not_know_the_user) {
    s_with("ann");
    lf_hear("{'op':'error','code':'no-such-user','text':'t','channel':1}");
    lf_expect_out("1 {'op':'error','code':'no-such-user','text':'t'}\ndrop 5\ndrop-user ann\n");
    lf_expect_up("");
    ck_assert_uint_eq(core_stats(&lf.core).sessions, 0);
}

TEST(test_the_upstream_is_full) {
    s_with("ann");
    lf_hear("{'op':'error','code':'too-many-channels','text':'t','channel':1}");
    lf_expect_out("1 {'op':'error','code':'too-many-channels','text':'t'}\ndrop 5\n"); /* the user's others stay */
}

/* If both say close at once, each takes the other's as the answer. */
TEST(test_closes_that_cross) {
    s_with("");
    core_route_lost(&lf.core, A);
    lf_expect_up("0 {'op':'close','channel':1}\n");
    lf_hear_on(1, "still on its way");
    lf_hear("{'op':'close','channel':1,'reason':'kicked'}");
    lf_expect_out("drop 5\n");
    lf_expect_up("");
    lf_hear("{'op':'close','channel':1}"); /* nobody knows it any more */
    lf_expect_out("");
}

TEST(test_answers_about_unknown_channels_change_nothing) {
    s_with("");
    lf_hear("{'op':'ok','channel':9}");
    lf_hear("{'op':'error','code':'no-channel','channel':9}");
    lf_hear("{'op':'close','channel':0}");
    lf_hear("{'op':'close','channel':99999999999}");
    lf_hear("{'op':'ok'}");
    lf_expect_out("");
    lf_expect_up("");
}

UNIT_SUITE_WITH("broker.leaf.carry", lf_begin, lf_finish)
