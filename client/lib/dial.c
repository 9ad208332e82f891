/* See dial.h. The thread may wait long for a name, so nobody waits for it: the last of the two to end frees the dial. */
#include "dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"

enum { HOST_MAX = 255, PORT_MAX = 5, IPC_PREFIX = 6, TCP_PREFIX = 6 };

typedef struct {
    struct sockaddr_storage address;
    socklen_t len;
    int fd; /* -1: not begun, or failed */
} attempt_t;

struct dial {
    pthread_mutex_t lock; /* of the next two; held while `done` runs */
    bool given_up, over;  /* by the owner; by the thread: the second frees */
    pthread_cond_t end;   /* `given_up` changed */
    dial_mode_t mode;
    dial_done_fn *done;
    void *ctx;
    attempt_t attempts[DIAL_ADDRESSES];
    size_t count, begun, failed;
    int code; /* of the failure that is to be told */
    char why[DIAL_WHY];
    char endpoint[]; /* as given */
};

/* --- Endpoints --- */

/* The parts of tcp://HOST:PORT; an IPv6 address stands in brackets. */
static bool s_split(const char *endpoint, char host[HOST_MAX + 1], char port[PORT_MAX + 1]) {
    const char *start = endpoint + TCP_PREFIX, *colon = strrchr(endpoint, ':');
    if (strncmp(endpoint, "tcp://", TCP_PREFIX) != 0 || colon < start)
        return false;
    size_t len = (size_t)(colon - start);
    if (len >= 2 && start[0] == '[' && start[len - 1] == ']') {
        start++;
        len -= 2;
    }
    if (len == 0 || len > HOST_MAX || strlen(colon + 1) > PORT_MAX)
        return false;
    memcpy(host, start, len);
    host[len] = '\0';
    strcpy(port, colon + 1);
    return true;
}

bool dial_is_name(const char *endpoint) {
    char host[HOST_MAX + 1], port[PORT_MAX + 1];
    struct in_addr ipv4;
    struct in6_addr ipv6;
    if (!s_split(endpoint, host, port) || strchr(host, ';')) /* libzmq's own form: a source address stands before it */
        return false;
    if (strchr(host, '%')) /* an address with its interface */
        return false;
    return inet_pton(AF_INET, host, &ipv4) != 1 && inet_pton(AF_INET6, host, &ipv6) != 1;
}

static bool s_write(const attempt_t *attempt, char out[DIAL_ENDPOINT]) {
    char host[INET6_ADDRSTRLEN + 20], port[PORT_MAX + 1];
    if (getnameinfo((const struct sockaddr *)&attempt->address, attempt->len, host, sizeof host, port, sizeof port,
            NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return false;
    bool ipv6 = attempt->address.ss_family == AF_INET6;
    snprintf(out, DIAL_ENDPOINT, ipv6 ? "tcp://[%s]:%s" : "tcp://%s:%s", host, port);
    return true;
}

/* --- Looking up --- */

static bool s_look_up_name(dial_t *dial) {
    char host[HOST_MAX + 1], port[PORT_MAX + 1];
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found = NULL;
    int failed = s_split(dial->endpoint, host, port) ? getaddrinfo(host, port, &hints, &found) : EAI_NONAME;
    if (failed)
        snprintf(dial->why, sizeof dial->why, "there is no host '%.60s' (%s)", host,
            failed == EAI_SYSTEM ? strerror(errno) : gai_strerror(failed));
    for (struct addrinfo *one = found; one && dial->count < DIAL_ADDRESSES; one = one->ai_next) {
        attempt_t *attempt = &dial->attempts[dial->count++];
        memcpy(&attempt->address, one->ai_addr, one->ai_addrlen);
        attempt->len = one->ai_addrlen;
    }
    if (found)
        freeaddrinfo(found);
    return dial->count > 0;
}

/* A name that begins with '@' is one of Linux's abstract sockets. */
static bool s_look_up_path(dial_t *dial) {
    struct sockaddr_un *address = (struct sockaddr_un *)&dial->attempts[0].address;
    const char *path = dial->endpoint + IPC_PREFIX;
    size_t len = strlen(path);
    if (len >= sizeof address->sun_path) {
        snprintf(dial->why, sizeof dial->why, "the path of the socket is too long");
        return false;
    }
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, len + 1);
    if (path[0] == '@')
        address->sun_path[0] = '\0';
    dial->attempts[0].len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (path[0] != '@'));
    dial->count = 1;
    return true;
}

/* --- Trying --- */

/* The first failure is told: the addresses come in the order in which the system prefers them. */
static void s_fail(dial_t *dial, attempt_t *attempt, int code) {
    if (attempt->fd >= 0)
        close(attempt->fd);
    attempt->fd = -1;
    dial->failed++;
    if (!dial->code)
        dial->code = code;
}

static void s_try(dial_t *dial, attempt_t *attempt) {
    attempt->fd = socket(attempt->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (attempt->fd < 0 ||
        (connect(attempt->fd, (struct sockaddr *)&attempt->address, attempt->len) != 0 && errno != EINPROGRESS))
        s_fail(dial, attempt, errno);
}

/* The first attempt that is connected, after waiting up to `timeout_ms` for one; NULL: no attempt is connected, or one
 * failed. */
static attempt_t *s_await(dial_t *dial, int timeout_ms) {
    struct pollfd fds[DIAL_ADDRESSES];
    for (size_t i = 0; i < dial->begun; i++)
        fds[i] = (struct pollfd){.fd = dial->attempts[i].fd, .events = POLLOUT};
    if (poll(fds, dial->begun, timeout_ms) <= 0)
        return NULL;
    for (size_t i = 0; i < dial->begun; i++) {
        int code = 0;
        socklen_t len = sizeof code;
        if (!fds[i].revents)
            continue;
        if (getsockopt(fds[i].fd, SOL_SOCKET, SO_ERROR, &code, &len) == 0 && code == 0)
            return &dial->attempts[i];
        s_fail(dial, &dial->attempts[i], code ? code : ECONNABORTED);
    }
    return NULL;
}

/* The attempt to connect by; NULL: no attempt is left. */
static attempt_t *s_choose(dial_t *dial) {
    uint64_t now = zr_mono_ms(), end = now + DIAL_LONGEST_MS, next = now;
    attempt_t *chosen = NULL;
    for (size_t failed = 0; !chosen && dial->failed < dial->count && now < end; now = zr_mono_ms()) {
        bool more = dial->begun < dial->count;
        if (more && dial->failed == dial->count - 1 && dial->mode == DIAL_UNTIL_REACHED)
            return &dial->attempts[dial->begun];
        if (more && (now >= next || dial->failed > failed)) {
            failed = dial->failed;
            next = now + DIAL_NEXT_MS;
            s_try(dial, &dial->attempts[dial->begun++]);
        }
        if (dial->failed == dial->begun)
            continue; /* at once to the next one */
        uint64_t until = dial->begun < dial->count && next < end ? next : end;
        chosen = s_await(dial, until > now ? (int)(until - now) : 0);
    }
    return chosen;
}

/* --- The outcome --- */

static const char *s_text(int code, bool local) {
    switch (code) {
    case 0:
    case ETIMEDOUT:
        return "nothing answers: is that machine on, and does a firewall let you through?";
    case ECONNREFUSED:
        return "nothing listens there: is zrelayd running?";
    case ENOENT:
        return "there is no such socket: is zrelayd running?";
    case EACCES:
    case EPERM:
        return local ? "permission denied: this account may not use that socket; the broker's operator lets it in with "
                       "server/ipc-group or server/ipc-mode"
                     : "permission denied: a firewall of this machine forbids it";
    default:
        return strerror(code);
    }
}

static void s_free(dial_t *dial) {
    pthread_cond_destroy(&dial->end);
    pthread_mutex_destroy(&dial->lock);
    free(dial);
}

/* One round; false: no address was found. */
static bool s_round(dial_t *dial) {
    char numeric[DIAL_ENDPOINT];
    bool local = strncmp(dial->endpoint, "ipc://", IPC_PREFIX) == 0;
    dial->count = dial->begun = dial->failed = 0;
    dial->code = 0;
    dial->why[0] = '\0';
    bool found = local ? s_look_up_path(dial) : s_look_up_name(dial);
    for (size_t i = 0; i < dial->count; i++)
        dial->attempts[i].fd = -1;
    const attempt_t *chosen = found ? s_choose(dial) : NULL;
    for (size_t i = 0; i < dial->count; i++)
        if (dial->attempts[i].fd >= 0)
            close(dial->attempts[i].fd);
    if (!chosen && !dial->why[0])
        snprintf(dial->why, sizeof dial->why, "%s", s_text(dial->code, local));
    const char *endpoint = chosen && !local && s_write(chosen, numeric) ? numeric : dial->endpoint;
    pthread_mutex_lock(&dial->lock);
    if (!dial->given_up)
        dial->done(dial->ctx, chosen ? endpoint : NULL, chosen ? NULL : dial->why);
    pthread_mutex_unlock(&dial->lock);
    return chosen;
}

/* false: the dial is given up. */
static bool s_wait(dial_t *dial) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += DIAL_AGAIN_MS / 1000;
    pthread_mutex_lock(&dial->lock);
    while (!dial->given_up && pthread_cond_timedwait(&dial->end, &dial->lock, &until) == 0)
        ;
    bool given_up = dial->given_up;
    pthread_mutex_unlock(&dial->lock);
    return !given_up;
}

static void *s_run(void *arg) {
    dial_t *dial = arg;
    while (!s_round(dial) && dial->mode == DIAL_UNTIL_REACHED && s_wait(dial))
        ;
    pthread_mutex_lock(&dial->lock);
    dial->over = true;
    bool last = dial->given_up;
    pthread_mutex_unlock(&dial->lock);
    if (last)
        s_free(dial);
    return NULL;
}

/* Every signal is blocked in the thread: signals are the program's. */
static bool s_start(dial_t *dial) {
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&thread, NULL, s_run, dial) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started)
        pthread_detach(thread);
    return started;
}

dial_t *dial_begin(const char *endpoint, dial_mode_t mode, dial_done_fn *done, void *ctx) {
    dial_t *dial = calloc(1, sizeof *dial + strlen(endpoint) + 1);
    if (!dial)
        return NULL;
    dial->mode = mode;
    dial->done = done;
    dial->ctx = ctx;
    strcpy(dial->endpoint, endpoint);
    pthread_mutex_init(&dial->lock, NULL);
    pthread_cond_init(&dial->end, NULL);
    if (s_start(dial))
        return dial;
    s_free(dial);
    return NULL;
}

void dial_end(dial_t *dial) {
    if (!dial)
        return;
    pthread_mutex_lock(&dial->lock);
    dial->given_up = true;
    pthread_cond_signal(&dial->end);
    bool last = dial->over;
    pthread_mutex_unlock(&dial->lock);
    if (last)
        s_free(dial);
}
