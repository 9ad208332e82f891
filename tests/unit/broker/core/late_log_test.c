/* Answers that wait for a slow log: it answers commits and reads later, in order. */
#include "batch.h"
#include "fixture.h"
#include "reading.h"

static void s_start(void) {
    fx_begin();
    fx.late = true;
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
}

/* The log is told what waits for it at the relay: answers to resends, and to JSON, are more than their entries. */
TEST(test_what_is_held_is_told) {
    s_start();
    fx_one_now(A, "r", 1000, "a");
    fx_log_all();
    fx_pub("r");
    for (uint64_t mid = 1; mid < 1000; mid += 2)
        fx_add(mid, "");
    fx_send_now(A);
    fx_log_all();
    ck_assert_uint_ge(fx.held, 500 * sizeof(batch_part_t));
    for (unsigned i = 0; i < 10; i++)
        fx_say(B, "{'op':'publish','room':'r','text':''}");
    fx_run();
    fx_log_all();
    ck_assert_uint_ge(fx.held, 10 * 1000);
    ck_assert_uint_lt(fx.held, 10 * 2000);
}

TEST(test_nothing_is_seen_before_it_is_stored) {
    s_start();
    fx_one_now(A, "r", 1, "a");
    fx_expect_silent(BACK, A);
    fx_answer(B, "{'op':'join','room':'r'}", "{'op':'joined','seq':0,'oldest':0}");
    fx_answer(B, "{'op':'ping'}", "{'op':'pong','heads':{'r':0}}");
    fx_answer(B, "{'op':'state','room':'r'}", "{'op':'ok','seq':0,'count':0}");
    fx_answer(B, "{'op':'rooms'}", "{'rooms':[{'room':'r','seq':0,'count':1}]}");
    fx_ask(B, "{'op':'replay','room':'r','after':0,'id':1}");
    ck_assert(fx_log_step()); /* appended, and still not stored */
    fx_expect_silence(BACK);
    fx_answer(B, "{'op':'join','room':'r','after':0}", "{'op':'joined','seq':0,'oldest':0,'recovered':true}");
    ck_assert(fx_log_step());
    fx_expect_text(BACK, "r 0: 1/a");
    fx_expect_text(A, "ack 1 @1 memory");
    fx_log_all();
    fx_expect(B, "{'op':'replayed','re':1,'seq':0,'count':0,'more':false,'complete':true}"); /* of when it asked */
    fx_answer(B, "{'op':'ping'}", "{'op':'pong','heads':{'r':1}}");
}

TEST(test_replay_during_a_pass_that_was_split) {
    fx_begin();
    fx.late = true;
    fx.config.batch_bytes = 60;
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_pub("r");
    for (uint64_t mid = 1; mid <= 5; mid++)
        fx_add(mid, "0123456789");
    fx_send(A); /* the first frames are with the log already */
    fx_say(B, "{'op':'replay','room':'r','after':0}");
    fx_say(B, "{'op':'replay','room':'r','after':1}");
    fx_say(B, "{'op':'replay','room':'r','last':3}");
    fx_run();
    fx_log_all();
    fx_expect(B, "{'op':'replayed','seq':0,'count':0,'complete':true,'more':false}");
    fx_expect(B, "{'op':'replayed','seq':1,'count':0,'complete':false,'more':false}"); /* 1 was beyond the head */
    fx_expect(B, "{'op':'replayed','seq':0,'count':0,'complete':true,'more':false}");
    ck_assert_uint_gt(fx_drop(BACK), 1);
    fx_expect_text(A, "ack 5 @5 memory");
}

TEST(test_passes_are_stored_in_order) {
    s_start();
    for (uint64_t mid = 1; mid <= 3; mid++) {
        fx_one_now(A, "r", mid, "x");
    }
    for (int i = 0; i < 3; i++) {
        fx_expect_silence(A);
        fx_log_step();
        fx_log_step();
        char ack[32];
        snprintf(ack, sizeof ack, "ack %d @%d memory", i + 1, i + 1);
        fx_expect_text(A, ack);
    }
    ck_assert_uint_eq(fx_drop(BACK), 3);
}

TEST(test_a_resend_is_not_acked_before_the_first_is_stored) {
    s_start();
    fx_one_now(A, "r", 1, "a");
    fx_one_now(A, "r", 1, "a");
    fx_expect_silence(A);
    fx_log_all();
    fx_expect_texts(A, "ack 1 @1 memory", "ack 1 @0 memory");
    fx_expect_texts(BACK, "r 0: 1/a", "");
}

TEST(test_compare_and_set_sees_what_is_under_way) {
    s_start();
    fx_pub("r");
    fx_add_expect(1, "k", 0, "a");
    fx_send_now(A);
    fx_pub("r");
    fx_add_expect(1, "k", 0, "b");
    fx_send_now(B);
    fx_expect(B, "{'op':'error','code':'conflict','mid':1,'key':'k','room':'r','seq':1}");
    fx_pub("r");
    fx_add_expect(2, "k", 1, "c");
    fx_send_now(B);
    fx_expect_silence(B);
    fx_answer(B, "{'op':'state','room':'r'}", "{'op':'ok','count':0}");
    fx_log_all();
    fx_expect_text(A, "ack 1 @1 memory");
    fx_expect_text(B, "ack 2 @2 memory");
    fx_ask(B, "{'op':'state','room':'r'}");
    fx_expect_text(B, "state r 0: 2/k=c");
}

TEST(test_an_entry_outlives_its_session) {
    s_start();
    fx_one_now(A, "r", 1, "a");
    fx_answer(A, "{'op':'bye'}", "{'op':'ok'}");
    fx_log_all();
    fx_expect_text(BACK, "r 0: 1/a");
    fx_expect_silence(A);
    fx_hello(A, "ann");
    fx_one(A, "r", 1, "a"); /* what was not answered is sent again */
    fx_run();
    fx_log_all();
    fx_expect_text(A, "ack 1 @0 memory");
    fx_expect_silence(BACK);
}

/* The error about 2 went to a connection that may be dead. An ack of 3 on the next one would say that 2 is stored. */
TEST(test_no_ack_on_another_connection_than_the_errors_before_it) {
    for (int detached = 0; detached < 2; detached++) {
        s_start();
        fx_pub("r");
        fx_add_key(1, "k", "a");
        fx_add_expect(2, "k", 9, "b");
        fx_add(3, "c");
        if (detached) {
            fx.deaf = A;
            fx_send_now(A);
            fx_resume(A, A, "ann"); /* the same route, and the error was lost on it */
        } else {
            fx_send_now(A);
            fx_resume(C, A, "ann");
        }
        route_t now = detached ? A : C;
        fx_log_all();
        fx_expect_silence(now);
        fx_pub("r");
        fx_add_key(1, "k", "a");
        fx_add_expect(2, "k", 9, "b");
        fx_add(3, "c");
        fx_send_now(now);
        fx_log_all();
        fx_expect(now, "{'op':'error','code':'conflict','mid':2,'seq':1}");
        fx_expect_text(now, "ack 3 @0 memory");
        fx_expect_texts(BACK, "r 0: 1/k=a 2/c", "");
    }
}

TEST(test_no_ack_is_joined_over_two_connections) {
    s_start();
    fx_pub("r");
    fx_add_expect(1, "k", 9, "b");
    fx_add(2, "c");
    fx_send(A);
    fx_say(C, "{'op':'hello','proto':1,'client':'%s','resume':'%s'}", fx_client(A), fx.tokens[A]);
    fx_send(C); /* in the same pass */
    fx_run();
    fx_log_all();
    fx_expect(C, "{'op':'welcome','resumed':true}");
    fx_expect(C, "{'op':'error','code':'conflict','mid':1}");
    fx_expect_texts(C, "ack 2 @0 memory", "");
    fx_expect_error(A, "conflict");
    fx_expect_silence(A);
}

TEST(test_a_replay_ends_with_its_connection) {
    s_start();
    fx_one_now(A, "r", 1, "a");
    fx_log_all();
    fx_drop(A);
    fx_ask(A, "{'op':'replay','room':'r','after':0,'id':5}");
    fx_resume(C, A, "ann");
    fx_log_all();
    fx_expect_silence(A);
    fx_expect_silence(C); /* it is asked again there, and this would pass for the answer */
    fx_ask(C, "{'op':'replay','room':'r','after':0,'id':6}");
    relay_route_lost(fx.relay, C);
    fx_log_all();
    fx_expect_silence(C);
    fx_ask(B, "{'op':'replay','room':'r','after':0,'id':7}");
    fx_answer(B, "{'op':'bye'}", "{'op':'ok'}");
    fx_log_all();
    fx_expect_silence(B);
}

TEST(test_replays_of_sessions_that_ended_are_bounded_too) {
    fx_begin();
    fx.late = true;
    fx.config.max_replays = 2;
    fx.config.max_sessions = 3;
    fx_start();
    size_t reads = 0;
    for (int round = 0; round < 10; round++) {
        fx_hello(A, "ann");
        fx_say(A, "{'op':'replay','room':'r','after':0}");
        fx_say(A, "{'op':'replay','room':'r','after':0}");
        if (round % 2)
            fx_run(); /* and so they are with the log; else they wait */
        fx_ask(A, "{'op':'bye'}");
        fx_drop(A);
    }
    while (fx_log_step())
        reads++;
    ck_assert_uint_eq(reads, 6); /* all sessions may have so many */
    fx_hello(A, "ann");          /* and there is place again */
    fx_ask(A, "{'op':'replay','room':'r','after':0}");
    fx_log_all();
    fx_expect(A, "{'op':'replayed'}");
}

/* Those that wait in the core cost nothing once their session has ended. */
TEST(test_the_log_has_a_few_replays_at_a_time) {
    fx_begin();
    fx.late = true;
    fx.config.max_replays = 2 * READINGS_ASKED;
    fx_start();
    size_t reads = 0;
    fx_hello(A, "ann");
    for (int i = 0; i < READINGS_ASKED + 4; i++)
        fx_say(A, "{'op':'replay','room':'r','after':0}");
    fx_run();
    fx_ask(A, "{'op':'bye'}");
    while (fx_log_step())
        reads++;
    ck_assert_uint_eq(reads, READINGS_ASKED);
    fx_run();
    ck_assert(!fx_log_step());
    ck_assert(!relay_has_work(fx.relay));
}

/* They are all answered in the end. */
TEST(test_replays_that_wait_for_the_log) {
    fx_begin();
    fx.late = true;
    fx.config.max_replays = 2 * READINGS_ASKED;
    fx_start();
    fx_hello(A, "ann");
    for (int i = 0; i < READINGS_ASKED + 4; i++)
        fx_say(A, "{'op':'replay','room':'r','after':0}");
    for (int round = 0; round < 2; round++) {
        fx_run();
        fx_log_all();
    }
    for (int i = 0; i < READINGS_ASKED + 4; i++)
        fx_expect(A, "{'op':'replayed'}");
}

TEST(test_keys_over_several_passes) {
    s_start();
    fx_pub("r");
    fx_add_key(1, "k", "a");
    fx_send_now(A);
    fx_pub("r");
    fx_add_delete(2, "k");
    fx_send_now(A);
    fx_pub("r");
    fx_add_expect(3, "k", 0, "c");
    fx_send_now(A);
    const char *const states[] = {"state r 0: 1/k=a", "", "state r 0: 3/k=c"};
    for (int i = 0; i < 3; i++) {
        fx_log_step();
        fx_log_step();
        fx_ask(B, "{'op':'state','room':'r'}");
        if (states[i][0])
            fx_expect_text(B, states[i]);
        fx_expect(B, "{'op':'ok','seq':%d,'count':%d}", i + 1, states[i][0] ? 1 : 0);
    }
}

UNIT_SUITE_WITH("broker.core.late_log", fx_start, fx_finish)
