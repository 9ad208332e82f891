/* Rooms that are empty and unused for long are forgotten, and begin above where they stood. */
#include "fixture.h"

#define SECOND 1000000ULL

static const policy_t s_policies[] = {
    {.pattern = "aged*", .max_age = 10 * SECOND},
    {.pattern = "none*", .has_level = true, .level = ZR_LEVEL_NONE},
    {.pattern = "memory*", .has_level = true, .level = ZR_LEVEL_MEMORY},
};

static void s_start(bool durable) {
    fx_begin();
    fx.durable = durable;
    fx.config.policies = (policies_t){s_policies, 3};
    fx.config.forget_after_ms = 60 * 1000;
    fx_start();
    fx_hello(A, "ann");
    relay_forget_idle(fx.relay, fx.now);
    fx_run();
}

static size_t s_rooms(void) {
    return relay_stats(fx.relay).rooms;
}

/* Time passes, and the relay looks; the log has its time, too. */
static void s_pass(uint64_t time) {
    fx.now += time;
    relay_forget_idle(fx.relay, fx.now);
    fx_run();
}

static void s_publish(const char *room, uint64_t mid) {
    fx_one_now(A, room, mid, "x");
    fx_drop_all(A, BACK);
}

TEST(test_both_sides_of_the_limit) {
    s_start(true);
    s_publish("aged", 1);
    s_pass(60 * SECOND);
    ck_assert_uint_eq(s_rooms(), 1);
    s_pass(1);
    ck_assert_uint_eq(s_rooms(), 0);
}

TEST(test_never) {
    s_start(true);
    fx.config.forget_after_ms = 0;
    fx_restart();
    fx_hello(A, "ann");
    s_publish("aged", 1);
    s_pass(1);
    s_pass(1000000 * SECOND);
    ck_assert_uint_eq(s_rooms(), 1);
}

/* It begins above its old head. A reader without entries of it has lost nothing; a reader with some may have. */
TEST(test_used_again) {
    s_start(true);
    s_publish("aged", 1);
    s_publish("aged", 2);
    s_pass(61 * SECOND);
    ck_assert_uint_eq(s_rooms(), 0);
    fx_ask(A, "{'op':'replay','room':'aged','after':0}");
    fx_expect(A, "{'op':'replayed','seq':2,'count':0,'complete':true,'more':false}");
    fx_ask(A, "{'op':'replay','room':'aged','last':5}");
    fx_expect(A, "{'op':'replayed','seq':2,'count':0,'complete':true,'more':false}");
    fx_ask(A, "{'op':'replay','room':'aged','after':1}");
    fx_expect(A, "{'op':'replayed','seq':2,'count':0,'complete':false,'more':false}");
    fx_ask(A, "{'op':'replay','room':'aged','after':3}");
    fx_expect(A, "{'op':'replayed','seq':3,'count':0,'complete':false,'more':false}");
    fx_answer(A, "{'op':'join','room':'aged','after':0}", "{'op':'joined','seq':2,'oldest':2,'recovered':true}");
    fx_answer(A, "{'op':'join','room':'aged','after':1}", "{'op':'joined','seq':2,'oldest':2,'recovered':false}");
    fx_one_now(A, "aged", 3, "new");
    fx_expect_text(BACK, "aged 2: 3/new");
    fx_expect_text(A, "ack 3 @3 disk");
    fx_answer(A, "{'op':'join','room':'aged','after':0}", "{'op':'joined','seq':3,'oldest':2,'recovered':true}");
    fx_ask(A, "{'op':'replay','room':'aged','after':0}");
    fx_expect_text(A, "replay aged 2: 3/new");
    fx_expect(A, "{'op':'replayed','seq':3,'count':1,'complete':true,'more':false}");
    fx_ask(A, "{'op':'replay','room':'aged','last':5}");
    fx_expect_text(A, "replay aged 2: 3/new");
    fx_expect(A, "{'op':'replayed','seq':3,'count':1,'complete':true,'more':false}");
    fx_ask(A, "{'op':'replay','room':'aged','after':1}");
    fx_expect_text(A, "replay aged 2: 3/new");
    fx_expect(A, "{'op':'replayed','seq':3,'count':1,'complete':false,'more':false}");
}

TEST(test_over_a_restart) {
    s_start(true);
    s_publish("aged", 1);
    s_publish("aged", 2);
    s_pass(61 * SECOND);
    fx_restart();
    ck_assert_uint_eq(s_rooms(), 0);
    fx_hello(A, "ann");
    fx_one(A, "aged2", 3, "new"); /* any room */
    fx_run();
    fx_expect_text(BACK, "aged2 2: 3/new");
    fx_restart();
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'join','room':'aged2','after':0}"); /* it is known where it began */
    fx_expect(A, "{'op':'joined','seq':3,'oldest':2,'recovered':true}");
}

TEST(test_somebody_is_in_it) {
    s_start(true);
    s_publish("aged", 1);
    fx_ask(A, "{'op':'join','room':'aged','presence':false}");
    s_pass(100 * SECOND);
    ck_assert_uint_eq(s_rooms(), 1);
    fx_ask(A, "{'op':'leave','room':'aged'}");
    s_pass(60 * SECOND); /* since then */
    ck_assert_uint_eq(s_rooms(), 1);
    s_pass(1);
    ck_assert_uint_eq(s_rooms(), 0);
}

TEST(test_a_key_has_a_value) {
    s_start(true);
    fx_pub("aged");
    fx_add_key(1, "k", "v");
    fx_send_now(A);
    s_pass(100 * SECOND);
    ck_assert_uint_eq(s_rooms(), 1);
    fx_pub("aged");
    fx_add_delete(2, "k");
    fx_send_now(A);
    s_pass(61 * SECOND);
    ck_assert_uint_eq(s_rooms(), 0);
}

TEST(test_what_is_kept) {
    s_start(true);
    fx.config.forget_after_ms = 1000;
    fx_restart();
    fx_hello(A, "ann");
    s_publish("for-ever", 1);
    s_publish("aged", 2);
    s_pass(1);
    s_pass(10 * SECOND - 1); /* the age of the entry, to the microsecond */
    ck_assert_uint_eq(s_rooms(), 2);
    s_pass(1);
    ck_assert_uint_eq(s_rooms(), 1);
    s_pass(1000000 * SECOND);
    ck_assert_uint_eq(s_rooms(), 1);
}

TEST(test_rooms_that_keep_nothing) {
    s_start(false);
    s_publish("none", 1);
    s_publish("none", 2);
    s_pass(61 * SECOND);
    ck_assert_uint_eq(s_rooms(), 0);
    fx_answer(A, "{'op':'join','room':'none','after':0}", "{'op':'joined','seq':2,'oldest':2,'recovered':true}");
    fx_one_now(A, "none", 3, "x");
    fx_expect_text(BACK, "none 2: 3/x");
    fx_drop(A);
    fx_answer(A, "{'op':'join','room':'none','after':0}", "{'op':'joined','seq':3,'oldest':3,'recovered':false}");
}

/* Rooms whose entries the memory limit of all rooms pushed out. */
TEST(test_rooms_that_were_pushed_out) {
    fx_begin();
    fx.config.forget_after_ms = 60 * 1000;
    fx.limits.entries = 1;
    fx_start();
    fx_hello(A, "ann");
    s_publish("a", 1);
    s_publish("b", 2);
    s_pass(0);
    s_pass(61 * SECOND);
    ck_assert_uint_eq(s_rooms(), 1); /* b is kept */
    fx_one_now(A, "a", 3, "x");
    fx_expect_text(BACK, "a 1: 2/x");
}

/* Rooms of a lower level in a durable log: the entries of earlier runs are not known. So a reader without entries is
 * told of a loss. */
TEST(test_a_lower_level) {
    s_start(true);
    fx.base = 1000;
    fx_restart();
    fx_hello(A, "ann");
    s_publish("none", 1);
    s_pass(1);
    s_pass(61 * SECOND);
    ck_assert_uint_eq(s_rooms(), 0);
    fx_one_now(A, "none", 2, "x");
    fx_expect_text(BACK, "none 1001: 1002/x");
    fx_drop(A);
    fx_answer(A, "{'op':'join','room':'memory','after':0}", "{'op':'joined','recovered':false}");
}

/* Rooms to come need positions, too. */
TEST(test_above_the_ceiling) {
    s_start(true);
    fx.ceiling = 10;
    fx.base = 1000; /* rooms of a lower level are not meant */
    fx_restart();
    fx_hello(A, "ann");
    fx.gap = 10;
    s_publish("aged-at", 1);
    fx.gap = 11;
    s_publish("aged-above", 2);
    s_publish("none", 3);
    s_pass(1);
    s_pass(61 * SECOND);
    ck_assert_uint_eq(s_rooms(), 1);
    fx_answer(A, "{'op':'rooms'}", "{'op':'rooms','rooms':[{'room':'aged-above','seq':11,'count':0}]}");
}

/* Until the log has stored that it is forgotten, the room stays, and goes on from its old position if it is used. */
static void s_late(void) {
    s_start(true);
    fx.late = true;
    fx_one_now(A, "aged", 1, "x");
    fx_log_all();
    fx_drop_all(A, BACK);
}

TEST(test_unstored) {
    s_late();
    fx_one_now(A, "aged", 2, "x");
    s_pass(100 * SECOND);
    ck_assert_uint_eq(s_rooms(), 1);
    fx_log_all();
    ck_assert_uint_eq(s_rooms(), 1); /* it was not even asked */
    s_pass(100 * SECOND);
    ck_assert_uint_eq(s_rooms(), 1);
    fx_log_all();
    ck_assert_uint_eq(s_rooms(), 0);
}

TEST(test_used_while_it_goes) {
    s_late();
    s_pass(100 * SECOND);
    s_pass(1); /* asked once */
    fx_answer(A, "{'op':'join','room':'aged','after':1}", "{'op':'joined','seq':1,'oldest':0,'recovered':true}");
    fx_one_now(A, "aged", 2, "y");
    fx_log_all();
    ck_assert_uint_eq(s_rooms(), 1);
    fx_expect_text(BACK, "aged 1: 2/y");
    fx_drop(A);
    fx_answer(A, "{'op':'join','room':'aged','after':1}", "{'op':'joined','seq':2,'oldest':1,'recovered':true}");
    fx_answer(A, "{'op':'join','room':'aged','after':0}", "{'op':'joined','seq':2,'oldest':1,'recovered':true}");
}

TEST(test_joined_while_it_goes) {
    s_late();
    s_pass(100 * SECOND);
    fx_ask(A, "{'op':'join','room':'aged'}");
    fx_log_all();
    ck_assert_uint_eq(s_rooms(), 1);
    fx_ask(A, "{'op':'leave','room':'aged'}");
    ck_assert_uint_eq(s_rooms(), 1); /* there is presence to tell */
    fx_tick();
    ck_assert_uint_eq(s_rooms(), 0); /* nobody wrote to it since */
}

TEST(test_the_log_fails) {
    s_late();
    s_pass(100 * SECOND);
    fx_one_now(A, "aged", 2, "y");
    fx.fail = 1;
    fx_log_all();
    ck_assert_uint_eq(s_rooms(), 1);
    fx_drop(A);
    fx_one_now(A, "aged", 3, "z");
    fx_log_all();
    fx_expect_text(BACK, "aged 1: 2/z");
    fx_drop(A);
    fx_ask(A, "{'op':'join','room':'aged','after':0}"); /* all of it is there */
    fx_expect(A, "{'op':'joined','seq':2,'oldest':0,'recovered':true}");
    s_pass(100 * SECOND);
    ck_assert_uint_eq(s_rooms(), 1); /* somebody is in it */
    fx_ask(A, "{'op':'leave','room':'aged'}");
    fx_tick();
    s_pass(100 * SECOND);
    fx_log_all();
    ck_assert_uint_eq(s_rooms(), 0);
}

TEST(test_killed_while_it_goes) {
    s_late();
    s_pass(100 * SECOND);
    fx_restart();
    ck_assert_uint_eq(s_rooms(), 1);
    fx_hello(A, "ann");
    fx_answer(A, "{'op':'join','room':'aged','after':1}", "{'op':'joined','seq':1,'recovered':true}");
}

/* Not since its last entry, when the broker did not run. */
TEST(test_since_the_start) {
    s_start(true);
    s_publish("aged", 1);
    fx.now += 1000 * SECOND;
    fx_restart();
    s_pass(0);
    s_pass(60 * SECOND);
    ck_assert_uint_eq(s_rooms(), 1);
    s_pass(1);
    ck_assert_uint_eq(s_rooms(), 0);
}

TEST(test_many_rooms_in_turn) {
    s_start(false);
    enum { COUNT = 1500 };
    for (uint64_t i = 1; i <= COUNT; i++) {
        char room[16];
        snprintf(room, sizeof room, "none%llu", (unsigned long long)i);
        fx_one(A, room, i, "x");
    }
    fx_run();
    fx.now += 61 * SECOND;
    s_pass(0);
    ck_assert_uint_eq(s_rooms(), COUNT - 1000);
    s_pass(0);
    ck_assert_uint_eq(s_rooms(), 0);
}

TEST(test_room_for_others) {
    s_start(true);
    fx.config.max_rooms = 1;
    fx_restart();
    fx_hello(A, "ann");
    s_publish("aged", 1);
    fx_refused(A, "too-many-rooms", "{'op':'join','room':'other'}");
    s_pass(1);
    s_pass(61 * SECOND);
    fx_answer(A, "{'op':'join','room':'other'}", "{'op':'joined'}");
}

/* The clock was years ahead: what seems to have been used then was used when that is found. */
TEST(test_a_clock_that_is_set_back) {
    s_start(true);
    fx.now += 1000000 * SECOND;
    relay_forget_idle(fx.relay, fx.now);
    s_publish("aged", 1);
    fx.now -= 1000000 * SECOND;
    s_pass(0);
    s_pass(60 * SECOND);
    ck_assert_uint_eq(s_rooms(), 1);
    s_pass(1);
    ck_assert_uint_eq(s_rooms(), 0);
}

UNIT_SUITE_WITH("broker.core.forget", fx_start, fx_finish)
