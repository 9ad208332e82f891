#include "fixture_irc.h"
#include "unit.h"

static scene_t s_scene;

static void s_begin(void) {
    scene_begin(&s_scene, true);
}

static void s_end(void) {
    scene_end(&s_scene);
}

TEST(test_a_slice_that_the_broker_cut_is_read_on) {
    scene_register(&s_scene, "draft/chathistory");
    scene_play(&s_scene, "C: CHATHISTORY AFTER #r msgid=00000000000000e1:2 3\nB: 'last':1\n"
                         "A: {'op':'replayed','re':2,'room':'r','seq':9,'count':1,'complete':true,'more':false}\n"
                         "B: 'after':2,'limit':3\nR: r 2 3 bob three\n"
                         "A: {'op':'replayed','re':3,'room':'r','seq':3,'count':1,'complete':true,'more':true}\n"
                         "B: 'after':3,'limit':2\nR: r 3 4 bob four\nR: r 4 5 bob five\n"
                         "A: {'op':'replayed','re':4,'room':'r','seq':5,'count':2,'complete':true,'more':true}\n"
                         "S: :bob!~u@zrelay PRIVMSG #r :three\nS: :bob!~u@zrelay PRIVMSG #r :four\n"
                         "S: :bob!~u@zrelay PRIVMSG #r :five\nZ:\n");
}
END_TEST

TEST(test_an_empty_room_has_an_empty_batch) {
    scene_register(&s_scene, "batch draft/chathistory");
    scene_play(&s_scene, "C: CHATHISTORY BEFORE #r timestamp=2023-11-14T22:13:25.123Z 3\nB: 'last':1\n"
                         "A: {'op':'replayed','re':2,'room':'r','seq':0,'count':0,'complete':true,'more':false}\n"
                         "S: :irc.zrelay BATCH +b1 chathistory #r\nS: :irc.zrelay BATCH -b1\nZ:\n");
}
END_TEST

TEST(test_a_client_in_no_room_has_no_targets) {
    scene_register(&s_scene, "batch draft/chathistory");
    scene_play(&s_scene, "C: CHATHISTORY TARGETS timestamp=2023-11-14T00:00:00Z timestamp=2023-11-15T00:00:00Z 10\n"
                         "S: :irc.zrelay BATCH +b1 draft/chathistory-targets\nS: :irc.zrelay BATCH -b1\nZ:\n");
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.state.irc_history", s_begin, s_end)
