#include "fixture_irc.h"
#include "unit.h"

static scene_t s_scene;

static void s_begin(void) {
    scene_begin(&s_scene, true);
}

static void s_end(void) {
    scene_end(&s_scene);
}

TEST(test_the_broker_says_who_is_there) {
    scene_register(&s_scene, NULL);
    scene_play(&s_scene,
        "C: WHO #r\nB: 'op':'who','room':'r'\n"
        "A: {'op':'who','re':2,'room':'r','version':7,'users':[{'nick':'ann'}],'count':2,'more':true}\n"
        "B: 'after':'ann'\n"
        "A: "
        "{'op':'who','re':3,'room':'r','version':7,'users':[{'nick':'bob','meta':{'away':''}}],'count':2,'more':false}"
        "\n"
        "S: :irc.zrelay 352 ann #r ~u zrelay irc.zrelay ann H :0 ann\n"
        "S: :irc.zrelay 352 ann #r ~u zrelay irc.zrelay bob G :0 bob\n"
        "S: :irc.zrelay 315 ann #r :End of WHO list\n"
        "C: WHO ann %tnaf,42\nS: :irc.zrelay 354 ann 42 ann H 0\nS: :irc.zrelay 315 ann ann :End of WHO list\n"
        "C: WHO nobody\nS: :irc.zrelay 315 ann nobody :End of WHO list\n"
        "C: WHO #secret\nB: 'op':'who'\nA: {'op':'error','re':4,'code':'forbidden','text':'no'}\n"
        "S: :irc.zrelay 315 ann #secret :End of WHO list\n"
        "C: NAMES #r\nB: 'op':'who'\n"
        "A: {'op':'who','re':5,'room':'r','version':7,'users':[{'nick':'ann'},{'nick':'bob'}],'count':2,'more':false}\n"
        "S: :irc.zrelay 353 ann = #r :ann bob\nS: :irc.zrelay 366 ann #r :End of NAMES list\n"
        "C: NAMES\nS: :irc.zrelay 366 ann * :End of NAMES list\nZ:\n");
}
END_TEST

/* The client may leave between two pages. */
TEST(test_each_page_of_names_is_shown) {
    scene_register(&s_scene, NULL);
    scene_play(&s_scene,
        "C: NAMES #r\nB: 'op':'who'\n"
        "A: {'op':'who','re':2,'room':'r','version':7,'users':[{'nick':'ann'}],'count':2,'more':true}\n"
        "B: 'after':'ann'\nS: :irc.zrelay 353 ann = #r :ann\nZ:\n");
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.cmd.who", s_begin, s_end)
