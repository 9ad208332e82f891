/* See inflow_calls.h. */
#include "inflow_calls.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "descriptor.h"
#include "fatal.h"

#define IN_FRONT_OF_LIBC __attribute__((visibility("default"), used))

/* Queues of parked connections. The first ones, one for each side, wait for the end of its turn. LEAVING waits until it
 * may leave, ARRIVING until others have left. */
enum { LEAVING = INFLOW_SIDES, ARRIVING, QUEUES };
enum { CLOSE_MS = 3000 }; /* for libzmq to close all: the linger, and more */

/* What libzmq's poller asked of the kernel for a descriptor. */
typedef struct place {
    int listens; /* the side that it listens for, and 1 */
    int poller;  /* the epoll set's descriptor */
    struct epoll_event event;
    uint32_t told; /* the events that the kernel knows of */
    bool changed;  /* `event` may be another: it is in s_changed of the poller's thread, */
    bool tried;    /* and the thread was told that it may write */
    struct place *prev_changed, *next_changed;
    uint64_t connection; /* its handle */
    bool let_in;         /* although others wait to leave */
    bool may_leave;      /* libzmq was told of its end */
    _Atomic bool parked;
    int queue;
    struct place *prev, *next;
} place_t;

static struct {
    inflow_t *inflow; /* NULL: not begun */
    place_t *places;  /* by descriptor */
    int binding;      /* side, and 1 */
    _Atomic bool closing;
    int wake;
    pthread_mutex_t mutex; /* over the rest */
    place_t *parked[QUEUES];
    _Atomic int waiting[QUEUES]; /* in each; written with the mutex */
    size_t open;                 /* listeners and connections that libzmq has */
    struct {
        change_t *items;
        size_t first, count, size;
        _Atomic size_t left; /* to be taken */
    } changes;
} s_calls = {.mutex = PTHREAD_MUTEX_INITIALIZER, .wake = -1};

void inflow_calls_begin(inflow_t *inflow) {
    s_calls.places = fatal_calloc(inflow->size * sizeof *s_calls.places);
    s_calls.wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    FATAL_UNLESS(s_calls.wake >= 0);
    s_calls.inflow = inflow;
}

size_t inflow_calls_open(void) {
    pthread_mutex_lock(&s_calls.mutex);
    size_t open = s_calls.open;
    pthread_mutex_unlock(&s_calls.mutex);
    return open;
}

void inflow_calls_finish(void) {
    eventfd_t count;
    if (!s_calls.inflow)
        return;
    struct pollfd wake = {.fd = s_calls.wake, .events = POLLIN};
    while (inflow_calls_open() > 0 && poll(&wake, 1, CLOSE_MS) > 0)
        eventfd_read(s_calls.wake, &count);
    s_calls.inflow = NULL;
    close(s_calls.wake);
    free(s_calls.places);
    s_calls.places = NULL;
    memset(s_calls.parked, 0, sizeof s_calls.parked);
    memset(s_calls.waiting, 0, sizeof s_calls.waiting);
    free(s_calls.changes.items);
    memset(&s_calls.changes, 0, sizeof s_calls.changes);
    s_calls.open = 0;
    s_calls.closing = false;
}

void inflow_calls_bind(int side) {
    s_calls.binding = side + 1;
}

int inflow_calls_next_listener(int fd) {
    for (; (size_t)fd < s_calls.inflow->size; fd++)
        if (s_calls.places[fd].listens)
            return fd;
    return -1;
}

int inflow_calls_fd(void) {
    return s_calls.wake;
}

/* --- Changes --- */

/* With the mutex. */
static void s_tell(int fd, change_kind_t kind, inflow_reason_t reason) {
    if (s_calls.changes.count == s_calls.changes.size) {
        s_calls.changes.size = s_calls.changes.size ? 2 * s_calls.changes.size : 64;
        s_calls.changes.items =
            fatal_realloc(s_calls.changes.items, s_calls.changes.size * sizeof *s_calls.changes.items);
    }
    s_calls.changes.items[s_calls.changes.count++] = (change_t){.connection = s_calls.places[fd].connection,
        .kind = kind,
        .side = inflow_side(s_calls.inflow, fd),
        .reason = reason};
    s_calls.changes.left++;
    eventfd_write(s_calls.wake, 1);
}

bool inflow_calls_take_change(change_t *change) {
    if (s_calls.changes.left == 0)
        return false;
    pthread_mutex_lock(&s_calls.mutex);
    *change = s_calls.changes.items[s_calls.changes.first++];
    if (--s_calls.changes.left == 0)
        s_calls.changes.first = s_calls.changes.count = 0;
    pthread_mutex_unlock(&s_calls.mutex);
    return true;
}

/* --- Parking --- */

static bool s_is_watched(int fd) {
    return s_calls.inflow && inflow_side(s_calls.inflow, fd) >= 0;
}

static int s_epoll_ctl(int poller, int op, int fd, struct epoll_event *event) {
    return (int)syscall(SYS_epoll_ctl, poller, op, fd, event);
}

static int s_fd(const place_t *place) {
    return (int)(place - s_calls.places);
}

/* With the mutex. */
static void s_count(int queue, int more) {
    s_calls.waiting[queue] += more;
    if (queue == LEAVING)
        s_calls.inflow->leaving += (unsigned)more;
}

/* Returns what recv returns when nothing can be read now. */
static ssize_t s_park(int fd, int queue) {
    place_t *place = &s_calls.places[fd];
    pthread_mutex_lock(&s_calls.mutex);
    if (!place->parked && s_epoll_ctl(place->poller, EPOLL_CTL_DEL, fd, NULL) == 0) {
        place->parked = true;
        place->queue = queue;
        DL_APPEND(s_calls.parked[queue], place);
        s_count(queue, 1);
    }
    pthread_mutex_unlock(&s_calls.mutex);
    eventfd_write(s_calls.wake, 1);
    errno = EAGAIN;
    return -1;
}

/* With the mutex. */
static void s_unpark(place_t *place) {
    place->parked = false;
    DL_DELETE(s_calls.parked[place->queue], place);
    s_count(place->queue, -1);
}

/* With the mutex. */
static int s_tell_kernel(place_t *place, int op) {
    place->told = place->event.events;
    return s_epoll_ctl(place->poller, op, s_fd(place), &place->event);
}

/* If the kernel has no room for it, the connection stays silent until its client gives up. That ends nobody else. */
static void s_read_again(place_t *place) {
    s_unpark(place);
    s_tell_kernel(place, EPOLL_CTL_ADD);
}

/* With the mutex. */
static void s_read_all_again(int queue) {
    while (s_calls.parked[queue])
        s_read_again(s_calls.parked[queue]);
}

/* A connection that is parked at this moment is found later: it wakes the loop. */
void inflow_calls_resume(int side) {
    if (s_calls.waiting[side] == 0)
        return;
    pthread_mutex_lock(&s_calls.mutex);
    s_read_all_again(side);
    pthread_mutex_unlock(&s_calls.mutex);
}

void inflow_calls_took(int fd) {
    if (s_calls.waiting[INFLOW_FRONT] == 0 || !s_is_watched(fd) || !s_calls.places[fd].parked ||
        !inflow_is_served(s_calls.inflow, fd))
        return;
    pthread_mutex_lock(&s_calls.mutex);
    place_t *place = &s_calls.places[fd];
    if (place->parked && place->queue == INFLOW_FRONT)
        s_read_again(place);
    pthread_mutex_unlock(&s_calls.mutex);
}

bool inflow_calls_must_leave(void) {
    return s_calls.waiting[LEAVING] + s_calls.waiting[ARRIVING] > 0;
}

/* With the mutex. Ends a newcomer whose peer is gone before XPUB knew of it: that costs no walk. */
static bool s_end_gone(place_t *place, short events) {
    if (!(events & (POLLRDHUP | POLLHUP | POLLERR)) || inflow_has_shook(s_calls.inflow, s_fd(place)))
        return false;
    inflow_end(s_calls.inflow, s_fd(place));
    s_read_again(place);
    return true;
}

static void s_let_in(place_t *place) {
    struct pollfd look = {.fd = s_fd(place), .events = POLLRDHUP};
    poll(&look, 1, 0);
    if (s_end_gone(place, look.revents))
        return;
    place->let_in = true;
    s_read_again(place);
}

/* With the mutex. */
static void s_end_all_gone(void) {
    size_t count = 0, size = (size_t)s_calls.waiting[ARRIVING];
    if (size == 0)
        return;
    struct pollfd *looks = fatal_calloc(size * sizeof *looks);
    place_t *place, *next;
    DL_FOREACH(s_calls.parked[ARRIVING], place)
    looks[count++] = (struct pollfd){.fd = s_fd(place), .events = POLLRDHUP};
    poll(looks, count, 0);
    count = 0;
    DL_FOREACH_SAFE(s_calls.parked[ARRIVING], place, next)
    s_end_gone(place, looks[count++].revents);
    free(looks);
}

bool inflow_calls_is_arriving(uint64_t connection) {
    int fd = descriptor_of(connection);
    if (!s_is_watched(fd))
        return false;
    pthread_mutex_lock(&s_calls.mutex);
    const place_t *place = &s_calls.places[fd];
    bool arriving = place->connection == connection && place->parked && place->queue == ARRIVING;
    pthread_mutex_unlock(&s_calls.mutex);
    return arriving;
}

void inflow_calls_let_leave(unsigned leaves) {
    pthread_mutex_lock(&s_calls.mutex);
    bool crowd = (size_t)s_calls.waiting[LEAVING] > s_calls.inflow->size / INFLOW_CROWD;
    unsigned newcomers = crowd ? leaves : leaves * INFLOW_NEWCOMERS;
    for (; leaves > 0 && s_calls.parked[LEAVING]; leaves--)
        s_read_again(s_calls.parked[LEAVING]);
    for (; newcomers > 0 && s_calls.parked[ARRIVING]; newcomers--)
        s_let_in(s_calls.parked[ARRIVING]);
    place_t *place, *next;
    DL_FOREACH_SAFE(s_calls.parked[ARRIVING], place, next)
    if (!inflow_must_wait(s_calls.inflow, s_fd(place)))
        s_read_again(place);
    pthread_mutex_unlock(&s_calls.mutex);
}

/* --- Ending --- */

/* With the mutex. A reset tells the peer: a peer that goes on sending would not notice the end for a while. */
static void s_end(int fd, inflow_reason_t reason) {
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    s_tell(fd, CHANGE_ENDED, reason);
}

static void s_stop(uint64_t connection) {
    int fd = descriptor_of(connection);
    if (!s_is_watched(fd))
        return;
    pthread_mutex_lock(&s_calls.mutex);
    place_t *place = &s_calls.places[fd];
    if (place->connection == connection) {
        inflow_end(s_calls.inflow, fd);
        if (place->parked && place->queue == ARRIVING)
            s_read_again(place); /* it need not wait any longer to be told so */
    }
    pthread_mutex_unlock(&s_calls.mutex);
}

void inflow_calls_end(uint64_t connection) {
    s_stop(connection);
    descriptor_end(connection);
}

void inflow_calls_reset(uint64_t connection) {
    s_stop(connection);
    descriptor_reset(connection);
}

/* While the mutex is held libzmq closes none of them. */
void inflow_calls_sweep(void) {
    inflow_reason_t reason;
    pthread_mutex_lock(&s_calls.mutex);
    s_end_all_gone();
    for (int fd; (fd = inflow_sweep(s_calls.inflow, &reason)) >= 0;) {
        s_end(fd, reason);
        shutdown(fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&s_calls.mutex);
}

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
    return s_time.stopped && s_calls.inflow && !s_calls.closing;
}

void inflow_calls_start_time(void) {
    s_calls.closing = true;
}

/* --- Changes of what a poller waits for --- */

/* libzmq asks for EPOLLOUT at each write. It takes that back once it is told that it may write and has nothing more:
 * three system calls for each frame, in vain. So the kernel hears of changes only when the thread waits, and the thread
 * is first told once that it may write, which is nearly always so. If it wants EPOLLOUT still, the kernel hears of it.
 * These are the connections of this thread that have changes. */
static _Thread_local place_t *s_changed;

/* With the mutex, in the poller's thread, as all here. */
static void s_change_later(place_t *place) {
    if (!(place->event.events & EPOLLOUT))
        place->tried = false;
    if (place->changed)
        return;
    place->changed = true;
    DL_APPEND2(s_changed, place, prev_changed, next_changed);
}

static void s_forget_change(place_t *place) {
    if (!place->changed)
        return;
    place->changed = place->tried = false;
    DL_DELETE2(s_changed, place, prev_changed, next_changed);
}

/* Is libzmq to be told that it may write there? */
static bool s_try(place_t *place) {
    bool wants = place->event.events & ~place->told & EPOLLOUT;
    if (place->parked || place->tried || !wants)
        return false;
    return place->tried = true;
}

/* Changes of connections that wait for nothing new are forgotten. The others are told to the kernel, or tried: returns
 * the events of these. */
static int s_take_changes(struct epoll_event *events, int most) {
    int count = 0;
    place_t *place, *next;
    pthread_mutex_lock(&s_calls.mutex);
    if (!s_calls.inflow)
        s_changed = NULL; /* they are gone with all connections */
    DL_FOREACH_SAFE2(s_changed, place, next, next_changed) {
        if (count < most && s_try(place)) {
            events[count++] = (struct epoll_event){.events = EPOLLOUT, .data = place->event.data};
            continue;
        }
        if (!place->parked && place->event.events != place->told)
            s_tell_kernel(place, EPOLL_CTL_MOD);
        s_forget_change(place);
    }
    pthread_mutex_unlock(&s_calls.mutex);
    return count;
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

IN_FRONT_OF_LIBC int epoll_wait(int poller, struct epoll_event *events, int most, int timeout) {
    if (timeout > 0 && s_time_is_stopped())
        timeout = -1;
    int tried = s_changed ? s_take_changes(events, most) : 0;
    if (tried)
        return tried;
    return epoll_pwait(poller, events, most, timeout, NULL);
}

static ssize_t s_leave(int fd, ssize_t result, int code) {
    if (!inflow_may_leave(s_calls.inflow, fd))
        return s_park(fd, LEAVING);
    s_calls.places[fd].may_leave = true;
    errno = code;
    return result;
}

/* An encrypted reader is let in for one read: each may end it. */
static bool s_must_wait(int fd) {
    place_t *place = &s_calls.places[fd];
    if (!inflow_must_wait(s_calls.inflow, fd))
        return false;
    bool wait = !place->let_in;
    if (inflow_is_opaque(s_calls.inflow, fd))
        place->let_in = false;
    return wait;
}

IN_FRONT_OF_LIBC ssize_t recv(int fd, void *data, size_t len, int flags) {
    bool watched = s_is_watched(fd);
    if (watched && inflow_is_ending(s_calls.inflow, fd))
        return s_leave(fd, -1, ECONNRESET);
    if (watched && s_must_wait(fd))
        return s_park(fd, ARRIVING);
    size_t room = watched ? inflow_room(s_calls.inflow, fd) : len;
    if (watched && room == 0)
        return s_park(fd, inflow_side(s_calls.inflow, fd));
    ssize_t got = syscall(SYS_recvfrom, fd, data, len < room ? len : room, flags, NULL, NULL);
    if (!watched || (got < 0 && (errno == EAGAIN || errno == EINTR)))
        return got;
    if (got <= 0)
        return s_leave(fd, got, errno);
    inflow_reason_t reason = inflow_read(s_calls.inflow, fd, data, (size_t)got);
    if (reason == INFLOW_FINE)
        return got;
    pthread_mutex_lock(&s_calls.mutex);
    s_end(fd, reason);
    pthread_mutex_unlock(&s_calls.mutex);
    return s_leave(fd, -1, ECONNRESET);
}

/* With the mutex. */
static void s_forget(int fd, place_t *place) {
    if (place->parked)
        s_unpark(place);
    if (!place->may_leave && inflow_left_unasked(s_calls.inflow, fd))
        s_tell(fd, CHANGE_ENDED, INFLOW_BROKEN);
    s_tell(fd, CHANGE_GONE, INFLOW_FINE);
    inflow_close(s_calls.inflow, fd);
}

/* libzmq removes a descriptor from its set before it closes it, and at no other time. */
static int s_remove(int poller, int fd) {
    place_t *place = &s_calls.places[fd];
    pthread_mutex_lock(&s_calls.mutex);
    int rc = place->parked ? 0 : s_epoll_ctl(poller, EPOLL_CTL_DEL, fd, NULL);
    s_forget_change(place);
    if (place->listens)
        place->listens = 0;
    else
        s_forget(fd, place);
    s_calls.open--;
    if (s_calls.open == 0)
        eventfd_write(s_calls.wake, 1);
    pthread_mutex_unlock(&s_calls.mutex);
    return rc;
}

static bool s_is_ours(int fd) {
    return s_is_watched(fd) || (s_calls.inflow && (size_t)fd < s_calls.inflow->size && s_calls.places[fd].listens);
}

IN_FRONT_OF_LIBC int epoll_ctl(int poller, int op, int fd, struct epoll_event *event) {
    if (op == EPOLL_CTL_DEL && s_is_ours(fd))
        return s_remove(poller, fd);
    if (!s_is_watched(fd))
        return s_epoll_ctl(poller, op, fd, event);
    s_stop_time();
    place_t *place = &s_calls.places[fd];
    pthread_mutex_lock(&s_calls.mutex);
    place->poller = poller;
    place->event = *event;
    int rc = 0;
    if (op == EPOLL_CTL_MOD)
        s_change_later(place);
    else if (!place->parked)
        rc = s_tell_kernel(place, op);
    pthread_mutex_unlock(&s_calls.mutex);
    return rc;
}

/* With the mutex. Gives the connection another descriptor if messages of an earlier one with the same may wait. */
static int s_move(int fd) {
    while (fd >= 0 && !inflow_is_free(s_calls.inflow, fd)) {
        int next = fd + 1;
        while (!inflow_is_free(s_calls.inflow, next))
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
    inflow_open(s_calls.inflow, side, fd);
    if (inflow_side(s_calls.inflow, fd) < 0)
        return;
    place_t *place = &s_calls.places[fd];
    place->connection = descriptor_handle(fd);
    place->let_in = place->may_leave = false;
    s_calls.open++;
    s_tell(fd, CHANGE_CAME, INFLOW_FINE);
}

/* libzmq 4.3.4 aborts the process when the accept of a local socket fails with EMFILE (ipc_listener.cpp). A local
 * account could so end the broker by opening connections. EAGAIN makes libzmq try again later. Until then the loop has
 * ended the surplus connections (addresses.h). */
IN_FRONT_OF_LIBC int accept4(int fd, struct sockaddr *address, socklen_t *len, int flags) {
    int accepted = (int)syscall(SYS_accept4, fd, address, len, flags);
    if (accepted < 0 && errno == EMFILE)
        errno = EAGAIN;
    if (accepted >= 0 && s_calls.inflow && (size_t)fd < s_calls.inflow->size && s_calls.places[fd].listens) {
        pthread_mutex_lock(&s_calls.mutex);
        accepted = s_move(accepted);
        if (accepted >= 0)
            s_come(s_calls.places[fd].listens - 1, accepted);
        pthread_mutex_unlock(&s_calls.mutex);
    }
    return accepted;
}

IN_FRONT_OF_LIBC int listen(int fd, int backlog) {
    int rc = (int)syscall(SYS_listen, fd, backlog);
    if (rc == 0 && s_calls.inflow && s_calls.binding && (size_t)fd < s_calls.inflow->size) {
        pthread_mutex_lock(&s_calls.mutex);
        s_calls.places[fd].listens = s_calls.binding;
        s_calls.open++;
        pthread_mutex_unlock(&s_calls.mutex);
    }
    return rc;
}
