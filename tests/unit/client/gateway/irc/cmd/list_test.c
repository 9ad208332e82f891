#include "fixture_irc.h"
#include "unit.h"

static scene_t s_scene;

static void s_begin(void) {
    scene_begin(&s_scene, true);
}

static void s_end(void) {
    scene_end(&s_scene);
}

TEST(test_rooms_are_listed_page_by_page) {
    scene_register(&s_scene, NULL);
    scene_play(&s_scene,
        "C: LIST\nS: :irc.zrelay 321 ann Channel :Users  Name\nB: 'op':'rooms'\n"
        "A: {'op':'rooms','re':2,'rooms':[{'room':'a','seq':1,'count':3}],'more':true}\n"
        "S: :irc.zrelay 322 ann #a 3 :\nB: 'after':'a'\n"
        "A: {'op':'rooms','re':3,'rooms':[{'room':'b,c','seq':1,'count':0}],'more':false}\n"
        "S: :irc.zrelay 322 ann #b%2Cc 0 :\nS: :irc.zrelay 323 ann :End of LIST\n"
        "C: LIST #b\nS: *\nB: 'op':'rooms'\n"
        "A: {'op':'rooms','re':4,'rooms':[{'room':'a','seq':1,'count':3},{'room':'b','seq':1,'count':1}],"
        "'more':false}\nS: :irc.zrelay 322 ann #b 1 :\nS: :irc.zrelay 323 ann *\n");
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.cmd.list", s_begin, s_end)
