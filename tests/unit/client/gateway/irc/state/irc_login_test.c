#include "fixture_irc.h"
#include "unit.h"

static scene_t s_scene;

static void s_begin(void) {
    scene_begin(&s_scene, true);
}

static void s_end(void) {
    scene_end(&s_scene);
}

TEST(test_a_nick_that_was_taken_meanwhile_becomes_another) {
    scene_register(&s_scene, NULL);
    scene_join(&s_scene, "r", 2);
    scene_play(&s_scene, "A: {'op':'bye','reason':'expired'}\nB: 'nick':'ann'\n"
                         "A: {'op':'error','re':5,'code':'nick-in-use','text':'x'}\nB: 'op':'hello'\n"
                         "A: {'op':'welcome','re':6,'nick':'guest-7','epoch':'" SCENE_EPOCH "','resume':'abc'}\n"
                         "S: :ann!~u@zrelay NICK guest-7\nB: 'op':'join'\n");
}
END_TEST

TEST(test_a_broker_that_refuses_ends_the_connection) {
    scene_register(&s_scene, NULL);
    scene_play(&s_scene, "A: {'op':'bye','reason':'expired'}\nB: 'op':'hello'\n"
                         "A: {'op':'error','re':2,'code':'too-many-sessions','text':'full'}\n"
                         "S: ERROR :Closing link: too-many-sessions: full\nX:\n");
}
END_TEST

TEST(test_the_broker_sends_a_channel_away) {
    scene_register(&s_scene, NULL);
    stage_front(&s_scene.stage, "{'op':'close','channel':1,'reason':'banned'}");
    scene_play(&s_scene, "S: ERROR :Closing link: banned\nX:\n");
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.state.irc_login", s_begin, s_end)
