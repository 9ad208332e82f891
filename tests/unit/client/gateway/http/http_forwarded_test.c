#include "http_forwarded.h"

#include "buffer.h"

#include "unit.h"

static netblock_t s_blocks[4];
static http_proxies_t s_proxies;

static void s_begin(void) {
    static const char *const texts[] = {"127.0.0.1", "10.0.0.0/8", "2001:db8:1::/48"};
    s_proxies = (http_proxies_t){s_blocks, sizeof texts / sizeof texts[0]};
    for (size_t i = 0; i < s_proxies.count; i++)
        ck_assert(netblock_parse(zr_span(texts[i]), &s_blocks[i]));
}

static address_t s_address(const char *text) {
    address_t address;
    ck_assert(address_parse(zr_span(text), &address));
    return address;
}

static void s_expect(const char *peer, const char *forwarded, const char *client) {
    address_t from = s_address(peer), wanted = s_address(client);
    address_t found = http_forwarded_for(&s_proxies, &from, unit_at_edge(zr_span(forwarded)));
    char text[ADDRESS_TEXT];
    address_format(&found, text);
    ck_assert_msg(memcmp(&found, &wanted, sizeof found) == 0, "%s, %s: %s", peer, forwarded, text);
}

TEST(test_trusted_proxies_are_believed) {
    s_expect("127.0.0.1", "203.0.113.7", "203.0.113.7");
    s_expect("10.1.2.3", " 203.0.113.7 ", "203.0.113.7");
    s_expect("2001:db8:1::9", "2001:db8:2::1", "2001:db8:2::1");
    s_expect("127.0.0.1", "203.0.113.7, 10.0.0.1", "203.0.113.7");
    s_expect("127.0.0.1", "203.0.113.7:4711", "203.0.113.7");
    s_expect("127.0.0.1", "[2001:db8:2::1]:4711", "2001:db8:2::1");
    s_expect("127.0.0.1", "[2001:db8:2::1]", "2001:db8:2::1");
    s_expect("127.0.0.1", "", "127.0.0.1");
}

TEST(test_what_clients_smuggle_counts_for_nothing) {
    s_expect("203.0.113.7", "127.0.0.1", "203.0.113.7");
    s_expect("203.0.113.7", "198.51.100.1", "203.0.113.7");
    s_expect("127.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"); /* the proxy appended the true one */
    s_expect("127.0.0.1", "127.0.0.1, 203.0.113.7", "203.0.113.7");
    s_expect("127.0.0.1", "nonsense, 203.0.113.7", "203.0.113.7");
    s_expect("127.0.0.1", "203.0.113.7, nonsense", "127.0.0.1");
    s_expect("127.0.0.1", "203.0.113.7, ,10.0.0.1", "10.0.0.1");
    s_expect("127.0.0.1", "unknown", "127.0.0.1");
    s_expect("127.0.0.1", ",", "127.0.0.1");
    s_expect("127.0.0.1", "[", "127.0.0.1");
}

TEST(test_the_search_is_bounded) {
    zr_buffer_t list = {0};
    for (int i = 0; i <= HTTP_FORWARDED_HOPS_MAX; i++)
        zr_buffer_printf(&list, "10.0.0.%d%s", i + 1, i < HTTP_FORWARDED_HOPS_MAX ? "," : "");
    address_t from = s_address("127.0.0.1"), wanted = s_address("10.0.0.2");
    address_t found = http_forwarded_for(&s_proxies, &from, zr_span_of(list.data, list.len));
    ck_assert_mem_eq(&found, &wanted, sizeof found);
    zr_buffer_finish(&list);
}

TEST(test_tls_before_the_proxy) {
    address_t trusted = s_address("127.0.0.1"), other = s_address("203.0.113.7");
    ck_assert(http_forwarded_secure(&s_proxies, &trusted, zr_span("https")));
    ck_assert(http_forwarded_secure(&s_proxies, &trusted, zr_span("http, HTTPS ")));
    ck_assert(!http_forwarded_secure(&s_proxies, &trusted, zr_span("https, http")));
    ck_assert(!http_forwarded_secure(&s_proxies, &trusted, zr_span("")));
    ck_assert(!http_forwarded_secure(&s_proxies, &other, zr_span("https")));
}

/* --- PROXY protocol --- */

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define IPV4 SIGNATURE "\x21\x11\0\x0c\xcb\0\x71\x07\x0a\0\0\1\x12\x67\x01\xbb"

static http_proxy_t s_proxy;

TEST(test_a_header_in_pieces) {
    zr_span_t whole = LIT(IPV4 "GET / HTTP/1.1\r\n");
    size_t size = sizeof(IPV4) - 1;
    for (size_t len = 0; len < size; len++)
        ck_assert_int_eq(http_proxy_read(&s_proxy, unit_at_edge(zr_span_of(whole.ptr, len))), HTTP_PROXY_MORE);
    for (size_t len = size; len <= whole.len; len++) {
        ck_assert_int_eq(http_proxy_read(&s_proxy, unit_at_edge(zr_span_of(whole.ptr, len))), HTTP_PROXY_DONE);
        ck_assert_uint_eq(s_proxy.size, size);
    }
    address_t wanted = s_address("203.0.113.7");
    ck_assert(s_proxy.has_source && !s_proxy.secure);
    ck_assert_mem_eq(&s_proxy.source, &wanted, sizeof wanted);
    ck_assert_uint_eq(s_proxy.port, 4711);
}

TEST(test_ipv6_over_tls) {
    static const char head[] = SIGNATURE "\x21\x21\0\x2e"
                                         "\x20\x01\x0d\xb8\0\2\0\0\0\0\0\0\0\0\0\1" /* source */
                                         "\x20\x01\x0d\xb8\0\1\0\0\0\0\0\0\0\0\0\1"
                                         "\x12\x67\x01\xbb"
                                         "\x04\0\1x" /* a vector that is not known */
                                         "\x20\0\3\x01\0\0";
    ck_assert_int_eq(http_proxy_read(&s_proxy, zr_span_of(head, sizeof head - 1)), HTTP_PROXY_DONE);
    address_t wanted = s_address("2001:db8:2::1");
    ck_assert(s_proxy.has_source && s_proxy.secure);
    ck_assert_mem_eq(&s_proxy.source, &wanted, sizeof wanted);
    ck_assert_uint_eq(s_proxy.port, 4711);
}

TEST(test_a_proxy_that_speaks_for_itself) {
    ck_assert_int_eq(http_proxy_read(&s_proxy, LIT(SIGNATURE "\x20\0\0\0")), HTTP_PROXY_DONE);
    ck_assert(!s_proxy.has_source);
    ck_assert_int_eq(http_proxy_read(&s_proxy, LIT(SIGNATURE "\x21\x31\0\2ab")), HTTP_PROXY_DONE); /* a local socket */
    ck_assert(!s_proxy.has_source);
}

TEST(test_headers_that_are_refused) {
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
#define BYTES(text) {text, sizeof(text) - 1}
        BYTES("GET /"), BYTES("\r\n\r\n\0\r\nQUIX"), BYTES(SIGNATURE "\x11\x11\0\0"), BYTES(SIGNATURE "\x22\x11\0\0"),
        BYTES(SIGNATURE "\x21\x11\0\x0b\xcb\0\x71\x07\x0a\0\0\1\x12\x67\x01"),                 /* too short for IPv4 */
        BYTES(SIGNATURE "\x21\x21\0\x0c\xcb\0\x71\x07\x0a\0\0\1\x12\x67\x01\xbb"),             /* and for IPv6 */
        BYTES(SIGNATURE "\x21\x11\0\x0e\xcb\0\x71\x07\x0a\0\0\1\x12\x67\x01\xbb\x20\0"),       /* half a vector */
        BYTES(SIGNATURE "\x21\x11\0\x10\xcb\0\x71\x07\x0a\0\0\1\x12\x67\x01\xbb\x20\0\2\x01"), /* a vector too long */
        BYTES(SIGNATURE "\x21\x11\x10\x01"),                                                   /* HTTP_PROXY_MAX + 1 */
#undef BYTES
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(
            http_proxy_read(&s_proxy, unit_at_edge(zr_span_of(bad[i].bytes, bad[i].len))) == HTTP_PROXY_BAD, "%zu", i);
    ck_assert_int_eq(http_proxy_read(&s_proxy, LIT(SIGNATURE "\x21\x11\x10\x00")), HTTP_PROXY_MORE); /* at the limit */
}

UNIT_SUITE_WITH("client.gateway.http.http_forwarded", s_begin, NULL)
