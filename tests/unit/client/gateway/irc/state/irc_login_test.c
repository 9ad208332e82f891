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

/* The broker had no place for its answer to hello. A login that waits is no such loss. */
TEST(test_a_welcome_that_is_lost) {
    scene_play(&s_scene, "C: NICK ann\nC: USER a 0 * :a\nB: 'nick':'ann'\n"
                         "A: {'op':'queued','ahead':1}\n"
                         "A: {'op':'error','code':'no-session','text':'','re':'gateway'}\n"
                         "A: {'op':'error','code':'no-session','text':'','re':'gateway'}\nB: 'nick':'ann'\n"
                         "A: {'op':'error','re':1,'code':'nick-in-use','text':'taken'}\n"
                         "S: :irc.zrelay 433 * ann :Nickname is already in use\n"
                         "A: {'op':'error','code':'no-session','text':'','re':'gateway'}\nZ:\n");
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

static void s_broker_comes_back(void) {
    stage_tick(&s_scene.stage, 1);
    uplink_up(s_scene.stage.uplink, s_scene.stage.now);
    while (!strstr(stage_next(&s_scene.stage), "\"op\":\"hello\""))
        ;
    stage_front(&s_scene.stage,
        "{'op':'welcome','re':'hello','proto':1,'epoch':'" STAGE_EPOCH
        "','nick':'g','resume':'0123456789abcdef0123456789abcdef',"
        "'resumed':false,'back':'tcp://127.0.0.1:5571','heartbeat':5000,'level':'memory','time':1}");
}

TEST(test_after_waiting_for_the_broker_there_is_time_for_another_nick) {
    uplink_down(s_scene.stage.uplink, "gone", s_scene.stage.now);
    scene_play(&s_scene, "C: NICK ann\nC: USER a 0 * :a\n"
                         "S: :irc.zrelay NOTICE * :the broker is away; you are registered once it is back\n"
                         "W: 40000\n");
    s_broker_comes_back();
    scene_play(&s_scene, "B: 'op':'open'\nB: 'nick':'ann'\n"
                         "A: {'op':'error','re':1,'code':'nick-in-use','text':'taken'}\n"
                         "S: :irc.zrelay 433 * ann :Nickname is already in use\n"
                         "W: 500\nZ:\n"
                         "C: NICK eve\nB: 'nick':'eve'\n");
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.state.irc_login", s_begin, s_end)
