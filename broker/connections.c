#include "connections.h"

#include <stdlib.h>
#include <string.h>

#include "fatal.h"

enum { SUBSCRIPTION = 1000 }; /* what one costs, so that the rate is what a millisecond gives back */

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

void connections_open_back(connections_t *connections, int fd, uint64_t socket) {
    s_at(connections, fd, socket)->back = true;
}

static bool s_is_slow_enough(const connections_t *connections, connection_t *one, uint64_t now_ms) {
    if (connections->per_second == 0)
        return true;
    uint64_t passed = now_ms > one->at ? now_ms - one->at : 0;
    uint64_t back = passed <= one->owed / connections->per_second ? passed * connections->per_second : one->owed;
    one->owed -= back < one->owed ? back : one->owed;
    one->at = now_ms;
    one->owed += SUBSCRIPTION;
    return one->owed <= connections->burst * SUBSCRIPTION;
}

bool connections_subscribe(
    connections_t *connections, int fd, uint64_t socket, bool subscribed, size_t len, uint64_t now_ms) {
    connection_t *one = s_at(connections, fd, socket);
    one->reads = true;
    if (subscribed)
        one->topics += len;
    else
        one->topics -= len < one->topics ? len : one->topics;
    return s_is_slow_enough(connections, one, now_ms) && one->topics <= CONNECTIONS_TOPICS_MAX;
}

void connections_drop(connections_t *connections, int fd, uint64_t socket) {
    s_at(connections, fd, socket)->dropped = true;
}

uint64_t connections_dropped(const connections_t *connections, int fd) {
    bool dropped = (size_t)fd < connections->size && connections->items[fd].dropped;
    return dropped ? connections->items[fd].socket : 0;
}

int connections_next_user(const connections_t *connections, int fd, connection_t *found) {
    for (size_t i = (size_t)fd; i < connections->size; i++)
        if (connections->items[i].user_len > 0) {
            *found = connections->items[i];
            return (int)i;
        }
    return -1;
}

int connections_next_silent(const connections_t *connections, int fd, connection_t *found) {
    for (size_t i = (size_t)fd; i < connections->size; i++)
        if (connections->items[i].back && !connections->items[i].reads) {
            *found = connections->items[i];
            return (int)i;
        }
    return -1;
}
