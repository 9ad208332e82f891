/* A group alone: its lists, its credit, and what becomes of entries. */
#include "group.h"

#include "unit.h"

static group_pool_t s_pool;
static group_t s_group;
static group_worker_t s_ann, s_bob;
static const group_said_t s_done = {.verb = ZR_SETTLE_DONE}, s_longer = {.verb = ZR_SETTLE_EXTEND, .ms = 5};

static void s_begin(const group_options_t *options) {
    s_pool = (group_pool_t){0};
    s_group = (group_t){0};
    group_init(&s_group, &s_pool, zr_span("g"), options);
    s_ann = (group_worker_t){.group = &s_group, .number = 1};
    s_bob = (group_worker_t){.group = &s_group, .number = 2};
    group_worker_add(&s_group, &s_ann);
    group_worker_add(&s_group, &s_bob);
    group_worker_credit(&s_ann, 10);
    group_worker_credit(&s_bob, 10);
}

static void s_setup(void) {
    group_options_t options;
    group_options_default(&options);
    s_begin(&options);
}

static void s_teardown(void) {
    while (s_group.workers)
        group_worker_remove(s_group.workers, true);
    group_finish(&s_group);
    ck_assert_uint_eq(s_pool.used, 0);
    ck_assert_uint_eq(s_pool.frame_bytes, 0);
    ck_assert_ptr_null(deadlines_next(&s_pool.due));
    group_pool_finish(&s_pool);
}

/* An entry with the key comes, or comes again. */
static void s_take_key(uint64_t seq, const char *key) {
    zr_blob_t *blob = zr_blob_copy("body", 4);
    group_frame_t *frame = group_frame(&s_group, blob);
    zr_blob_unref(blob);
    group_take(&s_group, frame, 0, 4, &(zr_entry_t){.seq = seq, .time = 100 + seq, .key = zr_span(key)});
    group_frame_end(&s_group, frame);
}

static void s_take(uint64_t seq) {
    s_take_key(seq, NULL);
}

static uint64_t s_give(group_worker_t *worker, uint64_t due) {
    item_t *item = group_next(&s_group);
    if (!item)
        return 0;
    ck_assert_ptr_nonnull(item->frame);
    group_give(worker, item, due);
    return item->seq;
}

static size_t s_settle(group_worker_t *worker, zr_verb_t verb, uint64_t first, uint64_t last) {
    zr_became_t became;
    return group_settle(worker, &(group_said_t){.verb = verb}, (zr_range_t){first, last}, 0, &became);
}

static zr_became_t s_became(group_worker_t *worker, uint64_t seq) {
    zr_became_t became;
    ck_assert_uint_eq(
        group_settle(worker, &(group_said_t){.verb = ZR_SETTLE_RETRY}, (zr_range_t){seq, seq}, 0, &became), 0);
    return became;
}

TEST(test_credit_is_counted) {
    ck_assert_uint_eq(s_group.wanted, 20);
    s_take(1);
    s_take(2);
    ck_assert_uint_eq(s_give(&s_ann, 10), 1);
    ck_assert_uint_eq(s_give(&s_bob, 10), 2);
    ck_assert_uint_eq(s_give(&s_bob, 10), 0);
    ck_assert_uint_eq(s_group.wanted, 18);
    group_worker_credit(&s_ann, 1);
    ck_assert_uint_eq(s_group.wanted, 9);
    group_worker_credit(&s_ann, 0);
    ck_assert_uint_eq(group_worker_wants(&s_ann), 0);
    ck_assert_uint_eq(s_settle(&s_ann, ZR_SETTLE_DONE, 1, 1), 1);
    ck_assert_uint_eq(s_group.wanted, 9);
    ck_assert_uint_eq(s_group.done, 1);
}

TEST(test_what_became_of_an_entry) {
    s_take(1);
    s_take(2);
    s_take(3);
    s_give(&s_ann, 10);
    s_give(&s_bob, 10);
    ck_assert_int_eq(s_became(&s_ann, 2), ZR_BECAME_TAKEN);
    ck_assert_int_eq(s_became(&s_ann, 3), ZR_BECAME_WAITING);
    ck_assert_int_eq(s_became(&s_ann, 4), ZR_BECAME_AHEAD);
    s_settle(&s_ann, ZR_SETTLE_DONE, 1, 1);
    ck_assert_int_eq(s_became(&s_ann, 1), ZR_BECAME_SETTLED);
    ck_assert_uint_eq(s_settle(&s_ann, ZR_SETTLE_DONE, 3, 3), 0); /* it never had it, and nobody did */
}

TEST(test_ranges_narrow_and_wide) {
    for (uint64_t seq = 1; seq <= 8; seq++)
        s_take(seq);
    for (uint64_t seq = 1; seq <= 8; seq++)
        s_give(seq % 2 ? &s_ann : &s_bob, 10);
    ck_assert_uint_eq(s_settle(&s_ann, ZR_SETTLE_DONE, 2, 4), 1);
    ck_assert_uint_eq(s_settle(&s_ann, ZR_SETTLE_EXTEND, 1, 1000), 3);
    ck_assert_uint_eq(s_settle(&s_ann, ZR_SETTLE_DONE, 1, 1000), 3);
    ck_assert_uint_eq(s_settle(&s_ann, ZR_SETTLE_DONE, 1, 1000), 0);
    ck_assert_uint_eq(s_bob.held_count, 4);
}

TEST(test_timers_come_in_order) {
    s_take(1);
    s_take(2);
    s_give(&s_ann, 20);
    s_give(&s_ann, 10);
    item_t *next = DEADLINE_ITEM(deadlines_next(&s_pool.due), item_t, due);
    ck_assert_uint_eq(next->seq, 2);
    group_expire(next, 10);
    ck_assert_int_eq(next->state, ITEM_LATER);
    ck_assert_uint_eq(next->due.at, 10 + 1000 * 1000);
    next = DEADLINE_ITEM(deadlines_next(&s_pool.due), item_t, due);
    ck_assert_uint_eq(next->seq, 1);
}

TEST(test_the_back_off_doubles_up_to_a_bound) {
    group_options_t options;
    group_options_default(&options);
    ck_assert_uint_eq(group_backoff_ms(&options, 1), 1000);
    ck_assert_uint_eq(group_backoff_ms(&options, 2), 2000);
    ck_assert_uint_eq(group_backoff_ms(&options, 7), 64000);
    ck_assert_uint_eq(group_backoff_ms(&options, 1000), 64000);
}

TEST(test_without_a_room_for_dead_entries_they_are_counted) {
    s_take(1);
    s_give(&s_ann, 10);
    ck_assert_uint_eq(s_settle(&s_ann, ZR_SETTLE_REJECT, 1, 1), 1);
    ck_assert_uint_eq(s_group.died, 1);
    ck_assert_ptr_null(s_group.items);
}

static void s_begin_dead(bool ordered) {
    s_teardown();
    group_options_t options;
    group_options_default(&options);
    options.ordered = ordered;
    options.dead[0] = 'd';
    options.dead_len = 1;
    s_begin(&options);
}

TEST(test_a_burial_that_fails_is_tried_again) {
    s_begin_dead(false);
    s_take(1);
    s_give(&s_ann, 10);
    s_settle(&s_ann, ZR_SETTLE_REJECT, 1, 1);
    ck_assert_uint_eq(s_group.counts[ITEM_UNREAD], 1);
    s_take(1);
    ck_assert_uint_eq(s_group.counts[ITEM_DOOMED], 1);
    group_bury(s_group.lists[ITEM_DOOMED], 7);
    group_buried(&s_group, 6, true, 50);
    ck_assert_uint_eq(s_group.counts[ITEM_BURIED], 1);
    group_buried(&s_group, 7, false, 50);
    ck_assert_uint_eq(s_group.counts[ITEM_LATER], 1);
    group_expire(s_group.lists[ITEM_LATER], 50);
    s_take(1);
    group_bury(s_group.lists[ITEM_DOOMED], 8);
    group_buried(&s_group, 8, true, 99);
    ck_assert_uint_eq(s_group.died, 1);
    ck_assert_ptr_null(s_group.items);
}

TEST(test_entries_of_a_key_wait_for_each_other) {
    s_begin_dead(true);
    s_take_key(1, "a");
    s_take_key(2, "a");
    s_take_key(3, NULL);
    s_take_key(4, "a");
    ck_assert_uint_eq(s_give(&s_ann, 10), 1);
    ck_assert_uint_eq(s_give(&s_ann, 10), 3);
    ck_assert_uint_eq(s_give(&s_ann, 10), 0);
    s_settle(&s_ann, ZR_SETTLE_RETRY, 1, 1);
    ck_assert_uint_eq(s_give(&s_ann, 10), 0);
    group_expire(s_group.lists[ITEM_LATER], 50);
    s_take(1);
    ck_assert_uint_eq(s_give(&s_ann, 10), 1);
    s_settle(&s_ann, ZR_SETTLE_DONE, 1, 1);
    ck_assert_uint_eq(s_give(&s_ann, 10), 0); /* it is to be read first */
    s_take(2);
    ck_assert_uint_eq(s_give(&s_bob, 10), 2);
    ck_assert_uint_eq(s_give(&s_bob, 10), 0);
    ck_assert_uint_eq(s_settle(&s_ann, ZR_SETTLE_DONE, 4, 4), 0);
}

TEST(test_seek_takes_entries_from_their_workers) {
    s_take(1);
    s_take(2);
    s_give(&s_ann, 10);
    group_seek(&s_group, 5);
    ck_assert_uint_eq(s_ann.held_count, 0);
    ck_assert_uint_eq(s_group.wanted, 20);
    ck_assert_uint_eq(s_settle(&s_ann, ZR_SETTLE_DONE, 1, 1), 0);
    s_take(5); /* behind the cursor, and no item: not its business */
    ck_assert_ptr_null(s_group.items);
    s_take(6);
    ck_assert_uint_eq(s_give(&s_bob, 10), 6);
}

TEST(test_memory_is_given_back_when_no_worker_is_left) {
    s_take(1);
    ck_assert_uint_eq(s_pool.frame_bytes, 4);
    group_worker_remove(&s_ann, true);
    group_worker_remove(&s_bob, true);
    ck_assert_uint_eq(s_pool.frame_bytes, 0);
    ck_assert_uint_eq(s_group.counts[ITEM_UNREAD], 1);
}

TEST(test_what_the_log_forgot_is_lost) {
    s_take(1);
    s_take(2);
    s_take(3);
    group_release(&s_group);
    group_lose(&s_group, 0, 2);
    ck_assert_uint_eq(s_group.lost, 2);
    ck_assert_uint_eq(HASH_COUNT(s_group.items), 1);
    ck_assert_uint_eq(group_oldest(&s_group), 103);
}

TEST(test_space_is_what_total_leaves) {
    s_group.options.total = 2;
    ck_assert_uint_eq(group_space(&s_group), 2);
    s_take(1);
    s_take(2);
    ck_assert_uint_eq(group_space(&s_group), 0);
    s_take(3);
    ck_assert_uint_eq(group_space(&s_group), 0);
}

/* The next of a key is free once the first one is lost. The log still has it. */
TEST(test_an_entry_behind_a_lost_one_is_not_lost) {
    s_begin_dead(true);
    s_take_key(1, "a");
    s_take_key(2, "a");
    s_take_key(3, NULL);
    group_release(&s_group);
    ck_assert_uint_eq(s_group.counts[ITEM_BEHIND], 1);
    group_lose(&s_group, 0, 3);
    ck_assert_uint_eq(s_group.lost, 2);
    s_take_key(2, "a");
    ck_assert_uint_eq(s_give(&s_ann, 10), 2);
}

TEST(test_without_a_room_for_dead_entries_those_that_wait_for_it_go) {
    s_begin_dead(false);
    s_take(1);
    s_give(&s_ann, 10);
    s_settle(&s_ann, ZR_SETTLE_REJECT, 1, 1);
    s_take(2);
    s_give(&s_ann, 10);
    s_settle(&s_ann, ZR_SETTLE_REJECT, 2, 2);
    s_take(2);
    group_bury(s_group.lists[ITEM_DOOMED], 7);
    group_options_t options = s_group.options;
    options.dead_len = 0;
    group_set(&s_group, &options);
    s_take(1);
    ck_assert_uint_eq(s_group.died, 1);
    group_buried(&s_group, 7, false, 50); /* it has nowhere to go any more either */
    ck_assert_uint_eq(s_group.died, 2);
    group_restore(&s_group, 1, 1, DEAD_REJECTED);
    ck_assert_uint_eq(s_group.died, 3);
    ck_assert_ptr_null(s_group.items);
}

TEST(test_seek_back_while_an_entry_is_buried) {
    s_begin_dead(false);
    s_take(1);
    s_take(2);
    s_give(&s_ann, 10);
    s_give(&s_ann, 10);
    s_settle(&s_ann, ZR_SETTLE_REJECT, 2, 2);
    s_take(2);
    group_bury(s_group.lists[ITEM_DOOMED], 7);
    group_seek(&s_group, 0);
    s_take(1);
    s_take(2);
    ck_assert_uint_eq(s_group.died, 1);
    group_buried(&s_group, 7, false, 50);
    uint64_t last = 0;
    for (const item_t *item = s_group.items; item; item = item->hh.next) {
        ck_assert_uint_gt(item->seq, last); /* each once, in rising order: group_pack relies on it */
        last = item->seq;
    }
    ck_assert_uint_eq(HASH_COUNT(s_group.items), 2);
}

TEST(test_ranges_that_overlap_and_fall) {
    for (uint64_t seq = 1; seq <= 9; seq++)
        s_take(seq);
    for (uint64_t seq = 1; seq <= 9; seq++)
        s_give(&s_ann, 10);
    zr_range_t wide[] = {{8, 1000}, {2, 3}, {1, 2}, {2, 2}};
    ck_assert_uint_eq(group_settle_ranges(&s_ann, &s_longer, wide, 4, 0), 5);
    zr_range_t narrow[] = {{5, 6}, {4, 5}};
    ck_assert_uint_eq(group_settle_ranges(&s_ann, &s_done, narrow, 2, 0), 3);
    ck_assert_uint_eq(group_settle_ranges(&s_ann, &s_done, narrow, 0, 0), 0);
    ck_assert_uint_eq(s_settle(&s_ann, ZR_SETTLE_DONE, 7, 7), 1);
    ck_assert_uint_eq(s_ann.held_count, 5);
}

/* Three hundred frames that name all that the worker holds, again and again: each entry is looked at once for each frame. Else
 * this test would run out of time. */
TEST(test_many_ranges_cost_no_more_than_what_is_held) {
    static zr_range_t ranges[ZR_SETTLE_RANGES];
    group_worker_credit(&s_ann, GROUP_EACH_MAX);
    for (uint64_t seq = 1; seq <= GROUP_EACH_MAX; seq++) {
        s_take(seq);
        s_give(&s_ann, 10);
    }
    for (unsigned frame = 0; frame < 300; frame++) {
        for (size_t i = 0; i < ZR_SETTLE_RANGES; i++)
            ranges[i] = (zr_range_t){ZR_SETTLE_RANGES - i, frame % 2 ? 9999 : ZR_INT_MAX - i};
        size_t settled = group_settle_ranges(&s_ann, &s_longer, ranges, ZR_SETTLE_RANGES, 0);
        ck_assert_uint_eq(settled, frame % 2 ? GROUP_EACH_MAX - 1 : GROUP_EACH_MAX);
    }
}

TEST(test_a_returned_entry_was_not_delivered) {
    s_group.options.deliveries = 2;
    s_take(1);
    for (int i = 0; i < 9; i++) {
        ck_assert_uint_eq(s_give(&s_ann, 10), 1);
        ck_assert_uint_eq(s_settle(&s_ann, ZR_SETTLE_RETURN, 1, 1), 1);
        ck_assert_uint_eq(s_group.items->deliveries, 0);
        s_take(1);
    }
    ck_assert_uint_eq(s_group.retried, 0);
    ck_assert_uint_eq(s_group.died, 0);
    s_give(&s_ann, 10);
    ck_assert_uint_eq(s_settle(&s_bob, ZR_SETTLE_RETURN, 1, 1), 0);
    ck_assert_uint_eq(s_settle(&s_ann, ZR_SETTLE_RETURN, 1, 9), 1);
}

TEST(test_reasons_are_bounded) {
    enum { REASON = 256, MOST = GROUP_REASONS / REASON };
    zr_blob_t *why = zr_blob_copy(unit_fill('y', REASON).ptr, REASON);
    group_worker_credit(&s_ann, MOST + 9);
    s_group.options.dead_len = 1;
    for (uint64_t seq = 1; seq <= MOST + 1; seq++) {
        s_take(seq);
        s_give(&s_ann, 10);
    }
    zr_range_t all = {1, MOST + 1};
    zr_became_t became;
    group_settle(&s_ann, &(group_said_t){.verb = ZR_SETTLE_REJECT, .why = why}, all, 0, &became);
    size_t with = 0;
    for (item_t *item = s_group.items; item; item = item->hh.next)
        with += item->why != NULL;
    ck_assert_uint_eq(with, MOST);
    ck_assert_uint_eq(s_group.lists[ITEM_UNREAD]->reason, DEAD_REJECTED);
    group_seek(&s_group, 0);
    ck_assert_uint_eq(s_group.reason_bytes, 0);
    zr_blob_unref(why);
}

TEST(test_what_is_finished) {
    ck_assert_uint_eq(group_finished(&s_group), 0);
    for (uint64_t seq = 3; seq <= 6; seq++)
        s_take(seq);
    ck_assert_uint_eq(group_finished(&s_group), 2);
    while (s_give(&s_ann, 10))
        ;
    s_settle(&s_ann, ZR_SETTLE_DONE, 4, 4);
    ck_assert_uint_eq(group_finished(&s_group), 2);
    s_settle(&s_ann, ZR_SETTLE_DONE, 3, 3);
    ck_assert_uint_eq(group_finished(&s_group), 4);
    s_settle(&s_ann, ZR_SETTLE_DONE, 5, 6);
    ck_assert_uint_eq(group_finished(&s_group), 6);
}

UNIT_SUITE_WITH("broker.core.group.group", s_setup, s_teardown)
