#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "unit.h"

static zr_address_kind_t s_read(const char *text, zr_address_t *address) {
    memset(address, 0xee, sizeof *address);
    return zr_address_read(unit_at_edge(zr_span(text)), address);
}

static zr_address_t s_address(const char *text) {
    zr_address_t address;
    ck_assert_msg(s_read(text, &address) == ZR_ADDRESS_COUNTED, "%s", text);
    return address;
}

static bool s_same(const char *one, const char *other) {
    zr_address_t a = s_address(one), b = s_address(other);
    return memcmp(&a, &b, sizeof a) == 0;
}

TEST(test_of_sockets) {
    zr_address_t address, other = s_address("10.0.0.1");
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000001)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    ck_assert_int_eq(zr_address_of((struct sockaddr *)&local, sizeof local, &address), ZR_ADDRESS_BAD);
    ck_assert_int_eq(zr_address_of((struct sockaddr *)&in, sizeof in, &address), ZR_ADDRESS_COUNTED);
    ck_assert_int_eq(memcmp(&address, &other, sizeof address), 0);
    ck_assert_int_eq(zr_address_of((struct sockaddr *)&in, sizeof in - 1, &address), ZR_ADDRESS_BAD);
    ck_assert_int_eq(inet_pton(AF_INET6, "::ffff:10.0.0.1", &in6.sin6_addr), 1);
    ck_assert_int_eq(zr_address_of((struct sockaddr *)&in6, sizeof in6, &address), ZR_ADDRESS_COUNTED);
    ck_assert_int_eq(memcmp(&address, &other, sizeof address), 0);
    ck_assert_int_eq(zr_address_of((struct sockaddr *)&in6, sizeof in6 - 1, &address), ZR_ADDRESS_BAD);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(zr_address_of((struct sockaddr *)&in, sizeof in, &address), ZR_ADDRESS_LOCAL);
}

TEST(test_counting) {
    zr_address_t address = s_address("10.0.0.1");
    ck_assert(zr_address_is_ipv4(&address));
    address = s_address("2001:db8::1");
    ck_assert(!zr_address_is_ipv4(&address));
    ck_assert(s_same("10.0.0.1", "::ffff:10.0.0.1"));
    ck_assert(!s_same("10.0.0.1", "10.0.0.2"));
    ck_assert(!s_same("128.0.0.1", "126.0.0.1"));
    ck_assert(s_same("2001:db8:0:1::1", "2001:db8:0:1:ffff::2"));
    ck_assert(!s_same("2001:db8:0:1::1", "2001:db8:0:2::1"));
}

TEST(test_loopback) {
    static const char *const own[] = {"127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1", "0:0:0:0:0:0:0:1"};
    zr_address_t address;
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        ck_assert_msg(s_read(own[i], &address) == ZR_ADDRESS_LOCAL, "%s", own[i]);
}

TEST(test_texts_that_are_no_address) {
    static const char *const texts[] = {"", " ", "localhost", "10.0.0", "10.0.0.1 ", " 10.0.0.1", "10.0.0.1:80",
        "[::1]", "fe80::1%eth0", "256.0.0.1", "1.2.3.4.5", "::g", "10.0.0.1/32",
        "0000:0000:0000:0000:0000:0000:0000:0000:0000", "0000:0000:0000:0000:0000:ffff:255.255.255.2555"};
    zr_address_t address;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        ck_assert_msg(s_read(texts[i], &address) == ZR_ADDRESS_BAD, "%s", texts[i]);
    ck_assert_int_eq(zr_address_read(LIT("10.0.0.1\0"), &address), ZR_ADDRESS_BAD);
    ck_assert_int_eq(zr_address_read(zr_span(NULL), &address), ZR_ADDRESS_BAD);
    ck_assert_uint_eq(strlen("0000:0000:0000:0000:0000:ffff:255.255.255.255"), ZR_ADDRESS_MAX);
    ck_assert(s_same("0000:0000:0000:0000:0000:ffff:255.255.255.255", "255.255.255.255"));
}

TEST(test_as_text) {
    static const char *const texts[][2] = {{"192.0.2.1", "192.0.2.1"}, {"::ffff:192.0.2.1", "192.0.2.1"},
        {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
        {"1111:2222:3333:4444:5555:6666:7777:8888", "1111:2222:3333:4444::/64"}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char text[ZR_ADDRESS_TEXT_SIZE];
        zr_address_t address = s_address(texts[i][0]);
        zr_address_format(&address, text);
        ck_assert_str_eq(text, texts[i][1]);
    }
}

UNIT_SUITE("common.net.address")
