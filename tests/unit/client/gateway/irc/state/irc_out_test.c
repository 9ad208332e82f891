#include "fixture_irc.h"
#include "names.h"
#include "unit.h"

static scene_t s_scene;

static void s_begin(void) {
    scene_begin(&s_scene, true);
}

static void s_end(void) {
    scene_end(&s_scene);
}

TEST(test_a_label_that_is_too_long_or_not_asked_for_is_ignored) {
    char line[200] = "C: @label=";
    scene_register(&s_scene, "labeled-response batch");
    memset(line + strlen(line), 'x', 65);
    strcat(line, " PING y\nS: :irc.zrelay PONG irc.zrelay :y\n");
    scene_play(&s_scene, line);
    scene_play(&s_scene, "C: @label= PING y\nS: :irc.zrelay PONG irc.zrelay :y\nC: CAP REQ -batch\nS: *\n"
                         "C: @label=a PING y\nS: :irc.zrelay PONG irc.zrelay :y\n");
}
END_TEST

TEST(test_labels_of_64_bytes_are_given_back_escaped) {
    char line[300] = "C: @label=\\:";
    scene_register(&s_scene, "labeled-response batch");
    memset(line + strlen(line), 'x', 63);
    strcat(line, " PING y\nS: @label=\\:");
    memset(line + strlen(line), 'x', 63);
    strcat(line, " :irc.zrelay PONG irc.zrelay :y\n");
    scene_play(&s_scene, line);
}
END_TEST

TEST(test_nothing_to_say_is_an_ack) {
    scene_register(&s_scene, "labeled-response batch server-time");
    scene_play(&s_scene, "C: @label=a PRIVMSG #r :x\nZ:\nB: 'text':'x'\nA: {'op':'ack','re':'m1','room':'r','seq':1}\n"
                         "S: @time=" SCENE_TIME ";label=a :irc.zrelay ACK\n");
}
END_TEST

TEST(test_a_line_is_cut_at_a_whole_character) {
    char line[600] = "C: PING :";
    scene_register(&s_scene, NULL);
    for (int i = 0; i < 250; i++)
        strcat(line, "\xc3\xa9");
    strcat(line, "\n");
    scene_play(&s_scene, line);
    ck_assert_uint_le(s_scene.heard.len, 512);
    ck_assert(zr_utf8_valid(zr_span_of(s_scene.heard.data, s_scene.heard.len)));
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.state.irc_out", s_begin, s_end)
