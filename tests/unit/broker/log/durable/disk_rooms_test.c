#include "disk_rooms.h"

#include "unit.h"

static disk_rooms_t s_rooms;
static policies_t s_policies;

static void s_begin(void) {
    s_policies = (policies_t){0};
    s_rooms = (disk_rooms_t){.policies = &s_policies};
}

static disk_room_t *s_add(const char *name, uint32_t id) {
    disk_room_t *room = disk_rooms_add(&s_rooms, zr_span(name));
    ck_assert_uint_eq(room->id, id);
    ck_assert_ptr_eq(disk_rooms_at(&s_rooms, id), room);
    return room;
}

TEST(test_ids_are_used_again) {
    s_begin();
    disk_room_t *a = s_add("a", 1), *b = s_add("b", 2), *c = s_add("c", 3);
    disk_rooms_drop(&s_rooms, b);
    s_add("d", 2);
    a->going = true;
    disk_rooms_bury(&s_rooms, a);
    ck_assert_ptr_null(disk_rooms_find(&s_rooms, LIT("a")));
    s_add("e", 4); /* housekeeping may speak of 1 */
    disk_rooms_unbury(&s_rooms);
    s_add("a", 1);
    disk_rooms_drop(&s_rooms, disk_rooms_find(&s_rooms, LIT("e")));
    disk_rooms_drop(&s_rooms, c);
    s_add("f", 3);
    s_add("g", 4);
    disk_rooms_finish(&s_rooms);
}

TEST(test_a_successor) {
    s_begin();
    disk_room_t *a = s_add("a", 1);
    a->going = true;
    disk_room_t *next = s_add("a", 2);
    ck_assert_ptr_eq(disk_rooms_find(&s_rooms, LIT("a")), a);
    ck_assert_ptr_eq(a->successor, next);
    disk_rooms_drop(&s_rooms, next); /* it could not be stored */
    ck_assert_ptr_null(a->successor);
    next = s_add("a", 2);
    disk_rooms_bury(&s_rooms, a);
    ck_assert_ptr_eq(disk_rooms_find(&s_rooms, LIT("a")), next);
    disk_rooms_unbury(&s_rooms);
    disk_rooms_finish(&s_rooms);
}

/* Retention is told to look at all rooms again, by the policies that are there now. */
TEST(test_other_policies) {
    static const policy_t few = {.pattern = "a*", .max_entries = 5};
    size_t count;
    s_begin();
    disk_room_t *a = s_add("ab", 1), *b = s_add("b", 2);
    a->bounds.head = b->bounds.head = 10;
    ck_assert_ptr_null(disk_rooms_due(&s_rooms, 1, &count));
    s_policies = (policies_t){&few, 1};
    disk_rooms_set_policies(&s_rooms);
    write_retain_t *due = disk_rooms_due(&s_rooms, 2, &count);
    ck_assert_uint_eq(count, 1);
    ck_assert_ptr_eq(due->owner, a);
    ck_assert_uint_eq(due->kept.policy.max_entries, 5);
    free(due);
    ck_assert_ptr_null(disk_rooms_due(&s_rooms, 3, &count));
    s_policies = (policies_t){0};
    disk_rooms_set_policies(&s_rooms);
    ck_assert_ptr_null(disk_rooms_due(&s_rooms, 4, &count));
    disk_rooms_finish(&s_rooms);
}

UNIT_SUITE("broker.log.durable.disk_rooms")
