/* See listener.h. */
#include "listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "fatal.h"

enum { ACCEPT_BATCH = 64, BACKLOG = 1024 };

struct listener {
    int fd;
    poller_t *poller;
    poll_source_t source;
    listener_accepted_fn *accepted;
    void *ctx;
    int spare; /* a descriptor to give up when there are no others */
    zr_log_limit_t full;
};

/* Fills in the socket address; for * it is IPv6, which takes IPv4 too. */
static socklen_t s_fill(const listen_address_t *from, struct sockaddr_storage *to) {
    struct sockaddr_in *ipv4 = (struct sockaddr_in *)to;
    struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)to;
    memset(to, 0, sizeof *to);
    if (inet_pton(AF_INET, from->host, &ipv4->sin_addr) == 1) {
        ipv4->sin_family = AF_INET;
        ipv4->sin_port = htons((uint16_t)from->port);
        return sizeof *ipv4;
    }
    if (strcmp(from->host, "*") != 0)
        inet_pton(AF_INET6, from->host, &ipv6->sin6_addr);
    ipv6->sin6_family = AF_INET6;
    ipv6->sin6_port = htons((uint16_t)from->port);
    return sizeof *ipv6;
}

static int s_bind(const listen_address_t *from) {
    struct sockaddr_storage address;
    socklen_t len = s_fill(from, &address);
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, off = 0;
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (strcmp(from->host, "*") == 0)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, (struct sockaddr *)&address, len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int code = errno;
    close(fd);
    errno = code;
    return -1;
}

static const char *s_advice(int code) {
    switch (code) {
    case EADDRINUSE:
        return "something else listens there; stop it, or choose another port (port * is a free one)";
    case EACCES:
    case EPERM:
        return "not allowed; ports below 1024 need a privilege, so choose a higher one";
    case EADDRNOTAVAIL:
        return "this machine has no such address; use one of its own, or * for all";
    default:
        return strerror(code);
    }
}

/* A machine without IPv6 has * for all of IPv4. */
static int s_open(const listen_address_t *address, zr_error_t *error) {
    listen_address_t ipv4 = {.host = "0.0.0.0", .port = address->port};
    int fd = s_bind(address);
    if (fd < 0 && errno == EAFNOSUPPORT && strcmp(address->host, "*") == 0)
        fd = s_bind(&ipv4);
    if (fd < 0)
        zr_fail(error, "cannot listen on %s:%u: %s", address->host, address->port, s_advice(errno));
    return fd;
}

bool listener_check(const listen_address_t *address, zr_error_t *error) {
    int fd = s_open(address, error);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* Without a descriptor left, a connection could not even be refused, and epoll would report it again and again. So the
 * spare one is given up for it. */
static void s_refuse(listener_t *listener) {
    if (zr_log_pass(&listener->full, zr_mono_ms()))
        zr_log(ZR_LOG_WARN, "a connection was refused: %s; raise the limit (ulimit -n, LimitNOFILE=)", strerror(errno));
    close(listener->spare);
    int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    listener->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void s_ready(void *ctx, uint32_t events) {
    listener_t *listener = ctx;
    (void)events;
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        struct sockaddr_storage address;
        socklen_t len = sizeof address;
        int on = 1, fd = accept4(listener->fd, (struct sockaddr *)&address, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE)
                s_refuse(listener);
            return;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        listener->accepted(listener->ctx, fd, (struct sockaddr *)&address, len);
    }
}

listener_t *listener_open(
    const listen_address_t *address, poller_t *poller, listener_accepted_fn *accepted, void *ctx, zr_error_t *error) {
    int fd = s_open(address, error);
    if (fd < 0)
        return NULL;
    listener_t *listener = fatal_calloc(sizeof *listener);
    *listener = (listener_t){
        .fd = fd, .spare = open("/dev/null", O_RDONLY | O_CLOEXEC), .poller = poller, .accepted = accepted, .ctx = ctx};
    listener->source = (poll_source_t){s_ready, listener};
    if (poller_add(poller, fd, EPOLLIN, &listener->source))
        return listener;
    zr_fail(error, "cannot watch the listening socket: %s", strerror(errno));
    close(fd);
    close(listener->spare);
    free(listener);
    return NULL;
}

unsigned listener_port(const listener_t *listener) {
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    if (getsockname(listener->fd, (struct sockaddr *)&address, &len) != 0)
        return 0;
    return ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
                                              : ((struct sockaddr_in6 *)&address)->sin6_port);
}

void listener_close(listener_t *listener) {
    if (!listener)
        return;
    poller_remove(listener->poller, listener->fd, &listener->source);
    close(listener->fd);
    close(listener->spare);
    free(listener);
}
