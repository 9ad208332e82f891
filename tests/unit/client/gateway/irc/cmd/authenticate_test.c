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

/* "\0ann\0secret" and the like in base64. */
TEST(test_a_user_logs_in_with_a_token) {
    scene_play(&s_scene,
        "C: CAP REQ sasl\n"
        "S: :irc.zrelay CAP * ACK :sasl\n"
        "C: NICK someone\n"
        "C: USER u 0 * :U\n"
        "C: AUTHENTICATE PLAIN\n"
        "S: AUTHENTICATE +\n"
        "C: AUTHENTICATE AGFubgBzZWNyZXQ=\n"
        "B: 'user':'ann','token':'secret'\n"
        "A: {'op':'welcome','re':1,'nick':'ann','user':'ann','epoch':'" SCENE_EPOCH "','resume':'abc'}\n"
        "S: :irc.zrelay 900 ann ann!~u@zrelay ann :You are now logged in as ann\n"
        "S: :irc.zrelay 903 ann :SASL authentication successful\n"
        "C: AUTHENTICATE PLAIN\n"
        "S: :irc.zrelay 907 ann :You are logged in already\n"
        "C: CAP END\n"
        "S: :irc.zrelay 001 ann *\n");
}
END_TEST

TEST(test_a_wrong_token_is_refused_and_the_client_may_go_on_without) {
    scene_play(&s_scene, "C: CAP REQ sasl\n"
                         "S: *\n"
                         "C: AUTHENTICATE PLAIN\n"
                         "S: AUTHENTICATE +\n"
                         "C: AUTHENTICATE AGFubgBzZWNyZXQ=\n"
                         "B: 'token':'secret'\n"
                         "A: {'op':'error','re':1,'code':'login-failed','text':'unknown user or wrong token'}\n"
                         "S: :irc.zrelay 904 * :unknown user or wrong token\n"
                         "C: NICK ann\n"
                         "C: USER u 0 * :U\n"
                         "C: CAP END\n"
                         "B: 'nick':'ann'\n");
}
END_TEST

static const struct {
    const char *chunk, *reply;
} s_wrong[] = {
    {"!!!", ":irc.zrelay 904 * *"},
    {"+", ":irc.zrelay 904 * *"},
    {"AGFubg==", ":irc.zrelay 904 * *"},
    {"*", ":irc.zrelay 906 * :SASL authentication aborted"},
};

TEST_TIMES(test_what_is_no_login_is_refused, sizeof s_wrong / sizeof s_wrong[0]) {
    char script[400];
    snprintf(script, sizeof script,
        "C: CAP REQ sasl\nS: *\nC: AUTHENTICATE PLAIN\nS: AUTHENTICATE +\nC: AUTHENTICATE %s\nS: %s\nZ:\n",
        s_wrong[_i].chunk, s_wrong[_i].reply);
    scene_play(&s_scene, script);
    ck_assert_str_eq(stage_next(&s_scene.stage), "");
}
END_TEST

TEST(test_other_mechanisms_are_refused) {
    scene_play(&s_scene, "C: CAP REQ sasl\nS: *\nC: AUTHENTICATE EXTERNAL\n"
                         "S: :irc.zrelay 908 * PLAIN :are available SASL mechanisms\nS: :irc.zrelay 904 * *\n");
}
END_TEST

TEST(test_a_login_has_at_most_6000_bytes_of_base64) {
    char chunk[500], line[600];
    memset(chunk, 'A', 400);
    chunk[400] = '\0';
    scene_play(&s_scene, "C: CAP REQ sasl\nS: *\nC: AUTHENTICATE PLAIN\nS: AUTHENTICATE +\n");
    snprintf(line, sizeof line, "C: AUTHENTICATE %s\n", chunk);
    for (int i = 0; i < 15; i++)
        scene_play(&s_scene, line);
    scene_play(&s_scene, "Z:\n");
    scene_play(&s_scene, line);
    scene_play(&s_scene, "S: :irc.zrelay 905 * :SASL message too long\n");
}
END_TEST

TEST(test_tokens_are_not_taken_without_encryption) {
    scene_end(&s_scene);
    scene_begin(&s_scene, false);
    scene_play(&s_scene, "C: CAP REQ sasl\nS: :irc.zrelay CAP * NAK :sasl\nC: AUTHENTICATE PLAIN\n"
                         "S: :irc.zrelay 904 * :tokens are not taken without encryption\n"
                         "C: PASS ann:secret\nS: :irc.zrelay FAIL PASS INSECURE *\n");
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.cmd.authenticate", s_begin, s_end)
