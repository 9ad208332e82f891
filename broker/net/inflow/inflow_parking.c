/* See inflow_calls.h: connections that wait until they may be read, and those that end. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <utlist.h>

#include "descriptor.h"
#include "fatal.h"
#include "inflow_state.h"

/* --- Parking --- */

/* With the mutex. */
static void s_count(int queue, int more) {
    inflow_calls.waiting[queue] += more;
    if (queue == LEAVING)
        inflow_calls.inflow->leaving += (unsigned)more;
}

ssize_t inflow_park(int fd, int queue) {
    place_t *place = &inflow_calls.places[fd];
    pthread_mutex_lock(&inflow_calls.mutex);
    if (!place->parked && inflow_epoll_ctl(place->poller, EPOLL_CTL_DEL, fd, NULL) == 0) {
        place->parked = true;
        place->queue = queue;
        DL_APPEND(inflow_calls.parked[queue], place);
        s_count(queue, 1);
    }
    pthread_mutex_unlock(&inflow_calls.mutex);
    eventfd_write(inflow_calls.wake, 1);
    errno = EAGAIN;
    return -1;
}

void inflow_unpark(place_t *place) {
    place->parked = false;
    DL_DELETE(inflow_calls.parked[place->queue], place);
    s_count(place->queue, -1);
}

/* If the kernel has no room for it, the connection stays silent until its client gives up. That ends nobody else. */
static void s_read_again(place_t *place) {
    inflow_unpark(place);
    inflow_tell_kernel(place, EPOLL_CTL_ADD);
}

/* With the mutex. */
static void s_read_all_again(int queue) {
    while (inflow_calls.parked[queue])
        s_read_again(inflow_calls.parked[queue]);
}

/* A connection that is parked at this moment is found later: it wakes the loop. */
void inflow_calls_resume(int side) {
    if (inflow_calls.waiting[side] == 0)
        return;
    pthread_mutex_lock(&inflow_calls.mutex);
    s_read_all_again(side);
    pthread_mutex_unlock(&inflow_calls.mutex);
}

void inflow_calls_took(int fd) {
    if (inflow_calls.waiting[INFLOW_FRONT] == 0 || !inflow_is_watched(fd) || !inflow_calls.places[fd].parked ||
        !inflow_is_served(inflow_calls.inflow, fd))
        return;
    pthread_mutex_lock(&inflow_calls.mutex);
    place_t *place = &inflow_calls.places[fd];
    if (place->parked && place->queue == INFLOW_FRONT)
        s_read_again(place);
    pthread_mutex_unlock(&inflow_calls.mutex);
}

bool inflow_calls_must_leave(void) {
    return inflow_calls.waiting[LEAVING] + inflow_calls.waiting[ARRIVING] > 0;
}

/* With the mutex. Ends a newcomer whose peer is gone before XPUB knew of it: that costs no walk. */
static bool s_end_gone(place_t *place, short events) {
    if (!(events & (POLLRDHUP | POLLHUP | POLLERR)) || inflow_has_shook(inflow_calls.inflow, inflow_fd(place)))
        return false;
    inflow_end(inflow_calls.inflow, inflow_fd(place));
    s_read_again(place);
    return true;
}

static void s_let_in(place_t *place) {
    struct pollfd look = {.fd = inflow_fd(place), .events = POLLRDHUP};
    poll(&look, 1, 0);
    if (s_end_gone(place, look.revents))
        return;
    place->let_in = true;
    s_read_again(place);
}

/* With the mutex. */
static void s_end_all_gone(void) {
    size_t count = 0, size = (size_t)inflow_calls.waiting[ARRIVING];
    if (size == 0)
        return;
    struct pollfd *looks = fatal_calloc(size * sizeof *looks);
    place_t *place, *next;
    DL_FOREACH(inflow_calls.parked[ARRIVING], place)
    looks[count++] = (struct pollfd){.fd = inflow_fd(place), .events = POLLRDHUP};
    poll(looks, count, 0);
    count = 0;
    DL_FOREACH_SAFE(inflow_calls.parked[ARRIVING], place, next)
    s_end_gone(place, looks[count++].revents);
    free(looks);
}

bool inflow_calls_is_arriving(uint64_t connection) {
    int fd = descriptor_of(connection);
    if (!inflow_is_watched(fd))
        return false;
    pthread_mutex_lock(&inflow_calls.mutex);
    const place_t *place = &inflow_calls.places[fd];
    bool arriving = place->connection == connection && place->parked && place->queue == ARRIVING;
    pthread_mutex_unlock(&inflow_calls.mutex);
    return arriving;
}

void inflow_calls_let_leave(unsigned leaves) {
    pthread_mutex_lock(&inflow_calls.mutex);
    bool crowd = (size_t)inflow_calls.waiting[LEAVING] > inflow_calls.inflow->size / INFLOW_CROWD;
    unsigned newcomers = crowd ? leaves : leaves * INFLOW_NEWCOMERS;
    for (; leaves > 0 && inflow_calls.parked[LEAVING]; leaves--)
        s_read_again(inflow_calls.parked[LEAVING]);
    for (; newcomers > 0 && inflow_calls.parked[ARRIVING]; newcomers--)
        s_let_in(inflow_calls.parked[ARRIVING]);
    place_t *place, *next;
    DL_FOREACH_SAFE(inflow_calls.parked[ARRIVING], place, next)
    if (!inflow_must_wait(inflow_calls.inflow, inflow_fd(place)))
        s_read_again(place);
    pthread_mutex_unlock(&inflow_calls.mutex);
}

/* --- Ending --- */

void inflow_end_now(int fd, inflow_reason_t reason) {
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    inflow_tell(fd, CHANGE_ENDED, reason);
}

static void s_stop(uint64_t connection) {
    int fd = descriptor_of(connection);
    if (!inflow_is_watched(fd))
        return;
    pthread_mutex_lock(&inflow_calls.mutex);
    place_t *place = &inflow_calls.places[fd];
    if (place->connection == connection) {
        inflow_end(inflow_calls.inflow, fd);
        if (place->parked && place->queue == ARRIVING)
            s_read_again(place); /* it need not wait any longer to be told so */
    }
    pthread_mutex_unlock(&inflow_calls.mutex);
}

void inflow_calls_end(uint64_t connection) {
    s_stop(connection);
    descriptor_end(connection);
}

void inflow_calls_reset(uint64_t connection) {
    s_stop(connection);
    descriptor_reset(connection);
}

/* While the mutex is held libzmq closes no connection. */
void inflow_calls_sweep(void) {
    inflow_reason_t reason;
    pthread_mutex_lock(&inflow_calls.mutex);
    s_end_all_gone();
    for (int fd; (fd = inflow_sweep(inflow_calls.inflow, &reason)) >= 0;) {
        inflow_end_now(fd, reason);
        shutdown(fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&inflow_calls.mutex);
}
