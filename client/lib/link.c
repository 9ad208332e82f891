/* Sockets, through libzmq itself. ZMQ_RCVHWM is 0 on each of them: with a bound, libzmq 4.3.4 aborts the process if a
 * broker fills the queue, sends a PING and resets the connection. The guard bounds bytes instead. ZMQ_HEARTBEAT_* stays
 * off for the same reason. The machine pings instead, and TCP has its keepalive.
 *
 * The guard's thread may close a socket at any time, so the program's thread uses sockets under their lock. */
#include "link.h"

#include <errno.h>
#include <pthread.h>
#include <sodium/utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <zmq.h>

#include "ahead.h"
#include "clock.h"
#include "dial.h"
#include "guard.h"
#include "spare.h"

enum {
    /* Bytes up to which copying a frame is cheaper than sharing it. To send, libzmq allocates something either way, and
     * another thread frees it: which takes turns with ours for all but small pieces. */
    SEND_COPY_MAX = 64,
    RECEIVE_COPY_MAX = 512,
    SEND_QUEUE = 10000, /* frames; messages published beyond it are packed into larger ones */
    KEY_SIZE = 41,      /* Z85, and a zero byte */
    MESSAGE_MAX =
        257 << 20, /* above a broker's largest possible max-frame (256M): the client must get all that it took */
    HANDSHAKE_MS = 5000,
    CONNECT_MS = 5000,
    RECONNECT_MAX_MS = 1000,
    SILENT_TCP_MS = 30000,
};

typedef struct {
    pthread_mutex_t lock; /* of `socket` and what is done with it, once it is watched */
    void *socket;         /* NULL: none */
    watch_t *watch;       /* NULL: the socket is not watched */
    guard_counts_t counts;
    link_t *link;
    char *endpoint;
    dial_t *dial;      /* looks for the address to connect to; NULL: no address is looked for */
    dial_t *diagnosis; /* the guard's: looks why libzmq cannot connect */
} peer_t;

struct link {
    uint64_t receive_queue;
    void *context;
    bool borrowed; /* the context is somebody else's, */
    bool shared;   /* namely the guard's */
    bool begun;    /* the context runs: it had a socket */
    guard_t *guard;
    peer_t front, back;
    int epoll;
    link_changes_t changes;
    bool encrypted;
    char server_key[KEY_SIZE], public_key[KEY_SIZE], secret_key[KEY_SIZE];

    /* The guard's. */
    bool known;          /* how the handshake of the front's connection went */
    bool met;            /* the front's socket had a connection */
    uint64_t back_since; /* when the back's connection stood, in ms */
};

/* --- Sockets --- */

static void s_set(void *socket, int option, int value) {
    zmq_setsockopt(socket, option, &value, sizeof value);
}

static bool s_encrypt(const link_t *l, void *socket) {
    return zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, l->server_key, KEY_SIZE) == 0 &&
           zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, l->public_key, KEY_SIZE) == 0 &&
           zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, l->secret_key, KEY_SIZE) == 0;
}

/* The first socket of a context starts its threads. */
static bool s_can_begin(const link_t *l) {
    return l->begun || (l->shared && guard_context_runs(l->guard)) || spare_threads();
}

/* NULL: `errno` says why. */
static void *s_open(link_t *l, int type) {
    if (!spare_descriptors(l->changes.fd) || !s_can_begin(l))
        return NULL;
    void *socket = zmq_socket(l->context, type);
    if (!socket)
        return NULL;
    l->begun = true;
    if (l->shared)
        guard_context_began(l->guard);
    if (l->encrypted && !s_encrypt(l, socket)) { /* never in the clear instead */
        zmq_close(socket);
        return NULL;
    }
    int64_t message_max = MESSAGE_MAX;
    zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &message_max, sizeof message_max);
    s_set(socket, ZMQ_LINGER, 0);
    /* SUB with a bound would forget subscriptions beyond it. */
    s_set(socket, ZMQ_SNDHWM, type == ZMQ_SUB ? 0 : SEND_QUEUE);
    s_set(socket, ZMQ_RCVHWM, 0); /* the guard's bound counts instead */
    s_set(socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS);
    s_set(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
    s_set(socket, ZMQ_CONNECT_TIMEOUT, CONNECT_MS);
    s_set(socket, ZMQ_TCP_MAXRT, SILENT_TCP_MS);
    s_set(socket, ZMQ_TCP_KEEPALIVE, 1);
    s_set(socket, ZMQ_TCP_KEEPALIVE_IDLE, 15);
    s_set(socket, ZMQ_TCP_KEEPALIVE_INTVL, 5);
    s_set(socket, ZMQ_TCP_KEEPALIVE_CNT, 3);
    s_set(socket, ZMQ_IPV6, 1);
    return socket;
}

static int s_descriptor(void *socket) {
    int fd = -1;
    size_t size = sizeof fd;
    return zmq_getsockopt(socket, ZMQ_FD, &fd, &size) == 0 ? fd : -1;
}

static void s_set_quiet(peer_t *peer, bool quiet) {
    atomic_store_explicit(&peer->counts.quiet, quiet, memory_order_release);
}

/* Asking a quiet socket costs system calls; anything new shows on its descriptor. */
static bool s_is_quiet(const peer_t *peer) {
    return atomic_load_explicit(&peer->counts.quiet, memory_order_relaxed);
}

static void s_poll(link_t *l, peer_t *peer) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
    epoll_ctl(l->epoll, EPOLL_CTL_ADD, s_descriptor(peer->socket), &event);
}

/* Under the peer's lock, or when nothing watches it. */
static void s_shut(link_t *l, peer_t *peer, int linger_ms) {
    epoll_ctl(l->epoll, EPOLL_CTL_DEL, s_descriptor(peer->socket), NULL);
    s_set(peer->socket, ZMQ_LINGER, linger_ms);
    zmq_close(peer->socket);
    peer->socket = NULL;
}

static void s_close(link_t *l, peer_t *peer, int linger_ms) {
    watch_end(peer->watch);
    peer->watch = NULL;
    dial_end(peer->dial);
    dial_end(peer->diagnosis);
    peer->dial = peer->diagnosis = NULL;
    if (peer->socket)
        s_shut(l, peer, linger_ms);
}

/* --- What the guard hears, in its thread --- */

/* In the dial's thread, or in the program's. */
static void s_on_failed(peer_t *peer, const char *why) {
    if (peer == &peer->link->front)
        link_changes_fail(&peer->link->changes, why);
}

static void s_connect(peer_t *peer, const char *endpoint) {
    pthread_mutex_lock(&peer->lock);
    bool refused = peer->socket && zmq_connect(peer->socket, endpoint) != 0;
    int code = errno;
    pthread_mutex_unlock(&peer->lock);
    if (refused)
        s_on_failed(peer, zmq_strerror(code));
}

/* In the dial's thread. The program may wait for the socket to take frames, which is so from now on. */
static void s_on_dialled(void *ctx, const char *endpoint, const char *why) {
    peer_t *peer = ctx;
    link_t *l = peer->link;
    if (!endpoint) {
        s_on_failed(peer, why);
        return;
    }
    s_connect(peer, endpoint);
    link_changes_wake(&l->changes);
}

/* In the dial's thread: libzmq could not connect, and goes on trying. */
static void s_on_diagnosed(void *ctx, const char *endpoint, const char *why) {
    if (!endpoint)
        s_on_failed(ctx, why);
}

static bool s_front_event(void *ctx, uint16_t event, uint32_t value) {
    peer_t *peer = ctx;
    link_t *l = peer->link;
    l->met = l->met || event == ZMQ_EVENT_CONNECTED;
    if (event == ZMQ_EVENT_CONNECT_RETRIED && !l->met && !peer->diagnosis)
        peer->diagnosis = dial_begin(peer->endpoint, DIAL_ONCE, s_on_diagnosed, peer);
    if (event == ZMQ_EVENT_CONNECTED || event == ZMQ_EVENT_CONNECT_RETRIED)
        return false;
    link_changes_tell(&l->changes, link_meaning(event, value, l->encrypted, l->known));
    l->known = event != ZMQ_EVENT_DISCONNECTED;
    return false;
}

/* libzmq connects again at once, and sends all subscriptions each time. So a back whose connection soon ended is left
 * to the machine, which backs off. */
static bool s_back_event(void *ctx, uint16_t event, uint32_t value) {
    peer_t *peer = ctx;
    (void)value;
    if (event == ZMQ_EVENT_CONNECTED)
        peer->link->back_since = zr_mono_ms();
    return event == ZMQ_EVENT_DISCONNECTED && zr_mono_ms() - peer->link->back_since < LINK_STEADY_MS;
}

static void s_end(void *ctx) {
    peer_t *peer = ctx;
    link_t *l = peer->link;
    pthread_mutex_lock(&peer->lock);
    zmq_socket_monitor(peer->socket, NULL, 0);
    s_shut(l, peer, 0);
    pthread_mutex_unlock(&peer->lock);
    link_changes_tell(&l->changes, peer == &l->front ? LINK_DOWN : LINK_BACK);
}

static const guard_calls_t s_front_calls = {s_front_event, s_end}, s_back_calls = {s_back_event, s_end};

/* --- Opening --- */

/* An endpoint that cannot be connected to leaves a silent socket: the machine's time-outs handle it like a silent
 * broker. So they do when no socket or watch can be had: unwatched, a socket has no bound. */
static void s_reopen(link_t *l, peer_t *peer, int type, const char *endpoint) {
    s_close(l, peer, 0);
    link_changes_forget(&l->changes, peer == &l->front);
    peer->counts = (guard_counts_t){0};
    l->known = l->known && type != ZMQ_DEALER;
    l->met = l->met && type != ZMQ_DEALER;
    free(peer->endpoint);
    peer->endpoint = strdup(endpoint);
    peer->socket = s_open(l, type);
    if (!peer->socket) {
        s_on_failed(peer, zmq_strerror(errno));
        return;
    }
    s_poll(l, peer);
    bool front = type == ZMQ_DEALER;
    uint64_t queue = front && l->receive_queue < AHEAD_QUEUE ? AHEAD_QUEUE : l->receive_queue;
    peer->watch = watch_begin(
        l->guard, l->context, peer->socket, queue, &peer->counts, front ? &s_front_calls : &s_back_calls, peer);
    if (!peer->watch) {
        s_on_failed(peer, zmq_strerror(errno));
        s_shut(l, peer, 0);
        return;
    }
    if (dial_is_name(endpoint))
        peer->dial = dial_begin(endpoint, DIAL_UNTIL_REACHED, s_on_dialled, peer);
    if (!peer->dial)
        s_connect(peer, endpoint);
}

static void s_key(char *to, const char *key) {
    snprintf(to, KEY_SIZE, "%s", key);
}

void link_set_curve(link_t *l, const char *server_key, const char *public_key, const char *secret_key) {
    s_key(l->server_key, server_key);
    s_key(l->public_key, public_key);
    s_key(l->secret_key, secret_key);
    l->encrypted = true;
}

void link_set_receive_queue(link_t *l, uint64_t bytes) {
    l->receive_queue = bytes;
}

void link_set_context(link_t *l, void *context) {
    if (!l->borrowed)
        zmq_ctx_term(l->context); /* at once: it has no sockets */
    l->borrowed = true;
    l->shared = false;
    l->context = context;
}

void link_share_context(link_t *l) {
    link_set_context(l, guard_context(l->guard));
    l->shared = true;
}

link_t *link_new(void) {
    link_t *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    struct epoll_event event = {.events = EPOLLIN}; /* without a peer: changes */
    l->receive_queue = AHEAD_QUEUE;
    l->front.link = l->back.link = l;
    bool told = link_changes_begin(&l->changes);
    pthread_mutex_init(&l->front.lock, NULL);
    pthread_mutex_init(&l->back.lock, NULL);
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->context = zmq_ctx_new();
    l->guard = guard_hold();
    if (told && l->context && l->guard && epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->changes.fd, &event) == 0)
        return l;
    int code = errno;
    link_destroy(l, 0);
    errno = code;
    return NULL;
}

static void s_free(link_t *l) {
    free(l->front.endpoint);
    free(l->back.endpoint);
    sodium_memzero(l, sizeof *l); /* keys */
    free(l);
}

void link_destroy(link_t *l, int linger_ms) {
    if (!l)
        return;
    s_close(l, &l->back, 0);
    s_close(l, &l->front, linger_ms);
    guard_release(l->guard);
    while (l->context && !l->borrowed && zmq_ctx_term(l->context) != 0 && errno == EINTR)
        ; /* a signal came; terminating goes on */
    if (l->epoll >= 0)
        close(l->epoll);
    pthread_mutex_destroy(&l->back.lock);
    pthread_mutex_destroy(&l->front.lock);
    link_changes_finish(&l->changes);
    s_free(l);
}

void link_abandon(link_t *l) {
    if (!l)
        return;
    close(l->epoll);
    close(l->changes.fd);
    s_free(l);
}

int link_fd(const link_t *l) {
    return l->epoll;
}

/* --- Sending --- */

static void s_release(void *data, void *blob) {
    (void)data;
    zr_blob_unref(blob);
}

static bool s_send_shared(link_t *l, zr_span_t frame, zr_blob_t *owner) {
    zmq_msg_t message;
    zmq_msg_init_data(&message, (void *)frame.ptr, frame.len, s_release, zr_blob_ref(owner));
    if (zmq_msg_send(&message, l->front.socket, ZMQ_DONTWAIT) >= 0)
        return true;
    bool full = errno == EAGAIN;
    zmq_msg_close(&message);
    return !full;
}

static bool s_send_locked(link_t *l, zr_span_t frame, zr_blob_t *owner) {
    if (!l->front.socket)
        return true;
    s_set_quiet(&l->front, false); /* sending may swallow what the descriptor had to tell */
    if (frame.len <= SEND_COPY_MAX)
        return zmq_send(l->front.socket, frame.ptr, frame.len, ZMQ_DONTWAIT) >= 0 || errno != EAGAIN;
    return s_send_shared(l, frame, owner);
}

static bool s_send(link_t *l, zr_span_t frame, zr_blob_t *owner) {
    pthread_mutex_lock(&l->front.lock);
    bool sent = s_send_locked(l, frame, owner);
    pthread_mutex_unlock(&l->front.lock);
    return sent;
}

static void s_subscribe(link_t *l, const action_t *action) {
    int option = action->kind == ACTION_SUBSCRIBE ? ZMQ_SUBSCRIBE : ZMQ_UNSUBSCRIBE;
    pthread_mutex_lock(&l->back.lock);
    s_set_quiet(&l->back, false);
    if (l->back.socket)
        zmq_setsockopt(l->back.socket, option, action->topic, action->topic_len);
    pthread_mutex_unlock(&l->back.lock);
}

bool link_perform(link_t *l, const action_t *action) {
    switch (action->kind) {
    case ACTION_SEND:
        return s_send(l, action->frame, action->owner);
    case ACTION_CONNECT_FRONT:
        if (l->encrypted && action->key && action->key[0])
            s_key(l->server_key, action->key);
        s_reopen(l, &l->front, ZMQ_DEALER, action->endpoint);
        break;
    case ACTION_CONNECT_BACK:
        s_reopen(l, &l->back, ZMQ_SUB, action->endpoint);
        break;
    case ACTION_SUBSCRIBE:
    case ACTION_UNSUBSCRIBE:
        s_subscribe(l, action);
        break;
    case ACTION_DISCONNECT:
        s_close(l, &l->back, 0);
        s_close(l, &l->front, 0);
        break;
    }
    return true;
}

/* --- Receiving --- */

static void s_close_message(void *data, void *message) {
    (void)data;
    zmq_msg_close(message);
    free(message);
}

static zr_blob_t *s_take(zmq_msg_t *message) {
    size_t len = zmq_msg_size(message);
    zmq_msg_t *moved = len > RECEIVE_COPY_MAX ? malloc(sizeof *moved) : NULL;
    if (!moved) {
        zr_blob_t *copy = zr_blob_copy(zmq_msg_data(message), len);
        zmq_msg_close(message);
        return copy;
    }
    zmq_msg_init(moved);
    zmq_msg_move(moved, message);
    zmq_msg_close(message);
    return zr_blob_wrap(zmq_msg_data(moved), len, s_close_message, moved);
}

typedef enum { GOT_NOTHING, GOT_FRAME, GOT_PARTS } got_t;

static got_t s_fetch(peer_t *peer, zmq_msg_t *message) {
    if (!peer->socket)
        return GOT_NOTHING;
    if (zmq_msg_recv(message, peer->socket, ZMQ_DONTWAIT) < 0) {
        s_set_quiet(peer, errno == EAGAIN);
        return GOT_NOTHING;
    }
    guard_took(&peer->counts, zmq_msg_size(message) + AHEAD_FRAME);
    return zmq_msg_more(message) ? GOT_PARTS : GOT_FRAME;
}

/* The protocol has one frame to a message. No broker sends parts, so the first part ends the connection. */
static zr_blob_t *s_receive(link_t *l, peer_t *peer) {
    zmq_msg_t message;
    if (s_is_quiet(peer) || !peer->watch)
        return NULL;
    zmq_msg_init(&message);
    pthread_mutex_lock(&peer->lock);
    got_t got = s_fetch(peer, &message);
    pthread_mutex_unlock(&peer->lock);
    if (got == GOT_FRAME)
        return s_take(&message);
    zmq_msg_close(&message);
    if (got == GOT_PARTS) {
        s_close(l, peer, 0);
        if (peer == &l->front)
            link_changes_tell(&l->changes, LINK_UP); /* the guard may not have told it yet */
        link_changes_tell(&l->changes, peer == &l->front ? LINK_DOWN : LINK_BACK);
    }
    return NULL;
}

zr_blob_t *link_front(link_t *l) {
    return s_receive(l, &l->front);
}

zr_blob_t *link_back(link_t *l) {
    return s_receive(l, &l->back);
}

link_change_t link_change(link_t *l) {
    link_change_t change = link_changes_next(&l->changes);
    if (change != LINK_SAME && change != LINK_BACK)
        s_set_quiet(&l->front, false); /* frames of the connection may have come since the last wait */
    return change;
}

const char *link_why(const link_t *l) {
    return l->changes.why;
}

static bool s_ready(peer_t *peer, int wanted) {
    int events = 0;
    size_t size = sizeof events;
    if (!peer->watch || (s_is_quiet(peer) && wanted == ZMQ_POLLIN))
        return false;
    pthread_mutex_lock(&peer->lock);
    if (peer->socket) {
        zmq_getsockopt(peer->socket, ZMQ_EVENTS, &events, &size);
        s_set_quiet(peer, !(events & ZMQ_POLLIN));
    }
    pthread_mutex_unlock(&peer->lock);
    return events & wanted;
}

bool link_ready(link_t *l, bool blocked) {
    return s_ready(&l->front, blocked ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLIN) || s_ready(&l->back, ZMQ_POLLIN) ||
           link_changes_any(&l->changes);
}

bool link_wait(link_t *l, int timeout_ms) {
    struct epoll_event events[3];
    int count = epoll_wait(l->epoll, events, 3, timeout_ms);
    for (int i = 0; i < count; i++)
        if (events[i].data.ptr)
            s_set_quiet(events[i].data.ptr, false);
    return count >= 0 || errno != EINTR;
}
