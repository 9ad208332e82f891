/* The stored form of a group comes back as it was; bytes that no group wrote are refused. */
#include "group_pack.h"

#include "unit.h"

static group_pool_t s_pool;

static group_t *s_new(unsigned which) {
    static group_t groups[2];
    group_t *group = &groups[which];
    group_options_t options;
    group_options_default(&options);
    *group = (group_t){0};
    group_init(group, &s_pool, zr_span("g"), &options);
    return group;
}

static void s_finish(group_t *group) {
    group_finish(group);
    if (s_pool.used == 0)
        group_pool_finish(&s_pool);
}

static group_t *s_full(void) {
    group_t *group = s_new(0);
    group->options = (group_options_t){.time_ms = 100,
        .deliveries = 1000,
        .backoff_ms = 0,
        .each = GROUP_EACH_MAX,
        .total = GROUP_TOTAL_MAX,
        .ordered = true,
        .dead = "dead",
        .dead_len = 4};
    group->paused = true;
    group->cursor = ZR_INT_MAX;
    group->done = 1;
    group->retried = 2;
    group->died = 3;
    group->lost = 300;
    for (uint64_t seq = 1; seq <= 300; seq++)
        group_restore(group, 2 * seq, (uint16_t)(seq % 3), DEAD_NOT);
    for (uint64_t seq = 1000; seq <= 1999; seq++)
        group_restore(group, seq, 1, DEAD_NOT);
    group_restore(group, ZR_INT_MAX, 7, DEAD_RETRIED);
    return group;
}

TEST(test_it_comes_back_as_it_was) {
    group_t *group = s_full(), *again = s_new(1);
    zr_blob_t *blob = group_pack(group), *second;
    zr_span_t bytes = zr_span_of(zr_blob_data(blob), zr_blob_len(blob));
    ck_assert_uint_lt(bytes.len, 1100); /* a thousand in a row cost a few bytes */
    ck_assert(group_unpack(again, bytes));
    second = group_pack(again);
    ck_assert_span_eq(zr_span_of(zr_blob_data(second), zr_blob_len(second)), bytes);
    ck_assert_uint_eq(HASH_COUNT(again->items), 1301);
    ck_assert(again->paused && again->options.ordered);
    ck_assert_uint_eq(again->lost, 300);
    ck_assert_span_eq(group_options_dead(&again->options), LIT("dead"));
    zr_blob_unref(blob);
    zr_blob_unref(second);
    s_finish(group);
    s_finish(again);
}

/* Each cut, and each byte that is another, gives a group that is valid, or none; never a crash. */
TEST(test_damaged_bytes) {
    group_t *group = s_full();
    zr_blob_t *blob = group_pack(group);
    zr_span_t bytes = zr_span_of(zr_blob_data(blob), zr_blob_len(blob));
    for (size_t len = 0; len < 40; len++) {
        group_t *again = s_new(1);
        group_unpack(again, unit_at_edge(zr_span_of(bytes.ptr, len)));
        group_finish(again);
    }
    for (size_t at = 0; at < 60; at++)
        for (unsigned twist = 1; twist < 256; twist <<= 1) {
            zr_blob_data(blob)[at] ^= (uint8_t)twist;
            group_t *again = s_new(1);
            if (group_unpack(again, bytes))
                ck_assert(group_options_valid(&again->options));
            group_finish(again);
            zr_blob_data(blob)[at] ^= (uint8_t)twist;
        }
    zr_blob_unref(blob);
    s_finish(group);
}

TEST(test_bytes_of_a_newer_version_are_refused) {
    group_t *group = s_new(0);
    ck_assert(!group_unpack(group, LIT("\2\0\0")));
    ck_assert(!group_unpack(group, LIT("")));
    ck_assert(!group_unpack(group, LIT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")));
    s_finish(group);
}

TEST(test_one_that_was_handed_out_too_often_is_dead) {
    group_t *group = s_new(0);
    group->cursor = 9;
    group_restore(group, 1, 5, DEAD_NOT);
    ck_assert_ptr_null(group->items);
    ck_assert_uint_eq(group->died, 1);
    group->options.dead_len = 1;
    group_restore(group, 2, 5, DEAD_NOT);
    ck_assert_int_eq(group->items->reason, DEAD_ENDED);
    group_restore(group, 3, 4, DEAD_NOT);
    ck_assert_int_eq(group->lists[ITEM_UNREAD]->next->reason, DEAD_NOT);
    s_finish(group);
}

UNIT_SUITE("broker.core.group.group_pack")
