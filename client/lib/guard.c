/* See guard.h. All state is under the guard's lock. The program's thread takes that lock only to begin and to end a
 * watch. */
#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

#include "ahead.h"
#include "clock.h"
#include "socket_bytes.h"

enum {
    BATCH = 64,
    NOWHERE = -1,
    CONNECTION_TAG = 1,
    EARLY_MS = 8, /* connections that are due so soon are looked at together, in one wake-up */
};

_Static_assert((int)EARLY_MS < (int)AHEAD_WAIT_MIN_MS, "a look is over before the next of the same connection");

struct watch {
    guard_t *guard;
    void *socket;
    int signal;    /* the socket's ZMQ_FD: readable when something came that the program did not fetch */
    void *monitor; /* PAIR; NULL: the watch is over */
    int fd;        /* our own duplicate of the connection's descriptor, so that its number cannot be another's */
    guard_counts_t *counts;
    const guard_calls_t *calls;
    void *ctx;
    ahead_t ahead;
    bool counted;
    uint64_t before; /* bytes read from earlier connections of this socket */
    uint64_t took;   /* as of the last look */
    uint64_t read;   /* likewise */
    uint64_t due;    /* when to look; only while active */
    bool active;
    watch_t *next_active, *next_gone;
};

struct guard {
    pthread_t thread;
    pthread_mutex_t lock;
    int epoll, wake;
    bool stop;
    void *context;    /* of the sessions that share one; NULL: none does */
    atomic_bool runs; /* it had a socket */
    watch_t *active;  /* something arrived there: to be looked at */
    watch_t *gone;    /* to be freed once no event can name them */
};

/* Memory of this process; 0: /proc is not there. */
static uint64_t s_resident(void) {
    char text[128];
    unsigned long long pages = 0;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (len <= 0)
        return 0;
    text[len] = '\0';
    return sscanf(text, "%*u %llu", &pages) == 1 ? pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

/* Readable when libzmq has something to tell of the socket. */
static int s_signal(void *socket) {
    int fd = NOWHERE;
    size_t size = sizeof fd;
    return zmq_getsockopt(socket, ZMQ_FD, &fd, &size) == 0 ? fd : NOWHERE;
}

/* --- A connection --- */

static void s_poll(watch_t *w, int operation) {
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLET | EPOLLONESHOT, .data.u64 = (uint64_t)(uintptr_t)w | CONNECTION_TAG};
    if (w->fd != NOWHERE)
        epoll_ctl(w->guard->epoll, operation, w->fd, &event);
}

static void s_activate(watch_t *w) {
    if (w->active || !w->monitor)
        return;
    w->active = true;
    w->due = zr_mono_ms() + ahead_wait_ms(&w->ahead);
    w->next_active = w->guard->active;
    w->guard->active = w;
}

static uint64_t s_read_so_far(const watch_t *w) {
    uint64_t bytes;
    return socket_bytes_read(w->fd, &bytes) ? bytes : 0;
}

static void s_forget_connection(watch_t *w) {
    if (w->fd == NOWHERE)
        return;
    w->before += s_read_so_far(w);
    /* libzmq may have its own descriptor open still, so closing ours does not take it out of the set. */
    epoll_ctl(w->guard->epoll, EPOLL_CTL_DEL, w->fd, NULL);
    close(w->fd);
    w->fd = NOWHERE;
}

static void s_over(watch_t *w) {
    if (!w->monitor)
        return;
    s_forget_connection(w);
    /* libzmq closes it in its own time; no event may name the watch until then. */
    epoll_ctl(w->guard->epoll, EPOLL_CTL_DEL, s_signal(w->monitor), NULL);
    zmq_close(w->monitor);
    w->monitor = NULL;
}

static void s_end(watch_t *w) {
    w->calls->end(w->ctx); /* first: a monitor without a reader would stop libzmq's thread */
    s_over(w);
}

/* --- What monitors tell --- */

static bool s_read_event(watch_t *w, uint16_t *event, uint32_t *value) {
    uint8_t told[6], address[1]; /* an event has two parts; the second is of no use here */
    if (zmq_recv(w->monitor, told, sizeof told, ZMQ_DONTWAIT) != sizeof told)
        return false;
    zmq_recv(w->monitor, address, sizeof address, ZMQ_DONTWAIT);
    memcpy(event, told, sizeof *event);
    memcpy(value, told + sizeof *event, sizeof *value);
    return true;
}

/* libzmq tells that a connection ended before it closes the descriptor. So once nothing more is told, a duplicate that
 * was taken before is of the right connection. */
static void s_on_monitor(watch_t *w) {
    uint16_t event;
    uint32_t value;
    bool end = false;
    while (w->monitor && !end && s_read_event(w, &event, &value)) {
        if (event == ZMQ_EVENT_CONNECTED || event == ZMQ_EVENT_DISCONNECTED)
            s_forget_connection(w);
        if (event == ZMQ_EVENT_CONNECTED)
            w->fd = fcntl((int)value, F_DUPFD_CLOEXEC, 0);
        end = w->calls->event(w->ctx, event, value);
    }
    if (end)
        s_end(w);
    else if (errno == ETERM)
        s_over(w); /* the context ends, and its descriptor would be readable for ever */
    else
        s_poll(w, EPOLL_CTL_ADD); /* fails when it is there already */
    s_activate(w);
}

/* --- Looking --- */

static bool s_is_quiet(const watch_t *w) {
    return atomic_load_explicit(&w->counts->quiet, memory_order_acquire);
}

/* The program found nothing, and libzmq has had nothing to tell it since. */
static bool s_is_empty(const watch_t *w) {
    struct pollfd signal = {w->signal, POLLIN, 0};
    return s_is_quiet(w) && poll(&signal, 1, 0) == 0 && s_is_quiet(w);
}

/* Bytes that libzmq has read from the connection; when next to nothing waits, those that arrived. */
static bool s_count(const watch_t *w, uint64_t *bytes) {
    uint64_t took = atomic_load_explicit(&w->counts->took, memory_order_relaxed) - w->took;
    if (!socket_bytes_arrived(w->fd, bytes))
        return false;
    return ahead_is_calm(&w->ahead, w->before + *bytes, took) || socket_bytes_read(w->fd, bytes);
}

static void s_look(watch_t *w, uint64_t resident) {
    ahead_seen_t seen = {.now = zr_mono_ms(), .resident = resident, .ended = w->fd == NOWHERE, .read = w->before};
    uint64_t bytes = 0;
    if (!seen.ended)
        w->counted = s_count(w, &bytes);
    seen.counted = w->counted;
    seen.read += bytes;
    seen.empty = s_is_empty(w);
    uint64_t took = atomic_load_explicit(&w->counts->took, memory_order_relaxed);
    seen.took = took - w->took;
    seen.largest = atomic_load_explicit(&w->counts->largest, memory_order_relaxed);
    w->took = took;
    bool streams = seen.counted && seen.read != w->read;
    w->read = seen.read;
    if (ahead_look(&w->ahead, &seen))
        s_end(w);
    else if (streams)
        s_activate(w); /* more will come: the kernel need not tell */
    else
        s_poll(w, EPOLL_CTL_MOD); /* tells at once if more is there already */
}

/* Milliseconds until the next look; -1: none is due. */
static int s_next_look(const guard_t *guard, uint64_t now) {
    uint64_t next = UINT64_MAX;
    for (const watch_t *w = guard->active; w; w = w->next_active)
        next = w->due < next ? w->due : next;
    return next == UINT64_MAX ? -1 : next > now ? (int)(next - now) : 0;
}

/* Looks where it is time; gives the milliseconds until the next, -1: none. */
static int s_look_around(guard_t *guard) {
    watch_t **link = &guard->active;
    uint64_t now = zr_mono_ms(), resident = 0;
    while (*link) {
        watch_t *w = *link;
        if (w->monitor && now + EARLY_MS < w->due) {
            link = &w->next_active;
            continue;
        }
        *link = w->next_active;
        w->active = false;
        if (!w->monitor)
            continue;
        if (!resident)
            resident = s_resident();
        s_look(w, resident);
    }
    return s_next_look(guard, now);
}

static void s_bury(guard_t *guard) {
    while (guard->gone) {
        watch_t *w = guard->gone;
        guard->gone = w->next_gone;
        free(w);
    }
}

static void s_on(guard_t *guard, uint64_t data) {
    watch_t *w = (watch_t *)(uintptr_t)(data & ~(uint64_t)CONNECTION_TAG);
    uint64_t count;
    if (!w) {
        if (read(guard->wake, &count, sizeof count) < 0)
            return; /* somebody else read it */
    } else if (w->monitor && data & CONNECTION_TAG) {
        s_activate(w);
    } else if (w->monitor) {
        s_on_monitor(w);
    }
}

static void *s_run(void *arg) {
    guard_t *guard = arg;
    struct epoll_event events[BATCH];
    int wait = -1;
    for (bool stop = false; !stop;) {
        int count = epoll_wait(guard->epoll, events, BATCH, wait);
        pthread_mutex_lock(&guard->lock);
        for (int i = 0; i < count; i++)
            s_on(guard, events[i].data.u64);
        wait = s_look_around(guard);
        s_bury(guard);
        stop = guard->stop;
        pthread_mutex_unlock(&guard->lock);
    }
    return NULL;
}

/* --- Watches --- */

static void *s_monitor(void *context, void *socket) {
    static atomic_uint watches;
    char name[40]; /* another each time: contexts are shared, and libzmq gives up the old one only some time later */
    int none = 0;
    snprintf(name, sizeof name, "inproc://zrelay-watch-%u", atomic_fetch_add(&watches, 1));
    int events = ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                 ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                 ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_DISCONNECTED;
    if (zmq_socket_monitor(socket, name, events) != 0)
        return NULL;
    void *pair = zmq_socket(context, ZMQ_PAIR);
    /* With a bound, libzmq's thread, and all sockets with it, would stand still when events pile up. */
    if (pair && zmq_setsockopt(pair, ZMQ_RCVHWM, &none, sizeof none) == 0 && zmq_connect(pair, name) == 0)
        return pair;
    zmq_socket_monitor(socket, NULL, 0);
    if (pair)
        zmq_close(pair);
    return NULL;
}

watch_t *watch_begin(guard_t *guard, void *context, void *socket, uint64_t queue, guard_counts_t *counts,
    const guard_calls_t *calls, void *ctx) {
    watch_t *w = calloc(1, sizeof *w);
    void *monitor = w ? s_monitor(context, socket) : NULL;
    if (!monitor) {
        free(w);
        return NULL;
    }
    *w = (watch_t){.guard = guard,
        .socket = socket,
        .signal = s_signal(socket),
        .monitor = monitor,
        .fd = NOWHERE,
        .counts = counts,
        .calls = calls,
        .ctx = ctx,
        .ahead = {.queue = queue}};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = w};
    pthread_mutex_lock(&guard->lock);
    epoll_ctl(guard->epoll, EPOLL_CTL_ADD, s_signal(monitor), &event);
    s_on_monitor(w); /* libzmq signals the next message only to a reader that found nothing */
    pthread_mutex_unlock(&guard->lock);
    return w;
}

void watch_end(watch_t *w) {
    if (!w)
        return;
    guard_t *guard = w->guard;
    pthread_mutex_lock(&guard->lock);
    if (w->monitor)
        zmq_socket_monitor(w->socket, NULL, 0);
    s_over(w);
    w->next_gone = guard->gone;
    guard->gone = w;
    /* It is freed when the thread has seen that it is over. */
    pthread_mutex_unlock(&guard->lock);
}

/* --- The guard of the process --- */

static pthread_mutex_t s_lock = PTHREAD_MUTEX_INITIALIZER;
static guard_t *s_guard; /* NULL: no session holds one */
static unsigned s_holds;
static atomic_uint s_process;

static void s_before_fork(void) {
    pthread_mutex_lock(&s_lock);
}

static void s_after_fork(void) {
    pthread_mutex_unlock(&s_lock);
}

/* A child has no thread but its own, and libzmq's sockets of the parent are of no use to it. */
static void s_in_child(void) {
    s_guard = NULL;
    s_holds = 0;
    atomic_fetch_add(&s_process, 1);
    pthread_mutex_unlock(&s_lock);
}

static void s_once(void) {
    pthread_atfork(s_before_fork, s_after_fork, s_in_child);
}

/* The program's signals are the program's business. */
static bool s_start(guard_t *guard) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&guard->thread, NULL, s_run, guard);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = code;
    return code == 0;
}

void *guard_context(guard_t *guard) {
    pthread_mutex_lock(&guard->lock);
    if (!guard->context) {
        guard->context = zmq_ctx_new();
        if (!guard->context)
            abort();
        zmq_ctx_set(guard->context, ZMQ_MAX_SOCKETS, zmq_ctx_get(guard->context, ZMQ_SOCKET_LIMIT));
    }
    void *context = guard->context;
    pthread_mutex_unlock(&guard->lock);
    return context;
}

bool guard_context_runs(const guard_t *guard) {
    return atomic_load(&guard->runs);
}

void guard_context_began(guard_t *guard) {
    atomic_store(&guard->runs, true);
}

static void s_free(guard_t *guard) {
    s_bury(guard);
    while (guard->context && zmq_ctx_term(guard->context) != 0 && errno == EINTR)
        ; /* a signal came; terminating goes on */
    if (guard->epoll >= 0)
        close(guard->epoll);
    if (guard->wake >= 0)
        close(guard->wake);
    pthread_mutex_destroy(&guard->lock);
    free(guard);
}

static guard_t *s_new(void) {
    guard_t *guard = calloc(1, sizeof *guard);
    if (!guard)
        return NULL;
    struct epoll_event event = {.events = EPOLLIN};
    pthread_mutex_init(&guard->lock, NULL);
    guard->epoll = epoll_create1(EPOLL_CLOEXEC);
    guard->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (guard->epoll >= 0 && guard->wake >= 0 && epoll_ctl(guard->epoll, EPOLL_CTL_ADD, guard->wake, &event) == 0 &&
        s_start(guard))
        return guard;
    int code = errno;
    s_free(guard);
    errno = code;
    return NULL;
}

unsigned guard_process(void) {
    return atomic_load_explicit(&s_process, memory_order_relaxed);
}

guard_t *guard_hold(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, s_once);
    pthread_mutex_lock(&s_lock);
    if (!s_guard)
        s_guard = s_new();
    guard_t *guard = s_guard;
    s_holds += guard != NULL;
    pthread_mutex_unlock(&s_lock);
    return guard;
}

static void s_stop(guard_t *guard) {
    pthread_mutex_lock(&guard->lock);
    guard->stop = true;
    pthread_mutex_unlock(&guard->lock);
    eventfd_write(guard->wake, 1);
    pthread_join(guard->thread, NULL);
    s_free(guard);
}

void guard_release(guard_t *guard) {
    if (!guard)
        return;
    pthread_mutex_lock(&s_lock);
    bool last = guard == s_guard && --s_holds == 0;
    if (last)
        s_guard = NULL;
    pthread_mutex_unlock(&s_lock);
    if (last)
        s_stop(guard);
}
