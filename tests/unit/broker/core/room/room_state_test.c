#include "room_state.h"

#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

static room_state_t s_keys;
static room_state_limits_t s_limits;

static void s_begin(void) {
    s_limits = (room_state_limits_t){.max_keys = 10, .max_bytes = 1000};
}

static void s_end(void) {
    room_state_finish(&s_keys, &s_limits);
    ck_assert_uint_eq(s_limits.bytes, 0);
    ck_assert_uint_eq(s_limits.expiries.dated.count + s_limits.expiries.undated.count, 0);
    expiries_finish(&s_limits.expiries);
}

static zr_code_t s_check(const char *key, size_t size) {
    uint64_t stands = 0;
    return room_state_check(&s_keys, &s_limits, zr_span(key), false, false, 0, size, &stands);
}

/* The value's seq, as compare-and-set tells it: checked with an `expect` that surely is wrong. */
static uint64_t s_stands(const char *key) {
    uint64_t stands = 0;
    room_state_check(&s_keys, &s_limits, zr_span(key), false, true, UINT64_MAX, 1, &stands);
    ck_assert_uint_eq(room_state_newest(&s_keys, zr_span(key)), stands);
    return stands;
}

static void s_store(const char *key, uint64_t seq, const char *body) {
    room_state_store(&s_keys, &s_limits,
        &(zr_entry_t){.seq = seq,
            .time = seq * 10,
            .flags = body ? 0 : ZR_ENTRY_DELETE,
            .sender = LIT("ann"),
            .key = zr_span(key),
            .body = zr_span(body)},
        seq * 10);
}

static void s_accept(const char *key, uint64_t seq, size_t size, bool delete) {
    room_state_accept(&s_keys, &s_limits, zr_span(key), delete, seq, size);
}

TEST(test_stored_value_is_the_last) {
    s_accept("k", 1, 10, false);
    s_accept("k", 2, 20, false);
    ck_assert_ptr_null(room_state_find(&s_keys, LIT("k"))); /* nothing is stored yet */
    s_store("k", 1, "one");
    zr_entry_t entry = room_state_entry(room_state_find(&s_keys, LIT("k")));
    ck_assert_uint_eq(entry.seq, 1);
    ck_assert_span_eq(entry.body, LIT("one"));
    s_store("k", 2, "");
    entry = room_state_entry(room_state_find(&s_keys, LIT("k")));
    ck_assert_uint_eq(entry.seq, 2);
    ck_assert_uint_eq(entry.time, 20);
    ck_assert_span_eq(entry.sender, LIT("ann"));
    ck_assert_span_eq(entry.key, LIT("k"));
    ck_assert_uint_eq(entry.body.len, 0);
    ck_assert_uint_eq(s_limits.bytes, 20);
}

TEST(test_compare_and_set_sees_what_is_not_stored) {
    ck_assert_uint_eq(s_stands("k"), 0);
    s_accept("k", 5, 10, false);
    ck_assert_uint_eq(s_stands("k"), 5);
    uint64_t stands = 0;
    ck_assert_int_eq(room_state_check(&s_keys, &s_limits, LIT("k"), false, true, 5, 1, &stands), ZR_OK);
    ck_assert_int_eq(room_state_check(&s_keys, &s_limits, LIT("k"), true, true, 4, 0, &stands), ZR_CONFLICT);
    ck_assert_uint_eq(stands, 5);
    s_accept("k", 8, 0, true);
    ck_assert_uint_eq(s_stands("k"), 0);
    s_store("k", 5, "x");
    ck_assert_uint_eq(s_stands("k"), 0); /* the delete is accepted, though the value is still to be seen */
    ck_assert_ptr_nonnull(room_state_find(&s_keys, LIT("k")));
    s_store("k", 8, NULL);
    ck_assert_ptr_null(room_state_find(&s_keys, LIT("k")));
    ck_assert_uint_eq(HASH_COUNT(s_keys.by_key), 0);
}

TEST(test_delete_then_write_again_before_anything_is_stored) {
    s_accept("k", 1, 10, false);
    s_accept("k", 2, 0, true);
    s_accept("k", 3, 30, false);
    s_store("k", 1, "a");
    s_store("k", 2, NULL);
    ck_assert_ptr_null(room_state_find(&s_keys, LIT("k")));
    ck_assert_uint_eq(s_stands("k"), 3);
    ck_assert_uint_eq(s_keys.live, 1);
    s_store("k", 3, "c");
    ck_assert_span_eq(room_state_entry(room_state_find(&s_keys, LIT("k"))).body, LIT("c"));
    ck_assert_uint_eq(s_limits.bytes, 30);
}

TEST(test_number_of_keys) {
    s_limits = (room_state_limits_t){.max_keys = 2, .max_bytes = 1000};
    s_accept("a", 1, 10, false);
    ck_assert_int_eq(s_check("b", 10), ZR_OK);
    s_accept("b", 2, 10, false);
    ck_assert_int_eq(s_check("c", 10), ZR_TOO_MANY_KEYS);
    ck_assert_int_eq(s_check("a", 10), ZR_OK);
    uint64_t stands;
    ck_assert_int_eq(room_state_check(&s_keys, &s_limits, LIT("c"), true, false, 0, 0, &stands), ZR_OK);
    s_accept("a", 3, 0, true);
    ck_assert_int_eq(s_check("c", 10), ZR_OK);
    s_accept("a", 4, 0, true); /* twice deleted frees one, not two */
    s_accept("c", 5, 10, false);
    ck_assert_int_eq(s_check("d", 10), ZR_TOO_MANY_KEYS);
}

TEST(test_bytes_of_all_keys) {
    s_limits = (room_state_limits_t){.max_keys = 10, .max_bytes = 100};
    ck_assert_int_eq(s_check("a", 100), ZR_OK);
    ck_assert_int_eq(s_check("a", 101), ZR_STATE_FULL);
    s_accept("a", 1, 60, false);
    ck_assert_int_eq(s_check("b", 40), ZR_OK);
    ck_assert_int_eq(s_check("b", 41), ZR_STATE_FULL);
    ck_assert_int_eq(s_check("a", 100), ZR_OK); /* in place of its 60 */
    room_state_t other = {0};
    room_state_accept(&other, &s_limits, LIT("x"), false, 1, 40); /* the limit is one for all rooms */
    ck_assert_int_eq(s_check("b", 1), ZR_STATE_FULL);
    room_state_finish(&other, &s_limits);
    ck_assert_int_eq(s_check("b", 40), ZR_OK);
}

TEST(test_values_stand_in_order_of_seq) {
    static const char *const keys[] = {"a", "b", "c", "b", "a"};
    for (uint64_t seq = 1; seq <= 5; seq++) {
        s_accept(keys[seq - 1], seq, 1, false);
        s_store(keys[seq - 1], seq, "x");
    }
    char order[8] = "";
    for (const key_value_t *value = room_state_next(&s_keys, 0); value; value = room_state_following(&s_keys, value))
        strncat(order, value->key, value->key_len);
    ck_assert_str_eq(order, "cba");
}

/* Of keys that are written again and again, in any order, and deleted: the search finds what a walk finds, and few
 * places are empty. */
TEST(test_search_by_seq) {
    enum { KEYS = 100, ENTRIES = 5000 };
    uint64_t seqs[KEYS] = {0};
    s_limits = (room_state_limits_t){.max_keys = KEYS, .max_bytes = 1000000};
    srand(1);
    for (uint64_t seq = 1; seq <= ENTRIES; seq++) {
        char key[8];
        int number = rand() % KEYS;
        bool deletes = rand() % 4 == 0;
        snprintf(key, sizeof key, "%d", number);
        s_accept(key, seq, 1, deletes);
        s_store(key, seq, deletes ? NULL : "x");
        seqs[number] = deletes ? 0 : seq;
        uint64_t after = (uint64_t)rand() % (seq + 1), expected = UINT64_MAX;
        for (int i = 0; i < KEYS; i++)
            if (seqs[i] > after && seqs[i] < expected)
                expected = seqs[i];
        const key_value_t *found = room_state_next(&s_keys, after);
        ck_assert_uint_eq(found ? found->seq : UINT64_MAX, expected);
        ck_assert_uint_le(s_keys.count, 2 * s_keys.live + 20);
    }
    s_end();
    ck_assert_uint_eq(s_keys.size, 0);
}

static void s_reject(const char *key) {
    room_state_reject(&s_keys, &s_limits, zr_span(key));
}

/* Of a set, an overwriting and a delete that are not stored the value, the number and the bytes are as they were. */
TEST(test_rejected_ones_leave_what_was_stored) {
    s_limits = (room_state_limits_t){.max_keys = 2, .max_bytes = 1000};
    size_t size = ZR_DELIVER_ENTRY_FIXED + 3 + 1 + 3;
    s_accept("k", 1, size, false);
    s_store("k", 1, "old");
    s_accept("k", 2, 500, false);
    s_accept("k", 3, 0, true);
    s_accept("n", 4, 20, false);
    s_accept("n", 5, 30, false);
    s_accept("d", 6, 0, true); /* of a key without a value */
    s_reject("k");
    s_reject("k");
    s_reject("n");
    s_reject("n");
    s_reject("d");
    ck_assert_uint_eq(s_stands("k"), 1);
    ck_assert_uint_eq(s_stands("n"), 0);
    ck_assert_span_eq(room_state_entry(room_state_find(&s_keys, LIT("k"))).body, LIT("old"));
    ck_assert_ptr_null(room_state_find(&s_keys, LIT("n")));
    ck_assert_uint_eq(HASH_COUNT(s_keys.by_key), 1);
    ck_assert_uint_eq(s_keys.live, 1);
    ck_assert_uint_eq(s_limits.bytes, size);
    s_accept("k", 2, 0, true); /* what was deleted stays so */
    s_store("k", 2, NULL);
    s_accept("k", 3, 10, false);
    s_reject("k");
    ck_assert_uint_eq(HASH_COUNT(s_keys.by_key), 0);
    ck_assert_uint_eq(s_keys.live, 0);
    ck_assert_uint_eq(s_limits.bytes, 0);
}

TEST(test_first_stored_then_rejected) {
    size_t size = ZR_DELIVER_ENTRY_FIXED + 3 + 1 + 1;
    s_accept("k", 1, size, false);
    s_accept("k", 2, 0, true);
    s_accept("k", 3, 300, false);
    s_store("k", 1, "a");
    s_reject("k");
    s_reject("k");
    ck_assert_uint_eq(s_stands("k"), 1);
    ck_assert_uint_eq(s_limits.bytes, size);
    ck_assert_uint_eq(s_keys.live, 1);
}

TEST(test_restored_values) {
    s_limits = (room_state_limits_t){.max_keys = 1, .max_bytes = 1000};
    zr_entry_t entry = {.seq = 7, .time = 70, .sender = LIT("ann"), .key = LIT("k"), .body = LIT("b")};
    room_state_restore(&s_keys, &s_limits, &entry);
    entry.key = LIT("l");
    entry.seq = 9;
    room_state_restore(&s_keys, &s_limits, &entry); /* whatever the limit is by now */
    ck_assert_uint_eq(s_stands("k"), 7);
    ck_assert_uint_eq(s_stands("l"), 9);
    ck_assert_uint_eq(s_limits.bytes, 2 * (ZR_DELIVER_ENTRY_FIXED + 3 + 1 + 1));
    ck_assert_int_eq(s_check("m", 1), ZR_TOO_MANY_KEYS);
    ck_assert_int_eq(s_check("k", 1), ZR_OK);
}

static void s_store_ttl(uint64_t seq, uint64_t ttl, uint64_t time, uint64_t now) {
    zr_entry_t entry = {
        .seq = seq, .time = time, .flags = ttl ? ZR_ENTRY_TTL : 0, .sender = LIT("ann"), .key = LIT("k"), .ttl = ttl};
    s_accept("k", seq, zr_entry_size(&entry), false);
    room_state_store(&s_keys, &s_limits, &entry, now);
}

/* It is the stored value's, and goes with it. */
TEST(test_time_to_live) {
    const uint64_t now = 1700000000000000;
    s_begin();
    s_store_ttl(1, 5, now, now);
    zr_entry_t entry = room_state_entry(room_state_find(&s_keys, LIT("k")));
    ck_assert_uint_eq(entry.flags, ZR_ENTRY_TTL);
    ck_assert_uint_eq(entry.ttl, 5);
    ck_assert_uint_eq(s_limits.bytes, ZR_DELIVER_ENTRY_FIXED + 3 + 1 + 8);
    s_limits.expiries.rising = 4999;
    ck_assert_ptr_null(expiry_due(&s_limits.expiries));
    s_limits.expiries.rising = 5000;
    ck_assert_ptr_eq(expiry_due(&s_limits.expiries)->value, room_state_find(&s_keys, LIT("k")));
    s_store_ttl(2, 7, now, now); /* from now on: up to 12000 */
    ck_assert_ptr_null(expiry_due(&s_limits.expiries));
    s_accept("k", 3, 99, false);
    s_reject("k"); /* what is not stored changes nothing */
    ck_assert_uint_eq(s_limits.bytes, ZR_DELIVER_ENTRY_FIXED + 3 + 1 + 8);
    s_limits.expiries.rising = 12000;
    ck_assert_ptr_nonnull(expiry_due(&s_limits.expiries));
    s_store_ttl(3, 0, now, now);
    ck_assert_ptr_null(expiry_due(&s_limits.expiries));
    ck_assert_uint_eq(room_state_entry(room_state_find(&s_keys, LIT("k"))).flags, 0);
    s_store_ttl(4, 5, now, now);
    s_accept("k", 5, 0, true);
    s_store("k", 5, NULL);
    ck_assert_uint_eq(s_limits.expiries.dated.count, 0);
    s_end();
}

/* Their time began before: how long they have left is for the caller to say. */
TEST(test_values_of_another_time) {
    const uint64_t now = 1700000000000000, minute = 60000000;
    const struct {
        uint64_t time;
        bool dated;
    } cases[] = {{now - minute, true}, {now - minute - 1, false}, {now + minute, true}, {now + minute + 1, false}};
    s_begin();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        s_store_ttl(i + 1, 5, cases[i].time, now);
        ck_assert_uint_eq(s_limits.expiries.dated.count, cases[i].dated);
        ck_assert_uint_eq(s_limits.expiries.undated.count, !cases[i].dated);
    }
    s_end();
    s_begin();
    zr_entry_t entry = {.seq = 7, .time = now, .flags = ZR_ENTRY_TTL, .sender = LIT("ann"), .key = LIT("k"), .ttl = 5};
    room_state_restore(&s_keys, &s_limits, &entry);
    ck_assert_uint_eq(s_limits.expiries.undated.count, 1);
    s_end();
}

TEST_ABORTS(test_store_of_what_was_not_accepted_is_a_bug) {
    s_store("k", 1, "x");
}

UNIT_SUITE_WITH("broker.core.keys", s_begin, s_end)
