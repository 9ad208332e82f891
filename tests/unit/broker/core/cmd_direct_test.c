#include "fixture.h"

START_TEST(test_reaches_the_nick_and_nobody_else) {
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_hello(C, "eve");
    fx_ask(A, "{'op':'direct','to':'bob','text':'h\\u00e9 \\\"\\n','id':1}");
    fx_expect_text(B, "{\"from\":\"ann\",\"op\":\"direct\",\"text\":\"h\xC3\xA9 \\\"\\n\",\"time\":1700000000000000}");
    fx_expect_text(A, "{\"op\":\"ok\",\"re\":1}");
    fx_expect_silence(C);
    fx_expect_silence(BACK);
    fx_ask(A, "{'op':'direct','to':'ann','text':''}");
    fx_expect(A, "{'op':'direct','from':'ann','text':''}");
    fx_expect(A, "{'op':'ok'}");
    fx_finish();
}
END_TEST

START_TEST(test_every_session_of_a_user) {
    fx_start();
    fx.users[A] = fx.users[B] = "ann";
    fx_hello(A, "ann");
    fx_hello(B, "ann");
    fx_hello(C, "eve");
    fx_ask(C, "{'op':'direct','to':'ann','text':'x'}");
    fx_expect(A, "{'op':'direct'}");
    fx_expect(B, "{'op':'direct'}");
    fx_expect_text(C, "{\"op\":\"ok\"}");
    fx_expect_silence(C);
    relay_route_lost(fx.relay, A);
    fx_ask(C, "{'op':'direct','to':'ann','text':'x'}");
    fx_expect(B, "{'op':'direct'}");
    fx_expect(C, "{'op':'ok'}");
    fx_expect_silence(A);
    relay_route_lost(fx.relay, B); /* both are detached: it is handed to nobody */
    fx_ask(C, "{'op':'direct','to':'ann','text':'x'}");
    fx_expect_error(C, "no-such-user");
    fx_finish();
}
END_TEST

START_TEST(test_refusals) {
    fx_start();
    fx_hello(A, "ann");
    static const char *const cases[][2] = {
        {"{'op':'direct','to':'bob','text':'x'}", "no-such-user"},
        {"{'op':'direct','to':'','text':'x'}", "bad-nick"},
        {"{'op':'direct','to':'a b','text':'x'}", "bad-nick"},
        {"{'op':'direct','to':'bob'}", "bad-member"},
        {"{'op':'direct','text':'x'}", "bad-member"},
        {"{'op':'direct','to':1,'text':'x'}", "bad-member"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fx_ask(A, "%s", cases[i][0]);
        fx_expect_error(A, cases[i][1]);
    }
    fx_finish();
}
END_TEST

UNIT_MAIN("broker.core.cmd_direct", test_reaches_the_nick_and_nobody_else, test_every_session_of_a_user, test_refusals)
