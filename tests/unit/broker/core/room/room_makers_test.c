/* How many rooms count for each maker. */
#include "room_makers.h"

#include "unit.h"

TEST(test_users_and_addresses_are_told_apart) {
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

TEST(test_rooms_are_counted_while_they_are_there) {
    makers_t makers = {0};
    claims_t rooms[2] = {0};
    maker_t *ann = maker_of_user(&makers, LIT("ann"));
    maker_room_made(&rooms[0], ann);
    maker_room_made(&rooms[1], ann);
    ck_assert_uint_eq(ann->rooms, 2);
    maker_release(&makers, ann); /* the session goes, the rooms stay */
    ck_assert_ptr_eq(maker_of_user(&makers, LIT("ann")), ann);
    ck_assert_uint_eq(ann->rooms, 2);
    makers_room_gone(&makers, &rooms[0]);
    ck_assert_uint_eq(ann->rooms, 1);
    maker_release(&makers, ann);
    makers_room_gone(&makers, &rooms[1]);
    ck_assert_ptr_null(makers.by_name);
    maker_room_made(&rooms[0], NULL);
    makers_room_gone(&makers, &rooms[0]);
}

TEST(test_a_shared_room_counts_once_for_each_maker) {
    makers_t makers = {0};
    claims_t room = {0}, old = {0};
    maker_t *ann = maker_of_user(&makers, LIT("ann")), *bob = maker_of_user(&makers, LIT("bob"));
    maker_room_made(&room, ann);
    maker_room_shared(&makers, &room, ann); /* counts for ann already */
    ck_assert_uint_eq(makers_shared(&makers), 0);
    ck_assert(!maker_counts(&makers, &room, bob));
    maker_room_shared(&makers, &room, bob);
    maker_room_shared(&makers, &room, bob);
    maker_room_shared(&makers, &old, bob); /* nobody made it in this run */
    ck_assert(maker_counts(&makers, &room, ann) && maker_counts(&makers, &room, bob));
    ck_assert(!maker_counts(&makers, &old, ann) && maker_counts(&makers, &old, bob));
    ck_assert(maker_counts(&makers, &old, NULL)); /* nobody counts that peer's rooms */
    ck_assert_uint_eq(ann->rooms, 1);
    ck_assert_uint_eq(bob->rooms, 2);
    ck_assert_uint_eq(makers_shared(&makers), 2);
    maker_release(&makers, ann);
    maker_release(&makers, bob); /* the rooms still refer to both */
    makers_room_gone(&makers, &room);
    ck_assert_uint_eq(makers_shared(&makers), 1);
    ck_assert_uint_eq(bob->rooms, 1);
    makers_room_gone(&makers, &old);
    ck_assert_ptr_null(makers.by_name);
    ck_assert_ptr_null(makers.claims);
}

UNIT_SUITE("broker.core.makers")
