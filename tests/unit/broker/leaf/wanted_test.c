/* What a leaf subscribes to. */
#include "wanted.h"

#include <stdio.h>

#include "fixture_leaf.h"

#define OWN ".abababababababab"
#define SYNCED                                                                                                         \
    "\xff"                                                                                                             \
    "abababababababab{\"op\":\"synced\"}"

static void s_topic(const char *topic, bool on) {
    leaf_topic(lf.leaf, zr_span(topic), on);
}

static void s_nonce(const char *nonce) {
    char message[64] = "\1\xff";
    strcat(message, nonce);
    core_subscription(&lf.core, zr_span(message));
}

TEST(test_topics_pass_upwards) {
    lf_go_live();
    s_topic("a", true);
    s_topic("b", true);
    s_topic("a", false);
    s_topic("c", false);
    leaf_topic(lf.leaf,
        LIT("\xff"
            "0123456789abcdef"),
        true); /* a nonce has another way */
    lf_expect_up("+a\n+b\n-a\n");
}

TEST(test_frames_come_down) {
    lf_go_live();
    lf_back(LIT("r\0\1\0rest"));
    lf_back(LIT("\xff"
                "0123456789abcdef{}")); /* not the leaf's own nonce */
    lf_back(LIT("\xff"));
    lf_expect_out("publish r...rest\n");
}

/* A nonce of the leaf's own stands for those that came before it. */
TEST(test_nonces_are_gathered) {
    lf_go_live();
    s_topic("a", true);
    s_nonce("0000000000000001");
    lf_expect_up("+a\n+" OWN "\n");
    s_nonce("0000000000000002");
    s_nonce("bad nonce");
    lf_expect_up("");
    lf_back(LIT(SYNCED));
    lf_expect_out("publish .0000000000000001{'op':'synced'}\n");
    lf_expect_up("-" OWN "\n+" OWN "\n");
    lf_back(LIT(SYNCED));
    lf_expect_out("publish .0000000000000002{'op':'synced'}\n");
    lf_expect_up("-" OWN "\n");
    lf_back(LIT(SYNCED)); /* nobody waits */
    lf_expect_out("");
}

TEST(test_a_lost_nonce) {
    lf_go_live();
    s_nonce("0000000000000001");
    lf_up();
    lf_pass(1999);
    lf_expect_up("");
    lf_pass(1);
    lf_expect_up("-" OWN "\n+" OWN "\n");
    lf_pass(2000);
    lf_expect_up("back tcp://up:2\n+" OWN "\n"); /* another SUB, which nobody need know of */
    lf_back(LIT(SYNCED));
    lf_expect_out("publish .0000000000000001{'op':'synced'}\n");
}

TEST(test_while_the_upstream_is_away_nonces_are_dropped) {
    lf_start();
    s_topic("a", true);
    s_nonce("0000000000000001");
    lf_pass(1);
    leaf_up(lf.leaf);
    lf_up();
    lf_hear("{'op':'welcome','heartbeat':5000,'back':'tcp://up:2'}");
    lf_expect_up("back tcp://up:2\n+a\n");
    s_topic("a", false);
    lf_expect_up("-a\n");
}

/* LEAF_NONCE_BYTES: what does not fit is dropped, and its reader tries again. */
TEST(test_nonces_that_wait_have_a_limit) {
    char nonce[33];
    size_t told = 0;
    lf_go_live();
    s_nonce("0000000000000001"); /* asked for alone */
    for (unsigned i = 0; i < 20000; i++) {
        snprintf(nonce, sizeof nonce, "%016x", i);
        s_nonce(nonce);
    }
    lf_back(LIT(SYNCED));
    lf_back(LIT(SYNCED));
    for (const char *at = lf_out(); (at = strstr(at, "publish")); at++)
        told++;
    ck_assert_uint_eq(told, 1 + (LEAF_NONCE_BYTES - 17) / 17);
}

static size_t s_count(const char *lines, const char *what) {
    size_t count = 0;
    for (; (lines = strstr(lines, what)); lines++)
        count++;
    return count;
}

/* LEAF_TOPICS: beyond it the leaf subscribes to everything, and goes back when half are left. */
TEST(test_many_topics_are_everything) {
    char topic[16];
    lf_go_live();
    for (unsigned i = 0; i <= LEAF_TOPICS; i++) {
        snprintf(topic, sizeof topic, "%03x", i);
        s_topic(topic, true);
        if (i + 1 == LEAF_TOPICS)
            ck_assert_ptr_null(strstr(lf_up(), "+\n"));
    }
    lf_expect_up("+\n");
    s_topic("one more", true);
    s_topic("one more", false);
    lf_expect_up("");
    for (unsigned i = 0; i < LEAF_TOPICS / 2; i++) {
        snprintf(topic, sizeof topic, "%03x", i);
        s_topic(topic, false);
    }
    ck_assert_uint_eq(s_count(lf_up(), "-"), LEAF_TOPICS / 2);
    s_topic("3e8", false);
    s_topic("3e7", false);
    lf_pass(100);
    ck_assert_ptr_null(strstr(lf_up(), "-\n")); /* not before it may change so many at once */
    s_topic("new", true);
    for (int i = 0; i < 40; i++)
        lf_pass(100);
    lf_expect_up("+new\n-\n");
}

/* LEAF_TOPIC_BYTES */
TEST(test_long_topics_are_everything_sooner) {
    char topic[129];
    unsigned count = 0;
    lf_go_live();
    for (; count < LEAF_TOPICS && !strstr(lf_up(), "+\n"); count++) {
        snprintf(topic, sizeof topic, "%0128u", count);
        s_topic(topic, true);
    }
    ck_assert_uint_eq(count, LEAF_TOPIC_BYTES / (128 + 16) + 1);
}

/* Faster than WANTED_RATE a reader would keep the others waiting. */
TEST(test_fast_changes_are_everything) {
    lf_go_live();
    for (unsigned i = 0; i < WANTED_BURST / 2; i++) {
        ck_assert_ptr_null(strstr(lf_up(), "+\n"));
        s_topic("a", true);
        s_topic("a", false);
    }
    lf_up();
    s_topic("b", true);
    lf_expect_up("+\n");
    s_nonce("0000000000000001");
    lf_expect_up("");
    lf_pass(100);
    lf_expect_up("+" OWN "\n");
}

TEST(test_another_sub_gets_all_topics) {
    lf_go_live();
    s_topic("a", true);
    s_topic("b", true);
    leaf_back_down(lf.leaf);
    s_topic("c", true);
    s_topic("a", false);
    lf_up();
    lf_pass(500);
    lf_expect_up("back tcp://up:2\n+b\n+c\n");
}

UNIT_SUITE_WITH("broker.leaf.wanted", lf_begin, lf_finish)
