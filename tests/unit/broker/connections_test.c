#include "connections.h"

#include "unit.h"

START_TEST(test_topics_are_counted) {
    connections_t all = {0};
    size_t half = CONNECTIONS_TOPICS_MAX / 2;
    ck_assert(connections_subscribe(&all, 7, 100, true, half));
    ck_assert(connections_subscribe(&all, 7, 100, true, half));
    ck_assert(!connections_subscribe(&all, 7, 100, true, 1));
    ck_assert(connections_subscribe(&all, 8, 101, true, half));
    ck_assert(connections_subscribe(&all, 7, 100, false, 1));
    ck_assert(connections_subscribe(&all, 7, 100, false, SIZE_MAX)); /* never below nothing */
    ck_assert(connections_subscribe(&all, 7, 100, true, 2 * half));
    ck_assert(!connections_subscribe(&all, 7, 100, true, 1));
    connections_finish(&all);
    ck_assert_ptr_null(all.items);
}
END_TEST

START_TEST(test_another_connection_begins_anew) {
    connections_t all = {0};
    connection_t found;
    ck_assert(!connections_subscribe(&all, 100000, 5, true, CONNECTIONS_TOPICS_MAX + 1));
    connections_set_user(&all, 100000, 5, zr_span("alice"));
    ck_assert(connections_subscribe(&all, 100000, 6, true, CONNECTIONS_TOPICS_MAX));
    ck_assert_int_eq(connections_of_user(&all, 0, zr_span("alice"), &found), -1);
    ck_assert(connections_subscribe(&all, 0, 5, true, 1));
    connections_finish(&all);
}
END_TEST

START_TEST(test_connections_of_a_user) {
    connections_t all = {0};
    connection_t found;
    zr_span_t alice = zr_span("alice");
    ck_assert_int_eq(connections_of_user(&all, 0, alice, &found), -1);
    connections_set_user(&all, 0, 100, alice);
    connections_set_user(&all, 1, 101, zr_span("alic"));
    connections_set_user(&all, 2, 102, zr_span("alice2"));
    connections_set_user(&all, 3, 103, zr_span(""));
    connections_subscribe(&all, 4, 104, true, 1);
    connections_set_user(&all, 4, 104, alice);
    connections_subscribe(&all, 4, 104, true, 1);
    ck_assert_int_eq(connections_of_user(&all, 0, alice, &found), 0);
    ck_assert_uint_eq(found.socket, 100);
    ck_assert(!found.reads);
    ck_assert_int_eq(connections_of_user(&all, 1, alice, &found), 4);
    ck_assert_uint_eq(found.socket, 104);
    ck_assert(found.reads);
    ck_assert_uint_eq(found.topics, 2);
    ck_assert_int_eq(connections_of_user(&all, 5, alice, &found), -1);
    ck_assert_int_eq(connections_of_user(&all, 0, zr_span(""), &found), -1); /* nobody is no user */
    connections_finish(&all);
}
END_TEST

START_TEST(test_dropped) {
    connections_t all = {0};
    connections_set_user(&all, 3, 100, zr_span("alice"));
    ck_assert_uint_eq(connections_dropped(&all, 3), 0);
    ck_assert_uint_eq(connections_dropped(&all, 100000), 0);
    connections_drop(&all, 3, 100);
    connections_drop(&all, 200, 5); /* one that was never heard of */
    ck_assert_uint_eq(connections_dropped(&all, 3), 100);
    ck_assert_uint_eq(connections_dropped(&all, 200), 5);
    connections_subscribe(&all, 3, 101, true, 1); /* another one by now */
    ck_assert_uint_eq(connections_dropped(&all, 3), 0);
    connections_finish(&all);
}
END_TEST

START_TEST(test_the_longest_name) {
    connections_t all = {0};
    connection_t found;
    char name[ZR_NICK_MAX + 1];
    memset(name, 'n', sizeof name);
    connections_set_user(&all, 9, 1, zr_span_of(name, ZR_NICK_MAX));
    ck_assert_int_eq(connections_of_user(&all, 0, zr_span_of(name, ZR_NICK_MAX), &found), 9);
    ck_assert_int_eq(connections_of_user(&all, 0, zr_span_of(name, ZR_NICK_MAX - 1), &found), -1);
    connections_set_user(&all, 9, 1, zr_span_of(name, ZR_NICK_MAX + 1));
    ck_assert_int_eq(connections_of_user(&all, 0, zr_span_of(name, ZR_NICK_MAX), &found), 9);
    connections_finish(&all);
}
END_TEST

UNIT_MAIN("broker.connections", test_topics_are_counted, test_another_connection_begins_anew,
    test_connections_of_a_user, test_dropped, test_the_longest_name)
