#include "fixture_irc.h"
#include "unit.h"

static scene_t s_scene;

static void s_begin(void) {
    scene_begin(&s_scene, true);
}

static void s_end(void) {
    scene_end(&s_scene);
}

static void s_enter(const char *caps) {
    scene_register(&s_scene, caps);
    scene_join(&s_scene, "r", 2);
}

TEST(test_a_missed_version_asks_who_is_there) {
    s_enter(NULL);
    scene_play(&s_scene,
        "P: r {'op':'presence','version':9,'joined':[{'nick':'cat'}],'left':[],'count':3}\nZ:\nB: 'op':'who'\n"
        "P: r {'op':'presence','version':10,'joined':[{'nick':'dog'}],'left':[],'count':4}\nZ:\n"
        "A: {'op':'who','re':5,'room':'r','version':9,'users':[{'nick':'ann'},{'nick':'cat'}],'count':2,'more':false}\n"
        "S: :bob!~u@zrelay PART #r\nS: :cat!~u@zrelay JOIN #r\nS: :dog!~u@zrelay JOIN #r\nZ:\n");
}
END_TEST

TEST(test_old_versions_and_known_changes_say_nothing) {
    s_enter(NULL);
    scene_play(&s_scene, "P: r {'op':'presence','version':7,'joined':[{'nick':'cat'}],'left':[],'count':3}\nZ:\n"
                         "P: r {'op':'presence','version':8,'joined':[{'nick':'bob'},{'nick':'ann'}],"
                         "'left':[{'nick':'eve','reason':'bye'}],'count':2}\nZ:\n");
}
END_TEST

TEST(test_a_version_that_only_a_pong_names_is_asked_for_at_the_next_one) {
    s_enter(NULL);
    scene_play(&s_scene, "A: {'op':'pong','heads':{},'versions':{'r':8}}\n");
    ck_assert_str_eq(stage_next(&s_scene.stage), "");
    scene_play(&s_scene, "A: {'op':'pong','heads':{},'versions':{}}\nB: 'op':'who'\n");
}
END_TEST

TEST(test_a_crowd_is_not_named_and_its_end_asks) {
    s_enter(NULL);
    scene_play(&s_scene, "P: r {'op':'presence','version':12,'joined':[],'left':[],'count':900,'crowded':true}\nZ:\n");
    ck_assert_str_eq(stage_next(&s_scene.stage), "");
    scene_play(&s_scene,
        "P: r {'op':'presence','version':13,'joined':[],'left':[],'count':400,'crowded':false}\nB: 'op':'who'\n");
}
END_TEST

TEST(test_a_user_of_two_rooms_quits_in_the_last) {
    s_enter(NULL);
    scene_join(&s_scene, "q", 5);
    scene_play(&s_scene,
        "P: r {'op':'presence','version':8,'joined':[],'left':[{'nick':'bob','reason':'bye'}],'count':1}\n"
        "S: :bob!~u@zrelay PART #r :bye\n"
        "P: q {'op':'presence','version':8,'joined':[],'left':[{'nick':'bob','reason':'bye'}],'count':1}\n"
        "S: :bob!~u@zrelay QUIT :bye\n");
}
END_TEST

TEST(test_changes_of_a_user_of_two_rooms_are_told_once) {
    s_enter("away-notify");
    scene_join(&s_scene, "q", 5);
    scene_play(&s_scene,
        "P: r "
        "{'op':'presence','version':8,'joined':[],'left':[],'changed':[{'nick':'bob','meta':{'away':'x'}}],'count':2}\n"
        "S: :bob!~u@zrelay AWAY :x\n"
        "P: q "
        "{'op':'presence','version':8,'joined':[],'left':[],'changed':[{'nick':'bob','meta':{'away':'x'}}],'count':2}"
        "\nZ:\n"
        "P: r {'op':'presence','version':9,'joined':[{'nick':'eve','was':'bob'}],"
        "'left':[{'nick':'bob','reason':'renamed','to':'eve'}],'count':2}\n"
        "S: :bob!~u@zrelay NICK eve\n"
        "P: q {'op':'presence','version':9,'joined':[{'nick':'eve','was':'bob'}],"
        "'left':[{'nick':'bob','reason':'renamed','to':'eve'}],'count':2}\nZ:\n");
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.state.irc_presence", s_begin, s_end)
