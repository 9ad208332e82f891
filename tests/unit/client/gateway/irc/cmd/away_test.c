#include "fixture_irc.h"
#include "unit.h"

static scene_t s_scene;

static void s_begin(void) {
    scene_begin(&s_scene, true);
}

static void s_end(void) {
    scene_end(&s_scene);
}

TEST(test_being_away_is_a_meta) {
    scene_register(&s_scene, "away-notify");
    scene_join(&s_scene, "r", 2);
    scene_play(&s_scene, "C: AWAY :lunch\nB: 'meta':{'away':'lunch'}\n"
                         "A: {'op':'welcome','re':5,'nick':'ann','epoch':'" SCENE_EPOCH "','resume':'abc'}\n"
                         "S: :irc.zrelay 306 ann :You have been marked as being away\n"
                         "C: AWAY\nB: 'meta':{}\n"
                         "A: {'op':'welcome','re':6,'nick':'ann','epoch':'" SCENE_EPOCH "','resume':'abc'}\n"
                         "S: :irc.zrelay 305 ann :You are no longer marked as being away\n"
                         "P: r {'op':'presence','version':8,'joined':[],'left':[],'count':2,'changed':"
                         "[{'nick':'bob','meta':{'away':'tea'}}]}\n"
                         "S: :bob!~u@zrelay AWAY :tea\n"
                         "C: PRIVMSG bob :x\nB: 'op':'direct'\nA: {'op':'ok','re':7}\nS: :irc.zrelay 301 ann bob :tea\n"
                         "P: r {'op':'presence','version':9,'joined':[],'left':[],'count':2,'changed':"
                         "[{'nick':'bob','meta':{}}]}\n"
                         "S: :bob!~u@zrelay AWAY\nZ:\n");
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.cmd.away", s_begin, s_end)
