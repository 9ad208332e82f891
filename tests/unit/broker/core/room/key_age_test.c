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

UNIT_SUITE("broker.core.room.key_age")
