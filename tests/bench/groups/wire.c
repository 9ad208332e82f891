/* Connections over TCP for the servers that speak in lines: see load.h. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "load.h"

void wire_open(wire_t *wire, const char *port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_usec = 20000};
    int one = 1;
    wire->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (wire->fd < 0 || connect(wire->fd, (struct sockaddr *)&address, sizeof address) != 0)
        load_fail("cannot connect to port %s: %s", port, strerror(errno));
    setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(wire->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    wire->in = load_memory(WIRE_BYTES);
    wire->out = load_memory(WIRE_BYTES);
}

void wire_send(wire_t *wire) {
    for (size_t sent = 0; sent < wire->used;) {
        ssize_t went = send(wire->fd, wire->out + sent, wire->used - sent, MSG_NOSIGNAL);
        if (went < 0 && errno != EINTR)
            load_fail("sending: %s", strerror(errno));
        sent += went > 0 ? (size_t)went : 0;
    }
    wire->used = 0;
}

bool wire_more(wire_t *wire) {
    if (wire->at) {
        memmove(wire->in, wire->in + wire->at, wire->len - wire->at);
        wire->len -= wire->at;
        wire->at = 0;
    }
    ssize_t got = recv(wire->fd, wire->in + wire->len, WIRE_BYTES - wire->len, 0);
    if (got == 0)
        load_fail("the connection was closed");
    if (got < 0 && errno != EAGAIN && errno != EINTR)
        load_fail("receiving: %s", strerror(errno));
    wire->len += got > 0 ? (size_t)got : 0;
    return got > 0;
}

const char *wire_line(wire_t *wire, size_t *len) {
    const char *line = wire->in + wire->at;
    const char *end = memchr(line, '\n', wire->len - wire->at);
    if (!end)
        return NULL;
    *len = (size_t)(end - line) + 1;
    wire->at += *len;
    return line;
}

const char *wire_bytes(wire_t *wire, size_t size) {
    const char *bytes = wire->in + wire->at;
    if (wire->len - wire->at < size)
        return NULL;
    wire->at += size;
    return bytes;
}
