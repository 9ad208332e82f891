/* See inflow_calls.h: the functions that stand in front of libc's. inflow_calls_start_time is here too, so that the linker
 * takes this file out of its archive. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "descriptor.h"
#include "inflow_state.h"
#include "patience.h"

#define IN_FRONT_OF_LIBC __attribute__((visibility("default"), used))

/* --- Time --- */

/* That of a thread which has connections. */
static _Thread_local struct {
    bool stopped;
    struct timespec at;
} s_time;

/* libzmq's own call of it. */
static int s_clock_gettime(clockid_t clock, struct timespec *now) {
    static _Atomic(void *) found;
    int (*call)(clockid_t, struct timespec *);
    if (!found)
        found = dlsym(RTLD_NEXT, "clock_gettime");
    *(void **)&call = found;
    return call(clock, now);
}

static void s_stop_time(void) {
    if (!s_time.stopped)
        s_time.stopped = s_clock_gettime(CLOCK_MONOTONIC, &s_time.at) == 0;
}

static bool s_time_is_stopped(void) {
    return s_time.stopped && inflow_calls.inflow && !inflow_calls.closing;
}

void inflow_calls_start_time(void) {
    inflow_calls.closing = true;
}

/* --- In front of libc --- */

static _Atomic pid_t s_pid; /* 0: not known */

static void s_in_child(void) {
    s_pid = 0;
}

/* libzmq looks whether it is in a forked child each time that it looks for messages: 16 system calls for a message that
 * is alone. Only a fork changes the answer. */
IN_FRONT_OF_LIBC pid_t getpid(void) {
    static _Atomic bool hooked;
    pid_t pid = s_pid;
    if (pid)
        return pid;
    pid = (pid_t)syscall(SYS_getpid);
    if (!hooked)
        hooked = pthread_atfork(NULL, NULL, s_in_child) == 0;
    if (hooked)
        s_pid = pid;
    return pid;
}

IN_FRONT_OF_LIBC int clock_gettime(clockid_t clock, struct timespec *now) {
    if (clock != CLOCK_MONOTONIC || !s_time_is_stopped())
        return s_clock_gettime(clock, now);
    *now = s_time.at;
    return 0;
}

static _Thread_local patience_t s_patience;

/* The time goes on here. */
static uint64_t s_nanoseconds(void) {
    struct timespec now = {0};
    s_clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Asks the kernel again and again. 0: nothing came. */
static int s_look(int poller, struct epoll_event *events, int most) {
    uint64_t until = s_nanoseconds() + PATIENCE_NS;
    int count;
    do
        count = epoll_pwait(poller, events, most, 0, NULL);
    while (count == 0 && s_nanoseconds() < until);
    patience_found(&s_patience, count > 0);
    return count;
}

IN_FRONT_OF_LIBC int epoll_wait(int poller, struct epoll_event *events, int most, int timeout) {
    if (timeout > 0 && s_time_is_stopped())
        timeout = -1;
    int tried = inflow_take_changes(events, most);
    if (tried)
        return tried;
    int count = timeout && patience_begin(&s_patience) ? s_look(poller, events, most) : 0;
    return count ? count : epoll_pwait(poller, events, most, timeout, NULL);
}

static ssize_t s_leave(int fd, ssize_t result, int code) {
    if (!inflow_may_leave(inflow_calls.inflow, fd))
        return inflow_park(fd, LEAVING);
    inflow_calls.places[fd].may_leave = true;
    errno = code;
    return result;
}

/* An encrypted reader is let in for one read: each may end it. */
static bool s_must_wait(int fd) {
    place_t *place = &inflow_calls.places[fd];
    if (!inflow_must_wait(inflow_calls.inflow, fd))
        return false;
    bool wait = !place->let_in;
    if (inflow_is_opaque(inflow_calls.inflow, fd))
        place->let_in = false;
    return wait;
}

IN_FRONT_OF_LIBC ssize_t recv(int fd, void *data, size_t len, int flags) {
    bool watched = inflow_is_watched(fd);
    if (watched && inflow_is_ending(inflow_calls.inflow, fd))
        return s_leave(fd, -1, ECONNRESET);
    if (watched && s_must_wait(fd))
        return inflow_park(fd, ARRIVING);
    size_t room = watched ? inflow_room(inflow_calls.inflow, fd) : len;
    if (watched && room == 0)
        return inflow_park(fd, inflow_side(inflow_calls.inflow, fd));
    ssize_t got = syscall(SYS_recvfrom, fd, data, len < room ? len : room, flags, NULL, NULL);
    if (!watched || (got < 0 && (errno == EAGAIN || errno == EINTR)))
        return got;
    if (got <= 0)
        return s_leave(fd, got, errno);
    patience_ask(&s_patience);
    inflow_reason_t reason = inflow_read(inflow_calls.inflow, fd, data, (size_t)got);
    if (reason == INFLOW_FINE)
        return got;
    pthread_mutex_lock(&inflow_calls.mutex);
    inflow_end_now(fd, reason);
    pthread_mutex_unlock(&inflow_calls.mutex);
    return s_leave(fd, -1, ECONNRESET);
}

/* With the mutex. */
static void s_forget(int fd, place_t *place) {
    if (place->parked)
        inflow_unpark(place);
    if (!place->may_leave && inflow_left_unasked(inflow_calls.inflow, fd))
        inflow_tell(fd, CHANGE_ENDED, INFLOW_BROKEN);
    inflow_tell(fd, CHANGE_GONE, INFLOW_FINE);
    inflow_close(inflow_calls.inflow, fd);
}

/* libzmq removes a descriptor from its set before it closes it, and at no other time. */
static int s_remove(int poller, int fd) {
    place_t *place = &inflow_calls.places[fd];
    pthread_mutex_lock(&inflow_calls.mutex);
    int rc = place->parked ? 0 : inflow_epoll_ctl(poller, EPOLL_CTL_DEL, fd, NULL);
    inflow_forget_change(place);
    if (place->listens)
        place->listens = 0;
    else
        s_forget(fd, place);
    inflow_calls.open--;
    if (inflow_calls.open == 0)
        eventfd_write(inflow_calls.wake, 1);
    pthread_mutex_unlock(&inflow_calls.mutex);
    return rc;
}

static bool s_is_ours(int fd) {
    return inflow_is_watched(fd) ||
           (inflow_calls.inflow && (size_t)fd < inflow_calls.inflow->size && inflow_calls.places[fd].listens);
}

IN_FRONT_OF_LIBC int epoll_ctl(int poller, int op, int fd, struct epoll_event *event) {
    if (op == EPOLL_CTL_DEL && s_is_ours(fd))
        return s_remove(poller, fd);
    if (!inflow_is_watched(fd))
        return inflow_epoll_ctl(poller, op, fd, event);
    s_stop_time();
    place_t *place = &inflow_calls.places[fd];
    pthread_mutex_lock(&inflow_calls.mutex);
    place->poller = poller;
    place->event = *event;
    int rc = 0;
    if (op == EPOLL_CTL_MOD)
        inflow_change_later(place);
    else if (!place->parked)
        rc = inflow_tell_kernel(place, op);
    pthread_mutex_unlock(&inflow_calls.mutex);
    return rc;
}

/* With the mutex. Gives the connection another descriptor if messages of an earlier one with the same may wait. */
static int s_move(int fd) {
    while (fd >= 0 && !inflow_is_free(inflow_calls.inflow, fd)) {
        int next = fd + 1;
        while (!inflow_is_free(inflow_calls.inflow, next))
            next++;
        int moved = fcntl(fd, F_DUPFD_CLOEXEC, next);
        close(fd);
        fd = moved;
    }
    if (fd < 0)
        errno = EAGAIN; /* there is no descriptor left: the peer has to come again */
    return fd;
}

/* With the mutex. */
static void s_come(int side, int fd) {
    inflow_open(inflow_calls.inflow, side, fd);
    if (inflow_side(inflow_calls.inflow, fd) < 0)
        return;
    place_t *place = &inflow_calls.places[fd];
    place->connection = descriptor_handle(fd);
    place->let_in = place->may_leave = false;
    inflow_calls.open++;
    inflow_tell(fd, CHANGE_CAME, INFLOW_FINE);
}

/* libzmq 4.3.4 aborts the process when the accept of a local socket fails with EMFILE (ipc_listener.cpp). A local
 * account could so end the broker by opening connections. EAGAIN makes libzmq try again later. Until then the loop has
 * ended the surplus connections (addresses.h). */
IN_FRONT_OF_LIBC int accept4(int fd, struct sockaddr *address, socklen_t *len, int flags) {
    int accepted = (int)syscall(SYS_accept4, fd, address, len, flags);
    if (accepted < 0 && errno == EMFILE)
        errno = EAGAIN;
    if (accepted >= 0 && inflow_calls.inflow && (size_t)fd < inflow_calls.inflow->size &&
        inflow_calls.places[fd].listens) {
        pthread_mutex_lock(&inflow_calls.mutex);
        accepted = s_move(accepted);
        if (accepted >= 0)
            s_come(inflow_calls.places[fd].listens - 1, accepted);
        pthread_mutex_unlock(&inflow_calls.mutex);
    }
    return accepted;
}

IN_FRONT_OF_LIBC int listen(int fd, int backlog) {
    int rc = (int)syscall(SYS_listen, fd, backlog);
    if (rc == 0 && inflow_calls.inflow && inflow_calls.binding && (size_t)fd < inflow_calls.inflow->size) {
        pthread_mutex_lock(&inflow_calls.mutex);
        inflow_calls.places[fd].listens = inflow_calls.binding;
        inflow_calls.open++;
        pthread_mutex_unlock(&inflow_calls.mutex);
    }
    return rc;
}
