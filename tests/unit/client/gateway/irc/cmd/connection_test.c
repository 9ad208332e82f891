#include "fixture_irc.h"
#include "unit.h"

static scene_t s_scene;

static void s_begin(void) {
    scene_begin(&s_scene, true);
}

static void s_end(void) {
    scene_end(&s_scene);
}

TEST(test_a_ping_is_answered_and_a_quit_ends_the_session) {
    scene_register(&s_scene, "labeled-response batch");
    scene_play(&s_scene, "C: @label=l1 PING x\nS: @label=l1 :irc.zrelay PONG irc.zrelay :x\n"
                         "C: PING\nS: :irc.zrelay 461 ann PING :Not enough parameters\n"
                         "C: PONG x\nZ:\n"
                         "C: QUIT :bye\nS: ERROR :Closing link: quit\nX:\n");
    scene_end(&s_scene);
    scene_begin(&s_scene, true);
}
END_TEST

TEST(test_one_that_leaves_says_bye_to_the_broker) {
    scene_register(&s_scene, NULL);
    irc_destroy(s_scene.irc);
    s_scene.irc = NULL;
    scene_play(&s_scene, "B: 'op':'bye'\nB: 'op':'close'\n");
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.cmd.connection", s_begin, s_end)
