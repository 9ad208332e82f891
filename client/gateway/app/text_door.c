/* See text_door.h. */
#include "text_door.h"

#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "fatal.h"
#include "listener.h"
#include "proxied.h"

struct text_door {
    const listen_address_t *address;
    listener_t *listener;
    proxied_t *proxied;
    stream_tls_t *tls;
    text_door_fn *accepted;
    void *ctx;
};

static unsigned s_port(const struct sockaddr *address) {
    const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)(const void *)address;
    const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)(const void *)address;
    return ntohs(address->sa_family == AF_INET ? ipv4->sin_port : ipv6->sin6_port);
}

static void s_pass_as(text_door_t *door, int fd, const struct sockaddr *address, const bool *secure) {
    stream_from_t from = {.fd = fd};
    if (!address_from_socket(address, &from.address)) {
        close(fd);
        return;
    }
    from.port = s_port(address);
    from.tls = door->tls;
    from.secure = door->tls || (secure ? *secure : address_is_loopback(&from.address));
    door->accepted(door->ctx, &from);
}

static void s_pass(void *ctx, int fd, const struct sockaddr *address, socklen_t len) {
    (void)len;
    s_pass_as(ctx, fd, address, NULL);
}

static void s_pass_proxied(void *ctx, int fd, const struct sockaddr *address, socklen_t len, bool secure) {
    (void)len;
    s_pass_as(ctx, fd, address, &secure);
}

static void s_accept(void *ctx, int fd, const struct sockaddr *address, socklen_t len) {
    text_door_t *door = ctx;
    proxied_accept(door->proxied, fd, address, len);
}

text_door_t *text_door_open(const gateway_config_t *config, const listen_address_t *address, poller_t *poller,
    stream_tls_t *tls, text_door_fn *accepted, void *ctx, zr_error_t *error) {
    text_door_t *door = fatal_calloc(sizeof *door);
    const proxied_door_t on = {.pass = s_pass, .pass_proxied = s_pass_proxied, .ctx = door, .greets = true};
    *door = (text_door_t){.address = address, .tls = tls, .accepted = accepted, .ctx = ctx};
    door->proxied = proxied_new(config, poller, &on);
    door->listener = listener_open(address, poller, s_accept, door, error);
    if (door->listener)
        return door;
    text_door_close(door);
    return NULL;
}

void text_door_use(text_door_t *door, stream_tls_t *tls) {
    door->tls = tls;
}

void text_door_close(text_door_t *door) {
    if (!door)
        return;
    listener_close(door->listener);
    proxied_destroy(door->proxied);
    free(door);
}

void text_door_name(const text_door_t *door, zr_buffer_t *out) {
    bool ipv6 = strchr(door->address->host, ':');
    zr_buffer_printf(
        out, "%s%s%s:%u", ipv6 ? "[" : "", door->address->host, ipv6 ? "]" : "", listener_port(door->listener));
}

void text_door_turn(text_door_t *door, uint64_t now) {
    proxied_turn(door->proxied, now);
}

int text_door_timeout(const text_door_t *door, uint64_t now) {
    return proxied_timeout(door->proxied, now);
}
