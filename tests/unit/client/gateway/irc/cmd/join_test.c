#include <stdio.h>

#include "fixture_irc.h"
#include "irc_isupport.h"
#include "unit.h"

static scene_t s_scene;

static void s_begin(void) {
    scene_begin(&s_scene, true);
}

static void s_end(void) {
    scene_end(&s_scene);
}

TEST(test_a_room_that_may_not_be_read_is_refused) {
    scene_register(&s_scene, "labeled-response batch");
    scene_play(&s_scene, "C: @label=j JOIN #secret\nW: 10\nB: 'op':'join'\n"
                         "A: {'op':'error','re':2,'code':'forbidden','text':'no right'}\n"
                         "S: @label=j :irc.zrelay 473 ann #secret :You may not read that channel\nZ:\n");
}
END_TEST

TEST(test_a_join_with_a_label_is_answered_as_one) {
    scene_register(&s_scene, "labeled-response batch extended-join userhost-in-names");
    scene_play(&s_scene,
        "C: @label=j JOIN #r\nW: 10\nB: 'op':'join'\n"
        "A: {'op':'joined','re':2,'room':'r','seq':0,'oldest':0,'version':7,'count':2,'private':false}\n"
        "B: 'op':'state'\nA: {'op':'ok','re':3,'room':'r','seq':0,'count':0,'next':0,'more':false}\n"
        "B: 'op':'who'\nA: {'op':'who','re':4,'room':'r','version':7,'users':[{'nick':'ann'}],'count':1,'more':false}\n"
        "S: @label=j :irc.zrelay BATCH +b1 labeled-response\n"
        "S: @batch=b1 :ann!~u@zrelay JOIN #r * :ann\n"
        "S: @batch=b1 :irc.zrelay 353 ann = #r :ann!~u@zrelay\n"
        "S: @batch=b1 :irc.zrelay 366 ann #r :End of NAMES list\n"
        "S: :irc.zrelay BATCH -b1\nZ:\n");
}
END_TEST

static const struct {
    const char *line, *reply;
} s_wrong[] = {
    {"JOIN r", ":irc.zrelay 403 ann r :a channel begins with #"},
    {"JOIN #a*", ":irc.zrelay 403 ann #a* *"},
    {"JOIN", ":irc.zrelay 461 ann JOIN :Not enough parameters"},
    {"PART #r", ":irc.zrelay 442 ann #r :You are not in that channel"},
    {"PART r", ":irc.zrelay 403 ann r :a channel begins with #"},
};

TEST_TIMES(test_wrong_names_are_told, sizeof s_wrong / sizeof s_wrong[0]) {
    char script[200];
    scene_register(&s_scene, NULL);
    snprintf(script, sizeof script, "C: %s\nS: %s\nZ:\n", s_wrong[_i].line, s_wrong[_i].reply);
    scene_play(&s_scene, script);
}
END_TEST

TEST(test_one_is_in_so_many_channels_at_most) {
    scene_register(&s_scene, NULL);
    scene_play(&s_scene, "C: JOIN #a,#b,#c,#d\nZ:\nC: JOIN #a\nZ:\nC: JOIN #e\nS: :irc.zrelay 405 ann #e *\n"
                         "C: JOIN 0\nZ:\nC: JOIN #e\nZ:\n");
}
END_TEST

TEST(test_a_gateway_that_reads_too_many_rooms_says_so) {
    char script[200];
    s_scene.host.max_rooms = 100;
    scene_register(&s_scene, NULL);
    for (int i = 0; i < 50; i++) {
        snprintf(script, sizeof script, "C: JOIN #r%d\nZ:\n", i);
        scene_play(&s_scene, script);
    }
    scene_play(&s_scene, "C: JOIN #beyond\nS: :irc.zrelay 405 ann #beyond :The gateway reads *\nZ:\n");
}
END_TEST

TEST(test_channels_that_differ_in_case_only_are_not_joined_both) {
    scene_register(&s_scene, NULL);
    scene_play(&s_scene, "C: JOIN #Room\nZ:\nC: JOIN #room\nS: :irc.zrelay 403 ann #room :you are in a channel that *\n"
                         "C: PART #Room\nC: JOIN #room\nZ:\n");
}
END_TEST

TEST(test_history_comes_to_clients_that_cannot_ask_for_it) {
    s_scene.host.history = 2;
    scene_register(&s_scene, "batch server-time");
    scene_join(&s_scene, "r", 2);
    scene_play(&s_scene, "B: 'last':2\nR: r 8 9 bob old\nT: r 0 9 bob other x\n"
                         "E: r 10 11 bob new\nZ:\n"
                         "A: {'op':'replayed','re':5,'room':'r','seq':10,'count':2,'complete':true,'more':false}\n"
                         "S: @time=" SCENE_TIME " :irc.zrelay BATCH +b1 chathistory #r\n"
                         "S: @batch=b1;time=2023-11-14T22:13:29.123Z :bob!~u@zrelay PRIVMSG #r :old\n"
                         "S: @time=" SCENE_TIME " :irc.zrelay BATCH -b1\n"
                         "B: 'after':10\n"
                         "R: r 10 11 bob new\n"
                         "S: @time=2023-11-14T22:13:31.123Z :bob!~u@zrelay PRIVMSG #r :new\n");
}
END_TEST

TEST(test_history_on_joining_has_a_bound_in_bytes) {
    char script[4096], body[3901];
    memset(body, 'x', 3900);
    body[3900] = '\0';
    s_scene.host.history = 100;
    scene_register(&s_scene, NULL);
    scene_join(&s_scene, "r", 2);
    scene_play(&s_scene, "B: 'last':100\n");
    for (int i = 1; i <= 100; i++) {
        snprintf(script, sizeof script, "R: r %d %d bob %s\n", i - 1, i, body);
        scene_play(&s_scene, script);
    }
    scene_play(&s_scene, "A: {'op':'replayed','re':5,'room':'r','seq':100,'count':100,'complete':true,'more':false}\n");
    ck_assert_uint_le(s_scene.heard.len, IRC_HISTORY_BYTES);
    ck_assert_uint_gt(s_scene.heard.len, IRC_HISTORY_BYTES - 5000);
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.cmd.join", s_begin, s_end)
