#include "fixture_irc.h"
#include "unit.h"

static scene_t s_scene;

static void s_begin(void) {
    scene_begin(&s_scene, true);
}

static void s_end(void) {
    scene_end(&s_scene);
}

TEST(test_a_topic_is_a_keyed_entry) {
    scene_register(&s_scene, NULL);
    scene_join(&s_scene, "r", 2);
    scene_play(&s_scene, "C: TOPIC #r\nS: :irc.zrelay 331 ann #r :No topic is set\n"
                         "C: TOPIC #r :new one\nB: 'op':'publish','room':'r','key':'topic','text':'new one'\n"
                         "A: {'op':'ack','re':5,'room':'r','seq':11,'level':'memory'}\nZ:\n"
                         "K: r 10 11 ann topic new one\nS: :ann!~u@zrelay TOPIC #r :new one\n"
                         "C: TOPIC #r\nS: :irc.zrelay 332 ann #r :new one\nS: :irc.zrelay 333 ann #r ann :1700000011\n"
                         "C: TOPIC #r :\nB: 'delete':true\n"
                         "A: {'op':'error','re':6,'room':'r','code':'forbidden','text':'no'}\n"
                         "S: :irc.zrelay 482 ann #r :You lack the rights 'write' and 'state' in that channel\n"
                         "C: TOPIC #q\nS: :irc.zrelay 442 ann #q :You are not in that channel\n");
}
END_TEST

TEST(test_there_are_no_modes) {
    scene_register(&s_scene, NULL);
    scene_play(&s_scene, "C: MODE #r\nS: :irc.zrelay 324 ann #r :+\n"
                         "C: MODE #r +o bob\nS: :irc.zrelay 472 ann o *\n"
                         "C: MODE ann\nS: :irc.zrelay 221 ann :+\n"
                         "C: MODE ann +i\nS: :irc.zrelay 501 ann *\n"
                         "C: MODE bob\nS: :irc.zrelay 502 ann *\n");
}
END_TEST

TEST(test_a_kick_needs_the_right) {
    scene_register(&s_scene, NULL);
    scene_join(&s_scene, "r", 2);
    scene_play(&s_scene,
        "C: KICK #r bob :spam\nB: 'op':'kick','room':'r','user':'bob','reason':'spam'\n"
        "A: {'op':'error','re':5,'code':'forbidden','text':'no'}\n"
        "S: :irc.zrelay 482 ann #r :You lack the right 'kick' in that channel\n"
        "C: KICK #r bob\nB: 'op':'kick'\nA: {'op':'ok','re':6}\nZ:\n"
        "P: r {'op':'presence','version':8,'joined':[],'left':[{'nick':'bob','reason':'kicked'}],'count':1}\n"
        "S: :irc.zrelay KICK #r bob :kicked\n"
        "C: KICK #r bob\nS: :irc.zrelay 441 ann bob #r :They are not in that channel\n"
        "C: KICK #q bob\nS: :irc.zrelay 442 ann #q :You are not in that channel\n"
        "A: {'op':'left','room':'r','reason':'revoked','seq':10}\n"
        "S: :irc.zrelay KICK #r ann :the right to read the room was taken\n");
}
END_TEST

TEST(test_a_client_that_is_kicked_hears_why) {
    scene_register(&s_scene, NULL);
    scene_join(&s_scene, "r", 2);
    scene_play(&s_scene, "A: {'op':'left','room':'r','reason':'kicked','seq':10,'text':'spam'}\n"
                         "S: :irc.zrelay KICK #r ann :spam\nB: 'op':'leave'\n");
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.cmd.channel", s_begin, s_end)
