#include "connections.h"

#include "unit.h"

enum { FRONT = CONNECTIONS_FRONT, BACK = CONNECTIONS_BACK };

static const zr_span_t s_nobody = {"", 0};

START_TEST(test_connections_of_users) {
    connections_t all = {0};
    connection_t found;
    ck_assert_int_eq(connections_next_user(&all, 0, &found), -1);
    connections_hear(&all, 0, 100, zr_span("alice"));
    connections_hear(&all, 3, 103, s_nobody);
    connections_subscribe(&all, 4, 104, zr_span("bob"), 0);
    connections_subscribe(&all, 4, 104, zr_span("bob"), 0);
    ck_assert_int_eq(connections_next_user(&all, 0, &found), 0);
    ck_assert_uint_eq(found.socket, 100);
    ck_assert_int_eq(found.side, FRONT);
    ck_assert_int_eq(connections_next_user(&all, 1, &found), 4);
    ck_assert_uint_eq(found.socket, 104);
    ck_assert_int_eq(found.side, BACK);
    ck_assert_span_eq(zr_span_of(found.user, found.user_len), LIT("bob"));
    ck_assert_int_eq(connections_next_user(&all, 5, &found), -1);
    connections_finish(&all);
}
END_TEST

START_TEST(test_another_connection_begins_anew) {
    connections_t all = {0};
    connection_t found;
    connections_hear(&all, 100000, 5, zr_span("alice"));
    connections_hear(&all, 100000, 6, s_nobody);
    ck_assert_int_eq(connections_next_user(&all, 0, &found), -1);
    ck_assert_uint_eq(connections_at(&all, 100000)->socket, 6);
    connections_close(&all, 100000, 7);
    ck_assert_ptr_null(connections_at(&all, 100000));
    ck_assert_ptr_null(connections_at(&all, 1 << 24));
    ck_assert_ptr_null(connections_at(&all, -1));
    connections_close(&all, 1 << 24, 7);
    connections_finish(&all);
    ck_assert_ptr_null(all.items);
}
END_TEST

START_TEST(test_silent_connections) {
    connections_t all = {0};
    connection_t found;
    ck_assert_int_eq(connections_next_silent(&all, BACK, UINT64_MAX, 0, &found), -1);
    connections_open(&all, FRONT, 1, 101, 1000);
    for (int fd = 2; fd < 6; fd++)
        connections_open(&all, BACK, fd, 100 + (uint64_t)fd, 1000 + (uint64_t)fd);
    connections_subscribe(&all, 3, 103, s_nobody, 0);
    connections_drop(&all, 4, 104);
    connections_hear(&all, 5, 205, s_nobody); /* another one by now, of which nobody heard that it was accepted */
    ck_assert_int_eq(connections_next_silent(&all, BACK, UINT64_MAX, 0, &found), 2);
    ck_assert_uint_eq(found.socket, 102);
    ck_assert_int_eq(connections_next_silent(&all, BACK, UINT64_MAX, 3, &found), -1);
    ck_assert_int_eq(connections_next_silent(&all, BACK, 1003, 0, &found), 2);
    ck_assert_int_eq(connections_next_silent(&all, BACK, 1002, 0, &found), -1); /* it has the time */
    ck_assert_int_eq(connections_next_silent(&all, FRONT, 1001, 0, &found), 1);
    connections_hear(&all, 1, 101, s_nobody);
    ck_assert_int_eq(connections_next_silent(&all, FRONT, 1001, 0, &found), -1);
    connections_finish(&all);
}
END_TEST

START_TEST(test_too_fast) {
    connections_t all = {.per_second = 2000, .burst = 20000};
    for (unsigned i = 0; i < 20000; i++)
        ck_assert(connections_subscribe(&all, 7, 100, s_nobody, 5000));
    ck_assert(connections_subscribe(&all, 8, 101, s_nobody, 5000)); /* another one's bucket */
    ck_assert(connections_subscribe(&all, 7, 100, s_nobody, 5001)); /* a millisecond gives two back */
    ck_assert(connections_subscribe(&all, 7, 100, s_nobody, 5001));
    ck_assert(!connections_subscribe(&all, 7, 100, s_nobody, 5001));
    ck_assert(connections_subscribe(&all, 7, 102, s_nobody, 5001)); /* another connection */
    for (unsigned i = 0; i < 20000; i++)
        ck_assert(connections_subscribe(&all, 8, 101, s_nobody, 1000000));
    ck_assert(!connections_subscribe(&all, 8, 101, s_nobody, 1000000));
    connections_finish(&all);
}
END_TEST

START_TEST(test_no_limit) {
    connections_t all = {.burst = 1};
    for (unsigned i = 0; i < 1000; i++)
        ck_assert(connections_subscribe(&all, 7, 100, s_nobody, 0));
    connections_finish(&all);
}
END_TEST

/* The rest of a connection's messages counts for the next one with its descriptor only until that one speaks. */
START_TEST(test_the_rest_of_another_connection) {
    connections_t all = {.per_second = 1, .burst = 2};
    const int first = 0, second = 0;
    connections_open(&all, BACK, 7, 100, 1000);
    ck_assert(!connections_prove(&all, 7, 100, &first));
    ck_assert(connections_subscribe(&all, 7, 100, s_nobody, 5000));
    ck_assert(!connections_prove(&all, 7, 100, &first));
    ck_assert(connections_subscribe(&all, 7, 100, s_nobody, 5000));
    ck_assert(connections_prove(&all, 7, 100, &second));
    ck_assert_uint_eq(connections_at(&all, 7)->accepted_ms, 1000);
    ck_assert(connections_subscribe(&all, 7, 100, s_nobody, 5000));
    ck_assert(connections_subscribe(&all, 7, 100, s_nobody, 5000));
    ck_assert(!connections_subscribe(&all, 7, 100, s_nobody, 5000));
    connections_finish(&all);
}
END_TEST

START_TEST(test_senders) {
    connections_t all = {0};
    const int before = 0, its = 0;
    ck_assert_int_eq(connections_sender(&all, BACK, 7, 100, &its), CONNECTIONS_DOUBTFUL);
    connections_open(&all, BACK, 7, 100, 1000);
    ck_assert_int_eq(connections_sender(&all, BACK, 7, 100, &its), CONNECTIONS_ITS);
    ck_assert_int_eq(connections_sender(&all, FRONT, 7, 100, &its), CONNECTIONS_ANOTHERS);
    ck_assert_int_eq(connections_sender(&all, BACK, 7, 101, &its), CONNECTIONS_DOUBTFUL);
    connections_close(&all, 7, 2000);
    connections_open(&all, BACK, 7, 101, 2000 + CONNECTIONS_FRESH_MS - 1);
    ck_assert_int_eq(connections_sender(&all, BACK, 7, 101, &before), CONNECTIONS_DOUBTFUL);
    connections_prove(&all, 7, 101, &before);
    ck_assert_int_eq(connections_sender(&all, BACK, 7, 101, &before), CONNECTIONS_DOUBTFUL);
    connections_prove(&all, 7, 101, &its);
    ck_assert_int_eq(connections_sender(&all, BACK, 7, 101, &before), CONNECTIONS_ANOTHERS);
    ck_assert_int_eq(connections_sender(&all, BACK, 7, 101, &its), CONNECTIONS_ITS);
    ck_assert_int_eq(connections_sender(&all, BACK, 7, 110, &its), CONNECTIONS_ANOTHERS); /* gone, and nobody heard */
    connections_close(&all, 7, 5000);
    connections_open(&all, BACK, 7, 103, 5001);
    ck_assert_int_eq(connections_sender(&all, BACK, 7, 103, &its), CONNECTIONS_ANOTHERS); /* by now */
    ck_assert_int_eq(connections_sender(&all, BACK, 7, 103, &before), CONNECTIONS_DOUBTFUL);
    ck_assert(connections_end(&all, 7, 103, &before));
    ck_assert(!connections_end(&all, 7, 103, &before));
    connections_close(&all, 7, 5000);
    connections_open(&all, BACK, 7, 102, 5000 + CONNECTIONS_FRESH_MS);
    ck_assert_int_eq(connections_sender(&all, BACK, 7, 102, &before), CONNECTIONS_ITS);
    connections_finish(&all);
}
END_TEST

START_TEST(test_dropped) {
    connections_t all = {0};
    connections_hear(&all, 3, 100, zr_span("alice"));
    ck_assert_uint_eq(connections_dropped(&all, 3), 0);
    ck_assert_uint_eq(connections_dropped(&all, 100000), 0);
    connections_drop(&all, 3, 100);
    connections_drop(&all, 200, 5); /* one that was never heard of */
    ck_assert_uint_eq(connections_dropped(&all, 3), 100);
    ck_assert_uint_eq(connections_dropped(&all, 200), 5);
    connections_subscribe(&all, 3, 101, s_nobody, 0); /* another one by now */
    ck_assert_uint_eq(connections_dropped(&all, 3), 0);
    connections_finish(&all);
}
END_TEST

START_TEST(test_the_longest_name) {
    connections_t all = {0};
    connection_t found;
    char name[ZR_NICK_MAX + 1];
    memset(name, 'n', sizeof name);
    connections_hear(&all, 9, 1, zr_span_of(name, ZR_NICK_MAX));
    ck_assert_int_eq(connections_next_user(&all, 0, &found), 9);
    ck_assert_uint_eq(found.user_len, ZR_NICK_MAX);
    connections_hear(&all, 9, 1, zr_span_of(name, ZR_NICK_MAX + 1));
    ck_assert_int_eq(connections_next_user(&all, 0, &found), 9);
    ck_assert_uint_eq(found.user_len, ZR_NICK_MAX);
    connections_finish(&all);
}
END_TEST

/* The rest of what a reader sent comes by a descriptor that the front has by now. */
START_TEST(test_a_front_stays_a_front) {
    connections_t connections = {.per_second = 10, .burst = 100};
    connections_open(&connections, CONNECTIONS_FRONT, 7, 70, 1000);
    ck_assert(connections_is_of(&connections, 7, 70, CONNECTIONS_FRONT));
    ck_assert(!connections_is_of(&connections, 7, 70, CONNECTIONS_BACK));
    ck_assert(connections_is_of(&connections, 7, 71, CONNECTIONS_BACK)); /* of another one nothing is known */
    connections_subscribe(&connections, 7, 70, zr_span(NULL), 1000);
    ck_assert_int_eq(connections_at(&connections, 7)->side, CONNECTIONS_FRONT);
    connections_subscribe(&connections, 8, 80, zr_span(NULL), 1000); /* nobody heard of it yet */
    ck_assert_int_eq(connections_at(&connections, 8)->side, CONNECTIONS_BACK);
    connections_finish(&connections);
}
END_TEST

START_TEST(test_a_reader_that_may_have_spoken_is_not_silent) {
    connections_t connections = {.per_second = 10, .burst = 100};
    connection_t one;
    connections_open(&connections, CONNECTIONS_BACK, 7, 70, 1000);
    connections_may_be_heard(&connections, 7, 71);
    connections_may_be_heard(&connections, 1000, 71);
    ck_assert_int_eq(connections_next_silent(&connections, CONNECTIONS_BACK, 2000, 0, &one), 7);
    connections_may_be_heard(&connections, 7, 70);
    ck_assert_int_eq(connections_next_silent(&connections, CONNECTIONS_BACK, 2000, 0, &one), -1);
    connections_finish(&connections);
}
END_TEST

UNIT_MAIN("broker.connections", test_connections_of_users, test_another_connection_begins_anew, test_silent_connections,
    test_too_fast, test_no_limit, test_the_rest_of_another_connection, test_senders, test_dropped,
    test_the_longest_name, test_a_front_stays_a_front, test_a_reader_that_may_have_spoken_is_not_silent)
