#include "connections.h"

#include "unit.h"

START_TEST(test_topics_are_counted) {
    connections_t all = {0};
    size_t half = CONNECTIONS_TOPICS_MAX / 2;
    ck_assert(connections_subscribe(&all, 7, 100, true, half, 0));
    ck_assert(connections_subscribe(&all, 7, 100, true, half, 0));
    ck_assert(!connections_subscribe(&all, 7, 100, true, 1, 0));
    ck_assert(connections_subscribe(&all, 8, 101, true, half, 0));
    ck_assert(connections_subscribe(&all, 7, 100, false, 1, 0));
    ck_assert(connections_subscribe(&all, 7, 100, false, SIZE_MAX, 0)); /* never below nothing */
    ck_assert(connections_subscribe(&all, 7, 100, true, 2 * half, 0));
    ck_assert(!connections_subscribe(&all, 7, 100, true, 1, 0));
    connections_finish(&all);
    ck_assert_ptr_null(all.items);
}
END_TEST

START_TEST(test_another_connection_begins_anew) {
    connections_t all = {0};
    connection_t found;
    ck_assert(!connections_subscribe(&all, 100000, 5, true, CONNECTIONS_TOPICS_MAX + 1, 0));
    connections_set_user(&all, 100000, 5, zr_span("alice"));
    ck_assert(connections_subscribe(&all, 100000, 6, true, CONNECTIONS_TOPICS_MAX, 0));
    ck_assert_int_eq(connections_next_user(&all, 0, &found), -1);
    ck_assert(connections_subscribe(&all, 0, 5, true, 1, 0));
    connections_finish(&all);
}
END_TEST

START_TEST(test_connections_of_users) {
    connections_t all = {0};
    connection_t found;
    ck_assert_int_eq(connections_next_user(&all, 0, &found), -1);
    connections_set_user(&all, 0, 100, zr_span("alice"));
    connections_set_user(&all, 3, 103, zr_span("")); /* nobody is no user */
    connections_subscribe(&all, 4, 104, true, 1, 0);
    connections_set_user(&all, 4, 104, zr_span("bob"));
    connections_subscribe(&all, 4, 104, true, 1, 0);
    ck_assert_int_eq(connections_next_user(&all, 0, &found), 0);
    ck_assert_uint_eq(found.socket, 100);
    ck_assert(!found.reads);
    ck_assert_int_eq(connections_next_user(&all, 1, &found), 4);
    ck_assert_uint_eq(found.socket, 104);
    ck_assert(found.reads);
    ck_assert_uint_eq(found.topics, 2);
    ck_assert_span_eq(zr_span_of(found.user, found.user_len), LIT("bob"));
    ck_assert_int_eq(connections_next_user(&all, 5, &found), -1);
    connections_finish(&all);
}
END_TEST

/* Of the back's, those that have not said whose they are by subscribing. */
START_TEST(test_silent_connections) {
    connections_t all = {0};
    connection_t found;
    ck_assert_int_eq(connections_next_silent(&all, 0, &found), -1);
    connections_set_user(&all, 1, 101, zr_span("alice")); /* at the front */
    for (int fd = 2; fd < 6; fd++)
        connections_open_back(&all, fd, 100 + (uint64_t)fd);
    connections_subscribe(&all, 3, 103, true, 1, 0);
    connections_subscribe(&all, 4, 104, false, 1, 0);
    connections_set_user(&all, 5, 205, zr_span("bob")); /* at the front by now */
    ck_assert_int_eq(connections_next_silent(&all, 0, &found), 2);
    ck_assert_uint_eq(found.socket, 102);
    ck_assert_int_eq(connections_next_silent(&all, 3, &found), -1);
    connections_open_back(&all, 3, 203); /* another one */
    ck_assert_int_eq(connections_next_silent(&all, 3, &found), 3);
    ck_assert_uint_eq(found.socket, 203);
    connections_finish(&all);
}
END_TEST

START_TEST(test_too_fast) {
    connections_t all = {.per_second = 2000, .burst = 20000};
    for (unsigned i = 0; i < 20000; i++)
        ck_assert(connections_subscribe(&all, 7, 100, i % 2 == 0, 1, 5000));
    ck_assert(connections_subscribe(&all, 8, 101, true, 1, 5000)); /* another one's bucket */
    ck_assert(connections_subscribe(&all, 7, 100, true, 1, 5001)); /* a millisecond gives two back */
    ck_assert(connections_subscribe(&all, 7, 100, true, 1, 5001));
    ck_assert(!connections_subscribe(&all, 7, 100, true, 1, 5001));
    ck_assert(connections_subscribe(&all, 7, 102, true, 1, 5001)); /* another connection */
    for (unsigned i = 0; i < 20000; i++)
        ck_assert(connections_subscribe(&all, 8, 101, true, 1, 1000000));
    ck_assert(!connections_subscribe(&all, 8, 101, true, 1, 1000000));
    connections_finish(&all);
}
END_TEST

START_TEST(test_as_fast_as_one_likes) {
    connections_t all = {.burst = 1};
    for (unsigned i = 0; i < 1000; i++)
        ck_assert(connections_subscribe(&all, 7, 100, i % 2 == 0, 1, 0));
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
    connections_subscribe(&all, 3, 101, true, 1, 0); /* another one by now */
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
    ck_assert_int_eq(connections_next_user(&all, 0, &found), 9);
    ck_assert_uint_eq(found.user_len, ZR_NICK_MAX);
    connections_set_user(&all, 9, 1, zr_span_of(name, ZR_NICK_MAX + 1));
    ck_assert_int_eq(connections_next_user(&all, 0, &found), 9);
    ck_assert_uint_eq(found.user_len, ZR_NICK_MAX);
    connections_finish(&all);
}
END_TEST

UNIT_MAIN("broker.connections", test_topics_are_counted, test_another_connection_begins_anew, test_connections_of_users,
    test_silent_connections, test_too_fast, test_as_fast_as_one_likes, test_dropped, test_the_longest_name)
