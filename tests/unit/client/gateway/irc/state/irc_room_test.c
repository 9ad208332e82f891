#include "fixture_irc.h"
#include "unit.h"

static scene_t s_scene;

static void s_begin(void) {
    scene_begin(&s_scene, true);
}

static void s_end(void) {
    scene_end(&s_scene);
}

TEST(test_a_slow_client_gets_the_rest_by_a_replay) {
    scene_register(&s_scene, NULL);
    scene_join(&s_scene, "r", 2);
    s_scene.deaf = true;
    scene_play(&s_scene, "E: r 10 11 bob one\nE: r 11 12 bob two\nZ:\n");
    s_scene.deaf = false;
    irc_drained(s_scene.irc, s_scene.stage.now);
    scene_play(&s_scene,
        "B: 'after':10\nR: r 10 11 bob one\nS: :bob!~u@zrelay PRIVMSG #r :one\n"
        "R: r 11 12 bob two\nS: :bob!~u@zrelay PRIVMSG #r :two\n"
        "A: {'op':'replayed','re':5,'room':'r','seq':12,'count':2,'complete':true,'more':false}\nZ:\n");
}
END_TEST

TEST(test_a_replay_waits_until_there_is_room) {
    scene_register(&s_scene, NULL);
    scene_join(&s_scene, "r", 2);
    s_scene.busy = true;
    scene_play(&s_scene, "E: r 11 12 bob two\nZ:\n");
    ck_assert_str_eq(stage_next(&s_scene.stage), "");
    s_scene.busy = false;
    irc_drained(s_scene.irc, s_scene.stage.now);
    scene_play(&s_scene, "B: 'after':10\n");
}
END_TEST

TEST(test_a_head_that_a_pong_names_is_read_up_to) {
    scene_register(&s_scene, NULL);
    scene_join(&s_scene, "r", 2);
    scene_play(&s_scene, "A: {'op':'pong','heads':{'r':11},'versions':{}}\nB: 'after':10\n");
}
END_TEST

TEST(test_what_is_lost_is_told) {
    scene_register(&s_scene, NULL);
    scene_join(&s_scene, "r", 2);
    scene_play(&s_scene, "E: r 40 41 bob x\nB: 'after':10\n"
                         "A: {'op':'replayed','re':5,'room':'r','seq':40,'count':0,'complete':false,'more':true}\n"
                         "S: :irc.zrelay NOTICE #r :messages were lost here: the broker does not keep them any more\n"
                         "B: 'after':40\n");
}
END_TEST

TEST(test_a_new_log_is_told) {
    scene_register(&s_scene, NULL);
    scene_join(&s_scene, "r", 2);
    scene_play(&s_scene,
        "A: {'op':'bye','reason':'expired'}\nB: 'op':'hello'\n"
        "A: {'op':'welcome','re':5,'nick':'ann','epoch':'00000000000000e2','resume':'abc'}\nB: 'op':'join'\n"
        "A: {'op':'joined','re':6,'room':'r','seq':3,'oldest':0,'version':1,'count':1,'private':false}\n"
        "S: :irc.zrelay NOTICE #r :the broker began a new log; earlier messages may be lost\n"
        "B: 'op':'who'\nB: 'after':0\n");
}
END_TEST

TEST(test_entries_before_the_answer_to_join_are_not_missed) {
    scene_register(&s_scene, NULL);
    scene_play(&s_scene,
        "C: JOIN #r\nW: 10\nB: 'op':'join'\n"
        "A: {'op':'joined','re':2,'room':'r','seq':10,'oldest':0,'version':7,'count':1,'private':false}\n"
        "E: r 10 11 bob early\nB: 'op':'state'\n"
        "A: {'op':'ok','re':3,'room':'r','seq':11,'count':0,'next':0,'more':false}\nB: 'op':'who'\n"
        "A: {'op':'who','re':4,'room':'r','version':7,'users':[{'nick':'ann'}],'count':1,'more':false}\n"
        "S: :ann!~u@zrelay JOIN #r\nS: *\nS: *\nB: 'after':10\n");
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.state.irc_room", s_begin, s_end)
