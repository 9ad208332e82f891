/* See guard.h. */
#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "descriptor.h"
#include "fatal.h"
#include "received.h"
#include "store/thread.h"

enum {
    LOOK_MS = 20,       /* between two looks */
    LOOK_FEW = 100,     /* connections that a look covers, when nothing calls for more; then come the next */
    LOOK_MANY = 1000,   /* when something does: about a millisecond */
    GROWTH = 1 << 20,   /* bytes of resident memory since the last look that call for more */
    BUSY_NS = 15000000, /* processor time of the loop since the last look that calls for more */
    SAMPLES = 16,
    SAMPLES_MIN = 4,
    SAMPLE_MS = 1,
    ENDED_MAX = 256, /* ends that are remembered for the loop; of further ones it does not hear */
};

struct guard {
    backlog_t *backlog;
    pthread_t thread;
    int wake;   /* eventfd: the end */
    int memory; /* /proc/self/statm, -1 when there is none */
    clockid_t clock;
    uint64_t resident, loop_ns; /* at the last look */
    size_t next;                /* the descriptor to go on with */
    pthread_mutex_t mutex;
    guard_ended_t ended[ENDED_MAX];
    size_t ended_count;
};

/* --- What calls for a look --- */

static uint64_t s_resident(const guard_t *guard) {
    char text[128];
    ssize_t len = guard->memory >= 0 ? pread(guard->memory, text, sizeof text - 1, 0) : -1;
    unsigned long long pages = 0;
    if (len <= 0)
        return 0;
    text[len] = '\0';
    return sscanf(text, "%*u %llu", &pages) == 1 ? pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static uint64_t s_loop_ns(const guard_t *guard) {
    struct timespec used = {0};
    clock_gettime(guard->clock, &used);
    return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

static bool s_is_eventful(guard_t *guard) {
    uint64_t resident = s_resident(guard), loop_ns = s_loop_ns(guard);
    bool eventful = resident > guard->resident + GROWTH || loop_ns > guard->loop_ns + BUSY_NS;
    guard->resident = resident;
    guard->loop_ns = loop_ns;
    return eventful;
}

/* --- Looking --- */

static void s_end(guard_t *guard, int fd, guard_reason_t reason) {
    uint64_t connection = atomic_load(&guard->backlog->places[fd].socket);
    descriptor_reset(connection);
    backlog_end(guard->backlog, fd);
    pthread_mutex_lock(&guard->mutex);
    if (guard->ended_count < ENDED_MAX)
        guard->ended[guard->ended_count++] = (guard_ended_t){connection, reason};
    pthread_mutex_unlock(&guard->mutex);
}

static void s_look_at_local(guard_t *guard, int fd) {
    if (descriptor_handle(fd) == atomic_load(&guard->backlog->places[fd].socket))
        backlog_look_local(guard->backlog, fd);
    else /* it has just ended */
        backlog_forget(guard->backlog, fd);
}

static void s_look_at(guard_t *guard, int fd) {
    uint64_t took = backlog_meet(guard->backlog, fd), read;
    if (!received_read(fd, &read))
        s_look_at_local(guard, fd);
    else if (backlog_look(guard->backlog, fd, took, read))
        s_end(guard, fd, GUARD_AHEAD);
}

/* Goes on where the last look ended. */
static void s_look(guard_t *guard, size_t most) {
    backlog_t *backlog = guard->backlog;
    size_t top = atomic_load(&backlog->top);
    for (size_t passed = 0, seen = 0; passed < top && seen < most; passed++, guard->next++) {
        guard->next = guard->next < top ? guard->next : 0;
        if (backlog_is_there(backlog, (int)guard->next)) {
            s_look_at(guard, (int)guard->next);
            seen++;
        } else if (backlog->places[guard->next].seen) {
            backlog_forget(backlog, (int)guard->next);
        }
    }
}

/* --- The sum of all --- */

static void s_end_most(guard_t *guard) {
    for (int side = 0; side < BACKLOG_SIDES; side++)
        for (int fd; (fd = backlog_most(guard->backlog, side)) >= 0;)
            s_end(guard, fd, GUARD_MOST);
}

/* The kernel does not count the bytes of a local connection. It only tells whether some wait to be read. The connection
 * that has some most often is the one that sends most. */
static void s_end_local(guard_t *guard) {
    backlog_t *backlog = guard->backlog;
    size_t top = atomic_load(&backlog->top), most = 0;
    for (size_t fd = 0; fd < top; fd++)
        backlog->places[fd].samples = 0;
    for (int i = 0; i < SAMPLES && backlog->uncounted > 0; i++, poll(NULL, 0, SAMPLE_MS))
        for (size_t fd = 0; fd < top; fd++)
            if (backlog->places[fd].uncounted && received_unread((int)fd) > 0 &&
                ++backlog->places[fd].samples > backlog->places[most].samples)
                most = fd;
    if (top > 0 && backlog->places[most].samples >= SAMPLES_MIN)
        s_end(guard, (int)most, GUARD_MEMORY);
}

static void s_end_waiting(guard_t *guard) {
    size_t top = atomic_load(&guard->backlog->top);
    for (size_t fd = 0; fd < top; fd++)
        if (backlog_waiting(guard->backlog, (int)fd) >= BACKLOG_SMALL)
            s_end(guard, (int)fd, GUARD_MEMORY);
}

static void s_tick(guard_t *guard) {
    s_look(guard, s_is_eventful(guard) ? LOOK_MANY : LOOK_FEW);
    s_end_most(guard);
    if (!backlog_grew(guard->backlog, guard->resident))
        return;
    s_end_waiting(guard);
    s_end_local(guard);
}

/* --- The thread --- */

static void *s_run(void *arg) {
    guard_t *guard = arg;
    struct pollfd wake = {.fd = guard->wake, .events = POLLIN};
    while (poll(&wake, 1, LOOK_MS) <= 0)
        s_tick(guard);
    return NULL;
}

guard_t *guard_new(backlog_t *backlog) {
    guard_t *guard = fatal_calloc(sizeof *guard);
    guard->backlog = backlog;
    guard->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    guard->memory = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    FATAL_UNLESS(guard->wake >= 0 && pthread_getcpuclockid(pthread_self(), &guard->clock) == 0);
    pthread_mutex_init(&guard->mutex, NULL);
    thread_start(&guard->thread, s_run, guard);
    return guard;
}

void guard_destroy(guard_t *guard) {
    if (!guard)
        return;
    thread_tell(guard->wake);
    pthread_join(guard->thread, NULL);
    pthread_mutex_destroy(&guard->mutex);
    close(guard->wake);
    if (guard->memory >= 0)
        close(guard->memory);
    free(guard);
}

bool guard_take(guard_t *guard, guard_ended_t *ended) {
    pthread_mutex_lock(&guard->mutex);
    bool there = guard->ended_count > 0;
    if (there)
        *ended = guard->ended[--guard->ended_count];
    pthread_mutex_unlock(&guard->mutex);
    return there;
}
