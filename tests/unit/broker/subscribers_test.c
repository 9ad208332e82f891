#include "subscribers.h"

#include "unit.h"

START_TEST(test_bytes_are_counted) {
    subscribers_t all = {0};
    size_t half = SUBSCRIBERS_BYTES_MAX / 2;
    ck_assert(subscribers_note(&all, 7, 100, true, half));
    ck_assert(subscribers_note(&all, 7, 100, true, half));
    ck_assert(!subscribers_note(&all, 7, 100, true, 1));
    ck_assert(subscribers_note(&all, 8, 101, true, half));
    ck_assert(subscribers_note(&all, 7, 100, false, 1));
    ck_assert(subscribers_note(&all, 7, 100, false, SIZE_MAX)); /* never below nothing */
    ck_assert(subscribers_note(&all, 7, 100, true, 2 * half));
    ck_assert(!subscribers_note(&all, 7, 100, true, 1));
    subscribers_finish(&all);
    ck_assert_ptr_null(all.items);
}
END_TEST

START_TEST(test_another_connection_begins_anew) {
    subscribers_t all = {0};
    ck_assert(!subscribers_note(&all, 100000, 5, true, SUBSCRIBERS_BYTES_MAX + 1));
    ck_assert(subscribers_note(&all, 100000, 6, true, SUBSCRIBERS_BYTES_MAX));
    ck_assert(subscribers_note(&all, 0, 5, true, 1));
    subscribers_finish(&all);
}
END_TEST

UNIT_MAIN("broker.subscribers", test_bytes_are_counted, test_another_connection_begins_anew)
