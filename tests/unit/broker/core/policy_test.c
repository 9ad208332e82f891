/* The policy of a room, and the meaning of its level for publishers and readers. */
#include "policy.h"

#include <stdio.h>

#include "fixture.h"

static const policy_t *s_of(const policy_t *policies, size_t count, const char *room) {
    return policy_of(&(policies_t){policies, count}, zr_span(room));
}

TEST(test_the_first_that_fits_counts) {
    static const policy_t policies[] = {
        {.pattern = "metrics/cpu", .max_entries = 1},
        {.pattern = "metrics/*", .max_entries = 2},
        {.pattern = "metrics/disk", .max_entries = 3},
        {.pattern = "*", .max_entries = 4},
    };
    ck_assert_uint_eq(s_of(policies, 4, "metrics/cpu")->max_entries, 1);
    ck_assert_uint_eq(s_of(policies, 4, "metrics/cpu2")->max_entries, 2);
    ck_assert_uint_eq(s_of(policies, 4, "metrics/disk")->max_entries, 2);
    ck_assert_uint_eq(s_of(policies, 4, "metrics/")->max_entries, 2);
    ck_assert_uint_eq(s_of(policies, 4, "metrics")->max_entries, 4);
    ck_assert_uint_eq(s_of(policies, 4, "r")->max_entries, 4);
    const policy_t *none = s_of(policies, 3, "r");
    ck_assert(none && !none->has_level && !none->max_age && !none->max_entries && !none->max_bytes);
    ck_assert_ptr_nonnull(s_of(NULL, 0, "r"));
}

TEST(test_patterns) {
    static const char *const good[] = {"*", "r", "r*", "metrics/*", "metrics/cpu"};
    static const char *const bad[] = {"", "**", "*r", "a*b", "r **", " ", "{*", "{", "a b*"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        ck_assert_msg(!policy_pattern_fault(zr_span(good[i])), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(policy_pattern_fault(zr_span(bad[i])), "%s", bad[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_str_eq(
            policy_pattern_fault(zr_span(bad[i])), "is neither a room name nor the beginning of one and *");
    ck_assert_ptr_null(policy_pattern_fault(zr_span("caf\u00e9*")));
    ck_assert(policy_pattern_fault(zr_span("cafe\u0301*")));
    ck_assert_ptr_nonnull(strstr(policy_pattern_fault(zr_span("cafe\u0301*")), "normalization form C"));
    ck_assert(!policy_pattern_fault(unit_fill('r', ZR_ROOM_MAX)));
    ck_assert(policy_pattern_fault(unit_fill('r', ZR_ROOM_MAX + 1)));
}

/* --- Levels --- */

static const policy_t s_levels[] = {
    {.pattern = "none*", .has_level = true, .level = ZR_LEVEL_NONE},
    {.pattern = "memory*", .has_level = true, .level = ZR_LEVEL_MEMORY},
    {.pattern = "disk*", .has_level = true, .level = ZR_LEVEL_DISK},
    {.pattern = "short*", .max_entries = 5},
};

static void s_start(bool durable) {
    fx_begin();
    fx.durable = durable;
    fx.config.policies = (policies_t){s_levels, sizeof s_levels / sizeof s_levels[0]};
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
}

TEST(test_welcome_and_acks_name_the_level) {
    for (int durable = 0; durable < 2; durable++) {
        s_start(durable);
        const char *top = durable ? "disk" : "memory";
        fx_ask(C, "{'op':'hello','proto':1,'client':'%s'}", fx_client(C));
        fx_expect(C, "{'op':'welcome','level':'%s'}", top);
        const struct {
            const char *room, *level;
        } rooms[] = {{"none", "none"}, {"memory", "memory"}, {"disk", top}, {"short", top}, {"r", top}};
        uint64_t mid = 0;
        for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
            for (int again = 0; again < 2; again++) { /* a resend too */
                char ack[64];
                fx_one_now(A, rooms[i].room, mid + 1, "x");
                snprintf(ack, sizeof ack, "ack %d @%d %s", (int)mid + 1, again ? 0 : 1, rooms[i].level);
                fx_expect_text(A, ack);
                fx_ask(A, "{'op':'publish','room':'%s','text':'y','mid':%d}", rooms[i].room, (int)mid + 2);
                fx_expect(
                    A, "{'op':'ack','mid':%d,'seq':%d,'level':'%s'}", (int)mid + 2, again ? 0 : 2, rooms[i].level);
            }
            mid += 2;
        }
    }
}

TEST(test_rooms_that_are_not_kept_are_listed_so) {
    s_start(true);
    fx_one(A, "memory", 1, "x");
    fx_one_now(A, "none", 2, "x");
    fx_drop(A);
    fx_ask(A, "{'op':'rooms'}");
    fx_expect(A, "{'rooms':[{'room':'memory','seq':1,'count':0},{'room':'none','seq':1,'count':0,'kept':false}]}");
}

TEST(test_acks_of_other_levels_are_not_joined) {
    s_start(true);
    fx_one(A, "r", 1, "x");
    fx_one(A, "s", 2, "x");
    fx_one(A, "memory", 3, "x");
    fx_one(A, "memory/2", 4, "x");
    fx_one(A, "none", 5, "x");
    fx_one_now(A, "r", 6, "x");
    fx_expect_texts(A, "ack 2 @1 disk", "ack 4 @1 memory", "ack 5 @1 none", "ack 6 @2 disk");
}

TEST(test_a_resend_to_a_room_that_cannot_be_has_its_level_too) {
    s_start(true);
    fx_one_now(A, "none", 7, "x");
    fx_drop(A);
    fx_one(A, "memory/never", 7, "x"); /* answered with the mark, whatever room it names */
    fx_run();
    fx_expect_text(A, "ack 7 @0 memory");
}

TEST(test_none_is_relayed_and_gone) {
    s_start(true);
    fx_answer(B, "{'op':'join','room':'none','after':0}", "{'op':'joined','seq':0,'oldest':0,'recovered':true}");
    fx.appended.count = 0;
    for (uint64_t mid = 1; mid <= 3; mid++) {
        fx_one_now(A, "none", mid, "x");
    }
    ck_assert_uint_eq(fx.appended.count, 0); /* nothing went to the log but the commits */
    fx_expect_texts(BACK, "none 0: 1/x", "none 1: 2/x", "none 2: 3/x");
    fx_answer(B, "{'op':'join','room':'none','after':1}", "{'op':'joined','seq':3,'oldest':3,'recovered':false}");
    fx_answer(B, "{'op':'join','room':'none','after':3}", "{'op':'joined','seq':3,'oldest':3,'recovered':true}");
    fx_answer(B, "{'op':'ping'}", "{'op':'pong','heads':{'none':3}}");
    const struct {
        const char *ask;
        int seq;
        bool complete;
    } asks[] = {{"'after':1", 3, false}, {"'after':3", 3, true}, {"'after':9", 9, false},
        {"'after':0,'until':2", 2, false}, {"'last':2", 3, false}};
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        fx_ask(B, "{'op':'replay','room':'none',%s,'id':5}", asks[i].ask);
        fx_expect(B, "{'op':'replayed','re':5,'count':0,'more':false,'seq':%d,'complete':%s}", asks[i].seq,
            asks[i].complete ? "true" : "false");
    }
    fx_expect_silence(B);
}

TEST(test_none_waits_for_its_pass_and_goes_with_it) {
    fx_begin();
    fx.durable = fx.late = true;
    fx.config.policies = (policies_t){s_levels, 4};
    fx_start();
    fx_hello(A, "ann");
    fx_one(A, "none", 1, "x");
    fx_one_now(A, "r", 2, "x");
    fx_expect_silence(BACK);
    fx.fail = 1;
    fx_log_all();
    fx_expect(A, "{'op':'error','code':'store-failed','mid':1}");
    fx_expect(A, "{'op':'error','code':'store-failed','mid':2}");
    fx_one_now(A, "none", 3, "y");
    fx_log_all();
    fx_expect_text(BACK, "none 0: 1/y");
    fx_expect_text(A, "ack 3 @1 none");
}

TEST(test_the_log_is_told_the_level) {
    s_start(true);
    const struct {
        const char *room;
        zr_level_t level;
    } rooms[] = {{"memory", ZR_LEVEL_MEMORY}, {"disk", ZR_LEVEL_DISK}, {"r", ZR_LEVEL_DISK}};
    for (uint64_t i = 0; i < 3; i++) {
        fx.now += 10;
        fx_pub(rooms[i].room);
        fx_add(2 * i + 1, "x");
        if (i == 1)
            fx_add_key(2 * i + 2, "k", "y");
        fx_send_now(A);
        ck_assert_int_eq(fx.appended.level, rooms[i].level);
        ck_assert_int_eq(fx.appended.keyed, i == 1);
        ck_assert_uint_eq(fx.appended.time, fx.now);
        ck_assert_uint_eq(fx.appended.count, i == 1 ? 2 : 1);
    }
    fx_ask(B, "{'op':'replay','room':'memory','after':0}");
    fx_expect_text(B, "replay memory 0: 1/x");
}

UNIT_SUITE_WITH("broker.core.policy", fx_start, fx_finish)
