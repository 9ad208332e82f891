#include "fixture_irc.h"
#include "unit.h"

static scene_t s_scene;

static void s_begin(void) {
    scene_begin(&s_scene, true);
}

static void s_end(void) {
    scene_end(&s_scene);
}

TEST(test_users_of_the_same_rooms_are_known) {
    scene_register(&s_scene, NULL);
    scene_join(&s_scene, "r", 2);
    scene_play(&s_scene,
        "C: WHOIS bob\nS: :irc.zrelay 311 ann bob ~u zrelay * :bob\nS: :irc.zrelay 319 ann bob :#r\n"
        "S: :irc.zrelay 312 ann bob irc.zrelay *\nS: :irc.zrelay 318 ann bob :End of WHOIS list\n"
        "C: WHOIS x eve\nS: :irc.zrelay 401 ann eve :No such nick/channel\nS: :irc.zrelay 318 ann eve *\n"
        "C: USERHOST ann eve bob\nS: :irc.zrelay 302 ann :ann=+~u@zrelay bob=+~u@zrelay\n"
        "C: ISON ann eve bob\nS: :irc.zrelay 303 ann :ann bob\n");
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.cmd.whois", s_begin, s_end)
