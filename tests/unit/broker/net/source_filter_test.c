/* With real sockets on this machine, whose loopback network has many addresses. On loopback a packet has arrived when
 * the call that sent it is back, so that dropped packets are known without waiting. */
#include "source_filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

static int s_listener, s_family;
static struct sockaddr_storage s_where; /* it listens */

static socklen_t s_at(const char *address, uint16_t port, struct sockaddr_storage *at) {
    memset(at, 0, sizeof *at);
    at->ss_family = (sa_family_t)s_family;
    if (s_family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)at;
        in->sin_port = htons(port);
        ck_assert_int_eq(inet_pton(AF_INET, address, &in->sin_addr), 1);
        return sizeof *in;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)at;
    in6->sin6_port = htons(port);
    ck_assert_int_eq(inet_pton(AF_INET6, address, &in6->sin6_addr), 1);
    return sizeof *in6;
}

/* false: this machine has no such address. */
static bool s_listen(int family, const char *address) {
    s_family = family;
    socklen_t len = s_at(address, 0, &s_where);
    s_listener = socket(family, SOCK_STREAM, 0);
    if (s_listener < 0 || bind(s_listener, (struct sockaddr *)&s_where, len) != 0)
        return false;
    ck_assert_int_eq(listen(s_listener, 16), 0);
    len = sizeof s_where;
    ck_assert_int_eq(getsockname(s_listener, (struct sockaddr *)&s_where, &len), 0);
    return true;
}

static uint16_t s_port(void) {
    return ntohs(s_family == AF_INET ? ((struct sockaddr_in *)&s_where)->sin_port
                                     : ((struct sockaddr_in6 *)&s_where)->sin6_port);
}

/* A client at `from` that asked for a connection to `to`, on the listener's port. */
static int s_connect(const char *from, const char *to) {
    struct sockaddr_storage at;
    socklen_t len = s_at(from, 0, &at);
    int fd = socket(s_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, len), 0);
    len = s_at(to, s_port(), &at);
    int rc = connect(fd, (struct sockaddr *)&at, len);
    ck_assert(rc == 0 || errno == EINPROGRESS);
    return fd;
}

static bool s_connected(int fd) {
    struct pollfd one = {.fd = fd, .events = POLLOUT};
    return poll(&one, 1, 0) == 1 && one.revents == POLLOUT;
}

static bool s_passes(const char *from, const char *to) {
    int fd = s_connect(from, to);
    bool connected = s_connected(fd);
    close(fd);
    return connected;
}

static zr_address_t s_address(const char *text) {
    zr_address_t address = {.bytes = {[10] = 0xff, [11] = 0xff}};
    if (inet_pton(AF_INET, text, address.bytes + 12) == 1)
        return address;
    ck_assert_int_eq(inet_pton(AF_INET6, text, address.bytes), 1);
    memset(address.bytes + 8, 0, 8);
    return address;
}

TEST(test_ipv4) {
    const char *to = "127.0.0.1";
    ck_assert(s_listen(AF_INET, to));
    zr_address_t all[] = {s_address("2001:db8::1"), s_address("127.0.0.2"), s_address("::1"), s_address("127.0.0.3")};
    ck_assert(s_passes("127.0.0.2", to));
    ck_assert(source_filter_set(s_listener, all, 4));
    ck_assert(!s_passes("127.0.0.2", to));
    ck_assert(!s_passes("127.0.0.3", to));
    ck_assert(s_passes("127.0.0.1", to));
    ck_assert(s_passes("127.0.0.4", to));
    ck_assert(source_filter_set(s_listener, all, 2)); /* takes the place of the one before */
    ck_assert(!s_passes("127.0.0.2", to));
    ck_assert(s_passes("127.0.0.3", to));
    int waiting = s_connect("127.0.0.2", to);
    ck_assert(!s_connected(waiting));
    ck_assert(source_filter_set(s_listener, NULL, 0));
    ck_assert(source_filter_set(s_listener, NULL, 0)); /* removing a filter that is not there is no error */
    ck_assert(s_passes("127.0.0.2", to));
    struct pollfd one = {.fd = waiting, .events = POLLOUT}; /* asks again by itself */
    ck_assert_int_eq(poll(&one, 1, -1), 1);
    ck_assert(s_connected(waiting));
    close(waiting);
    close(s_listener);
}

/* A listener for both sees an IPv4 client's packets as they came. */
TEST(test_both) {
    if (!s_listen(AF_INET6, "::"))
        return;
    zr_address_t all[] = {s_address("127.0.0.2"), s_address("::2:0:0:0:1")};
    ck_assert(source_filter_set(s_listener, all, 2));
    ck_assert(!s_passes("::ffff:127.0.0.2", "::ffff:127.0.0.1"));
    ck_assert(s_passes("::ffff:127.0.0.3", "::ffff:127.0.0.1"));
    close(s_listener);
}

TEST(test_ipv6) {
    if (!s_listen(AF_INET6, "::1"))
        return;
    /* Each differs from ::1 in one of the words that count; the last does in none. */
    zr_address_t all[] = {s_address("1::1"), s_address("0:1::1"), s_address("0:0:1::1"), s_address("0:0:0:1::1"),
        s_address("127.0.0.1"), s_address("::2")};
    ck_assert(source_filter_set(s_listener, all, 5));
    ck_assert(s_passes("::1", "::1"));
    ck_assert(source_filter_set(s_listener, all, 6));
    ck_assert(!s_passes("::1", "::1"));
    close(s_listener);
}

TEST(test_as_many_as_may_be) {
    const char *to = "127.0.0.1";
    zr_address_t all[ADDRESSES_SHED_MAX];
    ck_assert(s_listen(AF_INET, to));
    for (int family = 0; family < 2; family++) { /* the last of them is the one in question */
        for (unsigned i = 0; i < ADDRESSES_SHED_MAX; i++) {
            char text[64];
            snprintf(text, sizeof text, family ? "2001:db8:%x::1" : "10.0.0.%u", i);
            all[i] = s_address(text);
        }
        all[ADDRESSES_SHED_MAX - 1] = s_address("127.0.0.2");
        ck_assert(source_filter_set(s_listener, all, ADDRESSES_SHED_MAX));
        ck_assert(!s_passes("127.0.0.2", to));
        ck_assert(s_passes("127.0.0.3", to));
    }
    close(s_listener);
}

/* Connections accepted before keep working, and later ones can be freed of the filter that they begin with. */
TEST(test_connections_are_let_be) {
    const char *to = "127.0.0.1";
    zr_address_t two[] = {s_address("127.0.0.2"), s_address("127.0.0.3")};
    ck_assert(s_listen(AF_INET, to));
    int before = s_connect("127.0.0.2", to), accepted = accept(s_listener, NULL, NULL);
    char byte = 0;
    ck_assert(source_filter_set(s_listener, two, 1));
    ck_assert_int_eq(write(before, "x", 1), 1);
    ck_assert_int_eq(read(accepted, &byte, 1), 1);
    close(accepted);
    close(before);
    int meanwhile = s_connect("127.0.0.4", to);
    accepted = accept(s_listener, NULL, NULL);
    source_filter_clear(accepted);
    ck_assert_int_ne(setsockopt(accepted, SOL_SOCKET, SO_DETACH_FILTER, &(int){0}, sizeof(int)), 0);
    ck_assert_int_eq(errno, ENOENT);
    source_filter_clear(accepted);
    close(accepted);
    close(meanwhile);
    ck_assert(!source_filter_set(s_listener + 1000, two, 1));
    ck_assert_int_eq(errno, EBADF);
    close(s_listener);
}

UNIT_SUITE("broker.source_filter")
