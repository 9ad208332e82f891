#include "endpoints.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "unit.h"

static endpoint_t s_parse(const char *text) {
    endpoint_t endpoint;
    const char *wrong = endpoint_parse(&endpoint, text);
    ck_assert_msg(!wrong, "%s: %s", text, wrong);
    return endpoint;
}

TEST(test_parse_and_format) {
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"tcp://127.0.0.1:5570", "tcp://127.0.0.1:5570"},
        {"tcp://*:5570", "tcp://*:5570"},
        {"tcp://127.0.0.1:*", "tcp://127.0.0.1:*"},
        {"tcp://127.0.0.1:0", "tcp://127.0.0.1:*"},
        {"tcp://localhost:1", "tcp://127.0.0.1:1"},
        {"tcp://LocalHost:1", "tcp://127.0.0.1:1"},
        {"tcp://[::1]:65535", "tcp://[::1]:65535"},
        {"tcp://[::]:*", "tcp://[::]:*"},
        {"tcp://eth0:5570", "tcp://eth0:5570"},
        {"tcp://relay.example.org:80", "tcp://relay.example.org:80"},
        {"ipc:///run/zrelay/front", "ipc:///run/zrelay/front"},
        {"ipc://relative", "ipc://relative"},
        {"ipc:///caf\u00e9", "ipc:///caf\u00e9"},
        {"ipc://@abstract", "ipc://@abstract"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[ENDPOINT_TEXT_SIZE];
        endpoint_t endpoint = s_parse(cases[i].in);
        endpoint_format(&endpoint, text);
        ck_assert_str_eq(text, cases[i].out);
    }
}

TEST(test_refused) {
    static const char *cases[] = {"", "tcp", "tcp:/", "tcp://", "tcp://:5570", "tcp://127.0.0.1",
        "tcp://127.0.0.1:", "tcp://127.0.0.1:x", "tcp://127.0.0.1:65536", "tcp://127.0.0.1:99999999999999999999",
        "tcp://127.0.0.1:-1", "tcp://127.0.0.1:+1", "tcp://127.0.0.1: 1", "tcp://127.0.0.1:1 ", "tcp://::1:5570",
        "tcp://[::1:5570", "tcp://[::g]:1", "tcp://[]:1", "tcp://[127.0.0.1]:1", "tcp://127.0.0.256:1",
        "tcp://127.0.0:1", "tcp://a b:1", "tcp://a;tcp://b:1", "tcp://a/b:1", "TCP://127.0.0.1:1", "udp://127.0.0.1:1",
        "inproc://x", "ipc://", "ipc://*", "ipc://@", "ipc://a b", "ipc://a\nb", "ipc://s\xff", "ipc:///caf\xe9",
        "ipc://\xc3", "ipc://a\xc2\x9b", "ipc://a\x7f", "ipc://a\u202e", "ipc://a\u2028", "127.0.0.1:5570",
        "ws://127.0.0.1:1"};
    endpoint_t endpoint;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_assert_msg(endpoint_parse(&endpoint, cases[i]) != NULL, "%s was accepted", cases[i]);
}

TEST(test_lengths) {
    char text[600], back[ENDPOINT_TEXT_SIZE];
    for (size_t len = 1; len <= 300; len++) {
        endpoint_t endpoint, derived;
        memset(text, 0, sizeof text);
        strcpy(text, "ipc://");
        memset(text + 6, 'p', len);
        ck_assert_msg((endpoint_parse(&endpoint, text) == NULL) == (len <= 107), "a path of %zu", len);
        if (len <= 107)
            ck_assert_msg((endpoint_derive_back(&endpoint, &derived) == NULL) == (len <= 102), "back of %zu", len);
        strcpy(text, "tcp://");
        memset(text + 6, 'h', len);
        strcpy(text + 6 + len, ":65535");
        ck_assert_msg((endpoint_parse(&endpoint, text) == NULL) == (len <= 255), "a host of %zu", len);
        if (len <= 255) {
            endpoint_format(&endpoint, back);
            ck_assert_str_eq(back, text);
        }
    }
}

TEST(test_derive_back) {
    static const struct {
        const char *listen, *back;
    } cases[] = {
        {"tcp://127.0.0.1:5570", "tcp://127.0.0.1:5571"},
        {"tcp://*:5570", "tcp://*:5571"},
        {"tcp://127.0.0.1:*", "tcp://127.0.0.1:*"},
        {"tcp://[::1]:65534", "tcp://[::1]:65535"},
        {"ipc:///tmp/z", "ipc:///tmp/z-back"},
        {"ipc://@z", "ipc://@z-back"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[ENDPOINT_TEXT_SIZE];
        endpoint_t listen = s_parse(cases[i].listen), back;
        ck_assert_ptr_null(endpoint_derive_back(&listen, &back));
        endpoint_format(&back, text);
        ck_assert_str_eq(text, cases[i].back);
    }
    endpoint_t listen = s_parse("tcp://127.0.0.1:65535"), back;
    ck_assert_ptr_nonnull(endpoint_derive_back(&listen, &back));
}

TEST(test_local) {
    static const char *local[] = {"tcp://127.0.0.1:1", "tcp://127.255.0.9:1", "tcp://[::1]:1",
        "tcp://[::ffff:127.0.0.1]:1", "tcp://lo:1", "tcp://localhost:1", "ipc:///tmp/z", "ipc://@z"};
    static const char *open[] = {"tcp://*:1", "tcp://0.0.0.0:1", "tcp://[::]:1", "tcp://10.0.0.1:1",
        "tcp://[fe80::1]:1", "tcp://[::ffff:10.0.0.1]:1", "tcp://eth0:1", "tcp://128.0.0.1:1",
        "tcp://localhost.example.org:1", "tcp://lo0:1", "tcp://[::127.0.0.1]:1"};
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) {
        endpoint_t endpoint = s_parse(local[i]);
        ck_assert_msg(endpoint_is_local(&endpoint), "%s", local[i]);
        ck_assert_msg(!endpoint_is_wildcard(&endpoint), "%s", local[i]);
    }
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
        endpoint_t endpoint = s_parse(open[i]);
        ck_assert_msg(!endpoint_is_local(&endpoint), "%s", open[i]);
        ck_assert_msg(endpoint_is_wildcard(&endpoint) == (i < 3), "%s", open[i]);
    }
}

TEST(test_ipv6) {
    endpoint_t six = s_parse("tcp://[::1]:1"), four = s_parse("tcp://127.0.0.1:1"), any = s_parse("tcp://*:1"),
               path = s_parse("ipc://a:b");
    ck_assert(endpoint_is_ipv6(&six));
    ck_assert(!endpoint_is_ipv6(&four));
    ck_assert(endpoint_is_ipv6(&any)); /* both */
    ck_assert(!endpoint_is_ipv6(&path));
}

TEST(test_collisions) {
    static const char *const same[][2] = {{"tcp://127.0.0.1:5", "tcp://127.0.0.1:5"},
        {"tcp://localhost:5", "tcp://127.0.0.1:5"}, {"tcp://lo:5", "tcp://127.0.0.1:5"},
        {"tcp://[::ffff:127.0.0.1]:5", "tcp://127.0.0.1:5"}, {"tcp://*:5", "tcp://127.0.0.1:5"},
        {"tcp://*:5", "tcp://[::1]:5"}, {"tcp://*:5", "tcp://0.0.0.0:5"}, {"tcp://*:5", "tcp://[::]:5"},
        {"tcp://[::]:5", "tcp://10.0.0.1:5"}, {"tcp://0.0.0.0:5", "tcp://10.0.0.1:5"},
        {"tcp://0.0.0.0:5", "tcp://lo:5"}, {"tcp://[2001:db8::1]:5", "tcp://[2001:DB8:0::1]:5"},
        {"ipc:///tmp/z", "ipc:///tmp/z"}, {"ipc:///tmp/z", "ipc:///tmp//z"}, {"ipc:///tmp/z", "ipc:///usr/../tmp/z"},
        {"ipc://@z", "ipc://@z"}};
    static const char *const apart[][2] = {{"tcp://127.0.0.1:5", "tcp://127.0.0.1:6"},
        {"tcp://127.0.0.1:*", "tcp://127.0.0.1:*"}, {"tcp://*:*", "tcp://*:*"},
        {"tcp://127.0.0.1:5", "tcp://127.0.0.2:5"}, {"tcp://0.0.0.0:5", "tcp://[::1]:5"},
        {"tcp://[::1]:5", "tcp://127.0.0.1:5"}, {"tcp://no-such-card:5", "tcp://no-such-card:5"},
        {"ipc:///tmp/z", "ipc:///tmp/y"}, {"ipc:///tmp/z", "ipc:///usr/z"},
        {"ipc:///nowhere-1/z", "ipc:///nowhere-2/z"}, {"ipc://@z", "ipc://@y"}, {"ipc://@z", "ipc://z"},
        {"ipc://a:5", "tcp://127.0.0.1:5"}};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        endpoint_t one = s_parse(same[i][0]), other = s_parse(same[i][1]);
        ck_assert_msg(endpoint_collides(&one, &other), "%s %s", same[i][0], same[i][1]);
        ck_assert_msg(endpoint_collides(&other, &one), "%s %s", same[i][1], same[i][0]);
    }
    for (size_t i = 0; i < sizeof apart / sizeof apart[0]; i++) {
        endpoint_t one = s_parse(apart[i][0]), other = s_parse(apart[i][1]);
        ck_assert_msg(!endpoint_collides(&one, &other), "%s %s", apart[i][0], apart[i][1]);
        ck_assert_msg(!endpoint_collides(&other, &one), "%s %s", apart[i][1], apart[i][0]);
    }
}

TEST(test_an_ipv4_peer_of_an_ipv6_listener) {
    static const char *const texts[][2] = {{"::ffff:192.0.2.1", "192.0.2.1"}, {"192.0.2.1", "192.0.2.1"},
        {"::ffff:1", "::ffff:1"}, {"::ffff:", "::ffff:"}, {"2001:db8::1", "2001:db8::1"}, {"", ""},
        {"localhost:5:6:7", "localhost:5:6:7"}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        ck_assert(zr_span_equal(endpoint_unmapped(zr_span(texts[i][0])), zr_span(texts[i][1])));
}

/* --- The back for a client --- */

typedef struct {
    endpoint_t listen[4], back[4];
    endpoint_set_t set;
} bound_t;

static void s_bind(bound_t *bound, bool paired, const char *const *listen, const char *const *back) {
    *bound = (bound_t){.set = {.listen = bound->listen, .back = bound->back, .paired = paired, .advertise = ""}};
    for (; *listen; listen++)
        bound->listen[bound->set.listen_count++] = s_parse(*listen);
    for (; *back; back++)
        bound->back[bound->set.back_count++] = s_parse(*back);
}

#define LISTEN(...) ((const char *const[]){__VA_ARGS__, NULL})

/* `host` NULL: `port` says nothing, the address is not known. A host with '/' or '@' is a path. */
static const char *s_choose(const bound_t *bound, const char *host, uint16_t port) {
    static char out[ENDPOINT_TEXT_SIZE];
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    } local;
    socklen_t len = 0;
    memset(&local, 0, sizeof local);
    if (host && strpbrk(host, "/@")) {
        local.un.sun_family = AF_UNIX;
        strcpy(local.un.sun_path, host);
        len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(host) + (host[0] == '@' ? 0 : 1));
        if (host[0] == '@')
            local.un.sun_path[0] = '\0';
    } else if (host && strchr(host, ':')) {
        local.in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
        ck_assert_int_eq(inet_pton(AF_INET6, host, &local.in6.sin6_addr), 1);
        len = sizeof local.in6;
    } else if (host) {
        local.in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
        ck_assert_int_eq(inet_pton(AF_INET, host, &local.in.sin_addr), 1);
        len = sizeof local.in;
    }
    endpoint_choose_back(&bound->set, host ? &local.any : NULL, len, out);
    return out;
}

TEST(test_paired_backs) {
    bound_t bound;
    s_bind(&bound, true, LISTEN("tcp://127.0.0.1:5570", "tcp://0.0.0.0:6000", "ipc:///tmp/z", "ipc://@abstract"),
        LISTEN("tcp://127.0.0.1:5571", "tcp://0.0.0.0:6001", "ipc:///tmp/z-back", "ipc://@abstract-back"));
    ck_assert_str_eq(s_choose(&bound, "127.0.0.1", 5570), "tcp://127.0.0.1:5571");
    ck_assert_str_eq(s_choose(&bound, "127.0.0.1", 6000), "tcp://127.0.0.1:6001");
    ck_assert_str_eq(s_choose(&bound, "192.168.1.7", 6000), "tcp://192.168.1.7:6001");
    ck_assert_str_eq(s_choose(&bound, "/tmp/z", 0), "ipc:///tmp/z-back");
    ck_assert_str_eq(s_choose(&bound, "@abstract", 0), "ipc://@abstract-back");
    ck_assert_str_eq(s_choose(&bound, NULL, 0), "tcp://127.0.0.1:5571");
}

TEST(test_same_port_on_two_addresses) {
    bound_t bound;
    s_bind(&bound, true, LISTEN("tcp://0.0.0.0:5570", "tcp://127.0.0.1:5570"),
        LISTEN("tcp://0.0.0.0:5571", "tcp://127.0.0.1:7000"));
    ck_assert_str_eq(s_choose(&bound, "127.0.0.1", 5570), "tcp://127.0.0.1:7000");
    ck_assert_str_eq(s_choose(&bound, "10.0.0.1", 5570), "tcp://10.0.0.1:5571");
    s_bind(&bound, true, LISTEN("tcp://192.0.2.1:5570", "tcp://[0:0::1]:5570"),
        LISTEN("tcp://192.0.2.1:5571", "tcp://[0:0::1]:5571"));
    ck_assert_str_eq(s_choose(&bound, "::1", 5570), "tcp://[::1]:5571");
}

TEST(test_ipv6_backs) {
    bound_t bound;
    s_bind(
        &bound, true, LISTEN("tcp://0.0.0.0:5570", "tcp://[::]:6000"), LISTEN("tcp://0.0.0.0:5571", "tcp://[::]:6001"));
    ck_assert_str_eq(s_choose(&bound, "2001:db8::7", 6000), "tcp://[2001:db8::7]:6001");
    ck_assert_str_eq(s_choose(&bound, "::ffff:10.0.0.1", 6000), "tcp://10.0.0.1:6001");
    ck_assert_str_eq(s_choose(&bound, "10.0.0.1", 5570), "tcp://10.0.0.1:5571");
}

TEST(test_configured_backs) {
    bound_t bound;
    s_bind(&bound, false, LISTEN("tcp://0.0.0.0:5570", "ipc:///tmp/z"),
        LISTEN("ipc:///tmp/b", "tcp://127.0.0.1:7000", "tcp://0.0.0.0:7001", "tcp://10.0.0.1:7002"));
    ck_assert_str_eq(s_choose(&bound, "127.0.0.1", 5570), "tcp://127.0.0.1:7000");
    ck_assert_str_eq(s_choose(&bound, "10.0.0.1", 5570), "tcp://10.0.0.1:7002");
    ck_assert_str_eq(s_choose(&bound, "10.0.0.2", 5570), "tcp://10.0.0.2:7001");
    ck_assert_str_eq(s_choose(&bound, "/tmp/z", 0), "ipc:///tmp/b");
    ck_assert_str_eq(s_choose(&bound, "2001:db8::7", 5570), "tcp://127.0.0.1:7000");
    s_bind(&bound, false, LISTEN("ipc:///tmp/z"), LISTEN("tcp://0.0.0.0:7001"));
    ck_assert_str_eq(s_choose(&bound, "/tmp/z", 0), "tcp://127.0.0.1:7001");
}

/* A client that speaks CURVE at the front also does so at the back. */
TEST(test_encrypted_backs) {
    bound_t bound;
    s_bind(&bound, false, LISTEN("tcp://0.0.0.0:5570", "tcp://127.0.0.1:5570", "ipc:///tmp/z"),
        LISTEN("tcp://127.0.0.1:7000", "tcp://0.0.0.0:7001"));
    bound.listen[0].encrypted = bound.back[1].encrypted = true;
    ck_assert_str_eq(s_choose(&bound, "127.0.0.1", 5570), "tcp://127.0.0.1:7000");
    ck_assert_str_eq(s_choose(&bound, "10.0.0.1", 5570), "tcp://10.0.0.1:7001");
    ck_assert_str_eq(s_choose(&bound, "/tmp/z", 0), "tcp://127.0.0.1:7000");
    bound.listen[1].encrypted = bound.listen[2].encrypted = true;
    ck_assert_str_eq(s_choose(&bound, "127.0.0.1", 5570), "tcp://127.0.0.1:7001");
    s_bind(
        &bound, true, LISTEN("tcp://127.0.0.1:1", "tcp://0.0.0.0:3"), LISTEN("tcp://127.0.0.1:2", "tcp://0.0.0.0:4"));
    bound.listen[1].encrypted = bound.back[1].encrypted = true;
    ck_assert_str_eq(s_choose(&bound, "127.0.0.1", 1), "tcp://127.0.0.1:2");
    ck_assert_str_eq(s_choose(&bound, "127.0.0.1", 3), "tcp://127.0.0.1:4");
}

TEST(test_advertised_back) {
    bound_t bound;
    s_bind(
        &bound, true, LISTEN("tcp://127.0.0.1:1", "tcp://0.0.0.0:3"), LISTEN("tcp://127.0.0.1:2", "tcp://0.0.0.0:4"));
    ck_assert(!endpoint_advertised_to(&bound.set, false));
    ck_assert(!endpoint_advertised_to(&bound.set, true));
    bound.set.advertise = "tcp://relay.example.org:9";
    ck_assert_str_eq(s_choose(&bound, "127.0.0.1", 1), "tcp://relay.example.org:9");
    ck_assert_str_eq(s_choose(&bound, "10.0.0.1", 3), "tcp://relay.example.org:9");
    ck_assert_str_eq(s_choose(&bound, NULL, 0), "tcp://relay.example.org:9");
    bound.listen[1].encrypted = bound.back[1].encrypted = true;
    ck_assert_str_eq(s_choose(&bound, "127.0.0.1", 1), "tcp://127.0.0.1:2");
    ck_assert_str_eq(s_choose(&bound, "10.0.0.1", 3), "tcp://relay.example.org:9");
}

UNIT_SUITE("broker.endpoints")
