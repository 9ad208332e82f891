#include "fixture_irc.h"
#include "unit.h"

static scene_t s_scene;

static void s_begin(void) {
    scene_begin(&s_scene, true);
}

static void s_end(void) {
    scene_end(&s_scene);
}

TEST(test_the_server_tells_of_itself) {
    scene_register(&s_scene, NULL);
    scene_play(&s_scene,
        "C: MOTD\nS: :irc.zrelay 422 ann :The broker has no greeting\n"
        "C: VERSION\nS: :irc.zrelay 351 ann zrelay-gateway-*\nS: :irc.zrelay 005 ann *\nS: :irc.zrelay 005 ann *\n"
        "C: ISUPPORT\nS: :irc.zrelay 005 ann *\nS: :irc.zrelay 005 ann *\n"
        "C: TIME\nS: :irc.zrelay 391 ann irc.zrelay :" SCENE_TIME "\n"
        "C: LUSERS\nS: :irc.zrelay 251 *\nS: :irc.zrelay 254 *\nS: :irc.zrelay 255 *\nS: :irc.zrelay 265 *\n"
        "S: :irc.zrelay 266 *\nC: WHATEVER x\nS: :irc.zrelay 421 ann WHATEVER :Unknown command\nZ:\n");
}
END_TEST

TEST(test_the_greeting_of_the_broker_is_the_message_of_the_day) {
    scene_play(&s_scene, "C: NICK ann\nC: USER ann 0 * :Ann\nB: 'op':'hello'\n"
                         "A: {'op':'welcome','re':1,'nick':'ann','epoch':'" SCENE_EPOCH
                         "','resume':'abc','greeting':'be\\nkind'}\nS: :irc.zrelay 001 *\n");
    zr_buffer_finish(&s_scene.heard);
    scene_play(&s_scene, "C: MOTD\nS: :irc.zrelay 375 ann *\nS: :irc.zrelay 372 ann :be\nS: :irc.zrelay 372 ann :kind\n"
                         "S: :irc.zrelay 376 ann :End of MOTD\n");
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.cmd.info", s_begin, s_end)
