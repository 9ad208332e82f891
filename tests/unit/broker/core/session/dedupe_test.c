#include "dedupe.h"

#include <stdio.h>

#include "unit.h"

static dedupe_t dedupe;

static zr_span_t s_id(unsigned number) {
    static char text[4][ZR_CLIENT_ID_LEN + 1];
    static unsigned next;
    char *id = text[next++ % 4];
    snprintf(id, sizeof text[0], "%032x", number);
    return zr_span_of(id, ZR_CLIENT_ID_LEN);
}

/* Holds a record, publishes up to `mark` and lets go of it. */
static void s_visit(unsigned number, uint64_t mark) {
    client_t *client = dedupe_hold(&dedupe, s_id(number));
    client->mark = mark;
    client->lasting = mark > 0;
    dedupe_release(&dedupe, client);
}

static uint64_t s_mark(unsigned number) {
    client_t *client = dedupe_hold(&dedupe, s_id(number));
    uint64_t mark = client->mark;
    dedupe_release(&dedupe, client);
    return mark;
}

TEST(test_mark_outlives_the_session) {
    dedupe.max = 10;
    s_visit(1, 7);
    s_visit(2, 9);
    ck_assert_uint_eq(s_mark(1), 7);
    ck_assert_uint_eq(s_mark(2), 9);
    ck_assert_uint_eq(s_mark(3), 0);
}

TEST(test_who_never_published_is_not_remembered) {
    dedupe.max = 10;
    s_visit(1, 0);
    ck_assert_uint_eq(HASH_COUNT(dedupe.clients), 0);
}

TEST(test_longest_away_is_forgotten_first) {
    dedupe.max = 3;
    for (unsigned i = 1; i <= 3; i++)
        s_visit(i, i);
    ck_assert_uint_eq(s_mark(1), 1); /* now 2 is the one longest away */
    s_visit(4, 4);
    ck_assert_uint_eq(HASH_COUNT(dedupe.clients), 3);
    ck_assert_uint_eq(s_mark(1), 1);
    ck_assert_uint_eq(s_mark(3), 3);
    ck_assert_uint_eq(s_mark(4), 4);
    ck_assert_uint_eq(s_mark(2), 0);
}

TEST(test_held_ones_are_not_forgotten) {
    dedupe.max = 2;
    client_t *held[3];
    for (unsigned i = 0; i < 3; i++) {
        held[i] = dedupe_hold(&dedupe, s_id(i + 1));
        held[i]->mark = i + 1;
        held[i]->lasting = true;
    }
    s_visit(9, 9);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_uint_eq(held[i]->mark, i + 1);
    ck_assert_uint_eq(s_mark(9), 0); /* there was no place for it */
    for (unsigned i = 0; i < 3; i++)
        dedupe_release(&dedupe, held[i]);
    ck_assert_uint_le(HASH_COUNT(dedupe.clients), 2);
}

TEST(test_outcomes) {
    dedupe.max = 2;
    client_t *client = dedupe_hold(&dedupe, s_id(1));
    client->lasting = true;
    client->mark = 20;
    ck_assert_int_eq(dedupe_outcome(client, 20), ZR_OK);
    dedupe_refuse(client, 5, 5, ZR_CONFLICT);
    dedupe_refuse(client, 7, 9, ZR_TOO_MANY_KEYS);
    ck_assert_int_eq(dedupe_outcome(client, 4), ZR_OK);
    ck_assert_int_eq(dedupe_outcome(client, 5), ZR_CONFLICT);
    ck_assert_int_eq(dedupe_outcome(client, 6), ZR_OK);
    ck_assert_int_eq(dedupe_outcome(client, 7), ZR_TOO_MANY_KEYS);
    ck_assert_int_eq(dedupe_outcome(client, 9), ZR_TOO_MANY_KEYS);
    ck_assert_int_eq(dedupe_outcome(client, 10), ZR_OK);
    dedupe_release(&dedupe, client);
    client = dedupe_hold(&dedupe, s_id(1)); /* they are kept over sessions */
    ck_assert_int_eq(dedupe_outcome(client, 8), ZR_TOO_MANY_KEYS);
    dedupe_release(&dedupe, client);
}

TEST(test_beyond_the_last_refusals_the_outcome_is_unknown) {
    dedupe.max = 2;
    client_t *client = dedupe_hold(&dedupe, s_id(1));
    client->mark = 1000;
    for (uint64_t mid = 10; mid < 10 + 10 * DEDUPE_REFUSALS; mid += 10)
        dedupe_refuse(client, mid, mid, ZR_CONFLICT);
    ck_assert_int_eq(dedupe_outcome(client, 10), ZR_CONFLICT);
    ck_assert_int_eq(dedupe_outcome(client, 9), ZR_OK);
    dedupe_refuse(client, 900, 900, ZR_CONFLICT);
    ck_assert_int_eq(dedupe_outcome(client, 9), ZR_OUTCOME_UNKNOWN);
    ck_assert_int_eq(dedupe_outcome(client, 10), ZR_OUTCOME_UNKNOWN);
    ck_assert_int_eq(dedupe_outcome(client, 11), ZR_OK);
    ck_assert_int_eq(dedupe_outcome(client, 20), ZR_CONFLICT);
    ck_assert_int_eq(dedupe_outcome(client, 900), ZR_CONFLICT);
    dedupe_release(&dedupe, client);
}

TEST(test_refusals_without_a_gap_are_one) {
    dedupe.max = 2;
    client_t *client = dedupe_hold(&dedupe, s_id(1));
    client->mark = 1000;
    for (uint64_t mid = 1; mid <= 500; mid += 5)
        dedupe_refuse(client, mid, mid + 4, ZR_STORE_FAILED);
    dedupe_refuse(client, 501, 501, ZR_CONFLICT);
    dedupe_refuse(client, 503, 503, ZR_CONFLICT);
    ck_assert_uint_eq(client->refusal_count, 3);
    ck_assert_int_eq(dedupe_outcome(client, 1), ZR_STORE_FAILED);
    ck_assert_int_eq(dedupe_outcome(client, 500), ZR_STORE_FAILED);
    ck_assert_int_eq(dedupe_outcome(client, 501), ZR_CONFLICT);
    ck_assert_int_eq(dedupe_outcome(client, 502), ZR_OK);
    dedupe_release(&dedupe, client);
}

TEST(test_first_refused) {
    dedupe.max = 2;
    client_t *client = dedupe_hold(&dedupe, s_id(1));
    ck_assert_uint_eq(dedupe_first_refused(client, 1, 9), 0);
    dedupe_refuse(client, 10, 12, ZR_CONFLICT);
    dedupe_refuse(client, 5, 5, ZR_CONFLICT);
    ck_assert_uint_eq(dedupe_first_refused(client, 1, 4), 0);
    ck_assert_uint_eq(dedupe_first_refused(client, 1, 20), 5);
    ck_assert_uint_eq(dedupe_first_refused(client, 6, 20), 10);
    ck_assert_uint_eq(dedupe_first_refused(client, 11, 20), 11);
    ck_assert_uint_eq(dedupe_first_refused(client, 13, 20), 0);
    client->forgotten = 3;
    ck_assert_uint_eq(dedupe_first_refused(client, 2, 20), 2);
    dedupe_release(&dedupe, client);
}

static zr_span_t s_span(zr_blob_t *blob) {
    return zr_span_of(zr_blob_data(blob), zr_blob_len(blob));
}

TEST(test_what_was_encoded_is_restored) {
    static const zr_code_t codes[] = {ZR_CONFLICT, ZR_STORE_FAILED, ZR_TOO_MANY_KEYS, ZR_STATE_FULL};
    for (size_t refusals = 0; refusals <= 3 * DEDUPE_REFUSALS; refusals += 7) {
        dedupe_t before = {.max = 2}, after = {.max = 2};
        client_t *client = dedupe_hold(&before, s_id(1));
        client->mark = 10000;
        for (size_t i = 0; i < refusals; i++)
            dedupe_refuse(client, 10 * i + 5, 10 * i + 5 + i % 4, codes[i % 4]);
        ck_assert(client->refused);
        zr_blob_t *blob = dedupe_encode(client);
        ck_assert(dedupe_restore(&after, s_id(1), client->mark, unit_at_edge(s_span(blob))));
        client_t *restored = dedupe_hold(&after, s_id(1));
        ck_assert_uint_eq(restored->mark, 10000);
        ck_assert(!restored->refused);
        for (uint64_t mid = 1; mid <= 2000; mid++)
            ck_assert_int_eq(dedupe_outcome(restored, mid), dedupe_outcome(client, mid));
        zr_blob_t *again = dedupe_encode(restored);
        ck_assert_span_eq(s_span(again), s_span(blob));
        zr_blob_unref(again);
        zr_blob_unref(blob);
        dedupe_release(&before, client);
        dedupe_release(&after, restored);
        dedupe_finish(&before);
        dedupe_finish(&after);
    }
}

TEST(test_a_code_of_a_newer_version_is_unknown) {
    dedupe.max = 2;
    ck_assert(dedupe_restore(&dedupe, s_id(1), 9,
        LIT("\0\0\0\0\0\0\0\0"
            "\0\0\0\0\0\0\0\3"
            "\0\0\0\0\0\0\0\4"
            "\3new")));
    client_t *client = dedupe_find(&dedupe, s_id(1));
    ck_assert_int_eq(dedupe_outcome(client, 2), ZR_OK);
    ck_assert_int_eq(dedupe_outcome(client, 4), ZR_OUTCOME_UNKNOWN);
}

TEST(test_garbage_is_not_restored) {
    dedupe.max = 100;
    client_t *client = dedupe_hold(&dedupe, s_id(1));
    dedupe_refuse(client, 5, 6, ZR_CONFLICT);
    dedupe_refuse(client, 9, 9, ZR_CONFLICT);
    client->mark = 9;
    zr_blob_t *blob = dedupe_encode(client);
    size_t first = 8 + 8 + 8 + 1 + 8; /* forgotten, and one refusal */
    for (size_t len = 1; len < zr_blob_len(blob); len++) {
        zr_span_t part = unit_at_edge(zr_span_of(zr_blob_data(blob), len));
        bool whole = len == 8 || len == first;
        ck_assert_msg(dedupe_restore(&dedupe, s_id(2 + (unsigned)len), 1, part) == whole, "%zu bytes", len);
        ck_assert((dedupe_find(&dedupe, s_id(2 + (unsigned)len)) != NULL) == whole);
    }
    ck_assert(!dedupe_restore(&dedupe, s_id(1), 7, s_span(blob))); /* it is there already */
    ck_assert_uint_eq(client->mark, 9);
    ck_assert(!dedupe_restore(&dedupe, LIT("short"), 7, LIT("")));
    zr_blob_unref(blob);
    dedupe_release(&dedupe, client);
}

TEST(test_restored_ones_are_bounded) {
    dedupe.max = 3;
    for (unsigned i = 1; i <= 5; i++)
        ck_assert(dedupe_restore(&dedupe, s_id(i), i, LIT("")));
    ck_assert_uint_eq(HASH_COUNT(dedupe.clients), 3);
    ck_assert_ptr_null(dedupe_find(&dedupe, s_id(2))); /* the longest unused came first */
    ck_assert_uint_eq(s_mark(3), 3);
}

static zr_span_t s_key(const char *user, unsigned number) {
    static dedupe_key_t keys[4];
    static unsigned next;
    dedupe_key_t *key = &keys[next++ % 4];
    *key = dedupe_key(zr_span(user), s_id(number));
    return zr_span_of(key->text, ZR_CLIENT_ID_LEN);
}

TEST(test_keys) {
    ck_assert_span_eq(s_key(NULL, 7), s_id(7)); /* of nobody: as it is */
    ck_assert_span_eq(s_key("ann", 7), s_key("ann", 7));
    ck_assert(!zr_span_equal(s_key("ann", 7), s_key("ann", 8)));
    ck_assert(!zr_span_equal(s_key("ann", 7), s_key("bob", 7)));
    ck_assert(!zr_span_equal(s_key("ann", 7), s_id(7)));
    ck_assert(!zr_hex_valid(s_key("ann", 7), ZR_CLIENT_ID_LEN, ZR_CLIENT_ID_LEN)); /* nobody can have it */
    zr_span_t one = s_key("ann", 7), other = s_key("ann", 8), anothers = s_key("bob", 7);
    ck_assert_int_eq(memcmp(one.ptr, other.ptr, DEDUPE_OWNER_LEN), 0);
    ck_assert_int_ne(memcmp(one.ptr + DEDUPE_OWNER_LEN, other.ptr + DEDUPE_OWNER_LEN, DEDUPE_OWNER_LEN), 0);
    ck_assert_int_ne(memcmp(one.ptr, anothers.ptr, DEDUPE_OWNER_LEN), 0);
}

static void s_visit_as(const char *user, unsigned number) {
    client_t *client = dedupe_hold(&dedupe, s_key(user, number));
    client->mark = 1;
    client->lasting = true;
    dedupe_release(&dedupe, client);
}

static bool s_knows(const char *user, unsigned number) {
    return dedupe_find(&dedupe, s_key(user, number)) != NULL;
}

/* A user that keeps using new ids pushes out its own records. */
TEST(test_a_user_forgets_its_own_first) {
    dedupe.max = 4;
    s_visit_as("ann", 1);
    s_visit_as(NULL, 1);
    ck_assert(dedupe_restore(&dedupe, s_key("ann", 2), 1, zr_span(NULL)));
    for (unsigned i = 1; i <= 10; i++)
        s_visit_as("eve", i);
    ck_assert(s_knows("ann", 1) && s_knows("ann", 2) && s_knows(NULL, 1));
    ck_assert(s_knows("eve", 10));
    s_visit_as(NULL, 2);
    ck_assert(!s_knows(NULL, 1));
    s_visit_as("ann", 3); /* what came from before counts too */
    ck_assert(!s_knows("ann", 1) && s_knows("ann", 2));
    s_visit_as("bob", 1); /* a user without records takes the place of the oldest one */
    ck_assert(!s_knows("ann", 2) && s_knows("bob", 1));
    s_visit_as("bob", 2);
    ck_assert(!s_knows("bob", 1) && s_knows("bob", 2));
    ck_assert_uint_eq(HASH_COUNT(dedupe.clients), 4);
}

static void s_end(void) {
    dedupe_finish(&dedupe);
    ck_assert_uint_eq(HASH_COUNT(dedupe.owners), 0);
}

UNIT_SUITE_WITH("broker.core.dedupe", NULL, s_end)
