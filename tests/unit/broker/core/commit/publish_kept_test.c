/* Entries that an operator moves from another log. */
#include "fixture.h"
#include "key_age.h"

#define USERS "ann: arwspc *\nbob: rwspc *\nanonymous: rwspc *\n"
#define KEPT "'kept':{'seq':%d,'time':1600000000000000,'sender':'eve'}"

static void s_begin(void) {
    fx_begin();
    fx.rights = USERS;
    fx_start();
    fx.users[A] = "ann";
    fx.users[B] = "bob";
    fx_hello(A, "me");
    fx_hello(B, "me");
}

/* What the room has: sender and time as well. */
static void s_expect_last(uint64_t seq, const char *sender, uint64_t time) {
    fx_ask(B, "{'op':'replay','room':'r','last':1}");
    for (size_t i = 0; i < fx.seen_count; i++) {
        zr_deliver_reader_t reader;
        zr_entry_t entry;
        const seen_t *seen = &fx.seen[i];
        if (seen->kind != EFFECT_SEND || seen->route != B || seen->taken ||
            !zr_deliver_read(&reader, zr_span_of(zr_blob_data(seen->frame), zr_blob_len(seen->frame))))
            continue;
        ck_assert(zr_deliver_next(&reader, &entry));
        ck_assert_uint_eq(entry.seq, seq);
        ck_assert_uint_eq(entry.time, time);
        ck_assert(zr_span_equal(entry.sender, zr_span(sender)));
        fx_drop(B);
        return;
    }
    ck_abort_msg("no entry came");
}

TEST(test_it_keeps_what_it_had) {
    s_begin();
    fx_ask(A, "{'op':'publish','room':'r','text':'x','id':1," KEPT "}", 48);
    fx_expect(A, "{'op':'ack','re':1,'room':'r','seq':48,'level':'memory'}");
    ck_assert_ptr_null(json_object_get(fx.last, "there"));
    fx_expect_text(BACK, "r 0: 48/x");
    s_expect_last(48, "eve", 1600000000000000);
    fx_ask(A, "{'op':'publish','room':'r','key':'k','base64':'YQBi'," KEPT "}", 60); /* gaps stay */
    fx_expect(A, "{'op':'ack','seq':60}");
    fx_ask(A, "{'op':'publish','room':'r','key':'k','delete':true," KEPT "}", 61);
    fx_expect(A, "{'op':'ack','seq':61}");
    fx_drop(BACK);
    fx_one_now(B, "r", 1, "y"); /* new ones go on behind */
    fx_expect_text(B, "ack 1 @62 memory");
    fx_expect_text(BACK, "r 61: 62/y");
    s_expect_last(62, "bob", fx.now);
    fx_finish();
}

TEST(test_again_is_once) {
    s_begin();
    for (int i = 0; i < 2; i++) {
        fx_ask(A, "{'op':'publish','room':'r','text':'x'," KEPT "}", 5);
        fx_expect(A, i ? "{'op':'ack','seq':5,'there':true}" : "{'op':'ack','seq':5}");
    }
    fx_ask(A, "{'op':'publish','room':'r','text':'x'," KEPT "}", 3); /* the room is past it */
    fx_expect(A, "{'op':'ack','seq':3,'there':true}");
    fx_expect_text(BACK, "r 0: 5/x");
    fx_expect_silence(BACK);
    fx_finish();
}

/* An entry of another publisher has the position: an ack would lose the one that is moved. */
TEST(test_another_entry_came_between) {
    s_begin();
    fx_ask(A, "{'op':'publish','room':'r','text':'x'," KEPT "}", 5);
    fx_expect(A, "{'op':'ack','seq':5}");
    fx_one_now(B, "r", 1, "y");
    fx_drop(B);
    fx_refused(A, "conflict", "{'op':'publish','room':'r','text':'z'," KEPT "}", 6);
    fx_ask(A, "{'op':'publish','room':'r','text':'x'," KEPT "}", 5);
    fx_expect(A, "{'op':'ack','seq':5,'there':true}");
    fx_ask(A, "{'op':'publish','room':'r','text':'z'," KEPT "}", 7);
    fx_expect(A, "{'op':'ack','seq':7}");
    ck_assert_ptr_null(json_object_get(fx.last, "there"));
    fx_finish();
}

/* Values that are too old stay until the operator has paused for a minute. */
TEST(test_values_do_not_age_meanwhile) {
    static const policy_t aged = {.pattern = "r", .max_key_age = 1000000};
    fx_begin();
    fx.rights = USERS;
    fx.config.policies = (policies_t){&aged, 1};
    fx_start();
    fx.users[A] = "ann";
    fx_hello(A, "me");
    for (int seq = 5; seq < 7; seq++) {
        fx_ask(A, "{'op':'publish','room':'r','key':'k','text':'x'," KEPT "}", seq);
        fx_expect(A, "{'op':'ack'}");
        fx_drop(BACK);
        fx.now += 59999999;
        relay_age_keys(fx.relay, fx.now);
        fx_run();
        fx_expect_silence(BACK);
    }
    fx.now++;
    relay_age_keys(fx.relay, fx.now);
    fx_run();
    fx_expect_text(BACK, "r 6: 7/k!");
    fx_finish();
}

/* A value that is moved ends when it would have ended, but not while the operator moves on. */
TEST(test_values_with_a_time_to_live) {
    static const struct {
        int age, ttl, passes; /* s: since it was published, to live, until it ends */
    } cases[] = {{0, 100, 100}, {70, 100, 60}, {70, 200, 130}, {-70, 100, 100}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t passes = (uint64_t)cases[i].passes * 1000000;
        fx_begin();
        fx.rights = USERS;
        fx_start();
        fx.users[A] = "ann";
        fx_hello(A, "me");
        fx_ask(A,
            "{'op':'publish','room':'r','key':'k','text':'x','ttl':%d,'kept':{'seq':5,'time':%llu,'sender':'eve'}}",
            cases[i].ttl * 1000, (unsigned long long)fx.now - (unsigned long long)(cases[i].age * 1000000LL));
        fx_expect(A, "{'op':'ack','seq':5}");
        fx_expect_text(BACK, "r 0: 5/k=x");
        for (int step = 0; step < 3; step++) {
            uint64_t passed = step == 0 ? 0 : step == 1 ? passes - 1 : 1;
            fx.now += passed;
            fx.rising += passed;
            relay_rise(fx.relay, fx.rising);
            relay_expire_keys(fx.relay, fx.now, true);
            fx_run();
            if (step < 2)
                fx_expect_silence(BACK);
        }
        fx_expect_text(BACK, "r 5: 6/k!");
        fx_finish();
    }
}

/* So many positions are left behind the highest that can be given. */
TEST(test_the_highest_position) {
    s_begin();
    fx_refused(A, "conflict", "{'op':'publish','room':'r','text':'x','kept':{'seq':%llu,'time':1,'sender':'eve'}}",
        (unsigned long long)ZR_INT_MAX / 2 + 1);
    fx_ask(A, "{'op':'publish','room':'r','text':'x','kept':{'seq':%llu,'time':1,'sender':'eve'}}",
        (unsigned long long)ZR_INT_MAX / 2);
    fx_expect(A, "{'op':'ack'}");
    fx_finish();
}

static void s_begin_with_ceiling(void) {
    fx_begin();
    fx.rights = USERS;
    fx.durable = true;
    fx.ceiling = 100;
    fx_start();
    fx.users[A] = "ann";
    fx_hello(A, "me");
}

TEST(test_the_highest_position_of_an_engine) {
    s_begin_with_ceiling();
    fx_refused(A, "conflict", "{'op':'publish','room':'r','text':'x'," KEPT "}", 101);
    fx_ask(A, "{'op':'publish','room':'r','text':'x'," KEPT "}", 100);
    fx_expect(A, "{'op':'ack','seq':100}");
    fx_finish();
}

/* A room without positions is refused alone, and not the whole pass with it. */
TEST(test_no_positions_are_left) {
    s_begin_with_ceiling();
    fx_ask(A, "{'op':'publish','room':'r','text':'x'," KEPT "}", 100);
    for (int i = 0; i < 50; i++)
        fx_ask(A, "{'op':'publish','room':'r','text':'x'}");
    fx_expect(A, "{'op':'ack','seq':100}");
    fx_drop(A);
    fx_refused(A, "store-failed", "{'op':'publish','room':'r','text':'x'}");
    fx_ask(A, "{'op':'publish','room':'s','text':'x'}");
    fx_expect(A, "{'op':'ack','seq':1}");
    fx_finish();
}

TEST(test_for_operators_only) {
    s_begin();
    fx_refused(B, "forbidden", "{'op':'publish','room':'r','text':'x'," KEPT "}", 5);
    static const char *const wrong[] = {"{'op':'publish','room':'r','kept':1}",
        "{'op':'publish','room':'r','kept':{'seq':1,'time':1}}",
        "{'op':'publish','room':'r','kept':{'seq':0,'time':1,'sender':'eve'}}",
        "{'op':'publish','room':'r','kept':{'seq':9007199254740992,'time':1,'sender':'eve'}}",
        "{'op':'publish','room':'r','kept':{'seq':1,'time':-1,'sender':'eve'}}",
        "{'op':'publish','room':'r','kept':{'seq':1,'time':1,'sender':'e e'}}",
        "{'op':'publish','room':'r','key':'k','expect':0,'kept':{'seq':1,'time':1,'sender':'eve'}}",
        "{'op':'publish','room':'r','base64':'*','kept':{'seq':1,'time':1,'sender':'eve'}}",
        "{'op':'publish','room':'r','base64':'YQ=='}",
        "{'op':'publish','room':'r','key':'k','delete':true,'base64':'YQ==','kept':{'seq':1,'time':1,'sender':'eve'}}",
        "{'op':'publish','room':'r','base64':'YQ==','text':'a','kept':{'seq':1,'time':1,'sender':'eve'}}"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        fx_refused(A, "bad-member", "%s", wrong[i]);
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 0);
    fx_finish();
}

/* Rooms below the log's level begin above a base, so what was below cannot be moved there. */
TEST(test_a_room_that_begins_above) {
    static const policy_t memory = {.pattern = "r", .has_level = true, .level = ZR_LEVEL_MEMORY};
    fx_begin();
    fx.rights = USERS;
    fx.durable = true;
    fx.base = 1000;
    fx.config.policies = (policies_t){&memory, 1};
    fx_start();
    fx.users[A] = "ann";
    fx_hello(A, "me");
    fx_one_now(A, "r", 1, "x");
    fx_drop(A);
    fx_refused(A, "conflict", "{'op':'publish','room':'r','text':'x'," KEPT "}", 5);
    fx_refused(A, "conflict", "{'op':'publish','room':'r','text':'x'," KEPT "}", 2000);
    fx_ask(A, "{'op':'publish','room':'s','text':'x'," KEPT "}", 5); /* of the log's level */
    fx_expect(A, "{'op':'ack','seq':5}");
    fx_finish();
}

UNIT_SUITE("broker.core.publish_kept")
