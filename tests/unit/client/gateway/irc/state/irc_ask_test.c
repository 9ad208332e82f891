#include "fixture_irc.h"
#include "unit.h"

static scene_t s_scene;

static void s_begin(void) {
    scene_begin(&s_scene, true);
}

static void s_end(void) {
    scene_end(&s_scene);
}

TEST(test_the_broker_asks_to_wait_and_the_request_goes_again) {
    scene_register(&s_scene, NULL);
    scene_play(&s_scene, "C: WHO #r\nB: 'op':'who'\n"
                         "A: {'op':'error','re':2,'code':'rate-limited','text':'wait','wait':300}\nZ:\nW: 299\n");
    ck_assert_str_eq(stage_next(&s_scene.stage), "");
    scene_play(&s_scene, "W: 1\nB: 'op':'who','room':'r','id':3\nA: {'op':'who','re':2,'room':'r','users':[]}\nZ:\n"
                         "A: {'op':'who','re':3,'room':'r','users':[]}\nS: :irc.zrelay 315 ann #r *\n");
}
END_TEST

TEST(test_replays_come_one_at_a_time) {
    scene_register(&s_scene, "draft/chathistory");
    scene_play(&s_scene, "C: CHATHISTORY LATEST #a * 1\nC: CHATHISTORY LATEST #b * 1\nB: 'room':'a'\n");
    ck_assert_str_eq(stage_next(&s_scene.stage), "");
    scene_play(&s_scene, "A: {'op':'replayed','re':2,'room':'a','seq':0,'count':0,'complete':true,'more':false}\n"
                         "B: 'room':'a'\n"
                         "R: b 0 1 bob of another room\n"
                         "A: {'op':'replayed','re':3,'room':'a','seq':0,'count':0,'complete':true,'more':false}\nZ:\n"
                         "B: 'room':'b'\n");
}
END_TEST

TEST(test_a_client_with_too_many_requests_is_not_read) {
    char lines[2000] = "";
    scene_register(&s_scene, NULL);
    for (int i = 0; i < 40; i++)
        strcat(lines, "WHO #r\r\n");
    ck_assert_uint_eq(irc_bytes(s_scene.irc, zr_span(lines), s_scene.stage.now), 32 * strlen("WHO #r\r\n") - 1);
    ck_assert(irc_is_paused(s_scene.irc, s_scene.stage.now));
}
END_TEST

TEST(test_answers_that_are_lost_end_their_commands) {
    scene_register(&s_scene, "labeled-response batch");
    scene_play(&s_scene, "C: @label=w WHO #r\nB: 'op':'who'\nA: {'op':'error','code':'no-session','text':'none'}\n"
                         "S: @label=w :irc.zrelay 315 ann #r :End of WHO list\nB: 'op':'hello'\n");
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.state.irc_ask", s_begin, s_end)
