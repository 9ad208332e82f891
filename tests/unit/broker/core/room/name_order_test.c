#include "room.h"

#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

enum { ROOMS = 500 };
static room_t s_rooms[ROOMS];
static bool s_in[ROOMS];

static int s_compare(const void *a, const void *b) {
    return zr_span_compare(room_name(*(room_t *const *)a), room_name(*(room_t *const *)b));
}

static room_t *s_next(const name_order_t *order, zr_span_t name, bool from) {
    return NAME_ORDER_ITEM(name_order_next(order, name, from), room_t, by_name);
}

static void s_add(name_order_t *order, room_t *room) {
    name_order_add(order, &room->by_name, room_name(room));
}

/* The order names just those that are in it, rising. */
static void s_check(const name_order_t *order) {
    room_t *sorted[ROOMS];
    size_t count = 0;
    for (size_t i = 0; i < ROOMS; i++)
        if (s_in[i])
            sorted[count++] = &s_rooms[i];
    qsort(sorted, count, sizeof sorted[0], s_compare);
    const room_t *room = s_next(order, zr_span(""), true);
    for (size_t i = 0; i < count; i++) {
        ck_assert_ptr_eq(room, sorted[i]);
        ck_assert_ptr_eq(s_next(order, room_name(sorted[i]), true), sorted[i]);
        room = s_next(order, room_name(sorted[i]), false);
    }
    ck_assert_ptr_null(room);
    ck_assert_uint_eq(order->count, count);
    for (size_t i = 0; i < ROOMS; i++)
        ck_assert_ptr_eq(name_order_find(order, room_name(&s_rooms[i])), s_in[i] ? &s_rooms[i].by_name : NULL);
}

TEST(test_rooms_come_and_go) {
    name_order_t order = {0};
    s_check(&order);
    for (size_t i = 0; i < ROOMS; i++)
        s_rooms[i].name_len = (size_t)sprintf(s_rooms[i].name, "%zx", i * 7919 % 10007);
    srand(1);
    for (unsigned step = 0; step < 3000; step++) {
        size_t i = (size_t)rand() % ROOMS;
        if (s_in[i])
            name_order_remove(&order, &s_rooms[i].by_name);
        else
            s_add(&order, &s_rooms[i]);
        s_in[i] = !s_in[i];
        if (step % 50 == 0)
            s_check(&order);
    }
    for (size_t i = 0; i < ROOMS; i++)
        if (s_in[i])
            name_order_remove(&order, &s_rooms[i].by_name);
    ck_assert_ptr_null(order.top);
}

TEST(test_between_names) {
    name_order_t order = {0};
    room_t b = {.name = "b", .name_len = 1}, bb = {.name = "bb", .name_len = 2};
    s_add(&order, &bb);
    s_add(&order, &b);
    ck_assert_ptr_eq(s_next(&order, zr_span("a"), false), &b);
    ck_assert_ptr_eq(s_next(&order, zr_span("b"), false), &bb);
    ck_assert_ptr_eq(s_next(&order, zr_span("ba"), true), &bb);
    ck_assert_ptr_null(s_next(&order, zr_span("bb"), false));
    ck_assert_ptr_null(s_next(&order, zr_span("c"), true));
}

UNIT_SUITE("broker.core.order")
