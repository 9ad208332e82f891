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

#define REPLAYED(re, seq, count)                                                                                       \
    "A: {'op':'replayed','re':" #re ",'room':'r','seq':" #seq ",'count':" #count ",'complete':true,'more':false}\n"

static void s_begin_history(void) {
    scene_register(&s_scene, "batch message-tags draft/chathistory");
}

static const struct {
    const char *command, *asked;
} s_slices[] = {
    {"BEFORE #r msgid=00000000000000e1:9 5", "'last':5,'until':8"},
    {"AFTER #r msgid=00000000000000e1:9 5", "'after':9,'limit':5"},
    {"LATEST #r * 5", "'last':5"},
    {"BETWEEN #r msgid=00000000000000e1:3 msgid=00000000000000e1:9 5", "'after':3,'limit':5,'until':8"},
    {"BETWEEN #r msgid=00000000000000e1:9 msgid=00000000000000e1:3 5", "'last':5,'until':8"},
    {"LATEST #r * 100", "'last':100"},
    {"LATEST #r * 101", "'last':100"},
};

TEST_TIMES(test_slices_are_asked_for, sizeof s_slices / sizeof s_slices[0]) {
    char script[600];
    s_begin_history();
    snprintf(script, sizeof script,
        "C: CHATHISTORY %s\nB: 'last':1\n" REPLAYED(2, 20, 1) "B: 'room':'r',%s\n"
                                                              "R: r 3 4 bob hi\n" REPLAYED(
                                                                  3, 4, 1) "S: :irc.zrelay BATCH +b1 chathistory #r\n"
                                                                           "S: @batch=b1;msgid=" SCENE_EPOCH
                                                                           ":4 :bob!~u@zrelay PRIVMSG #r :hi\n"
                                                                           "S: :irc.zrelay BATCH -b1\nZ:\n",
        s_slices[_i].command, s_slices[_i].asked);
    scene_play(&s_scene, script);
}
END_TEST

TEST(test_around_has_messages_of_both_sides) {
    s_begin_history();
    scene_play(&s_scene, "C: CHATHISTORY AROUND #r msgid=00000000000000e1:9 4\nB: 'last':1\n" REPLAYED(
                             2, 20, 1) "B: 'last':2,'until':8\nR: r 7 8 bob before\n" REPLAYED(3, 8,
                             1) "B: 'after':8,'limit':2\nR: r 8 9 bob it\n" REPLAYED(4, 9,
                             1) "S: :irc.zrelay BATCH +b1 chathistory #r\nS: @batch=b1;msgid=00000000000000e1:8 *\n"
                                "S: @batch=b1;msgid=00000000000000e1:9 *\nS: :irc.zrelay BATCH -b1\nZ:\n");
}
END_TEST

/* The entry with the seq N came N seconds after the beginning: a moment is sought by halves. */
TEST(test_a_moment_is_found_by_looking_at_few_entries) {
    s_begin_history();
    scene_play(&s_scene, "C: CHATHISTORY BEFORE #r timestamp=2023-11-14T22:13:25.123Z 10\nB: 'last':1\n" REPLAYED(
                             2, 8, 1) "B: 'after':4,'limit':1\nR: r 4 5 bob x\n" REPLAYED(3, 5,
                             1) "B: 'after':2,'limit':1\nR: r 2 3 bob x\n" REPLAYED(4, 3, 1));
}
END_TEST

TEST(test_targets_are_the_rooms_that_have_new_messages) {
    s_begin_history();
    scene_join(&s_scene, "r", 2);
    scene_play(&s_scene, "C: CHATHISTORY TARGETS timestamp=2023-11-14T00:00:00Z timestamp=2023-11-15T00:00:00Z 10\n"
                         "B: 'last':1\nR: r 9 10 bob x\n" REPLAYED(
                             5, 10, 1) "S: :irc.zrelay BATCH +b1 draft/chathistory-targets\n"
                                       "S: @batch=b1 :irc.zrelay CHATHISTORY TARGETS #r 2023-11-14T22:13:30.123Z\n"
                                       "S: :irc.zrelay BATCH -b1\nZ:\n");
}
END_TEST

static const struct {
    const char *command, *code;
} s_wrong[] = {
    {"LATEST #r *", "INVALID_PARAMS"},
    {"LATEST #r * many", "INVALID_PARAMS"},
    {"WHATEVER #r * 5", "INVALID_PARAMS"},
    {"LATEST bob * 5", "INVALID_TARGET"},
    {"BEFORE #r * 5", "INVALID_MSGREFTYPE"},
    {"BEFORE #r id=7 5", "INVALID_MSGREFTYPE"},
    {"BEFORE #r timestamp=now 5", "INVALID_PARAMS"},
    {"BEFORE #r msgid=00000000000000e2:9 5", "MESSAGE_ERROR"},
    {"BEFORE #r msgid=00000000000000e1:x 5", "MESSAGE_ERROR"},
    {"TARGETS timestamp=2023-11-14T00:00:00Z 10", "INVALID_PARAMS"},
};

TEST_TIMES(test_wrong_questions_are_told, sizeof s_wrong / sizeof s_wrong[0]) {
    char script[300];
    s_begin_history();
    snprintf(script, sizeof script, "C: CHATHISTORY %s\nS: :irc.zrelay FAIL CHATHISTORY %s *\nZ:\n",
        s_wrong[_i].command, s_wrong[_i].code);
    scene_play(&s_scene, script);
    ck_assert_str_eq(stage_next(&s_scene.stage), "");
}
END_TEST

TEST(test_a_room_that_may_not_be_read_has_no_history) {
    s_begin_history();
    scene_play(&s_scene,
        "C: CHATHISTORY LATEST #r * 5\nB: 'op':'replay'\n"
        "A: {'op':'error','re':2,'code':'forbidden','text':'no'}\n"
        "S: :irc.zrelay FAIL CHATHISTORY INVALID_TARGET LATEST #r :you may not read that channel\nZ:\n");
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.cmd.chathistory", s_begin, s_end)
