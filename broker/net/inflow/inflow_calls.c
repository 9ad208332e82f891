/* See inflow_calls.h: the connections that libzmq has, and what the loop hears of them. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fatal.h"
#include "inflow_state.h"

enum { CLOSE_MS = 3000 }; /* for libzmq to close all: the linger, and more */

inflow_calls_t inflow_calls = {.mutex = PTHREAD_MUTEX_INITIALIZER, .wake = -1};

void inflow_calls_begin(inflow_t *inflow) {
    inflow_calls.places = fatal_calloc(inflow->size * sizeof *inflow_calls.places);
    inflow_calls.wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    FATAL_UNLESS(inflow_calls.wake >= 0);
    inflow_calls.inflow = inflow;
}

size_t inflow_calls_open(void) {
    pthread_mutex_lock(&inflow_calls.mutex);
    size_t open = inflow_calls.open;
    pthread_mutex_unlock(&inflow_calls.mutex);
    return open;
}

void inflow_calls_finish(void) {
    eventfd_t count;
    if (!inflow_calls.inflow)
        return;
    struct pollfd wake = {.fd = inflow_calls.wake, .events = POLLIN};
    while (inflow_calls_open() > 0 && poll(&wake, 1, CLOSE_MS) > 0)
        eventfd_read(inflow_calls.wake, &count);
    inflow_calls.inflow = NULL;
    close(inflow_calls.wake);
    free(inflow_calls.places);
    inflow_calls.places = NULL;
    memset(inflow_calls.parked, 0, sizeof inflow_calls.parked);
    memset(inflow_calls.waiting, 0, sizeof inflow_calls.waiting);
    free(inflow_calls.changes.items);
    memset(&inflow_calls.changes, 0, sizeof inflow_calls.changes);
    inflow_calls.open = 0;
    inflow_calls.closing = false;
}

void inflow_calls_bind(int side) {
    inflow_calls.binding = side + 1;
}

int inflow_calls_next_listener(int fd) {
    for (; (size_t)fd < inflow_calls.inflow->size; fd++)
        if (inflow_calls.places[fd].listens)
            return fd;
    return -1;
}

int inflow_calls_fd(void) {
    return inflow_calls.wake;
}

/* --- For the files beside --- */

bool inflow_is_watched(int fd) {
    return inflow_calls.inflow && inflow_side(inflow_calls.inflow, fd) >= 0;
}

int inflow_fd(const place_t *place) {
    return (int)(place - inflow_calls.places);
}

int inflow_epoll_ctl(int poller, int op, int fd, struct epoll_event *event) {
    return (int)syscall(SYS_epoll_ctl, poller, op, fd, event);
}

int inflow_tell_kernel(place_t *place, int op) {
    place->told = place->event.events;
    return inflow_epoll_ctl(place->poller, op, inflow_fd(place), &place->event);
}

/* --- Changes --- */

void inflow_tell(int fd, change_kind_t kind, inflow_reason_t reason) {
    if (inflow_calls.changes.count == inflow_calls.changes.size) {
        inflow_calls.changes.size = inflow_calls.changes.size ? 2 * inflow_calls.changes.size : 64;
        inflow_calls.changes.items =
            fatal_realloc(inflow_calls.changes.items, inflow_calls.changes.size * sizeof *inflow_calls.changes.items);
    }
    inflow_calls.changes.items[inflow_calls.changes.count++] =
        (change_t){.connection = inflow_calls.places[fd].connection,
            .kind = kind,
            .side = inflow_side(inflow_calls.inflow, fd),
            .reason = reason};
    inflow_calls.changes.left++;
    eventfd_write(inflow_calls.wake, 1);
}

bool inflow_calls_take_change(change_t *change) {
    if (inflow_calls.changes.left == 0)
        return false;
    pthread_mutex_lock(&inflow_calls.mutex);
    *change = inflow_calls.changes.items[inflow_calls.changes.first++];
    if (--inflow_calls.changes.left == 0)
        inflow_calls.changes.first = inflow_calls.changes.count = 0;
    pthread_mutex_unlock(&inflow_calls.mutex);
    return true;
}
