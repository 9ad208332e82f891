/* See link_changes.h. */
#include "link_changes.h"

#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

bool link_changes_begin(link_changes_t *changes) {
    pthread_mutex_init(&changes->lock, NULL);
    changes->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return changes->fd >= 0;
}

void link_changes_finish(link_changes_t *changes) {
    if (changes->fd >= 0)
        close(changes->fd);
    pthread_mutex_destroy(&changes->lock);
}

void link_changes_tell(link_changes_t *changes, link_change_t change) {
    pthread_mutex_lock(&changes->lock);
    if (change == LINK_BACK)
        atomic_store(&changes->back_ended, true);
    else if (changes->count < LINK_CHANGES_MAX)
        changes->waiting[changes->count++] = change;
    else
        changes->waiting[LINK_CHANGES_MAX - 1] = change;
    atomic_store(&changes->any, true);
    pthread_mutex_unlock(&changes->lock);
    eventfd_write(changes->fd, 1);
}

void link_changes_fail(link_changes_t *changes, const char *why) {
    pthread_mutex_lock(&changes->lock);
    snprintf(changes->unreachable, sizeof changes->unreachable, "%s", why);
    pthread_mutex_unlock(&changes->lock);
    link_changes_tell(changes, LINK_UNREACHABLE);
}

void link_changes_wake(link_changes_t *changes) {
    atomic_store(&changes->any, true);
    eventfd_write(changes->fd, 1);
}

void link_changes_forget(link_changes_t *changes, bool front) {
    pthread_mutex_lock(&changes->lock);
    if (front)
        changes->count = 0;
    else
        atomic_store(&changes->back_ended, false);
    pthread_mutex_unlock(&changes->lock);
}

static link_change_t s_take(link_changes_t *changes) {
    eventfd_t count;
    if (changes->count == 0) {
        atomic_store(&changes->any, false);
        eventfd_read(changes->fd, &count);
        return LINK_SAME;
    }
    link_change_t change = changes->waiting[0];
    memmove(changes->waiting, changes->waiting + 1, --changes->count * sizeof *changes->waiting);
    return change;
}

link_change_t link_changes_next(link_changes_t *changes) {
    if (!link_changes_any(changes))
        return LINK_SAME;
    if (atomic_exchange(&changes->back_ended, false))
        return LINK_BACK;
    pthread_mutex_lock(&changes->lock);
    link_change_t change = s_take(changes);
    if (change == LINK_UNREACHABLE)
        memcpy(changes->why, changes->unreachable, sizeof changes->why);
    pthread_mutex_unlock(&changes->lock);
    return change;
}

bool link_changes_any(const link_changes_t *changes) {
    return atomic_load_explicit(&changes->any, memory_order_relaxed);
}

link_change_t link_meaning(uint16_t event, uint32_t value, bool encrypted, bool known) {
    switch (event) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        return LINK_UP;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: /* 300 is "try again later", 500 the broker's own trouble: both pass */
        return value == 400 ? LINK_REFUSED : LINK_DOWN;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        return value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH ? LINK_MECHANISM : LINK_HANDSHAKE;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        return encrypted ? LINK_HANDSHAKE : LINK_DOWN;
    default:
        return encrypted && !known ? LINK_HANDSHAKE : LINK_DOWN;
    }
}
