/* See connections.h. */
#include "connections.h"

#include <stdlib.h>
#include <string.h>

#include "fatal.h"

enum { SUBSCRIPTION = 1000 }; /* the cost of one: a millisecond then gives back as much as the rate per second */

void connections_finish(connections_t *connections) {
    free(connections->items);
    *connections = (connections_t){0};
}

void connections_open(connections_t *connections, int side, int fd, uint64_t socket, uint64_t now_ms) {
    FATAL_REACH(connections->items, connections->size, (size_t)fd);
    connections->items[fd] = (connection_t){.socket = socket, .side = side, .accepted_ms = now_ms};
}

connection_t *connections_at(const connections_t *connections, int fd) {
    bool known = fd >= 0 && (size_t)fd < connections->size && connections->items[fd].socket;
    return known ? &connections->items[fd] : NULL;
}

void connections_close(connections_t *connections, int fd) {
    if ((size_t)fd < connections->size)
        connections->items[fd] = (connection_t){0};
}

void connection_hear(connection_t *one, zr_span_t user) {
    one->heard = true;
    if (user.len > 0) {
        one->user_len = (uint8_t)(user.len < sizeof one->user ? user.len : sizeof one->user);
        memcpy(one->user, user.ptr, one->user_len);
    }
}

bool connections_subscribe(connections_t *connections, connection_t *one, zr_span_t user, uint64_t now_ms) {
    connection_hear(one, user);
    if (connections->per_second == 0)
        return true;
    uint64_t passed = now_ms > one->at ? now_ms - one->at : 0;
    uint64_t back = passed <= one->owed / connections->per_second ? passed * connections->per_second : one->owed;
    one->owed -= back < one->owed ? back : one->owed;
    one->at = now_ms;
    one->owed += SUBSCRIPTION;
    return one->owed <= connections->burst * SUBSCRIPTION;
}

int connections_next_user(const connections_t *connections, int fd) {
    for (; (size_t)fd < connections->size; fd++)
        if (connections->items[fd].user_len > 0)
            return fd;
    return -1;
}

int connections_next_silent(const connections_t *connections, int side, uint64_t before_ms, int fd) {
    for (; (size_t)fd < connections->size; fd++) {
        const connection_t *one = &connections->items[fd];
        if (one->socket && one->side == side && !one->heard && !one->dropped && one->accepted_ms < before_ms)
            return fd;
    }
    return -1;
}
