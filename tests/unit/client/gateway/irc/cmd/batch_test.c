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

static void s_begin_batch(void) {
    scene_register(&s_scene, "batch draft/multiline labeled-response");
}

TEST(test_a_batch_is_one_message) {
    s_begin_batch();
    scene_play(&s_scene, "C: @label=x BATCH +1 draft/multiline #r\n"
                         "C: @batch=1 PRIVMSG #r :one\n"
                         "C: @batch=1;draft/multiline-concat PRIVMSG #r :, and more\n"
                         "C: @batch=1 PRIVMSG #r :two\n"
                         "C: BATCH -1\n"
                         "B: 'text':'one, and more\\ntwo'\n"
                         "A: {'op':'ack','re':'m1','room':'r','seq':1,'mid':1,'level':'memory'}\n"
                         "S: @label=x :irc.zrelay ACK\nZ:\n");
}
END_TEST

static const struct {
    const char *lines, *code;
} s_wrong[] = {
    {"BATCH +1 netsplit", "UNKNOWN_TYPE"},
    {"BATCH +1 draft/multiline", "UNKNOWN_TYPE"},
    {"BATCH -1", "MULTILINE_INVALID"},
    {"BATCH x", "MULTILINE_INVALID"},
    {"BATCH +1 draft/multiline #a,#b", "MULTILINE_INVALID"},
    {"BATCH +1 draft/multiline #r\nC: BATCH -1", "MULTILINE_INVALID"},
    {"BATCH +1 draft/multiline #r\nC: @batch=1 PRIVMSG #r :\nC: BATCH -1", "MULTILINE_INVALID"},
    {"@batch=9 PRIVMSG #r :x", "MULTILINE_INVALID"},
    {"BATCH +1 draft/multiline #r\nC: @batch=1 TOPIC #r :x", "MULTILINE_INVALID"},
    {"BATCH +1 draft/multiline #r\nC: @batch=1 PRIVMSG #q :x", "MULTILINE_INVALID_TARGET"},
    {"BATCH +1 draft/multiline #r\nC: @batch=1 PRIVMSG #r :x\nC: @batch=1 NOTICE #r :x", "MULTILINE_INVALID"},
};

TEST_TIMES(test_wrong_batches_are_told, sizeof s_wrong / sizeof s_wrong[0]) {
    char script[400];
    s_begin_batch();
    snprintf(script, sizeof script, "C: %s\nS: :irc.zrelay FAIL BATCH %s *\nZ:\n", s_wrong[_i].lines, s_wrong[_i].code);
    scene_play(&s_scene, script);
    ck_assert_str_eq(stage_next(&s_scene.stage), "");
}
END_TEST

TEST(test_a_batch_has_at_most_100_lines) {
    s_begin_batch();
    scene_play(&s_scene, "C: BATCH +1 draft/multiline #r\n");
    for (int i = 0; i < 100; i++)
        scene_play(&s_scene, "C: @batch=1 PRIVMSG #r :x\nZ:\n");
    scene_play(&s_scene, "C: @batch=1 PRIVMSG #r :x\nS: :irc.zrelay FAIL BATCH MULTILINE_MAX_LINES 100 *\n");
}
END_TEST

TEST(test_a_batch_has_at_most_8192_bytes) {
    char line[600] = "C: @batch=1;draft/multiline-concat PRIVMSG #r :";
    size_t head = strlen(line);
    s_begin_batch();
    scene_play(&s_scene, "C: BATCH +1 draft/multiline #r\n");
    memset(line + head, 'x', 256);
    strcpy(line + head + 256, "\n");
    for (int i = 0; i < 32; i++)
        scene_play(&s_scene, line);
    scene_play(&s_scene, "Z:\nC: @batch=1;draft/multiline-concat PRIVMSG #r :x\n"
                         "S: :irc.zrelay FAIL BATCH MULTILINE_MAX_BYTES 8192 *\n");
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.cmd.batch", s_begin, s_end)
