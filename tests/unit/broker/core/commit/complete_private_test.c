/* Entries and presence of private rooms: by the DEALER, to members with the right. */
#include "fixture.h"

#define USERS "ann: rwspc *\nbob: rwspc *\neve: rwspc open*\n"

static void s_begin(void) {
    fx_begin();
    fx.rights = USERS;
    fx.private = true;
    fx_start();
    fx.users[A] = "ann";
    fx.users[B] = "bob";
    fx.users[C] = "eve";
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_hello(C, "eve");
}

TEST(test_entries_go_to_members_only) {
    s_begin();
    fx_answer(A, "{'op':'join','room':'p'}", "{'op':'joined','private':true}");
    fx_refused(C, "forbidden", "{'op':'join','room':'p'}");
    fx_one_now(B, "p", 1, "x");
    fx_expect_text(A, "live p 0: 1/x");
    fx_expect_text(B, "ack 1 @1 memory"); /* no member */
    fx_expect_silent(BACK, C);
    fx_ask(B, "{'op':'join','room':'p'}");
    fx_drop(B);
    fx_one(B, "p", 2, "y");
    fx_one_now(B, "p", 3, "z");
    fx_expect_text(A, "live p 1: 2/y 3/z");
    fx_expect_texts(B, "live p 1: 2/y 3/z", "ack 3 @3 memory");
    fx_ask(A, "{'op':'leave','room':'p'}");
    fx_drop(A);
    fx_one_now(B, "p", 4, "4");
    fx_expect_silent(A, BACK);
}

TEST(test_open_rooms_go_to_the_back) {
    s_begin();
    fx_answer(C, "{'op':'join','room':'open'}", "{'op':'joined','private':false}");
    fx_one_now(A, "open", 1, "x");
    fx_expect_text(BACK, "open 0: 1/x");
    fx_expect_silence(C);
}

TEST(test_who_did_not_log_in_makes_all_rooms_private) {
    s_begin();
    access_t *access = fx_access("eve: r open\n");
    access_set_plain(access, true);
    relay_set_access(fx.relay, access);
    fx_run();
    fx_drop(C);
    fx_answer(C, "{'op':'join','room':'open'}", "{'op':'joined','private':true}");
    fx_set_access("eve: r open\n");
    fx_answer(C, "{'op':'join','room':'open'}", "{'op':'joined','private':false}");
}

TEST(test_open_private_open_without_a_gap) {
    s_begin();
    for (route_t route = A; route <= B; route++) {
        fx_ask(route, "{'op':'join','room':'open'}");
        fx_drop(route);
    }
    fx_one_now(A, "open", 1, "1");
    fx_expect_text(BACK, "open 0: 1/1");
    fx_one(A, "open", 2, "2"); /* taken in while it is open, stored when it is not */
    fx_set_access("ann: rwspc *\nbob: rwspc *\neve:\n");
    fx_expect_silence(BACK);
    fx_expect_text(B, "live open 1: 2/2");
    fx_one_now(A, "open", 3, "3");
    fx_expect_text(B, "live open 2: 3/3");
    fx_one(A, "open", 4, "4");
    fx_set_access(USERS);
    fx_expect_text(BACK, "open 3: 4/4");
    fx_expect_silence(B);
    fx_answer(B, "{'op':'ping'}", "{'heads':{'open':4}}");
}

TEST(test_a_full_queue_costs_the_frame_and_not_the_session) {
    s_begin();
    fx_ask(A, "{'op':'join','room':'p'}");
    fx_drop(A);
    relay_route_lost(fx.relay, A); /* detached: nothing is sent to it */
    fx_one_now(B, "p", 1, "x");
    fx_expect_silence(A);
    fx.users[D] = "ann";
    fx_resume(D, A, "me");
}

TEST(test_presence_goes_to_those_with_the_right) {
    s_begin();
    fx_set_access("ann: rwspc *\nbob: rwspc *\neve: rc *\n");
    for (route_t route = A; route <= C; route++)
        fx_ask(route, "{'op':'join','room':'open'}"); /* of entries, not of presence */
    fx_expect(A, "{'op':'joined','private':false,'count':1}");
    fx_expect(B, "{'op':'joined','count':2}");
    fx_expect(C, "{'op':'joined','count':0,'version':0}");
    fx_tick();
    for (route_t route = A; route <= B; route++)
        fx_expect_text(route, "live open! {\"count\":2,\"joined\":[{\"nick\":\"ann\"},{\"nick\":\"bob\"}],\"left\":[],"
                              "\"op\":\"presence\",\"room\":\"open\",\"version\":1}");
    fx_expect_silent(BACK, C);
    fx_answer(C, "{'op':'join','room':'open'}", "{'op':'joined','count':0,'version':0}");
    fx_answer(C, "{'op':'ping'}", "{'heads':{'open':0},'versions':{}}");
    fx_answer(C, "{'op':'rooms'}", "{'rooms':[{'room':'open','seq':0,'count':0}]}");
    fx_answer(B, "{'op':'rooms'}", "{'rooms':[{'room':'open','seq':0,'count':2}]}");
    fx_refused(C, "forbidden", "{'op':'who','room':'open'}");
    fx_set_access("ann: rwspc *\nbob: rwspc *\neve: rcp *\n"); /* now it may, and comes as it wished to */
    fx_tick();
    fx_expect(BACK, "{'op':'presence','joined':[{'nick':'eve'}],'count':3,'version':2}");
    fx_set_access("ann: rwspc *\nbob: rc *\neve: rcp *\n");
    fx_tick();
    fx_expect(A, "{'op':'presence','left':[{'nick':'bob','reason':'leave'}],'count':2}");
    fx_expect(C, "{'op':'presence','left':[{'nick':'bob','reason':'leave'}],'count':2}");
    fx_expect_silent(B, BACK);
    fx_answer(C, "{'op':'ping'}", "{'versions':{'open':3}}");
    fx_set_access("ann: rwspc *\nbob: rc *\neve: rc *\n");
    fx_refused(C, "forbidden", "{'op':'who','room':'open'}"); /* it had lost a frame, for example */
    fx_set_access("ann: rwspc *\nbob: rc *\neve: rcp *\n");
    fx_tick();
    fx_expect_silence(C); /* nothing has changed */
    fx_answer(C, "{'op':'ping'}", "{'versions':{'open':3}}");
}

TEST(test_a_relayed_room) {
    fx_begin();
    static const policy_t policy = {.pattern = "*", .has_level = true, .level = ZR_LEVEL_NONE};
    fx.config.policies = (policies_t){&policy, 1};
    fx.rights = USERS;
    fx.private = true;
    fx_start();
    fx.users[A] = "ann";
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'join','room':'p'}");
    fx_drop(A);
    fx_one_now(A, "p", 1, "x");
    fx_expect_texts(A, "live p 0: 1/x", "ack 1 @1 none");
    fx_expect_silence(BACK);
}

UNIT_SUITE_WITH("broker.core.stored_private", fx_start, fx_finish)
