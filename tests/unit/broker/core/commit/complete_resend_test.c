/* Resends of entries whose pass the log could not store, or that wait while it fails. */
#include "fixture.h"

/* 1 and 3 are stored, 2 was refused and its peer knows: resent are 1, 3 and, out of order, 1. */
TEST(test_resends_around_what_was_refused_before) {
    fx_start_stored();
    fx_pub("r");
    fx_add(1, "a");
    fx_add_expect(2, "k", 9, "b");
    fx_add(3, "c");
    fx_send(A);
    fx_store();
    fx_drop(A);
    fx_one(A, "r", 1, "a");
    fx_one(A, "r", 3, "c");
    fx_one(A, "r", 1, "a");
    fx_one(A, "r", 4, "d");
    fx_store_fails();
    fx_expect_texts(A, "ack 1 @0 disk", "ack 3 @0 disk", "ack 1 @0 disk");
    fx_expect(A, "{'op':'error','code':'store-failed','mid':4}");
    fx_expect_silence(A);
}

TEST(test_a_resend_after_it_stays_refused) {
    for (int how = 0; how < 3; how++) {
        fx_start_stored();
        fx_one_now(A, "r", 1, "a");
        route_t now = A;
        if (how == 1) { /* the session ends before the log says it */
            fx_answer(A, "{'op':'bye'}", "{'op':'ok'}");
        } else if (how == 2) {
            fx_resume(now = C, A, "ann");
        }
        fx_store_fails();
        if (how == 0)
            fx_expect(A, "{'op':'error','code':'store-failed','mid':1}");
        fx_expect_silence(A);
        fx_expect_silence(C); /* on a new connection the resend is answered */
        if (how == 1)
            fx_hello(A, "ann");
        fx_one(now, "r", 1, "a");
        fx_store();
        fx_expect(now, "{'op':'error','code':'store-failed','mid':1}");
        fx_expect_silent(now, BACK);
        fx_one(now, "r", 2, "a");
        fx_store();
        fx_expect_text(now, "ack 2 @1 disk");
        fx_expect_text(BACK, "r 0: 1/a");
    }
}

/* A resend of two entries waits in a third pass. The pass of the first entry is stored. That of the second fails, and
 * with it the resend's. */
TEST(test_a_resend_that_waits) {
    for (int session = 0; session < 2; session++) {
        fx_start_stored();
        fx_one_now(A, "r", 1, "a");
        fx_one_now(A, "r", 2, "b");
        route_t now = A;
        if (session) {
            fx_ask(A, "{'op':'bye'}");
            fx_drop(A);
            fx_hello(A, "ann");
        } else {
            fx_resume(now = C, A, "ann");
        }
        fx_one(now, "r", 1, "a");
        fx_one(now, "r", 2, "b");
        fx_one_now(now, "r", 3, "c");
        fx_log_step();
        fx_log_step();
        fx_expect_silence(now); /* of another connection, or session */
        fx_store_fails();
        fx_expect_text(now, "ack 1 @0 disk");
        fx_expect(now, "{'op':'error','code':'store-failed','mid':2}");
        fx_expect(now, "{'op':'error','code':'store-failed','mid':3}");
        fx_expect_silence(now);
        fx_expect_texts(BACK, "r 0: 1/a", "");
    }
}

TEST(test_a_resend_of_what_was_stored_long_before) {
    fx_start_stored();
    fx_one(A, "r", 1, "a");
    fx_store();
    fx_drop(A);
    fx_one(A, "r", 1, "a");
    fx_say(A, "{'op':'publish','room':'r','text':'a','mid':1,'id':3}");
    fx_one(A, "r", 2, "b");
    fx_store_fails(); /* which says nothing of 1 */
    fx_expect_text(A, "ack 1 @0 disk");
    fx_expect(A, "{'op':'ack','mid':1,'re':3}");
    fx_expect(A, "{'op':'error','code':'store-failed','mid':2}");
    fx_expect_silence(A);
}

UNIT_SUITE_WITH("broker.core.stored_resend", fx_start, fx_finish)
