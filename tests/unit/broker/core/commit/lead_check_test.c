/* A log that another broker may have taken over: what cannot be known without a commit waits for one. */
#include "fixture.h"
#include "lead_check.h"
#include "state.h"

static void s_start_shared(void) {
    fx_start_stored();
    fx.relay->log->shared = true;
    fx_one(A, "r", 1, "x");
    fx_store();
    fx_drop_all(A, B, BACK);
}

static void s_expect_to_wait(void) {
    fx_expect(B, "{'op':'error','code':'rate-limited','wait':%d}", LEAD_WAIT_MS);
}

TEST(test_a_reader_beyond_the_head_waits_for_a_commit) {
    s_start_shared();
    fx_answer(B, "{'op':'join','room':'r','after':1}", "{'op':'joined','seq':1,'recovered':true}");
    fx_ask(B, "{'op':'join','room':'s','after':2}");
    s_expect_to_wait();
    fx_ask(B, "{'op':'join','room':'s','after':2}"); /* the commit is under way */
    s_expect_to_wait();
    fx_ask(B, "{'op':'who','room':'s'}"); /* nothing has changed there */
    fx_expect(B, "{'users':[],'count':0,'silent':0}");
    fx_log_all();
    fx_answer(B, "{'op':'join','room':'s','after':2}", "{'op':'joined','seq':0,'recovered':false}");
    fx_answer(B, "{'op':'join','room':'r','after':2}", "{'op':'joined','seq':1,'recovered':false}");
}

TEST(test_so_does_a_replay) {
    s_start_shared();
    fx_ask(B, "{'op':'replay','room':'r','after':2}");
    s_expect_to_wait();
    fx_log_all();
    fx_ask(B, "{'op':'replay','room':'r','after':2}");
    fx_log_all();
    fx_expect(B, "{'op':'replayed','count':0,'complete':false}");
}

TEST(test_so_does_one_up_to_a_position_beyond_the_head) {
    s_start_shared();
    fx_ask(B, "{'op':'replay','room':'r','after':0,'until':2}");
    s_expect_to_wait();
    fx_log_all();
    fx_ask(B, "{'op':'replay','room':'r','after':0,'until':2}");
    fx_log_all();
    fx_expect_text(B, "replay r 0: 1/x");
    fx_expect(B, "{'op':'replayed','count':1,'complete':true}");
    fx_ask(B, "{'op':'replay','room':'r','after':0,'until':1}");
    fx_log_all();
    fx_expect_text(B, "replay r 0: 1/x");
}

TEST(test_on_another_connection_it_waits_again) {
    s_start_shared();
    fx_ask(B, "{'op':'join','room':'r','after':2}");
    fx_log_all();
    fx_drop(B);
    fx_resume(C, B, "bob");
    fx_ask(C, "{'op':'join','room':'r','after':2}");
    fx_expect(C, "{'op':'error','code':'rate-limited'}");
}

TEST(test_it_is_sure_for_some_seconds_only) {
    s_start_shared();
    fx_ask(B, "{'op':'join','room':'r','after':2}");
    fx_log_all();
    fx_drop(B);
    fx.now += 3999999;
    fx_answer(B, "{'op':'join','room':'r','after':2}", "{'op':'joined','recovered':false}");
    fx.now++;
    fx_ask(B, "{'op':'join','room':'r','after':2}");
    s_expect_to_wait();
}

TEST(test_a_refusal_without_an_id_is_answered_if_the_commit_fails) {
    s_start_shared();
    fx_ask(A, "{'op':'publish','id':7,'room':'r','text':'x','key':'k','expect':9}");
    fx_expect_silence(A);
    fx_store_fails();
    fx_expect(A, "{'op':'error','re':7,'code':'store-failed'}");
}

TEST(test_a_commit_that_fails_tells_nothing) {
    s_start_shared();
    fx_ask(B, "{'op':'join','room':'r','after':2}");
    fx_drop(B);
    fx_store_fails();
    fx_ask(B, "{'op':'join','room':'r','after':2}");
    s_expect_to_wait();
    fx_log_all();
    fx_answer(B, "{'op':'join','room':'r','after':2}", "{'op':'joined','recovered':false}");
}

TEST(test_a_refusal_waits_and_keeps_its_place) {
    s_start_shared();
    fx_pub("r");
    fx_add(2, "before");
    fx_add_expect(3, "k", 9, "no");
    fx_add(4, "after");
    fx_send_now(A);
    fx_ask(A, "{'op':'publish','room':'r','key':'k','expect':8,'mid':5,'text':'no','id':'x'}");
    fx_expect_silence(A);
    fx_log_all();
    fx_expect_text(A, "ack 2 @2 disk");
    fx_expect(A, "{'op':'error','code':'conflict','room':'r','key':'k','mid':3,'seq':0}");
    fx_expect_text(A, "ack 4 @3 disk");
    fx_expect(A, "{'op':'error','code':'conflict','mid':5,'re':'x'}");
    fx_expect_silence(A);
}

TEST(test_a_log_of_one_broker_needs_no_commit) {
    fx_start_stored();
    fx_answer(B, "{'op':'join','room':'r','after':2}", "{'op':'joined','recovered':false}");
    fx_pub("r");
    fx_add_expect(1, "k", 9, "no");
    fx_send_now(A);
    fx_expect_error(A, "conflict");
}

UNIT_SUITE_WITH("broker.core.lead_check", fx_start, fx_finish)
