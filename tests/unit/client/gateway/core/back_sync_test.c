#include "back_sync.h"

#include <stdio.h>

#include "unit.h"

static char s_log[1024];

static bool s_perform(void *ctx, const action_t *action) {
    size_t len = strlen(s_log);
    (void)ctx;
    ck_assert_uint_eq(action->topic[0], ZR_TYPE_SYNC);
    snprintf(s_log + len, sizeof s_log - len, "%c%.*s ", action->kind == ACTION_SUBSCRIBE ? '+' : '-',
        (int)action->topic_len - 1, (const char *)action->topic + 1);
    return true;
}

static void s_entropy(void *ctx, void *out, size_t len) {
    static uint8_t next;
    (void)ctx;
    memset(out, ++next, len);
}

static const uplink_config_t s_config = {.perform = s_perform, .entropy = s_entropy};

static void s_did(const char *expected) {
    ck_assert_str_eq(s_log, expected);
    s_log[0] = '\0';
}

TEST(test_an_answer_ends_it) {
    back_sync_t sync = {0};
    ck_assert(back_sync_tick(&sync, &s_config, 1));
    ck_assert_uint_eq(back_sync_heard(&sync, &s_config, LIT("0101010101010101")), 0);
    back_sync_ask(&sync, &s_config, 7, 1);
    s_did("+0101010101010101 ");
    ck_assert_uint_eq(back_sync_heard(&sync, &s_config, LIT("0202020202020202")), 0);
    ck_assert_uint_eq(back_sync_heard(&sync, &s_config, LIT("0101010101010101")), 7);
    s_did("-0101010101010101 ");
    ck_assert_uint_eq(back_sync_heard(&sync, &s_config, LIT("0101010101010101")), 0);
}

TEST(test_another_nonce_and_then_another_sub) {
    back_sync_t sync = {0};
    back_sync_ask(&sync, &s_config, 7, 1000);
    s_did("+0101010101010101 ");
    ck_assert(back_sync_tick(&sync, &s_config, 2999));
    s_did("");
    ck_assert(back_sync_tick(&sync, &s_config, 3000));
    s_did("-0101010101010101 +0202020202020202 ");
    ck_assert(back_sync_tick(&sync, &s_config, 4999));
    ck_assert(!back_sync_tick(&sync, &s_config, 5000));
}

TEST(test_a_newer_one_stands_for_the_older) {
    back_sync_t sync = {0};
    back_sync_ask(&sync, &s_config, 7, 1000);
    back_sync_ask(&sync, &s_config, 8, 1000);
    s_did("+0101010101010101 -0101010101010101 +0202020202020202 ");
    ck_assert_uint_eq(back_sync_heard(&sync, &s_config, LIT("0101010101010101")), 0);
    ck_assert_uint_eq(back_sync_heard(&sync, &s_config, LIT("0202020202020202")), 8);
}

UNIT_SUITE("client.gateway.back_sync")
