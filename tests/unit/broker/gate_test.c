#include "gate.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

#include "unit.h"

enum { FRONT, BACK };

static bool s_try_address(const char *text, gate_address_t *address) {
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    memset(address, 0xee, sizeof *address);
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        return gate_address((struct sockaddr *)&in, sizeof in, address);
    ck_assert_int_eq(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
    return gate_address((struct sockaddr *)&in6, sizeof in6, address);
}

static gate_address_t s_address(const char *text) {
    gate_address_t address;
    ck_assert(s_try_address(text, &address));
    return address;
}

static bool s_same(const char *one, const char *other) {
    gate_address_t a = s_address(one), b = s_address(other);
    return memcmp(&a, &b, sizeof a) == 0;
}

/* A connection from 10.0.0.1, or from another address; its inode is the descriptor's number plus 1. */
static bool s_open_from(gate_t *gate, const char *from, int fd, uint64_t now) {
    gate_address_t address = s_address(from);
    return gate_opened(gate, FRONT, fd, (uint64_t)fd + 1, &address, now);
}

static bool s_open(gate_t *gate, int fd, uint64_t now) {
    return s_open_from(gate, "10.0.0.1", fd, now);
}

START_TEST(test_addresses) {
    gate_address_t address;
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000001)};
    const char *own[] = {"127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"};
    for (size_t i = 0; i < 4; i++)
        ck_assert_msg(!s_try_address(own[i], &address), "%s", own[i]);
    ck_assert(!gate_address((struct sockaddr *)&local, sizeof local, &address));
    ck_assert(gate_address((struct sockaddr *)&in, sizeof in, &address));
    ck_assert(!gate_address((struct sockaddr *)&in, sizeof in - 1, &address));
    ck_assert(gate_is_ipv4(&address));
    address = s_address("2001:db8::1");
    ck_assert(!gate_is_ipv4(&address));
    ck_assert(s_same("10.0.0.1", "::ffff:10.0.0.1"));
    ck_assert(!s_same("10.0.0.1", "10.0.0.2"));
    ck_assert(!s_same("128.0.0.1", "126.0.0.1"));
    ck_assert(s_same("2001:db8:0:1::1", "2001:db8:0:1:ffff::2"));
    ck_assert(!s_same("2001:db8:0:1::1", "2001:db8:0:2::1"));
}
END_TEST

START_TEST(test_connections_at_a_time) {
    gate_t *gate = gate_new(2, 0);
    ck_assert(s_open(gate, 5, 0));
    ck_assert(s_open(gate, 6, 0));
    ck_assert(!s_open(gate, 7, 0));
    ck_assert(s_open_from(gate, "10.0.0.2", 8, 0));
    gate_closed(gate, FRONT, 7); /* the one that was turned away */
    ck_assert(!s_open(gate, 7, 0));
    gate_closed(gate, FRONT, 7);
    gate_closed(gate, FRONT, 5);
    ck_assert(s_open(gate, 9, 0));
    gate_closed(gate, FRONT, 5); /* twice is once */
    gate_closed(gate, FRONT, 100000);
    ck_assert(!s_open(gate, 10, 0));
    gate_destroy(gate);
}
END_TEST

START_TEST(test_connections_a_second) {
    gate_t *gate = gate_new(1000, 50);
    int fd = 10;
    for (int i = 0; i < 50 * GATE_BURST_S; i++)
        ck_assert_msg(s_open(gate, fd++, 1000), "%d", i);
    ck_assert(!s_open(gate, fd, 1000));
    ck_assert(!s_open(gate, fd, 1019)); /* one in 20 ms */
    ck_assert(s_open(gate, fd++, 1020));
    ck_assert(!s_open(gate, fd, 1020));
    ck_assert(s_open_from(gate, "10.0.0.2", 5, 1020));
    ck_assert(!s_open(gate, fd, 500)); /* a clock that goes back gives nothing */
    for (int i = 0; i < 50 * GATE_BURST_S; i++)
        ck_assert_msg(s_open(gate, fd++, 1000000), "%d", i);
    ck_assert(!s_open(gate, fd, 1000000));
    gate_destroy(gate);
}
END_TEST

static bool s_alive(void *ctx, int fd, uint64_t inode) {
    ck_assert_uint_eq(inode, (uint64_t)fd + 1);
    return fd != *(int *)ctx;
}

static bool s_is_shed(const gate_t *gate, const char *address) {
    gate_address_t all[GATE_SHED_MAX], one = s_address(address);
    size_t count = gate_shed(gate, all);
    for (size_t i = 0; i < count; i++)
        if (memcmp(&all[i], &one, sizeof one) == 0)
            return true;
    return false;
}

/* From the first that is refused until a second's worth may be made again. */
START_TEST(test_who_makes_too_many_is_shed) {
    gate_t *gate = gate_new(1000, 50);
    int fd = 10;
    for (int i = 0; i < 50 * GATE_BURST_S; i++)
        ck_assert(s_open(gate, fd++, 0));
    ck_assert(!gate_shed_changed(gate, 0));
    ck_assert(!s_open(gate, fd, 0));
    ck_assert(gate_shed_changed(gate, 0));
    ck_assert(!gate_shed_changed(gate, 0));
    ck_assert(!s_open(gate, fd, 10)); /* one that was on its way */
    ck_assert(!gate_shed_changed(gate, 1000 * GATE_SHED_S - 1));
    ck_assert(s_is_shed(gate, "10.0.0.1"));
    ck_assert(gate_shed_changed(gate, 1000 * GATE_SHED_S));
    ck_assert(!s_is_shed(gate, "10.0.0.1"));
    ck_assert(!gate_shed_changed(gate, 1000 * GATE_SHED_S));
    for (int i = 0; i < 50 * GATE_SHED_S; i++)
        ck_assert(s_open(gate, fd++, 1000 * GATE_SHED_S));
    ck_assert(!s_open(gate, fd, 1000 * GATE_SHED_S));
    gate_charge(gate, 10, 11, 1000 * GATE_SHED_S); /* a flood makes it longer */
    ck_assert(gate_shed_changed(gate, 1000 * GATE_SHED_S));
    ck_assert(!gate_shed_changed(gate, 1000 * (2 * GATE_SHED_S + GATE_FLOOD_S) - 1));
    ck_assert(gate_shed_changed(gate, 1000 * (2 * GATE_SHED_S + GATE_FLOOD_S)));
    gate_destroy(gate);
}
END_TEST

/* Those beyond are refused only. None is forgotten while it is shed; who has too many at a time only is not. */
START_TEST(test_so_many_are_shed) {
    gate_t *gate = gate_new(2, 1);
    char text[64];
    int none = -1;
    for (int i = 0; i < GATE_SHED_MAX + 2; i++) {
        snprintf(text, sizeof text, "10.0.0.%d", i);
        for (int j = 0; j < GATE_BURST_S; j++) {
            ck_assert(s_open_from(gate, text, 10, 0));
            gate_closed(gate, FRONT, 10);
        }
        ck_assert(!s_open_from(gate, text, 10, 0));
        ck_assert_int_eq(s_is_shed(gate, text), i < GATE_SHED_MAX);
    }
    ck_assert(gate_shed_changed(gate, 0));
    gate_sweep(gate, s_alive, &none, 1000000);
    ck_assert(s_is_shed(gate, "10.0.0.1"));
    ck_assert(gate_shed_changed(gate, 1000000));
    ck_assert(!s_is_shed(gate, "10.0.0.1"));
    gate_sweep(gate, s_alive, &none, 1000000);
    ck_assert_uint_eq(gate_addresses(gate), 0);
    for (int fd = 0; fd < 3; fd++)
        ck_assert_int_eq(s_open(gate, fd, 2000000), fd < 2);
    ck_assert(!gate_shed_changed(gate, 2000000));
    gate_destroy(gate);
}
END_TEST

START_TEST(test_the_least_rate_sheds) {
    gate_t *gate = gate_new(1000, 1);
    for (int fd = 0; fd < GATE_BURST_S; fd++)
        ck_assert(s_open(gate, fd, 0));
    ck_assert(!s_open(gate, 10, 0));
    ck_assert(gate_shed_changed(gate, 999));
    ck_assert(gate_shed_changed(gate, 1000));
    ck_assert(s_open(gate, 10, 1000));
    gate_destroy(gate);
}
END_TEST

/* Whose connection is ended for flooding pays a second's worth of new ones, until enough is owed. */
START_TEST(test_a_flood_has_its_price) {
    gate_t *gate = gate_new(1000, 50);
    int fd = 10;
    ck_assert(s_open(gate, fd++, 0));
    ck_assert(s_open_from(gate, "10.0.0.2", 5, 0));
    gate_charge(gate, 10, 11, 0);
    const uint64_t paid = 1000 * (GATE_FLOOD_S - GATE_BURST_S) + 40; /* for it, the one before and one more */
    ck_assert(!s_open(gate, fd, paid - 1));
    ck_assert(s_open(gate, fd++, paid));
    for (int i = 0; i < 100; i++)
        gate_charge(gate, 10, 11, paid);
    ck_assert(!s_open(gate, fd, paid + GATE_DEBT_S * 1000 + 19));
    ck_assert(s_open(gate, fd, paid + GATE_DEBT_S * 1000 + 20));
    ck_assert(s_open_from(gate, "10.0.0.2", 6, paid)); /* others' do not pay */
    gate_destroy(gate);
}
END_TEST

/* What is not known, or is another one by now, is not charged. */
START_TEST(test_only_that_connection_is_charged) {
    gate_t *gate = gate_new(1000, 1);
    ck_assert(s_open(gate, 10, 0));
    for (int i = 0; i < 100; i++) {
        gate_charge(gate, 10, 12, 0);
        gate_charge(gate, 0, 0, 0);
        gate_charge(gate, 11, 0, 0);
        gate_charge(gate, -1, 0, 0);
        gate_charge(gate, 1000000, 0, 0);
    }
    for (int fd = 20; fd < 20 + GATE_BURST_S - 1; fd++)
        ck_assert(s_open(gate, fd, 0));
    ck_assert(!s_open(gate, 30, 0));
    gate_destroy(gate);
}
END_TEST

START_TEST(test_no_rate) {
    gate_t *gate = gate_new(1000, 0);
    for (int fd = 0; fd < 1000; fd++)
        ck_assert(s_open(gate, fd, 0));
    ck_assert(!s_open(gate, 1000, 0));
    gate_destroy(gate);
}
END_TEST

/* What came too fast is closed at once, and counts for nothing else. */
START_TEST(test_too_fast_is_not_too_many) {
    gate_t *gate = gate_new(GATE_BURST_S + 1, 1);
    int fd = 0;
    for (int i = 0; i < GATE_BURST_S; i++)
        ck_assert(s_open(gate, fd++, 0));
    for (int i = 0; i < 10; i++)
        ck_assert(!s_open(gate, fd++, 0));
    ck_assert(s_open(gate, fd++, 1000));
    ck_assert(!s_open(gate, fd++, 2000)); /* and now they are too many */
    gate_destroy(gate);
}
END_TEST

/* The descriptor is used again before it was told that its connection is gone. */
START_TEST(test_events_in_another_order) {
    gate_t *gate = gate_new(1, 0);
    gate_address_t one = s_address("10.0.0.1"), other = s_address("10.0.0.2");
    ck_assert(gate_opened(gate, FRONT, 5, 1, &one, 0));
    ck_assert(gate_opened(gate, BACK, 5, 2, &other, 0));
    gate_closed(gate, FRONT, 5); /* of the first */
    ck_assert(!gate_opened(gate, BACK, 6, 3, &other, 0));
    gate_closed(gate, BACK, 6);
    ck_assert(gate_opened(gate, FRONT, 7, 4, &one, 0));
    /* Seen under an old event of the other side, then under its own. */
    ck_assert(gate_opened(gate, BACK, 7, 4, &one, 0));
    gate_closed(gate, BACK, 7);
    ck_assert(!gate_opened(gate, FRONT, 8, 5, &one, 0));
    gate_destroy(gate);
}
END_TEST

START_TEST(test_sweep) {
    gate_t *gate = gate_new(2, 1);
    int dead = -1;
    ck_assert(s_open(gate, 5, 0));
    ck_assert(s_open(gate, 6, 0));
    ck_assert(s_open_from(gate, "10.0.0.2", 7, 0));
    ck_assert_uint_eq(gate_addresses(gate), 2);
    gate_sweep(gate, s_alive, &dead, 1);
    ck_assert(!s_open(gate, 8, 1));
    gate_closed(gate, FRONT, 8);
    dead = 6;
    gate_sweep(gate, s_alive, &dead, 2);
    ck_assert(s_open(gate, 8, 2));
    gate_closed(gate, FRONT, 7);
    gate_sweep(gate, s_alive, &dead, 999); /* it still owes something for its connection */
    ck_assert_uint_eq(gate_addresses(gate), 2);
    gate_sweep(gate, s_alive, &dead, 1000);
    ck_assert_uint_eq(gate_addresses(gate), 1);
    gate_sweep(gate, s_alive, &dead, 1000000);
    ck_assert_uint_eq(gate_addresses(gate), 1); /* of whom connections are there */
    gate_destroy(gate);
    gate_destroy(NULL);
}
END_TEST

/* Of many 64 are kept, half of them for the back; of few, an eighth. */
START_TEST(test_descriptors) {
    ck_assert(gate_has_room(FRONT, 935, 1000));
    ck_assert(!gate_has_room(FRONT, 936, 1000));
    ck_assert(gate_has_room(BACK, 967, 1000));
    ck_assert(!gate_has_room(BACK, 968, 1000));
    ck_assert(gate_has_room(FRONT, 69, 80));
    ck_assert(!gate_has_room(FRONT, 70, 80));
    ck_assert(gate_has_room(BACK, 74, 80));
    ck_assert(!gate_has_room(BACK, 75, 80));
    ck_assert(gate_has_room(FRONT, 1000000, 0));
}
END_TEST

UNIT_MAIN("broker.gate", test_addresses, test_connections_at_a_time, test_connections_a_second,
    test_who_makes_too_many_is_shed, test_so_many_are_shed, test_the_least_rate_sheds, test_a_flood_has_its_price,
    test_only_that_connection_is_charged, test_no_rate, test_too_fast_is_not_too_many, test_events_in_another_order,
    test_sweep, test_descriptors)
