/* Who made how many rooms. */
#include "makers.h"

#include "unit.h"

START_TEST(test_users_and_addresses_are_told_apart) {
    makers_t makers = {0};
    maker_t *ann = maker_of_user(&makers, LIT("ann")), *again = maker_of_user(&makers, LIT("ann"));
    maker_t *bob = maker_of_user(&makers, LIT("bob"));
    maker_t *address = maker_of_address(&makers, LIT("ann")), *nowhere = maker_of_address(&makers, zr_span(NULL));
    ck_assert_ptr_eq(ann, again);
    ck_assert_ptr_ne(ann, bob);
    ck_assert_ptr_ne(ann, address);
    ck_assert_ptr_ne(address, nowhere);
    maker_release(&makers, ann);
    ck_assert_ptr_eq(maker_of_user(&makers, LIT("ann")), again);
    maker_release(&makers, again);
    maker_release(&makers, again);
    maker_release(&makers, bob);
    maker_release(&makers, address);
    maker_release(&makers, nowhere);
    maker_release(&makers, NULL);
    ck_assert_ptr_null(makers.by_name);
}
END_TEST

START_TEST(test_rooms_are_counted_while_they_are_there) {
    makers_t makers = {0};
    maker_t *ann = maker_of_user(&makers, LIT("ann"));
    ck_assert_ptr_eq(maker_room_made(ann), ann);
    ck_assert_ptr_eq(maker_room_made(ann), ann);
    ck_assert_uint_eq(ann->rooms, 2);
    maker_release(&makers, ann); /* the session goes, the rooms stay */
    ck_assert_ptr_eq(maker_of_user(&makers, LIT("ann")), ann);
    ck_assert_uint_eq(ann->rooms, 2);
    maker_room_gone(&makers, ann);
    ck_assert_uint_eq(ann->rooms, 1);
    maker_release(&makers, ann);
    maker_room_gone(&makers, ann);
    ck_assert_ptr_null(makers.by_name);
    ck_assert_ptr_null(maker_room_made(NULL));
    maker_room_gone(&makers, NULL);
}
END_TEST

UNIT_MAIN("broker.core.makers", test_users_and_addresses_are_told_apart, test_rooms_are_counted_while_they_are_there)
