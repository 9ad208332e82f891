/* See proxied.h. */
#include "proxied.h"

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>
#include <utlist.h>

#include "clock.h"
#include "fatal.h"
#include "http_forwarded.h"

/* A connection whose first bytes have not come. */
typedef struct waiting {
    proxied_t *owner;
    int fd;
    poll_source_t source;
    struct sockaddr_storage address;
    socklen_t len;
    uint64_t deadline;
    struct waiting *prev, *next;
} waiting_t;

struct proxied {
    const gateway_config_t *config;
    poller_t *poller;
    proxied_door_t door;
    waiting_t *waiting; /* the first deadline first */
    size_t count;
};

proxied_t *proxied_new(const gateway_config_t *config, poller_t *poller, const proxied_door_t *door) {
    proxied_t *proxied = fatal_calloc(sizeof *proxied);
    proxied->config = config;
    proxied->poller = poller;
    proxied->door = *door;
    return proxied;
}

/* Gives the descriptor back to the caller. */
static int s_release(waiting_t *one) {
    int fd = one->fd;
    poller_remove(one->owner->poller, fd, &one->source);
    DL_DELETE(one->owner->waiting, one);
    one->owner->count--;
    free(one);
    return fd;
}

void proxied_destroy(proxied_t *proxied) {
    if (!proxied)
        return;
    while (proxied->waiting)
        close(s_release(proxied->waiting));
    free(proxied);
}

static bool s_is_trusted(const proxied_t *proxied, const struct sockaddr *socket) {
    const http_proxies_t proxies = {proxied->config->proxies, proxied->config->proxy_count};
    address_t address;
    return address_from_socket(socket, &address) && http_proxies_trust(&proxies, &address);
}

/* Passes the connection on, as the header says; without a header as it is. */
static void s_pass(waiting_t *one, const http_proxy_t *header) {
    const proxied_door_t *door = &one->owner->door;
    struct sockaddr_storage proxy = one->address;
    socklen_t len = one->len;
    int fd = s_release(one);
    if (!header || !header->has_source) {
        door->pass(door->ctx, fd, (struct sockaddr *)&proxy, len);
        return;
    }
    struct sockaddr_in6 source = {.sin6_family = AF_INET6, .sin6_port = htons(header->port)};
    memcpy(&source.sin6_addr, header->source.bytes, sizeof source.sin6_addr);
    door->pass_proxied(door->ctx, fd, (struct sockaddr *)&source, sizeof source, header->secure);
}

/* The bytes stay in the socket until the header is whole, so that what follows it is not read here. */
static void s_on_ready(void *ctx, uint32_t events) {
    waiting_t *one = ctx;
    char bytes[HTTP_PROXY_MAX];
    http_proxy_t header;
    (void)events;
    ssize_t len = recv(one->fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    http_proxy_state_t state = len > 0 ? http_proxy_read(&header, zr_span_of(bytes, (size_t)len)) : HTTP_PROXY_BAD;
    if (state == HTTP_PROXY_MORE)
        return;
    bool bare = len > 0 ? bytes[0] != '\r' : len == 0 && one->owner->door.greets;
    if (state == HTTP_PROXY_BAD && bare) {
        s_pass(one, NULL); /* such as an HTTP request, or TLS */
    } else if (state == HTTP_PROXY_BAD || recv(one->fd, bytes, header.size, MSG_DONTWAIT) != (ssize_t)header.size) {
        close(s_release(one));
    } else {
        s_pass(one, &header);
    }
}

void proxied_accept(proxied_t *proxied, int fd, const struct sockaddr *address, socklen_t len) {
    if (!s_is_trusted(proxied, address)) {
        proxied->door.pass(proxied->door.ctx, fd, address, len);
        return;
    }
    if (proxied->count == PROXIED_MAX) {
        close(fd);
        return;
    }
    waiting_t *one = fatal_calloc(sizeof *one);
    one->owner = proxied;
    one->fd = fd;
    one->source = (poll_source_t){s_on_ready, one};
    one->len = len;
    memcpy(&one->address, address, len);
    one->deadline = zr_mono_ms() + (proxied->door.greets ? PROXIED_GRACE_MS : proxied->config->request_timeout_ms);
    DL_APPEND(proxied->waiting, one);
    proxied->count++;
    if (!poller_add(proxied->poller, fd, EPOLLIN | EPOLLRDHUP | EPOLLET, &one->source))
        close(s_release(one));
}

void proxied_turn(proxied_t *proxied, uint64_t now) {
    while (proxied->waiting && proxied->waiting->deadline <= now)
        if (proxied->door.greets)
            s_pass(proxied->waiting, NULL);
        else
            close(s_release(proxied->waiting));
}

int proxied_timeout(const proxied_t *proxied, uint64_t now) {
    if (!proxied->waiting)
        return -1;
    return proxied->waiting->deadline > now ? (int)(proxied->waiting->deadline - now) : 0;
}
