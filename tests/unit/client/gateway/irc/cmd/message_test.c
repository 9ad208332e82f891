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

TEST(test_a_message_is_published_and_echoed_once) {
    scene_register(&s_scene, "echo-message labeled-response batch message-tags");
    scene_join(&s_scene, "r", 2);
    scene_play(&s_scene, "C: @label=m PRIVMSG #r :hello\n"
                         "B: {'op':'publish','id':'m1','room':'r','text':'hello','mid':1}\nZ:\n"
                         "E: r 10 11 ann hello\n"
                         "S: @label=m;msgid=" SCENE_EPOCH ":11 :ann!~u@zrelay PRIVMSG #r :hello\n"
                         "A: {'op':'ack','re':'m1','room':'r','seq':11,'mid':1,'level':'memory'}\nZ:\n"
                         "E: r 11 12 ann from elsewhere\n"
                         "S: @msgid=" SCENE_EPOCH ":12 :ann!~u@zrelay PRIVMSG #r :from elsewhere\nZ:\n");
}
END_TEST

TEST(test_without_echo_message_an_own_message_does_not_come_back) {
    scene_register(&s_scene, NULL);
    scene_join(&s_scene, "r", 2);
    scene_play(&s_scene, "C: PRIVMSG #r :hello\nB: 'text':'hello'\n"
                         "A: {'op':'ack','re':'m1','room':'r','seq':11,'mid':1,'level':'memory'}\n"
                         "E: r 10 11 ann hello\nZ:\n"
                         "E: r 11 12 ann hello\nS: :ann!~u@zrelay PRIVMSG #r :hello\n");
}
END_TEST

TEST(test_messages_go_one_after_the_other) {
    scene_register(&s_scene, NULL);
    scene_play(&s_scene, "C: PRIVMSG #r :one\nC: PRIVMSG #r :two\nB: 'text':'one'\n"
                         "A: {'op':'error','re':'m1','code':'rate-limited','text':'wait','wait':100}\n"
                         "W: 102\nB: 'text':'one'\n"
                         "A: {'op':'ack','re':'m1','room':'r','seq':1,'mid':1,'level':'memory'}\nB: 'text':'two'\n");
}
END_TEST

TEST(test_a_refused_message_is_told_and_a_notice_is_not) {
    scene_register(&s_scene, NULL);
    scene_play(&s_scene, "C: PRIVMSG #r :x\nB: 'text':'x'\n"
                         "A: {'op':'error','re':'m1','mid':1,'room':'r','code':'forbidden','text':'no'}\n"
                         "S: :irc.zrelay 404 ann #r :You may not write to that channel\n"
                         "C: NOTICE #r :x\nB: 'text':'/notice x'\n"
                         "A: {'op':'error','re':'m2','mid':2,'room':'r','code':'forbidden','text':'no'}\nZ:\n");
}
END_TEST

TEST(test_actions_and_notices_are_bodies_that_people_can_read) {
    scene_register(&s_scene, NULL);
    scene_play(&s_scene, "C: PRIVMSG #r :\001ACTION waves\001\nB: 'text':'/me waves'\n");
    scene_join(&s_scene, "q", 2);
    scene_play(&s_scene, "E: q 10 11 bob /me nods\nS: :bob!~u@zrelay PRIVMSG #q :\001ACTION nods\001\n"
                         "E: q 11 12 bob /notice done\nS: :bob!~u@zrelay NOTICE #q :done\n");
}
END_TEST

TEST(test_direct_messages_go_both_ways) {
    scene_register(&s_scene, "echo-message");
    scene_play(&s_scene, "C: PRIVMSG bob :psst\nB: {'op':'direct','to':'bob','text':'psst','id':2}\n"
                         "A: {'op':'ok','re':2}\nS: :ann!~u@zrelay PRIVMSG bob :psst\n"
                         "C: PRIVMSG eve :psst\nB: 'to':'eve'\n"
                         "A: {'op':'error','re':3,'code':'no-such-user','text':'none'}\n"
                         "S: :irc.zrelay 401 ann eve :No such nick/channel\n"
                         "C: NOTICE eve :psst\nB: 'to':'eve'\n"
                         "A: {'op':'error','re':4,'code':'no-such-user','text':'none'}\nZ:\n"
                         "A: {'op':'direct','from':'bob','text':'hi\\nthere','time':5}\n"
                         "S: :bob!~u@zrelay PRIVMSG ann :hi\nS: :bob!~u@zrelay PRIVMSG ann :there\n");
}
END_TEST

TEST(test_long_bodies_come_in_parts_or_whole) {
    scene_register(&s_scene, "batch draft/multiline message-tags");
    scene_join(&s_scene, "r", 2);
    scene_play(&s_scene, "E: r 10 11 bob one\\ntwo\n"
                         "S: @msgid=" SCENE_EPOCH ":11 :bob!~u@zrelay BATCH +mb-60a2418c7fb00 draft/multiline #r\n"
                         "S: @batch=mb-60a2418c7fb00 :bob!~u@zrelay PRIVMSG #r :one\n"
                         "S: @batch=mb-60a2418c7fb00 :bob!~u@zrelay PRIVMSG #r :two\n"
                         "S: :irc.zrelay BATCH -mb-60a2418c7fb00\n"
                         "C: CAP REQ -draft/multiline\nS: *\n"
                         "E: r 11 12 bob one\\ntwo\n"
                         "S: @msgid=" SCENE_EPOCH ":12 :bob!~u@zrelay PRIVMSG #r :one\n"
                         "S: :bob!~u@zrelay PRIVMSG #r :two\n"
                         "E: r 12 13 bob \\xff\\x01\n"
                         "S: @msgid=" SCENE_EPOCH ":13 :bob!~u@zrelay PRIVMSG #r :[2 bytes that are no UTF-8 text] *\n"
                         "K: r 13 14 bob color blue\nZ:\n");
}
END_TEST

static const struct {
    const char *line, *reply;
} s_wrong[] = {
    {"PRIVMSG", ":irc.zrelay 411 ann :No recipient given"},
    {"PRIVMSG #r", ":irc.zrelay 412 ann :No text to send"},
    {"PRIVMSG #r :", ":irc.zrelay 412 ann :No text to send"},
    {"PRIVMSG #a,#b,#c,#d,#e :x", ":irc.zrelay 407 ann :Too many targets; name fewer of them"},
    {"PRIVMSG #a* :x", ":irc.zrelay 403 ann #a* *"},
    {"PRIVMSG a!b :x", ":irc.zrelay 401 ann * :No such nick/channel"},
    {"TAGMSG #r", ":irc.zrelay 421 ann TAGMSG :Unknown command"},
};

TEST_TIMES(test_wrong_messages_are_told, sizeof s_wrong / sizeof s_wrong[0]) {
    char script[300];
    scene_register(&s_scene, NULL);
    snprintf(script, sizeof script, "C: %s\nS: %s\nZ:\n", s_wrong[_i].line, s_wrong[_i].reply);
    scene_play(&s_scene, script);
}
END_TEST

TEST(test_notices_are_never_answered) {
    scene_register(&s_scene, NULL);
    scene_play(
        &s_scene, "C: NOTICE\nC: NOTICE #r\nC: NOTICE #a,#b,#c,#d,#e :x\nC: NOTICE a!b :x\nC: NOTICE #a* :x\nZ:\n");
}
END_TEST

TEST(test_typing_goes_by_presence) {
    scene_register(&s_scene, "message-tags echo-message");
    scene_join(&s_scene, "r", 2);
    scene_play(&s_scene,
        "C: @+typing=active TAGMSG #r\nB: {'op':'join','room':'r','meta':{'typing':'active'}}\n"
        "S: @+typing=active :ann!~u@zrelay TAGMSG #r\n"
        "C: @+other=x TAGMSG #r\nZ:\n"
        "P: r {'op':'presence','version':8,'joined':[],'left':[],'count':2,'changed':"
        "[{'nick':'bob','meta':{'typing':'active'}},{'nick':'ann','meta':{'typing':'active'}}]}\n"
        "S: @+typing=active :bob!~u@zrelay TAGMSG #r\n"
        "C: PRIVMSG #r :done\nB: 'text':'done'\nB: {'op':'join','room':'r','meta':{}}\n"
        "P: r {'op':'presence','version':9,'joined':[],'left':[],'count':2,'changed':[{'nick':'bob','meta':{}}]}\n"
        "S: @+typing=done :bob!~u@zrelay TAGMSG #r\nZ:\n");
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.cmd.message", s_begin, s_end)
