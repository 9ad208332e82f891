/* Names are looked up by the function below, which stands in front of the system's. */
#include "dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit.h"

enum { PATIENCE_MS = 10000 };

static struct {
    int told; /* eventfd: a round is over */
    char endpoint[300], why[DIAL_WHY];
    bool reached;
} s_seen;

static int s_lookups;
static uint16_t s_port;

/* "two" has both families, "none" no address, "later" one from the second time on. */
int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found) {
    static struct sockaddr_in ipv4;
    static struct sockaddr_in6 ipv6;
    static struct addrinfo list[2];
    (void)port;
    (void)hints;
    s_lookups++;
    if (strcmp(host, "none") == 0 || (strcmp(host, "later") == 0 && s_lookups < 2))
        return EAI_NONAME;
    ipv4 = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(s_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ipv6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(s_port), .sin6_addr = in6addr_loopback};
    list[1] = (struct addrinfo){.ai_addr = (struct sockaddr *)&ipv4, .ai_addrlen = sizeof ipv4};
    list[0] = (struct addrinfo){.ai_addr = (struct sockaddr *)&ipv6, .ai_addrlen = sizeof ipv6, .ai_next = &list[1]};
    *found = strcmp(host, "two") == 0 ? &list[0] : &list[1];
    return 0;
}

void freeaddrinfo(struct addrinfo *list) {
    (void)list;
}

/* Listens on loopback, and notes the port; -1: this machine has no such family. */
static int s_listen(int family, uint16_t port) {
    struct sockaddr_in ipv4 = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback};
    struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&ipv4 : (struct sockaddr *)&ipv6;
    socklen_t len = family == AF_INET ? sizeof ipv4 : sizeof ipv6;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), yes = 1;
    if (fd >= 0 && family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
    if (fd < 0 || bind(fd, address, len) != 0 || listen(fd, 8) != 0) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    ck_assert_int_eq(getsockname(fd, address, &len), 0);
    s_port = ntohs(family == AF_INET ? ipv4.sin_port : ipv6.sin6_port);
    return fd;
}

static void s_done(void *ctx, const char *endpoint, const char *why) {
    ck_assert_ptr_eq(ctx, &s_seen);
    s_seen.reached = endpoint;
    snprintf(s_seen.endpoint, sizeof s_seen.endpoint, "%s", endpoint ? endpoint : "");
    snprintf(s_seen.why, sizeof s_seen.why, "%s", why ? why : "");
    eventfd_write(s_seen.told, 1);
}

static dial_t *s_begin(const char *endpoint, dial_mode_t mode) {
    s_lookups = 0;
    s_seen.told = eventfd(0, EFD_CLOEXEC);
    dial_t *dial = dial_begin(endpoint, mode, s_done, &s_seen);
    ck_assert_ptr_nonnull(dial);
    return dial;
}

static void s_await(void) {
    eventfd_t count;
    struct pollfd told = {.fd = s_seen.told, .events = POLLIN};
    ck_assert_int_eq(poll(&told, 1, PATIENCE_MS), 1);
    eventfd_read(s_seen.told, &count);
}

static void s_dial(const char *endpoint, dial_mode_t mode) {
    dial_t *dial = s_begin(endpoint, mode);
    s_await();
    dial_end(dial);
    close(s_seen.told);
}

static const char *s_endpoint(const char *format, const char *host) {
    static char text[300];
    snprintf(text, sizeof text, format, host, s_port);
    return text;
}

static bool s_was_tried(int listener) {
    int fd = accept(listener, NULL, NULL);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

TEST(test_names) {
    static const char *const names[] = {
        "tcp://localhost:1", "tcp://a.example:5570", "tcp://256.1.1.1:5", "tcp://1.2.3:5"};
    static const char *const others[] = {"tcp://127.0.0.1:5570", "tcp://[::1]:5570", "tcp://[fe80::1%eth0]:5570",
        "tcp://127.0.0.2:0;127.0.0.1:5570", "ipc:///run/x", "ipc://localhost:1", "inproc://x", "tcp://", "tcp://:1"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ck_assert_msg(dial_is_name(names[i]), "%s", names[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        ck_assert_msg(!dial_is_name(others[i]), "%s", others[i]);
}

/* The name's only address is libzmq's to try. */
TEST(test_one_address) {
    int listener = s_listen(AF_INET, 0);
    s_dial(s_endpoint("tcp://%s:%u", "one"), DIAL_UNTIL_REACHED);
    ck_assert_str_eq(s_seen.endpoint, s_endpoint("tcp://%s:%u", "127.0.0.1"));
    ck_assert(!s_was_tried(listener));
    s_dial(s_endpoint("tcp://%s:%u", "one"), DIAL_ONCE);
    ck_assert_str_eq(s_seen.endpoint, s_endpoint("tcp://%s:%u", "127.0.0.1"));
    ck_assert(s_was_tried(listener));
    close(listener);
}

TEST(test_two_addresses) {
    int ipv4 = s_listen(AF_INET, 0);
    s_dial(s_endpoint("tcp://%s:%u", "two"), DIAL_UNTIL_REACHED);
    ck_assert_str_eq(s_seen.endpoint, s_endpoint("tcp://%s:%u", "127.0.0.1"));
    ck_assert(!s_was_tried(ipv4)); /* the other one had failed, so it was the last */
    int ipv6 = s_listen(AF_INET6, s_port);
    if (ipv6 >= 0) {
        s_dial(s_endpoint("tcp://%s:%u", "two"), DIAL_UNTIL_REACHED);
        ck_assert_str_eq(s_seen.endpoint, s_endpoint("tcp://[%s]:%u", "::1"));
        close(ipv6);
    }
    close(ipv4);
}

TEST(test_nothing_listens) {
    close(s_listen(AF_INET, 0));
    s_dial(s_endpoint("tcp://%s:%u", "two"), DIAL_ONCE);
    ck_assert(!s_seen.reached);
    ck_assert_str_eq(s_seen.why, "nothing listens there: is zrelayd running?");
    s_dial("ipc:///nowhere/front", DIAL_ONCE);
    ck_assert(!s_seen.reached);
    ck_assert_str_eq(s_seen.why, "there is no such socket: is zrelayd running?");
}

TEST(test_no_host) {
    s_dial("tcp://none:1", DIAL_ONCE);
    ck_assert(!s_seen.reached);
    ck_assert_str_eq(s_seen.why, "there is no host 'none' (Name or service not known)");
}

TEST(test_a_name_that_is_known_later) {
    dial_t *dial = s_begin("tcp://later:7", DIAL_UNTIL_REACHED);
    s_port = 7;
    s_await();
    ck_assert(!s_seen.reached);
    s_await();
    ck_assert_str_eq(s_seen.endpoint, "tcp://127.0.0.1:7");
    dial_end(dial);
    close(s_seen.told);
}

TEST(test_given_up) {
    dial_t *dial = s_begin("tcp://none:1", DIAL_UNTIL_REACHED);
    s_await();
    dial_end(dial); /* the thread ends by itself, and frees the dial */
    close(s_seen.told);
    dial_end(NULL);
}

TEST(test_local_sockets) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[64];
    int len = snprintf(name, sizeof name, "@zrelay-dial-%d", (int)getpid());
    memcpy(address.sun_path + 1, name + 1, (size_t)len - 1);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(
        bind(listener, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len)),
        0);
    ck_assert_int_eq(listen(listener, 1), 0);
    s_dial(s_endpoint("ipc://%s", name), DIAL_ONCE);
    ck_assert_str_eq(s_seen.endpoint, s_endpoint("ipc://%s", name));
    char path[300];
    memset(path, 'x', sizeof path);
    memcpy(path, "ipc://", 6);
    path[sizeof path - 1] = '\0';
    s_dial(path, DIAL_ONCE);
    ck_assert_str_eq(s_seen.why, "the path of the socket is too long");
    close(listener);
}

UNIT_SUITE("client.lib.dial")
