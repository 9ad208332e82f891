/* Replays and snapshots wait in one queue, and each is one piece of work. */
#include "fixture.h"

/* What has arrived is flushed before each piece. */
static bool s_piece(void) {
    relay_flush(fx.relay);
    fx_carry_out();
    return fx_piece();
}

static void s_replay(route_t route, int id) {
    fx_say(route, "{'op':'replay','room':'r','after':0,'id':%d}", id);
}

static void s_state(route_t route, int id) {
    fx_say(route, "{'op':'state','room':'r','id':%d}", id);
}

/* The answer, with one frame before it. */
static void s_expect(route_t route, const char *op, int id) {
    ck_assert_str_ne(fx_text(route), "");
    fx_expect(route, "{'op':'%s','re':%d,'count':1}", op, id);
}

/* One entry, which is the value of a key. */
static void s_begin(void) {
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_pub("r");
    fx_add_key(1, "k", "x");
    fx_send_now(A);
    fx_drop_all(A, BACK);
}

TEST(test_each_in_its_turn) {
    s_begin();
    s_replay(A, 1);
    s_state(A, 2);
    s_state(B, 3);
    s_replay(A, 4);
    s_replay(B, 5);
    static const struct {
        route_t route;
        const char *op;
    } expected[] = {{A, "replayed"}, {A, "ok"}, {B, "ok"}, {A, "replayed"}, {B, "replayed"}};
    for (int i = 0; i < 5; i++) {
        ck_assert(s_piece());
        s_expect(expected[i].route, expected[i].op, i + 1);
        fx_expect_silent(A, B);
    }
    ck_assert(!s_piece());
}

/* The client that asks for much has its other answers at once, and so have others. */
TEST(test_other_requests_do_not_wait) {
    s_begin();
    for (int id = 1; id <= 4; id++)
        s_replay(A, id);
    fx_say(A, "{'op':'ping','id':5}");
    fx_say(B, "{'op':'ping','id':6}");
    ck_assert(s_piece());
    fx_expect(A, "{'op':'pong','re':5}");
    fx_expect(B, "{'op':'pong','re':6}");
    s_expect(A, "replayed", 1);
    fx_say(B, "{'op':'ping','id':7}");
    ck_assert(s_piece());
    fx_expect(B, "{'op':'pong','re':7}");
    s_expect(A, "replayed", 2); /* with two that wait */
}

/* The answer says how it is when its turn comes. */
TEST(test_the_room_moves_meanwhile) {
    s_begin();
    s_replay(B, 1);
    s_state(B, 2);
    s_replay(B, 3);
    fx_pub("r");
    fx_add_key(2, "k", "y");
    fx_send(A);
    ck_assert(s_piece());
    fx_expect_texts(B, "replay r 0: 1/k=x", "replay r 1: 2/k=y");
    fx_expect(B, "{'op':'replayed','re':1,'seq':2,'count':2}");
    ck_assert(s_piece());
    fx_expect_text(B, "state r 0: 2/k=y");
    fx_expect(B, "{'op':'ok','re':2,'seq':2,'count':1}");
}

static void s_answers_of_one_that_is_gone(void (*go)(void)) {
    s_begin();
    s_replay(A, 1);
    s_state(A, 2);
    fx_carry_out();
    go();
    s_replay(B, 3);
    fx_run();
    fx_drop(C); /* the welcome, if there is one */
    for (const char *text; (text = fx_text(A))[0];)
        ck_assert_ptr_eq(strstr(text, "\"count\""), NULL);
    s_expect(B, "replayed", 3);
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
    s_answers_of_one_that_is_gone(s_bye);
    s_answers_of_one_that_is_gone(s_lost);
    s_answers_of_one_that_is_gone(s_resume);
}

TEST(test_the_right_is_taken_meanwhile) {
    s_begin();
    s_replay(A, 1);
    s_state(A, 2);
    fx_carry_out();
    relay_set_access(fx.relay, fx_access("anonymous: w r"));
    fx_drop(A);
    ck_assert(s_piece());
    ck_assert(s_piece());
    fx_expect(A, "{'op':'error','code':'forbidden','re':1}");
    fx_expect(A, "{'op':'error','code':'forbidden','re':2}");
    fx_expect_silence(A);
}

TEST(test_presence_has_every_second_turn) {
    s_begin();
    for (int id = 1; id <= 3; id++) {
        s_replay(A, id);
        fx_say(B, "{'op':'join','room':'r%d'}", id);
    }
    relay_tick(fx.relay);
    for (int i = 1; i <= 3; i++) {
        ck_assert(s_piece());
        ck_assert(s_piece());
        fx_expect(BACK, "{'op':'presence','room':'r%d'}", i);
        s_expect(A, "replayed", i);
        fx_expect_silent(BACK, A);
    }
    ck_assert(!s_piece());
}

UNIT_SUITE_WITH("broker.core.cmd_reading", fx_start, fx_finish)
