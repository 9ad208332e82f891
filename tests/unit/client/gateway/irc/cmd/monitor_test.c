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

TEST(test_watched_nicks_are_told) {
    scene_register(&s_scene, NULL);
    scene_join(&s_scene, "r", 2);
    scene_play(&s_scene,
        "C: MONITOR + bob,eve,bad!nick\nS: :irc.zrelay 730 ann :bob!~u@zrelay\nS: :irc.zrelay 731 ann :eve\n"
        "P: r {'op':'presence','version':8,'joined':[{'nick':'eve'}],'left':[{'nick':'bob','reason':'bye'}],"
        "'count':2}\n"
        "S: :bob!~u@zrelay QUIT :bye\nS: :irc.zrelay 731 ann :bob\n"
        "S: :eve!~u@zrelay JOIN #r\nS: :irc.zrelay 730 ann :eve!~u@zrelay\n"
        "C: MONITOR L\nS: :irc.zrelay 732 ann :bob\nS: :irc.zrelay 732 ann :eve\n"
        "S: :irc.zrelay 733 ann :End of MONITOR list\n"
        "C: MONITOR - bob\nC: MONITOR S\nS: :irc.zrelay 730 ann :eve!~u@zrelay\n"
        "C: MONITOR C\nC: MONITOR L\nS: :irc.zrelay 733 ann *\n"
        "C: MONITOR x\nS: :irc.zrelay FAIL MONITOR INVALID_PARAMS *\nZ:\n");
}
END_TEST

TEST(test_a_client_watches_at_most_100_nicks) {
    char line[80];
    scene_register(&s_scene, NULL);
    for (int i = 0; i < 100; i++) {
        snprintf(line, sizeof line, "C: MONITOR + n%d\nS: :irc.zrelay 731 ann :n%d\n", i, i);
        scene_play(&s_scene, line);
    }
    scene_play(&s_scene, "C: MONITOR + beyond\nS: :irc.zrelay 734 ann 100 beyond *\nZ:\n");
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.cmd.monitor", s_begin, s_end)
