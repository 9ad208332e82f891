#include "address_counts.h"

#include "unit.h"

static address_t s_address(const char *text) {
    address_t address;
    ck_assert(address_parse(zr_span(text), &address));
    return address;
}

TEST(test_a_peer_has_so_many) {
    address_counts_t *counts = address_counts_new();
    address_t a = s_address("192.0.2.1"), b = s_address("192.0.2.2");
    ck_assert(address_counts_add(counts, &a, 2));
    ck_assert(address_counts_add(counts, &a, 2));
    ck_assert(!address_counts_add(counts, &a, 2));
    ck_assert(address_counts_add(counts, &b, 2));
    address_counts_remove(counts, &a);
    ck_assert(address_counts_add(counts, &a, 2));
    address_counts_destroy(counts);
}

TEST(test_a_network_of_ipv6_is_one) {
    address_counts_t *counts = address_counts_new();
    address_t a = s_address("2001:db8::1"), b = s_address("2001:db8::2"), c = s_address("2001:db8:0:1::1");
    ck_assert(address_counts_add(counts, &a, 1));
    ck_assert(!address_counts_add(counts, &b, 1));
    ck_assert(address_counts_add(counts, &c, 1));
    address_counts_remove(counts, &b);
    ck_assert(address_counts_add(counts, &b, 1));
    address_counts_destroy(counts);
}

TEST_ABORTS(test_none_is_removed_that_was_not_counted) {
    address_counts_t *counts = address_counts_new();
    address_t a = s_address("192.0.2.1");
    address_counts_remove(counts, &a);
}

UNIT_SUITE("client.gateway.address_counts")
