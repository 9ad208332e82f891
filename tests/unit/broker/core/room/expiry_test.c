#include "expiry.h"

#include <stdlib.h>

#include "unit.h"

enum { COUNT = 500 };

static expiries_t s_expiries;
static expiry_t *s_all[COUNT];

/* The lists are what the calls before left: the heap is in order, and each item knows its place. */
static void s_check(size_t dated, size_t undated) {
    const expiry_list_t *heap = &s_expiries.dated, *rest = &s_expiries.undated;
    ck_assert_uint_eq(heap->count, dated);
    ck_assert_uint_eq(rest->count, undated);
    for (size_t i = 0; i < heap->count; i++) {
        ck_assert_uint_eq(heap->items[i]->place, i);
        ck_assert_uint_le(heap->items[(i ? i - 1 : 0) / 2]->at, heap->items[i]->at);
    }
    for (size_t i = 0; i < rest->count; i++)
        ck_assert_uint_eq(rest->items[i]->place, i);
}

static void s_end(void) {
    s_check(0, 0);
    ck_assert_ptr_null(expiry_due(&s_expiries));
    ck_assert_ptr_null(expiry_undated(&s_expiries));
    expiries_finish(&s_expiries);
}

TEST(test_both_sides_of_the_end) {
    s_expiries.rising = 1000;
    expiry_t *expiry = expiry_add(&s_expiries, NULL, NULL, 3, false);
    ck_assert_uint_eq(expiry->ttl, 3);
    s_expiries.rising = 3999;
    ck_assert_ptr_null(expiry_due(&s_expiries));
    s_expiries.rising = 4000;
    ck_assert_ptr_eq(expiry_due(&s_expiries), expiry);
    expiry_set(&s_expiries, expiry, 4001);
    ck_assert_ptr_null(expiry_due(&s_expiries));
    expiry_remove(&s_expiries, expiry);
    expiry_remove(&s_expiries, NULL);
    s_end();
}

TEST(test_their_order) {
    uint64_t last = 0;
    for (size_t i = 0; i < COUNT; i++)
        s_all[i] = expiry_add(&s_expiries, NULL, NULL, 1 + i * 7919 % COUNT, false);
    s_check(COUNT, 0);
    for (size_t i = 0; i < COUNT; i += 3) { /* from all places */
        expiry_remove(&s_expiries, s_all[i]);
        s_check(COUNT - i / 3 - 1, 0);
    }
    for (size_t i = 1; i < COUNT; i += 3)
        expiry_set(&s_expiries, s_all[i], 1000 * (i * 104729 % COUNT));
    s_expiries.rising = 1000 * COUNT;
    while (s_expiries.dated.count > 0) {
        expiry_t *first = expiry_due(&s_expiries);
        ck_assert_uint_ge(first->at, last);
        last = first->at;
        expiry_remove(&s_expiries, first);
    }
    s_end();
}

TEST(test_those_without_a_date) {
    for (size_t i = 0; i < 10; i++)
        s_all[i] = expiry_add(&s_expiries, NULL, NULL, 1, i % 2);
    s_check(5, 5);
    expiry_remove(&s_expiries, s_all[3]);
    s_check(5, 4);
    s_expiries.rising = UINT64_MAX - 1;
    while (expiry_undated(&s_expiries))
        expiry_set(&s_expiries, expiry_undated(&s_expiries), 500);
    s_check(9, 0);
    expiry_set(&s_expiries, s_all[0], UINT64_MAX);
    s_check(8, 1);
    for (size_t i = 0; i < 10; i++)
        if (i != 3)
            expiry_remove(&s_expiries, s_all[i]);
    s_end();
}

UNIT_SUITE("broker.core.room.expiry")
