#include "fixture_irc.h"
#include "unit.h"

static scene_t s_scene;

static void s_begin(void) {
    scene_begin(&s_scene, true);
}

static void s_end(void) {
    scene_end(&s_scene);
}

TEST(test_a_message_whose_ack_was_lost_is_sent_again_and_echoed_once) {
    scene_register(&s_scene, "echo-message");
    scene_join(&s_scene, "r", 2);
    scene_play(&s_scene,
        "C: PRIVMSG #r :once\nB: 'text':'once'\nA: {'op':'error','code':'no-session','text':'x'}\nB: 'op':'hello'\n"
        "A: {'op':'welcome','re':5,'nick':'ann','epoch':'" SCENE_EPOCH "','resume':'abc'}\nB: 'op':'join'\n"
        "B: 'text':'once','mid':1\n"
        "A: {'op':'joined','re':6,'room':'r','seq':11,'oldest':0,'version':9,'count':2,'private':false}\n"
        "B: 'op':'who'\nB: 'after':10\nA: {'op':'ack','re':'m1','room':'r','seq':0}\nZ:\n"
        "R: r 10 11 ann once\nS: :ann!~u@zrelay PRIVMSG #r :once\n"
        "A: {'op':'replayed','re':8,'room':'r','seq':11,'count':1,'complete':true,'more':false}\nZ:\n");
}
END_TEST

TEST(test_a_client_with_64_messages_under_way_is_not_read) {
    char lines[2000] = "";
    scene_register(&s_scene, NULL);
    for (int i = 0; i < 70; i++)
        strcat(lines, "PRIVMSG #r :x\r\n");
    ck_assert_uint_eq(irc_bytes(s_scene.irc, zr_span(lines), s_scene.stage.now), 64 * strlen("PRIVMSG #r :x\r\n") - 1);
}
END_TEST

TEST(test_one_that_leaves_meanwhile_gets_its_echo) {
    scene_register(&s_scene, "echo-message");
    scene_join(&s_scene, "r", 2);
    scene_play(&s_scene, "C: PRIVMSG #r :x\nB: 'text':'x'\nA: {'op':'ack','re':'m1','room':'r','seq':11}\nZ:\n"
                         "C: PART #r\nS: :ann!~u@zrelay PART #r\nS: :ann!~u@zrelay PRIVMSG #r :x\n");
}
END_TEST

TEST(test_after_a_rename_it_is_echoed_under_the_new_nick) {
    scene_register(&s_scene, "echo-message");
    scene_join(&s_scene, "r", 2);
    scene_play(&s_scene, "C: PRIVMSG #r :x\nB: 'text':'x'\nC: NICK eve\nB: 'nick':'eve'\n"
                         "A: {'op':'ack','re':'m1','room':'r','seq':11}\n"
                         "A: {'op':'welcome','re':5,'nick':'eve','epoch':'" SCENE_EPOCH "','resume':'abc'}\n"
                         "S: :ann!~u@zrelay NICK eve\n"
                         "E: r 10 11 ann x\nS: :eve!~u@zrelay PRIVMSG #r :x\nZ:\n"
                         "E: r 11 12 ann x\nS: :ann!~u@zrelay PRIVMSG #r :x\n"); /* another user by now */
}
END_TEST

TEST(test_a_pause_that_the_broker_asks_for_is_kept) {
    scene_register(&s_scene, NULL);
    scene_play(&s_scene, "A: {'op':'error','code':'rate-limited','text':'x','wait':200}\n");
    ck_assert(irc_is_paused(s_scene.irc, s_scene.stage.now + 199));
    ck_assert(!irc_is_paused(s_scene.irc, s_scene.stage.now + 200));
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.state.irc_sent", s_begin, s_end)
