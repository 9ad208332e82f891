/* Values of keys that are too old are deleted, and readers are told. */
#include "fixture.h"
#include "key_age.h"

#define SECOND 1000000ULL

static const policy_t s_policies[] = {{.pattern = "aged*", .max_key_age = 10 * SECOND}};

static void s_start(bool durable) {
    fx_begin();
    fx.durable = durable;
    fx.config.policies = (policies_t){s_policies, 1};
    fx_start();
    fx_hello(A, "ann");
}

static void s_set(const char *room, uint64_t mid, const char *key, const char *body) {
    fx_pub(room);
    fx_add_key(mid, key, body);
    fx_send_now(A);
    fx_drop(A);
}

static void s_look(uint64_t passed) {
    fx.now += passed;
    relay_age_keys(fx.relay, fx.now);
    fx_run();
}

TEST(test_both_sides_of_the_limit) {
    s_start(false);
    s_set("aged", 1, "k", "x");
    s_set("other", 2, "k", "x");
    fx_drop(BACK);
    s_look(10 * SECOND);
    fx_expect_silence(BACK);
    s_look(1);
    fx_expect_text(BACK, "aged 1: 2/k!");
    fx_expect_silence(BACK);
    s_look(SECOND);
    fx_expect_silence(BACK); /* once */
    fx_ask(A, "{'op':'state','room':'aged'}");
    fx_expect(A, "{'op':'ok','seq':2}");
    fx_ask(A, "{'op':'publish','room':'aged','key':'k','expect':0,'text':'y'}"); /* there is no value */
    fx_expect(A, "{'op':'ack','seq':3}");
    fx_finish();
}

TEST(test_a_new_value_is_young) {
    s_start(false);
    s_set("aged", 1, "a", "x");
    s_set("aged", 2, "b", "x");
    fx.now += 8 * SECOND;
    s_set("aged", 3, "a", "y");
    fx_drop(BACK);
    s_look(3 * SECOND);
    fx_expect_text(BACK, "aged 3: 4/b!");
    s_look(8 * SECOND);
    fx_expect_text(BACK, "aged 4: 5/a!");
    fx_finish();
}

/* The time of a value is stored with it. */
TEST(test_over_a_restart) {
    s_start(true);
    s_set("aged", 1, "k", "x");
    fx_restart();
    fx_hello(A, "ann");
    fx_drop(BACK);
    s_look(11 * SECOND);
    fx_expect_text(BACK, "aged 1: 2/k!");
    fx_restart();
    fx_hello(A, "ann");
    fx_drop(BACK);
    s_look(11 * SECOND);
    fx_expect_silence(BACK);
    fx_finish();
}

TEST(test_clocks_that_jump) {
    s_start(false);
    fx.now += 1000000 * SECOND; /* ahead, */
    s_set("aged", 1, "k", "x");
    fx_drop(BACK);
    fx.now -= 1000000 * SECOND; /* and set right: the value counts as of now */
    s_look(SECOND);
    s_look(10 * SECOND);
    fx_expect_silence(BACK);
    s_look(1);
    fx_expect_text(BACK, "aged 1: 2/k!");
    s_set("aged", 2, "k", "x");
    fx_drop(BACK);
    fx.now -= 5 * SECOND; /* back a little */
    s_look(0);
    fx_expect_silence(BACK);
    s_look(16 * SECOND);
    fx_expect_text(BACK, "aged 3: 4/k!");
    fx_finish();
}

/* It is tried again. */
TEST(test_the_log_fails) {
    fx_begin();
    fx.late = fx.durable = true;
    fx.config.policies = (policies_t){s_policies, 1};
    fx_start();
    fx_hello(A, "ann");
    s_set("aged", 1, "k", "x");
    fx_store();
    fx_drop_all(A, BACK);
    fx.now += 11 * SECOND;
    relay_age_keys(fx.relay, fx.now);
    fx_store_fails();
    fx_expect_silence(BACK);
    relay_age_keys(fx.relay, fx.now);
    fx_store();
    ck_assert_str_ne(fx_text(BACK), "");
    fx_finish();
}

/* Deletions wait, as publishers do. */
TEST(test_the_log_is_full) {
    s_start(false);
    s_set("aged", 1, "k", "x");
    fx_drop(BACK);
    fx.full = true;
    s_look(11 * SECOND);
    fx_expect_silence(BACK);
    fx.full = false;
    s_look(0);
    fx_expect_text(BACK, "aged 1: 2/k!");
    fx_finish();
}

TEST(test_many_at_once) {
    char key[16];
    s_start(false);
    for (int i = 0; i < 1500; i++) {
        snprintf(key, sizeof key, "k%d", i);
        s_set(i % 2 ? "aged1" : "aged2", (uint64_t)i + 1, key, "x");
        fx_drop(BACK);
    }
    s_look(11 * SECOND); /* a thousand, */
    s_look(SECOND);      /* and the rest */
    s_look(SECOND);
    ck_assert_uint_eq(relay_stats(fx.relay).entries, 3000);
    ck_assert_uint_eq(relay_stats(fx.relay).state_bytes, 0);
    fx_finish();
}

/* --- Time to live --- */

static void s_set_for(const char *room, uint64_t mid, const char *key, uint64_t ttl) {
    fx_pub(room);
    fx_add_ttl(mid, key, ttl, "x");
    fx_send_now(A);
    fx_drop(A);
}

/* So much time passes by both clocks, and the broker looks. */
static void s_expire(uint64_t passed, bool sure) {
    fx.now += passed;
    fx.rising += passed;
    relay_rise(fx.relay, fx.rising);
    relay_expire_keys(fx.relay, fx.now, sure);
    fx_run();
}

TEST(test_both_sides_of_a_time_to_live) {
    s_start(false);
    s_set_for("r", 1, "k", 10000);
    s_set_for("s", 2, "l", 9000);
    s_set("r", 3, "m", "x");
    fx_drop(BACK);
    s_expire(9 * SECOND - 1, true);
    fx_expect_silence(BACK);
    s_expire(1, true);
    fx_expect_text(BACK, "s 1: 2/l!");
    s_expire(SECOND - 1, true);
    fx_expect_silence(BACK);
    s_expire(1, true);
    fx_expect_text(BACK, "r 2: 3/k!");
    s_expire(1000 * SECOND, true);
    fx_expect_silence(BACK);                                                  /* once */
    fx_ask(A, "{'op':'publish','room':'r','key':'k','expect':0,'text':'y'}"); /* there is no value */
    fx_expect(A, "{'op':'ack','seq':4}");
    fx_finish();
}

TEST(test_another_value_has_another_time) {
    s_start(false);
    s_set_for("r", 1, "a", 10000);
    s_set_for("r", 2, "b", 10000);
    s_set_for("r", 3, "c", 10000);
    s_expire(8 * SECOND, true);
    s_set_for("r", 4, "a", 10000);
    s_set("r", 5, "b", "y"); /* without end */
    fx_pub("r");
    fx_add_delete(6, "c");
    fx_send_now(A);
    fx_drop_all(A, BACK);
    s_expire(9 * SECOND, true);
    fx_expect_silence(BACK);
    s_expire(SECOND, true);
    fx_expect_text(BACK, "r 6: 7/a!");
    s_expire(1000 * SECOND, true);
    fx_expect_silence(BACK);
    fx_finish();
}

/* What ends sooner counts. */
TEST(test_age_and_time_to_live) {
    s_start(false);
    s_set_for("aged", 1, "a", 5000);
    s_set_for("aged", 2, "b", 15000);
    fx_drop(BACK);
    s_expire(5 * SECOND, true);
    fx_expect_text(BACK, "aged 2: 3/a!");
    s_look(6 * SECOND);
    fx_expect_text(BACK, "aged 3: 4/b!");
    s_expire(20 * SECOND, true);
    fx_expect_silence(BACK);
    fx_ask(A, "{'op':'state','room':'aged'}");
    fx_expect(A, "{'op':'ok','age':10000}");
    fx_ask(A, "{'op':'state','room':'other'}");
    fx_expect(A, "{'op':'ok'}");
    ck_assert_ptr_null(json_object_get(fx.last, "age"));
    fx_finish();
}

/* The clock of the day does not matter, and may be in doubt. */
TEST(test_clocks_that_jump_move_no_end) {
    s_start(false);
    s_set_for("r", 1, "k", 10000);
    fx_drop(BACK);
    fx.now += 1000000 * SECOND;
    s_expire(9 * SECOND, false);
    fx_expect_silence(BACK);
    fx.now -= 2000000 * SECOND;
    s_expire(SECOND, false);
    fx_expect_text(BACK, "r 1: 2/k!");
    fx_finish();
}

static void s_restart_after(uint64_t passed) {
    fx.now += passed;
    fx_restart();
    fx_hello(A, "ann");
    fx_drop(BACK);
}

TEST(test_time_to_live_over_a_restart) {
    s_start(true);
    s_set_for("r", 1, "k", 10000);
    s_set_for("r", 2, "l", 3000);
    s_restart_after(4 * SECOND);
    s_expire(0, false); /* nobody knows for sure how long the broker was away */
    fx_expect_silence(BACK);
    s_expire(SECOND, true);
    fx_expect_silence(BACK);
    s_expire(5 * SECOND - 1, true);
    fx_expect_silence(BACK);
    s_expire(1, true);
    fx_expect_text(BACK, "r 2: 3/k!");
    s_expire(5 * SECOND, true);
    fx_expect_text(BACK, "r 3: 4/l!"); /* it ended meanwhile: an operator had the time to go on */
    s_restart_after(0);
    s_expire(1000 * SECOND, true);
    fx_expect_silence(BACK);
    fx_finish();
}

/* The value is dated ahead: then it has its whole time. */
TEST(test_restart_with_a_clock_that_was_set_back) {
    s_start(true);
    s_set_for("r", 1, "k", 10000);
    s_restart_after(0);
    fx.now -= 1000000 * SECOND;
    s_expire(0, true);
    s_expire(10 * SECOND - 1, true);
    fx_expect_silence(BACK);
    s_expire(1, true);
    fx_expect_text(BACK, "r 1: 2/k!");
    fx_finish();
}

TEST(test_the_log_fails_at_an_end) {
    s_start(false);
    fx_finish();
    fx_begin();
    fx.late = fx.durable = true;
    fx_start();
    fx_hello(A, "ann");
    s_set_for("r", 1, "k", 1000);
    fx_store();
    fx_drop_all(A, BACK);
    s_expire(SECOND, true);
    s_expire(SECOND, true); /* its deletion is on its way */
    fx_store_fails();
    fx_expect_silence(BACK);
    s_expire(SECOND, true);
    fx_store();
    fx_expect_text(BACK, "r 1: 2/k!");
    fx_finish();
}

TEST(test_many_ends_at_once) {
    char key[16];
    s_start(false);
    for (int i = 0; i < 1500; i++) {
        snprintf(key, sizeof key, "k%d", i);
        s_set_for(i % 2 ? "r1" : "r2", (uint64_t)i + 1, key, 1000);
        fx_drop(BACK);
    }
    fx.full = true;
    s_expire(SECOND, true); /* they wait, as publishers do */
    ck_assert_uint_eq(relay_stats(fx.relay).entries, 1500);
    fx.full = false;
    s_expire(0, true);
    ck_assert_uint_eq(relay_stats(fx.relay).entries, 2500);
    s_expire(0, true);
    ck_assert_uint_eq(relay_stats(fx.relay).entries, 3000);
    ck_assert_uint_eq(relay_stats(fx.relay).state_bytes, 0);
    fx_finish();
}

UNIT_SUITE("broker.core.room.key_age")
