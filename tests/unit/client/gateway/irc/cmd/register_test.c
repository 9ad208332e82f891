#include "fixture_irc.h"
#include "unit.h"

static scene_t s_scene;

static void s_begin(void) {
    scene_begin(&s_scene, true);
}

static void s_end(void) {
    scene_end(&s_scene);
}

TEST(test_a_password_of_user_and_token_logs_in) {
    scene_play(&s_scene, "C: PASS ann:secret:x\nC: NICK ann\nC: USER u 0 * :U\nB: 'user':'ann','token':'secret:x'\n"
                         "A: {'op':'error','re':1,'code':'login-failed','text':'no'}\n"
                         "S: :irc.zrelay 464 ann :The user or the token is wrong\n"
                         "S: ERROR :Closing link: login-failed: no\nX:\n");
}
END_TEST

TEST(test_a_broker_that_wants_a_login_is_explained) {
    scene_play(&s_scene, "C: PASS nothing\nS: :irc.zrelay FAIL PASS INVALID_PARAMS :write PASS user:token\n"
                         "C: NICK ann\nC: USER u 0 * :U\nB: 'op':'hello'\n"
                         "A: {'op':'error','re':1,'code':'login-required','text':'login required'}\n"
                         "S: :irc.zrelay FAIL * ACCOUNT_REQUIRED :login required: use SASL PLAIN, or PASS user:token\n"
                         "S: ERROR *\nX:\n");
}
END_TEST

TEST(test_commands_before_registration_are_refused) {
    scene_play(&s_scene, "C: JOIN #r\nS: :irc.zrelay 451 * :You have not registered\n"
                         "C: WHAT\nS: :irc.zrelay 451 * :You have not registered\n"
                         "C: NICK\nS: :irc.zrelay 431 * :No nickname given\n"
                         "C: NICK a!b\nS: :irc.zrelay 432 * a!b :the nick has a character that IRC cannot say; *\n"
                         "C: USER a\nS: :irc.zrelay 461 * USER :Not enough parameters\n");
}
END_TEST

TEST(test_a_nick_is_changed_at_the_broker) {
    scene_register(&s_scene, NULL);
    scene_join(&s_scene, "r", 2);
    scene_play(&s_scene,
        "C: NICK eve\nB: 'nick':'eve'\n"
        "A: {'op':'welcome','re':5,'nick':'eve','epoch':'" SCENE_EPOCH "','resume':'abc'}\n"
        "S: :ann!~u@zrelay NICK eve\n"
        "P: r {'op':'presence','version':8,'joined':[{'nick':'eve','was':'ann'}],"
        "'left':[{'nick':'ann','reason':'renamed','to':'eve'}],'count':2}\n"
        "Z:\n"
        "C: NICK bob\nB: 'nick':'bob'\n"
        "A: {'op':'error','re':6,'code':'nick-in-use','text':'taken'}\n"
        "S: :irc.zrelay 433 eve bob :Nickname is already in use\n"
        "C: NICK admin\nB: 'nick':'admin'\n"
        "A: {'op':'error','re':7,'code':'bad-nick','text':'reserved'}\n"
        "S: :irc.zrelay 432 eve admin :reserved\n"
        "C: NICK x\nB: 'nick':'x'\n"
        "A: {'op':'welcome','re':8,'nick':'eve','user':'eve','epoch':'" SCENE_EPOCH "','resume':'abc'}\n"
        "S: :irc.zrelay 432 eve x :you are logged in, and have the name of your user\n"
        "C: NICK eve\nZ:\n"
        "C: USER a 0 * :A\nS: :irc.zrelay 462 eve :You may not register again\n");
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.cmd.register", s_begin, s_end)
