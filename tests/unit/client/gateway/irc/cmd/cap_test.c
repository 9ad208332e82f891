#include "fixture_irc.h"
#include "unit.h"

static scene_t s_scene;

static void s_begin(void) {
    scene_begin(&s_scene, true);
}

static void s_end(void) {
    scene_end(&s_scene);
}

TEST(test_capabilities_are_listed_requested_and_given_up) {
    scene_play(&s_scene,
        "C: CAP LS 302\n"
        "S: :irc.zrelay CAP * LS :account-tag away-notify batch draft/chathistory "
        "draft/multiline=max-bytes=8192,max-lines=100 echo-message extended-join labeled-response message-tags "
        "sasl=PLAIN server-time standard-replies userhost-in-names\n"
        "C: CAP REQ :batch echo-message\n"
        "S: :irc.zrelay CAP * ACK :batch echo-message\n"
        "C: CAP REQ :batch unknown\n"
        "S: :irc.zrelay CAP * NAK :batch unknown\n"
        "C: CAP REQ -echo-message\n"
        "S: :irc.zrelay CAP * ACK :-echo-message\n"
        "C: CAP LIST\n"
        "S: :irc.zrelay CAP * LIST :batch\n"
        "C: CAP WHAT\n"
        "S: :irc.zrelay 410 * WHAT :Invalid CAP command\n"
        "C: CAP\n"
        "S: :irc.zrelay 461 * CAP :Not enough parameters\n");
}
END_TEST

TEST(test_registration_waits_for_the_end_of_the_negotiation) {
    scene_play(&s_scene, "C: CAP LS\n"
                         "S: :irc.zrelay CAP * LS :account-tag away-notify *\n"
                         "C: NICK ann\n"
                         "C: USER ann 0 * :Ann\n"
                         "C: CAP END\n"
                         "B: 'op':'hello'\n"
                         "Z:\n");
    ck_assert_str_eq(stage_next(&s_scene.stage), "");
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.cmd.cap", s_begin, s_end)
