#include "connections.h"

#include "unit.h"

enum { FRONT = CONNECTIONS_FRONT, BACK = CONNECTIONS_BACK };

static const zr_span_t s_nobody = {"", 0};

static connection_t *s_open(connections_t *all, int side, int fd, uint64_t now) {
    connections_open(all, side, fd, 100 + (uint64_t)fd, now);
    return connections_at(all, fd);
}

TEST(test_connections_of_users) {
    connections_t all = {0};
    ck_assert_int_eq(connections_next_user(&all, 0), -1);
    connection_hear(s_open(&all, FRONT, 0, 1), zr_span("alice"));
    connection_hear(s_open(&all, FRONT, 3, 1), s_nobody);
    connection_t *bob = s_open(&all, BACK, 4, 1);
    connections_subscribe(&all, bob, zr_span("bob"), 0);
    connections_subscribe(&all, bob, zr_span("bob"), 0);
    ck_assert_int_eq(connections_next_user(&all, 0), 0);
    ck_assert_int_eq(connections_next_user(&all, 1), 4);
    ck_assert_uint_eq(bob->socket, 104);
    ck_assert_span_eq(zr_span_of(bob->user, bob->user_len), LIT("bob"));
    ck_assert_int_eq(connections_next_user(&all, 5), -1);
    connections_finish(&all);
}

TEST(test_another_connection_begins_anew) {
    connections_t all = {0};
    connection_hear(s_open(&all, FRONT, 100000, 1), zr_span("alice"));
    connections_open(&all, BACK, 100000, 6, 2);
    ck_assert_int_eq(connections_next_user(&all, 0), -1);
    ck_assert_uint_eq(connections_at(&all, 100000)->socket, 6);
    connections_close(&all, 100000);
    ck_assert_ptr_null(connections_at(&all, 100000));
    ck_assert_ptr_null(connections_at(&all, 1 << 24));
    ck_assert_ptr_null(connections_at(&all, -1));
    connections_close(&all, 1 << 24);
    connections_finish(&all);
    ck_assert_ptr_null(all.items);
}

TEST(test_silent_connections) {
    connections_t all = {0};
    ck_assert_int_eq(connections_next_silent(&all, BACK, UINT64_MAX, 0), -1);
    s_open(&all, FRONT, 1, 1000);
    for (int fd = 2; fd < 6; fd++)
        s_open(&all, BACK, fd, 1000 + (uint64_t)fd);
    connections_subscribe(&all, connections_at(&all, 3), s_nobody, 0);
    connections_at(&all, 4)->dropped = true;
    connections_close(&all, 5);
    ck_assert_int_eq(connections_next_silent(&all, BACK, UINT64_MAX, 0), 2);
    ck_assert_int_eq(connections_next_silent(&all, BACK, UINT64_MAX, 3), -1);
    ck_assert_int_eq(connections_next_silent(&all, BACK, 1003, 0), 2);
    ck_assert_int_eq(connections_next_silent(&all, BACK, 1002, 0), -1); /* it has the time */
    ck_assert_int_eq(connections_next_silent(&all, FRONT, 1001, 0), 1);
    connection_hear(connections_at(&all, 1), s_nobody);
    ck_assert_int_eq(connections_next_silent(&all, FRONT, 1001, 0), -1);
    connections_finish(&all);
}

TEST(test_too_fast) {
    connections_t all = {.per_second = 2000, .burst = 20000};
    s_open(&all, BACK, 8, 1);
    connection_t *one = s_open(&all, BACK, 7, 1), *other = connections_at(&all, 8);
    for (unsigned i = 0; i < 20000; i++)
        ck_assert(connections_subscribe(&all, one, s_nobody, 5000));
    ck_assert(connections_subscribe(&all, other, s_nobody, 5000)); /* another one's bucket */
    ck_assert(connections_subscribe(&all, one, s_nobody, 5001));   /* a millisecond gives two back */
    ck_assert(connections_subscribe(&all, one, s_nobody, 5001));
    ck_assert(!connections_subscribe(&all, one, s_nobody, 5001));
    for (unsigned i = 0; i < 20000; i++)
        ck_assert(connections_subscribe(&all, other, s_nobody, 1000000));
    ck_assert(!connections_subscribe(&all, other, s_nobody, 1000000));
    connections_finish(&all);
}

TEST(test_no_limit) {
    connections_t all = {.burst = 1};
    connection_t *one = s_open(&all, BACK, 7, 1);
    for (unsigned i = 0; i < 1000; i++)
        ck_assert(connections_subscribe(&all, one, s_nobody, 0));
    connections_finish(&all);
}

TEST(test_the_longest_name) {
    connections_t all = {0};
    char name[ZR_NICK_MAX + 1];
    memset(name, 'n', sizeof name);
    connection_t *one = s_open(&all, FRONT, 9, 1);
    connection_hear(one, zr_span_of(name, ZR_NICK_MAX));
    ck_assert_uint_eq(one->user_len, ZR_NICK_MAX);
    connection_hear(one, zr_span_of(name, ZR_NICK_MAX + 1));
    ck_assert_int_eq(connections_next_user(&all, 0), 9);
    ck_assert_uint_eq(one->user_len, ZR_NICK_MAX);
    connections_finish(&all);
}

UNIT_SUITE("broker.connections")
