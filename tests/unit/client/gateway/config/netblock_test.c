#include "netblock.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "unit.h"

static bool s_has(const char *block, const char *address) {
    netblock_t b;
    address_t a;
    ck_assert_msg(netblock_parse(zr_span(block), &b), "%s", block);
    ck_assert_msg(address_parse(zr_span(address), &a), "%s", address);
    return netblock_has(&b, &a);
}

TEST(test_blocks) {
    ck_assert(s_has("192.0.2.1", "192.0.2.1"));
    ck_assert(s_has("192.0.2.1", "::ffff:192.0.2.1"));
    ck_assert(!s_has("192.0.2.1", "192.0.2.2"));
    ck_assert(s_has("10.0.0.0/8", "10.255.0.1"));
    ck_assert(!s_has("10.0.0.0/8", "11.0.0.1"));
    ck_assert(s_has("10.32.0.0/11", "10.63.255.255"));
    ck_assert(!s_has("10.32.0.0/11", "10.64.0.0"));
    ck_assert(s_has("0.0.0.0/0", "203.0.113.7"));
    ck_assert(!s_has("0.0.0.0/0", "2001:db8::1"));
    ck_assert(s_has("2001:db8::/32", "2001:db8:ffff::1"));
    ck_assert(!s_has("2001:db8::/32", "2001:db9::1"));
    ck_assert(s_has("::/0", "192.0.2.1"));
}

TEST(test_what_is_no_block) {
    static const char *const texts[] = {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x",
        "10.0.0.1/8", "10.0.0.0/0008", "10.0.0", "2001:db8::/129", "2001:db8::1/64", "[::1]", "localhost",
        "10.0.0.0/8/8", "::1%lo"};
    netblock_t block;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        ck_assert_msg(!netblock_parse(unit_at_edge(zr_span(texts[i])), &block), "%s", texts[i]);
    ck_assert(!netblock_parse(LIT("10.0.0.1\0"), &block));
}

TEST(test_texts_are_the_usual_ones) {
    static const char *const pairs[][2] = {
        {"192.0.2.1", "192.0.2.1"}, {"::ffff:192.0.2.1", "192.0.2.1"}, {"2001:DB8:0:0::1", "2001:db8::1"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        address_t address;
        char text[ADDRESS_TEXT];
        ck_assert(address_parse(zr_span(pairs[i][0]), &address));
        address_format(&address, text);
        ck_assert_str_eq(text, pairs[i][1]);
    }
}

TEST(test_loopback) {
    static const char *const yes[] = {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"}, *const no[] = {
                                                                                                  "128.0.0.1", "::2",
                                                                                                  "::"};
    address_t address;
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        ck_assert(address_parse(zr_span(yes[i]), &address) && address_is_loopback(&address));
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        ck_assert(address_parse(zr_span(no[i]), &address) && !address_is_loopback(&address));
}

TEST(test_sockets) {
    struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000201)};
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr local = {.sa_family = AF_UNIX};
    address_t address;
    char text[ADDRESS_TEXT];
    ck_assert(address_from_socket((struct sockaddr *)&ipv4, &address));
    address_format(&address, text);
    ck_assert_str_eq(text, "192.0.2.1");
    ck_assert(address_from_socket((struct sockaddr *)&ipv6, &address) && address_is_loopback(&address));
    ck_assert(!address_from_socket(&local, &address));
}

TEST(test_an_ipv6_network_is_one_peer) {
    address_t a, b;
    ck_assert(address_parse(LIT("2001:db8::1"), &a) && address_parse(LIT("2001:db8::ffff:2"), &b));
    address_peer(&a, &a);
    address_peer(&b, &b);
    ck_assert_mem_eq(&a, &b, sizeof a);
    ck_assert(address_parse(LIT("192.0.2.1"), &a) && address_parse(LIT("192.0.2.2"), &b));
    address_peer(&a, &a);
    address_peer(&b, &b);
    ck_assert_mem_ne(&a, &b, sizeof a);
}

UNIT_SUITE("client.gateway.netblock")
