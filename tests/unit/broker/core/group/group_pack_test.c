/* The stored form of a group comes back as it was; bytes that no group wrote are refused. */
#include "group_pack.h"

#include "group_items.h"
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
        .keep = true,
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
    zr_blob_t *why = zr_blob_copy("no", 2);
    group_because(group_restore(group, 3000, 1, DEAD_REJECTED), why);
    group_because(group_restore(group, 3001, 1, DEAD_REJECTED), why);
    zr_blob_unref(why);
    group_restore(group, 3002, 1, DEAD_REJECTED);
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
    ck_assert_uint_eq(HASH_COUNT(again->items), 1304);
    ck_assert(again->paused && again->options.ordered && again->options.keep);
    ck_assert_uint_eq(again->reason_bytes, 4);
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
    ck_assert(!group_unpack(group, LIT("\3\0\0")));
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

static zr_span_t s_span(zr_blob_t *blob) {
    return zr_span_of(zr_blob_data(blob), zr_blob_len(blob));
}

/* The bytes that were kept are those that all parts would be written to now, and give the same items. */
static void s_check_parts(group_t *group) {
    zr_blob_t *kept = group_pack(group);
    for (group_part_t *part = group->parts; part; part = part->next)
        part->dirty = true;
    zr_blob_t *anew = group_pack(group);
    ck_assert_span_eq(s_span(kept), s_span(anew));
    group_t *again = s_new(1);
    ck_assert(group_unpack(again, s_span(kept)));
    const item_t *other = again->items;
    for (const item_t *item = group->items; item; item = item->hh.next) {
        if (item->state == ITEM_BURIED)
            continue;
        ck_assert(other && other->seq == item->seq && other->deliveries == item->deliveries);
        ck_assert(other->reason == item->reason && !other->why == !item->why);
        other = other->hh.next;
    }
    ck_assert_ptr_null(other);
    group_finish(again);
    zr_blob_unref(kept);
    zr_blob_unref(anew);
}

static void s_take(group_t *group, uint64_t seq) {
    zr_blob_t *blob = zr_blob_copy("body", 4);
    group_frame_t *frame = group_frame(group, blob);
    zr_blob_unref(blob);
    group_take(group, frame, 0, 4, &(zr_entry_t){.seq = seq, .time = seq});
    group_frame_end(group, frame);
}

/* Whatever happens to items, what is stored of them is what they are. */
TEST(test_only_what_changed_is_written_anew) {
    group_t *group = s_new(0);
    group->options.deliveries = 9;
    strcpy(group->options.dead, "d");
    group->options.dead_len = 1;
    group_worker_t worker = {.group = group, .number = 1};
    zr_blob_t *why = zr_blob_copy("why", 3);
    group_worker_add(group, &worker);
    group_worker_credit(&worker, 100000);
    uint64_t random = 1, pass = 0;
    const unsigned steps = unit_is_slow() ? 200 : 4000;
    for (unsigned step = 0; step < steps; step++) {
        random = random * 6364136223846793005ULL + 1442695040888963407ULL;
        uint64_t dice = random >> 33, first = dice / 16 % (group->cursor + 1) + 1;
        zr_range_t range = {first, first + dice % 40};
        zr_became_t became;
        if (dice % 16 < 3)
            for (int i = 0; i < 100; i++)
                s_take(group, group->cursor + 1 + (dice + (uint64_t)i) % 3 / 2);
        else if (dice % 16 < 5)
            for (size_t i = 0; i < dice % 200 && group_next(group); i++)
                group_give(&worker, group_next(group), step);
        else if (dice % 16 < 14)
            group_settle(&worker, &(group_said_t){.verb = (zr_verb_t)(1 + dice % 5), .why = why}, range, 0, &became);
        else if (dice % 16 < 15 && group->lists[ITEM_UNREAD])
            s_take(group, group->lists[ITEM_UNREAD]->seq);
        else if (group->lists[ITEM_DOOMED])
            group_bury(group->lists[ITEM_DOOMED], ++pass);
        else
            group_buried(group, pass, dice & 64, 0);
        if (step % 37 == 0)
            s_check_parts(group);
    }
    ck_assert_uint_gt(group->done, steps / 4);
    ck_assert_uint_ge(group->died, steps / 400);
    group_worker_remove(&worker, true);
    s_check_parts(group);
    zr_blob_unref(why);
    group_seek(group, 0);
    ck_assert_ptr_null(group->parts);
    s_finish(group);
}

/* Few items have few parts, wherever they are. */
TEST(test_small_parts_become_one) {
    group_t *group = s_new(0);
    group->cursor = 100 * GROUP_PART;
    for (uint64_t seq = 1; seq <= group->cursor; seq++)
        group_restore(group, seq, 1, DEAD_NOT);
    for (uint64_t part = 0; part < 100; part++)
        group_lose(group, part * GROUP_PART, (part + 1) * GROUP_PART - 1);
    zr_blob_unref(group_pack(group));
    ck_assert_uint_eq(HASH_COUNT(group->items), 100);
    ck_assert_uint_eq(group->parts->count, 100);
    s_check_parts(group);
    s_finish(group);
}

UNIT_SUITE("broker.core.group.group_pack")
