#include <stdio.h>

#include "fixture_irc.h"
#include "unit.h"

static scene_t s_scene;

static void s_begin(void) {
    scene_begin(&s_scene, true);
}

static void s_end(void) {
    scene_end(&s_scene);
}

TEST(test_many_names_take_several_lines) {
    char answer[3000] = "A: {'op':'who','re':2,'room':'r','version':7,'users':[";
    for (int i = 0; i < 60; i++)
        snprintf(answer + strlen(answer), 60, "%s{'nick':'somebody-%02d'}", i ? "," : "", i);
    strcat(answer, "],'count':60,'more':false}\nS: :irc.zrelay 353 ann = #r :somebody-00 *\nS: :irc.zrelay 353 *\n"
                   "S: :irc.zrelay 353 *\nS: :irc.zrelay 353 *\nS: :irc.zrelay 366 ann #r :End of NAMES list\nZ:\n");
    scene_register(&s_scene, NULL);
    scene_play(&s_scene, "C: NAMES #r\nB: 'op':'who'\n");
    scene_play(&s_scene, answer);
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.state.irc_show", s_begin, s_end)
