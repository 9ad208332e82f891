#include "addresses.h"

#include <stdio.h>

#include "bucket.h"
#include "origins.h"
#include "unit.h"

enum { FRONT, BACK };

static zr_address_t s_address(const char *text) {
    zr_address_t address;
    ck_assert_int_eq(zr_address_read(zr_span(text), &address), ZR_ADDRESS_COUNTED);
    return address;
}

/* A connection from 10.0.0.1, or from another address; its inode is the descriptor's number plus 1. */
static bool s_open_from(addresses_t *all, const char *from, int fd, uint64_t now) {
    zr_address_t address = s_address(from);
    return addresses_opened(all, FRONT, fd, (uint64_t)fd + 1, &address, now);
}

static bool s_open(addresses_t *all, int fd, uint64_t now) {
    return s_open_from(all, "10.0.0.1", fd, now);
}

TEST(test_connections_at_a_time) {
    addresses_t *all = addresses_new(2, 0);
    ck_assert(s_open(all, 5, 0));
    ck_assert(s_open(all, 6, 0));
    ck_assert(!s_open(all, 7, 0));
    ck_assert(s_open_from(all, "10.0.0.2", 8, 0));
    addresses_closed(all, FRONT, 7); /* the one that was turned away */
    ck_assert(!s_open(all, 7, 0));
    addresses_closed(all, FRONT, 7);
    addresses_closed(all, FRONT, 5);
    ck_assert(s_open(all, 9, 0));
    addresses_closed(all, FRONT, 5); /* twice is once */
    addresses_closed(all, FRONT, 100000);
    ck_assert(!s_open(all, 10, 0));
    addresses_set_limits(all, 4, 0);
    ck_assert(s_open(all, 11, 0));
    ck_assert(!s_open(all, 12, 0));
    addresses_destroy(all);
}

TEST(test_connections_a_second) {
    addresses_t *all = addresses_new(1000, 50);
    int fd = 10;
    for (int i = 0; i < 50 * BUCKET_SECONDS; i++)
        ck_assert_msg(s_open(all, fd++, 1000), "%d", i);
    ck_assert(!s_open(all, fd, 1000));
    ck_assert(!s_open(all, fd, 1019)); /* one in 20 ms */
    ck_assert(s_open(all, fd++, 1020));
    ck_assert(!s_open(all, fd, 1020));
    ck_assert(s_open_from(all, "10.0.0.2", 5, 1020));
    ck_assert(!s_open(all, fd, 500)); /* a clock that goes back gives nothing */
    for (int i = 0; i < 50 * BUCKET_SECONDS; i++)
        ck_assert_msg(s_open(all, fd++, 1000000), "%d", i);
    ck_assert(!s_open(all, fd, 1000000));
    addresses_destroy(all);
}

static bool s_alive(void *ctx, int fd, uint64_t inode) {
    ck_assert_uint_eq(inode, (uint64_t)fd + 1);
    return fd != *(int *)ctx;
}

static bool s_is_shed(const addresses_t *all, const char *address) {
    zr_address_t shed[ADDRESSES_SHED_MAX], one = s_address(address);
    size_t count = addresses_shed(all, shed);
    for (size_t i = 0; i < count; i++)
        if (memcmp(&shed[i], &one, sizeof one) == 0)
            return true;
    return false;
}

/* From the first that is refused until a second's worth may be made again. */
TEST(test_who_makes_too_many_is_shed) {
    addresses_t *all = addresses_new(1000, 50);
    int fd = 10;
    for (int i = 0; i < 50 * BUCKET_SECONDS; i++)
        ck_assert(s_open(all, fd++, 0));
    ck_assert(!addresses_shed_changed(all, 0));
    ck_assert(!s_open(all, fd, 0));
    ck_assert(addresses_shed_changed(all, 0));
    ck_assert(!addresses_shed_changed(all, 0));
    ck_assert(!s_open(all, fd, 10)); /* one that was on its way */
    ck_assert(!addresses_shed_changed(all, 1000 * ADDRESSES_SHED_S - 1));
    ck_assert(s_is_shed(all, "10.0.0.1"));
    ck_assert(addresses_shed_changed(all, 1000 * ADDRESSES_SHED_S));
    ck_assert(!s_is_shed(all, "10.0.0.1"));
    ck_assert(!addresses_shed_changed(all, 1000 * ADDRESSES_SHED_S));
    for (int i = 0; i < 50 * ADDRESSES_SHED_S; i++)
        ck_assert(s_open(all, fd++, 1000 * ADDRESSES_SHED_S));
    ck_assert(!s_open(all, fd, 1000 * ADDRESSES_SHED_S));
    addresses_charge(all, 10, 11, 1000 * ADDRESSES_SHED_S); /* a flood makes it longer */
    ck_assert(addresses_shed_changed(all, 1000 * ADDRESSES_SHED_S));
    ck_assert(!addresses_shed_changed(all, 1000 * (2 * ADDRESSES_SHED_S + BUCKET_SECONDS) - 1));
    ck_assert(addresses_shed_changed(all, 1000 * (2 * ADDRESSES_SHED_S + BUCKET_SECONDS)));
    addresses_destroy(all);
}

/* Addresses beyond the limit are only refused. None is forgotten while it is shed. An address that only has too many
 * connections at a time is not shed. */
TEST(test_so_many_are_shed) {
    addresses_t *all = addresses_new(2, 1);
    char text[64];
    int none = -1;
    for (int i = 0; i < ADDRESSES_SHED_MAX + 2; i++) {
        snprintf(text, sizeof text, "10.0.0.%d", i);
        for (int j = 0; j < BUCKET_SECONDS; j++) {
            ck_assert(s_open_from(all, text, 10, 0));
            addresses_closed(all, FRONT, 10);
        }
        ck_assert(!s_open_from(all, text, 10, 0));
        ck_assert_int_eq(s_is_shed(all, text), i < ADDRESSES_SHED_MAX);
    }
    ck_assert(addresses_shed_changed(all, 0));
    addresses_sweep(all, s_alive, &none, 1000000);
    ck_assert(s_is_shed(all, "10.0.0.1"));
    ck_assert(addresses_shed_changed(all, 1000000));
    ck_assert(!s_is_shed(all, "10.0.0.1"));
    addresses_sweep(all, s_alive, &none, 1000000);
    ck_assert_uint_eq(addresses_count(all), 0);
    for (int fd = 0; fd < 3; fd++)
        ck_assert_int_eq(s_open(all, fd, 2000000), fd < 2);
    ck_assert(!addresses_shed_changed(all, 2000000));
    addresses_destroy(all);
}

TEST(test_the_least_rate_sheds) {
    addresses_t *all = addresses_new(1000, 1);
    for (int fd = 0; fd < BUCKET_SECONDS; fd++)
        ck_assert(s_open(all, fd, 0));
    ck_assert(!s_open(all, 10, 0));
    ck_assert(addresses_shed_changed(all, 999));
    ck_assert(addresses_shed_changed(all, 1000));
    ck_assert(s_open(all, 10, 1000));
    addresses_destroy(all);
}

/* An address whose connection is ended for flooding owes a bucket more of new ones, up to a
 * limit. */
TEST(test_a_flood_has_its_price) {
    addresses_t *all = addresses_new(1000, 50);
    int fd = 10;
    ck_assert(s_open(all, fd++, 0));
    ck_assert(s_open_from(all, "10.0.0.2", 5, 0));
    addresses_charge(all, 10, 11, 0);
    const uint64_t paid = 40; /* for the one before and one more */
    ck_assert(!s_open(all, fd, paid - 1));
    ck_assert(s_open(all, fd++, paid));
    for (int i = 0; i < 100; i++)
        addresses_charge(all, 10, 11, paid);
    ck_assert(!s_open(all, fd, paid + ORIGINS_DEBT_S * 1000 + 19));
    ck_assert(s_open(all, fd, paid + ORIGINS_DEBT_S * 1000 + 20));
    ck_assert(s_open_from(all, "10.0.0.2", 6, paid)); /* others' do not pay */
    addresses_destroy(all);
}

/* A connection that is not known, or that is another one by now, is not charged. */
TEST(test_only_that_connection_is_charged) {
    addresses_t *all = addresses_new(1000, 1);
    ck_assert(s_open(all, 10, 0));
    for (int i = 0; i < 100; i++) {
        addresses_charge(all, 10, 12, 0);
        addresses_charge(all, 0, 0, 0);
        addresses_charge(all, 11, 0, 0);
        addresses_charge(all, -1, 0, 0);
        addresses_charge(all, 1000000, 0, 0);
    }
    for (int fd = 20; fd < 20 + BUCKET_SECONDS - 1; fd++)
        ck_assert(s_open(all, fd, 0));
    ck_assert(!s_open(all, 30, 0));
    addresses_destroy(all);
}

TEST(test_no_rate) {
    addresses_t *all = addresses_new(1000, 0);
    for (int fd = 0; fd < 1000; fd++)
        ck_assert(s_open(all, fd, 0));
    ck_assert(!s_open(all, 1000, 0));
    addresses_destroy(all);
}

/* A connection that came too fast is closed at once, and counts for nothing else. */
TEST(test_too_fast_is_not_too_many) {
    addresses_t *all = addresses_new(BUCKET_SECONDS + 1, 1);
    int fd = 0;
    for (int i = 0; i < BUCKET_SECONDS; i++)
        ck_assert(s_open(all, fd++, 0));
    for (int i = 0; i < 10; i++)
        ck_assert(!s_open(all, fd++, 0));
    ck_assert(s_open(all, fd++, 1000));
    ck_assert(!s_open(all, fd++, 2000)); /* and now they are too many */
    addresses_destroy(all);
}

/* The descriptor is used again before it was told that its connection is gone. */
TEST(test_events_in_another_order) {
    addresses_t *all = addresses_new(1, 0);
    zr_address_t one = s_address("10.0.0.1"), other = s_address("10.0.0.2");
    ck_assert(addresses_opened(all, FRONT, 5, 1, &one, 0));
    ck_assert(addresses_opened(all, BACK, 5, 2, &other, 0));
    addresses_closed(all, FRONT, 5); /* of the first */
    ck_assert(!addresses_opened(all, BACK, 6, 3, &other, 0));
    addresses_closed(all, BACK, 6);
    ck_assert(addresses_opened(all, FRONT, 7, 4, &one, 0));
    /* Seen under an old event of the other side, then under its own. */
    ck_assert(addresses_opened(all, BACK, 7, 4, &one, 0));
    addresses_closed(all, BACK, 7);
    ck_assert(!addresses_opened(all, FRONT, 8, 5, &one, 0));
    addresses_destroy(all);
}

TEST(test_sweep) {
    addresses_t *all = addresses_new(2, 1);
    int dead = -1;
    ck_assert(s_open(all, 5, 0));
    ck_assert(s_open(all, 6, 0));
    ck_assert(s_open_from(all, "10.0.0.2", 7, 0));
    ck_assert_uint_eq(addresses_count(all), 2);
    addresses_sweep(all, s_alive, &dead, 1);
    ck_assert(!s_open(all, 8, 1));
    addresses_closed(all, FRONT, 8);
    dead = 6;
    addresses_sweep(all, s_alive, &dead, 2);
    ck_assert(s_open(all, 8, 2));
    addresses_closed(all, FRONT, 7);
    addresses_sweep(all, s_alive, &dead, 999); /* it still owes something for its connection */
    ck_assert_uint_eq(addresses_count(all), 2);
    addresses_sweep(all, s_alive, &dead, 1000);
    ck_assert_uint_eq(addresses_count(all), 1);
    addresses_sweep(all, s_alive, &dead, 1000000);
    ck_assert_uint_eq(addresses_count(all), 1); /* the one that has connections */
    addresses_destroy(all);
    addresses_destroy(NULL);
}

/* Of many 64 are kept, half of them for the back; of few, an eighth. */
TEST(test_descriptors) {
    ck_assert(addresses_has_room(FRONT, 935, 1000));
    ck_assert(!addresses_has_room(FRONT, 936, 1000));
    ck_assert(addresses_has_room(BACK, 967, 1000));
    ck_assert(!addresses_has_room(BACK, 968, 1000));
    ck_assert(addresses_has_room(FRONT, 69, 80));
    ck_assert(!addresses_has_room(FRONT, 70, 80));
    ck_assert(addresses_has_room(BACK, 74, 80));
    ck_assert(!addresses_has_room(BACK, 75, 80));
    ck_assert(addresses_has_room(FRONT, 1000000, 0));
}

UNIT_SUITE("broker.net.addresses")
