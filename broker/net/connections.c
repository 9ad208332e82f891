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
        *one = (connection_t){
            .socket = socket, .closed_ms = one->closed_ms, .before = one->before, .fresh = one->closed_ms > 0};
    return one;
}

void connections_open(connections_t *connections, int side, int fd, uint64_t socket, uint64_t now_ms) {
    connection_t *one = s_at(connections, fd, socket);
    one->side = side;
    one->accepted_ms = now_ms;
    one->fresh = one->closed_ms && now_ms - one->closed_ms < CONNECTIONS_FRESH_MS;
}

void connections_close(connections_t *connections, int fd, uint64_t now_ms) {
    if ((size_t)fd < connections->size)
        connections->items[fd] = (connection_t){.closed_ms = now_ms, .before = connections->items[fd].proof};
}

static connection_t *s_hear(connections_t *connections, int fd, uint64_t socket, zr_span_t user) {
    connection_t *one = s_at(connections, fd, socket);
    one->heard = true;
    if (user.len > 0) {
        one->user_len = (uint8_t)(user.len < sizeof one->user ? user.len : sizeof one->user);
        memcpy(one->user, user.ptr, one->user_len);
    }
    return one;
}

void connections_hear(connections_t *connections, int fd, uint64_t socket, zr_span_t user) {
    s_hear(connections, fd, socket, user);
}

bool connections_subscribe(connections_t *connections, int fd, uint64_t socket, zr_span_t user, uint64_t now_ms) {
    connection_t *one = s_hear(connections, fd, socket, user);
    if (!one->accepted_ms)
        one->side = CONNECTIONS_BACK;
    if (connections->per_second == 0)
        return true;
    uint64_t passed = now_ms > one->at ? now_ms - one->at : 0;
    uint64_t back = passed <= one->owed / connections->per_second ? passed * connections->per_second : one->owed;
    one->owed -= back < one->owed ? back : one->owed;
    one->at = now_ms;
    one->owed += SUBSCRIPTION;
    return one->owed <= connections->burst * SUBSCRIPTION;
}

bool connections_end(connections_t *connections, int fd, uint64_t socket, const void *proof) {
    connection_t *one = s_at(connections, fd, socket);
    bool first = !one->ended;
    one->ended = true;
    one->proof = proof;
    return first;
}

bool connections_prove(connections_t *connections, int fd, uint64_t socket, const void *proof) {
    connection_t *one = s_at(connections, fd, socket);
    bool other = one->proof && one->proof != proof;
    if (other) /* all messages of the other one came before those of this one, and they are over now */
        *one = (connection_t){.socket = socket, .accepted_ms = one->accepted_ms, .side = one->side};
    one->proof = proof;
    return other;
}

/* The end of the connection before may not be known yet. */
bool connections_is_rest(const connections_t *connections, int fd, uint64_t socket, const void *proof) {
    if (fd < 0 || (size_t)fd >= connections->size)
        return false;
    const connection_t *one = &connections->items[fd];
    return (one->socket != socket && one->proof == proof) ||
           ((one->socket != socket || one->fresh) && one->before == proof);
}

bool connections_is_of(const connections_t *connections, int fd, uint64_t socket, int side) {
    const connection_t *one = connections_at(connections, fd);
    return !one || one->socket != socket || !one->accepted_ms || one->side == side;
}

void connections_may_be_heard(connections_t *connections, int fd, uint64_t socket) {
    if (fd >= 0 && (size_t)fd < connections->size && connections->items[fd].socket == socket)
        connections->items[fd].heard = true;
}

connections_sender_t connections_sender(
    const connections_t *connections, int side, int fd, uint64_t socket, const void *proof) {
    const connection_t *one = connections_at(connections, fd);
    if (connections_is_rest(connections, fd, socket, proof))
        return CONNECTIONS_ANOTHERS;
    if (!one || one->socket != socket)
        return CONNECTIONS_DOUBTFUL;
    if (one->side != side || (one->proof && one->proof != proof))
        return CONNECTIONS_ANOTHERS;
    return one->fresh ? CONNECTIONS_DOUBTFUL : CONNECTIONS_ITS;
}

const connection_t *connections_at(const connections_t *connections, int fd) {
    bool known = fd >= 0 && (size_t)fd < connections->size && connections->items[fd].socket;
    return known ? &connections->items[fd] : NULL;
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

int connections_next_silent(
    const connections_t *connections, int side, uint64_t before_ms, int fd, connection_t *found) {
    for (size_t i = (size_t)fd; i < connections->size; i++) {
        const connection_t *one = &connections->items[i];
        if (one->accepted_ms == 0 || one->accepted_ms >= before_ms || one->heard || one->dropped || one->side != side)
            continue;
        *found = *one;
        return (int)i;
    }
    return -1;
}
