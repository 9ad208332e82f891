/* Pages of `rooms` and `who` wait, and the sessions that wait take turns. */
#include "fixture.h"

static void s_begin(void) {
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_ask(B, "{'op':'join','room':'r'}");
    fx_tick();
    fx_drop_all(B, BACK);
}

TEST(test_sessions_take_turns) {
    s_begin();
    fx_say(A, "{'op':'rooms','id':1}");
    fx_say(A, "{'op':'who','room':'r','id':2}");
    fx_say(A, "{'op':'rooms','id':3}");
    fx_say(B, "{'op':'rooms','id':4}");
    fx_say(B, "{'op':'who','room':'r','id':5}");
    static const struct {
        route_t route;
        const char *op;
        int id;
    } expected[] = {{A, "rooms", 1}, {B, "rooms", 4}, {A, "who", 2}, {B, "who", 5}, {A, "rooms", 3}};
    for (int i = 0; i < 5; i++) {
        ck_assert(fx_piece());
        fx_expect(expected[i].route, "{'op':'%s','re':%d}", expected[i].op, expected[i].id);
        fx_expect_silent(A, B);
    }
    ck_assert(!fx_piece());
}

TEST(test_other_requests_do_not_wait) {
    s_begin();
    fx_say(A, "{'op':'rooms','id':1}");
    fx_say(A, "{'op':'ping','id':2}");
    fx_say(B, "{'op':'ping','id':3}");
    fx_carry_out();
    fx_expect(A, "{'op':'pong','re':2}");
    fx_expect(B, "{'op':'pong','re':3}");
    fx_run();
    fx_expect(A, "{'op':'rooms','re':1}");
}

/* The page says how it is when its turn comes. */
TEST(test_the_room_changes_meanwhile) {
    s_begin();
    fx_say(A, "{'op':'who','room':'r','id':1}");
    fx_say(A, "{'op':'rooms','id':2}");
    fx_say(A, "{'op':'join','room':'r','id':3}");
    fx_run();
    fx_expect(A, "{'op':'joined','re':3}");
    fx_expect(A, "{'op':'who','re':1,'count':2,'users':[{'nick':'ann'},{'nick':'bob'}]}");
    fx_expect(A, "{'op':'rooms','re':2,'rooms':[{'room':'r','seq':0,'count':2}]}");
}

TEST(test_the_right_is_taken_meanwhile) {
    s_begin();
    fx_say(A, "{'op':'who','room':'r','id':1}");
    fx_say(A, "{'op':'rooms','id':2}");
    fx_carry_out();
    relay_set_access(fx.relay, fx_access("anonymous: w r"));
    fx_drop_all(A, B);
    fx_run();
    fx_expect(A, "{'op':'error','code':'forbidden','re':1}");
    fx_expect(A, "{'op':'rooms','re':2,'rooms':[]}");
    fx_expect_silence(A);
}

static void s_pages_of_a_session_that_is_gone(void (*go)(void)) {
    s_begin();
    fx_say(A, "{'op':'rooms','id':1}");
    fx_say(A, "{'op':'who','room':'r','id':2}");
    fx_carry_out();
    go();
    fx_say(B, "{'op':'rooms','id':3}");
    fx_run();
    fx_drop(C); /* the welcome, if there is one */
    for (const char *text; (text = fx_text(A))[0];)
        ck_assert_ptr_eq(strstr(text, "\"more\""), NULL);
    fx_expect_silence(C);
    fx_expect(B, "{'op':'rooms','re':3}");
    ck_assert(!fx_piece());
}

static void s_bye(void) {
    fx_say(A, "{'op':'bye'}");
}

static void s_lost(void) {
    relay_route_lost(fx.relay, A);
}

static void s_resume(void) {
    fx_say(C, "{'op':'hello','proto':1,'client':'%s','resume':'%s'}", fx_client(A), fx.tokens[A]);
}

TEST(test_the_client_is_gone_meanwhile) {
    s_pages_of_a_session_that_is_gone(s_bye);
    s_pages_of_a_session_that_is_gone(s_lost);
    s_pages_of_a_session_that_is_gone(s_resume);
}

TEST(test_max_lists) {
    fx_begin();
    fx.config.max_lists = 2;
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    for (int id = 1; id <= 3; id++)
        fx_say(A, id == 2 ? "{'op':'who','room':'r','id':%d}" : "{'op':'rooms','id':%d}", id);
    fx_say(B, "{'op':'rooms','id':4}");
    fx_run();
    fx_expect(A, "{'op':'error','code':'rate-limited','re':3,'wait':1000}");
    fx_expect(A, "{'op':'rooms','re':1}");
    fx_expect(A, "{'op':'who','re':2}");
    fx_expect(B, "{'op':'rooms','re':4}");
    fx_answer(A, "{'op':'rooms','id':5}", "{'op':'rooms','re':5}"); /* there is place again */
}

UNIT_SUITE_WITH("broker.core.cmd_listing", fx_start, fx_finish)
