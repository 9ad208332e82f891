#include "dedupe.h"

#include <stdio.h>

#include "unit.h"

static zr_span_t s_id(unsigned number) {
    static char text[4][ZR_CLIENT_ID_LEN + 1];
    static unsigned next;
    char *id = text[next++ % 4];
    snprintf(id, sizeof text[0], "%032x", number);
    return zr_span_of(id, ZR_CLIENT_ID_LEN);
}

/* Holds a record, publishes up to `mark` and lets go of it. */
static void s_visit(dedupe_t *dedupe, unsigned number, uint64_t mark) {
    client_t *client = dedupe_hold(dedupe, s_id(number));
    client->mark = mark;
    dedupe_release(dedupe, client);
}

static uint64_t s_mark(dedupe_t *dedupe, unsigned number) {
    client_t *client = dedupe_hold(dedupe, s_id(number));
    uint64_t mark = client->mark;
    dedupe_release(dedupe, client);
    return mark;
}

START_TEST(test_mark_outlives_the_session) {
    dedupe_t dedupe = {.max = 10};
    s_visit(&dedupe, 1, 7);
    s_visit(&dedupe, 2, 9);
    ck_assert_uint_eq(s_mark(&dedupe, 1), 7);
    ck_assert_uint_eq(s_mark(&dedupe, 2), 9);
    ck_assert_uint_eq(s_mark(&dedupe, 3), 0);
    dedupe_finish(&dedupe);
}
END_TEST

START_TEST(test_who_never_published_is_not_remembered) {
    dedupe_t dedupe = {.max = 10};
    s_visit(&dedupe, 1, 0);
    ck_assert_uint_eq(HASH_COUNT(dedupe.clients), 0);
    dedupe_finish(&dedupe);
}
END_TEST

START_TEST(test_longest_away_is_forgotten_first) {
    dedupe_t dedupe = {.max = 3};
    for (unsigned i = 1; i <= 3; i++)
        s_visit(&dedupe, i, i);
    ck_assert_uint_eq(s_mark(&dedupe, 1), 1); /* now 2 is the one longest away */
    s_visit(&dedupe, 4, 4);
    ck_assert_uint_eq(HASH_COUNT(dedupe.clients), 3);
    ck_assert_uint_eq(s_mark(&dedupe, 1), 1);
    ck_assert_uint_eq(s_mark(&dedupe, 3), 3);
    ck_assert_uint_eq(s_mark(&dedupe, 4), 4);
    ck_assert_uint_eq(s_mark(&dedupe, 2), 0);
    dedupe_finish(&dedupe);
}
END_TEST

START_TEST(test_held_ones_are_not_forgotten) {
    dedupe_t dedupe = {.max = 2};
    client_t *held[3];
    for (unsigned i = 0; i < 3; i++) {
        held[i] = dedupe_hold(&dedupe, s_id(i + 1));
        held[i]->mark = i + 1;
    }
    s_visit(&dedupe, 9, 9);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_uint_eq(held[i]->mark, i + 1);
    ck_assert_uint_eq(s_mark(&dedupe, 9), 0); /* there was no place for it */
    for (unsigned i = 0; i < 3; i++)
        dedupe_release(&dedupe, held[i]);
    ck_assert_uint_le(HASH_COUNT(dedupe.clients), 2);
    dedupe_finish(&dedupe);
}
END_TEST

START_TEST(test_outcomes) {
    dedupe_t dedupe = {.max = 2};
    client_t *client = dedupe_hold(&dedupe, s_id(1));
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
    dedupe_finish(&dedupe);
}
END_TEST

START_TEST(test_beyond_the_last_refusals_the_outcome_is_unknown) {
    dedupe_t dedupe = {.max = 2};
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
    dedupe_finish(&dedupe);
}
END_TEST

UNIT_MAIN("broker.core.dedupe", test_mark_outlives_the_session, test_who_never_published_is_not_remembered,
    test_longest_away_is_forgotten_first, test_held_ones_are_not_forgotten, test_outcomes,
    test_beyond_the_last_refusals_the_outcome_is_unknown)
