#include "connections.h"

#include <stdlib.h>
#include <string.h>

#include "fatal.h"

void connections_finish(connections_t *connections) {
    free(connections->items);
    *connections = (connections_t){0};
}

static void s_grow(connections_t *connections, size_t index) {
    size_t size = connections->size ? connections->size : 64;
    while (size <= index)
        size *= 2;
    connections->items = fatal_realloc(connections->items, size * sizeof *connections->items);
    memset(connections->items + connections->size, 0, (size - connections->size) * sizeof *connections->items);
    connections->size = size;
}

static connection_t *s_at(connections_t *connections, int fd, uint64_t socket) {
    size_t index = (size_t)fd;
    if (index >= connections->size)
        s_grow(connections, index);
    connection_t *one = &connections->items[index];
    if (one->socket != socket)
        *one = (connection_t){.socket = socket};
    return one;
}

void connections_set_user(connections_t *connections, int fd, uint64_t socket, zr_span_t user) {
    if (user.len == 0)
        return;
    connection_t *one = s_at(connections, fd, socket);
    one->user_len = (uint8_t)(user.len < sizeof one->user ? user.len : sizeof one->user);
    memcpy(one->user, user.ptr, one->user_len);
}

bool connections_subscribe(connections_t *connections, int fd, uint64_t socket, bool subscribed, size_t len) {
    connection_t *one = s_at(connections, fd, socket);
    one->reads = true;
    if (subscribed)
        one->topics += len;
    else
        one->topics -= len < one->topics ? len : one->topics;
    return one->topics <= CONNECTIONS_TOPICS_MAX;
}

void connections_drop(connections_t *connections, int fd, uint64_t socket) {
    s_at(connections, fd, socket)->dropped = true;
}

uint64_t connections_dropped(const connections_t *connections, int fd) {
    bool dropped = (size_t)fd < connections->size && connections->items[fd].dropped;
    return dropped ? connections->items[fd].socket : 0;
}

int connections_of_user(const connections_t *connections, int fd, zr_span_t user, connection_t *found) {
    for (size_t i = (size_t)fd; i < connections->size; i++) {
        const connection_t *one = &connections->items[i];
        if (one->user_len == 0 || !zr_span_equal(zr_span_of(one->user, one->user_len), user))
            continue;
        *found = *one;
        return (int)i;
    }
    return -1;
}
