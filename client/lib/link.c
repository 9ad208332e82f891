/* Sockets, through libzmq itself. No ZMQ_HEARTBEAT_*: with a bounded queue it lets a dying peer abort the process
 * (libzmq 4.3.4); the machine pings, and TCP has its own means. */
#include "link.h"

#include <errno.h>
#include <sodium/utils.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <zmq.h>

enum {
    /* Bytes up to which copying a frame is cheaper than sharing it. To send, libzmq allocates something either way, and
     * another thread frees it: which takes turns with ours for all but small pieces. */
    SEND_COPY_MAX = 64,
    RECEIVE_COPY_MAX = 512,
    SEND_QUEUE = 10000, /* frames; what is published beyond it is packed into larger ones */
    RECEIVE_QUEUE = 10000,
    FRONT_QUEUE = LINK_FRAMES_MAX, /* a broker that finds it full takes us for dead */
    KEY_SIZE = 41,                 /* Z85, and a zero byte */
    MESSAGE_MAX =
        257 << 20, /* above the largest max-frame (256M) that a broker can be given: what it took we must get */
    HANDSHAKE_MS = 5000,
    CONNECT_MS = 5000,
    RECONNECT_MAX_MS = 1000,
    SILENT_TCP_MS = 30000,
};

typedef struct {
    void *socket; /* NULL: none */
    bool quiet;   /* had nothing when last asked; anything new shows on its descriptor. Asking costs system calls */
} peer_t;

struct link {
    char *server;
    int receive_queue;
    void *context;
    bool borrowed; /* the context is somebody else's */
    peer_t front, back;
    peer_t watch; /* hears of the front's connection; none when there is no front, or no socket could be had */
    bool known;   /* how the handshake of the watched connection went */
    int epoll;
    bool encrypted;
    char server_key[KEY_SIZE], public_key[KEY_SIZE], secret_key[KEY_SIZE];
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

static void *s_open(link_t *l, int type) {
    void *socket = zmq_socket(l->context, type);
    if (!socket)
        return NULL;
    if (l->encrypted && !s_encrypt(l, socket)) { /* never in the clear instead */
        zmq_close(socket);
        return NULL;
    }
    int64_t message_max = MESSAGE_MAX;
    zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &message_max, sizeof message_max);
    s_set(socket, ZMQ_LINGER, 0);
    /* SUB with a bound would forget subscriptions beyond it. */
    s_set(socket, ZMQ_SNDHWM, type == ZMQ_SUB ? 0 : SEND_QUEUE);
    s_set(socket, ZMQ_RCVHWM, type == ZMQ_SUB ? l->receive_queue : FRONT_QUEUE);
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

static void s_poll(link_t *l, peer_t *peer) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
    peer->quiet = false;
    epoll_ctl(l->epoll, EPOLL_CTL_ADD, s_descriptor(peer->socket), &event);
}

static void s_close(link_t *l, peer_t *peer, int linger_ms) {
    if (!peer->socket)
        return;
    if (peer == &l->front) {
        /* In this order: libzmq's thread would wait for ever for somebody to take an event. */
        zmq_socket_monitor(l->front.socket, NULL, 0);
        s_close(l, &l->watch, 0);
    }
    epoll_ctl(l->epoll, EPOLL_CTL_DEL, s_descriptor(peer->socket), NULL);
    s_set(peer->socket, ZMQ_LINGER, linger_ms);
    zmq_close(peer->socket);
    peer->socket = NULL;
}

/* Before the front connects. Without a watch the machine's time-outs must do. */
static void s_watch(link_t *l) {
    static atomic_uint watches;
    char name[40]; /* another each time: contexts are shared, and libzmq gives up the old one only some time later */
    snprintf(name, sizeof name, "inproc://front-%u", atomic_fetch_add(&watches, 1));
    int events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                 ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_DISCONNECTED;
    l->known = false;
    if (zmq_socket_monitor(l->front.socket, name, events) != 0)
        return;
    l->watch.socket = zmq_socket(l->context, ZMQ_PAIR);
    if (l->watch.socket) {
        /* With a bound, libzmq's thread, and all sockets with it, would stand still while a program is busy and its
         * connection comes and goes. */
        s_set(l->watch.socket, ZMQ_RCVHWM, 0);
        if (zmq_connect(l->watch.socket, name) == 0) {
            s_poll(l, &l->watch);
            return;
        }
    }
    zmq_socket_monitor(l->front.socket, NULL, 0);
    s_close(l, &l->watch, 0);
}

/* An endpoint that cannot be connected to leaves a silent socket: the machine's time-outs handle it like a silent
 * broker. */
static void s_reopen(link_t *l, peer_t *peer, int type, const char *endpoint) {
    s_close(l, peer, 0);
    peer->socket = s_open(l, type);
    if (!peer->socket)
        return;
    if (type == ZMQ_DEALER)
        s_watch(l);
    zmq_connect(peer->socket, endpoint);
    s_poll(l, peer);
}

static bool s_starts(const char *text, const char *start) {
    return strncmp(text, start, strlen(start)) == 0;
}

bool link_endpoint_valid(const char *endpoint) {
    if (!endpoint || strlen(endpoint) > 256)
        return false;
    if (s_starts(endpoint, "ipc://") || s_starts(endpoint, "inproc://"))
        return strchr(endpoint, ':')[3] != '\0';
    const char *port = strrchr(endpoint, ':');
    if (!s_starts(endpoint, "tcp://") || port < endpoint + 7)
        return false;
    char *end;
    long number = strtol(port + 1, &end, 10);
    return port[1] >= '0' && port[1] <= '9' && *end == '\0' && number > 0 && number <= 65535;
}

bool link_is_local(const char *endpoint) {
    static const char *const starts[] = {"ipc://", "inproc://", "tcp://localhost:", "tcp://[::1]:"};
    if (s_starts(endpoint, "tcp://") && strchr(endpoint, ';')) /* only where to come from; it goes to what follows */
        return false;
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (s_starts(endpoint, starts[i]))
            return true;
    if (!s_starts(endpoint, "tcp://127."))
        return false;
    const char *host = endpoint + strlen("tcp://"); /* an address: a name may begin so, and be anywhere */
    return host[strspn(host, "0123456789.")] == ':';
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

void link_set_receive_queue(link_t *l, int frames) {
    l->receive_queue = frames;
}

void link_set_context(link_t *l, void *context) {
    if (!l->borrowed)
        zmq_ctx_term(l->context); /* at once: it has no sockets */
    l->borrowed = true;
    l->context = context;
}

link_t *link_new(const char *server) {
    link_t *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->receive_queue = RECEIVE_QUEUE;
    l->server = strdup(server);
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->context = zmq_ctx_new();
    if (l->server && l->epoll >= 0 && l->context)
        return l;
    link_destroy(l, 0);
    return NULL;
}

void link_destroy(link_t *l, int linger_ms) {
    if (!l)
        return;
    s_close(l, &l->back, 0);
    s_close(l, &l->front, linger_ms);
    while (l->context && !l->borrowed && zmq_ctx_term(l->context) != 0 && errno == EINTR)
        ; /* a signal came; terminating goes on */
    if (l->epoll >= 0)
        close(l->epoll);
    free(l->server);
    sodium_memzero(l->secret_key, sizeof l->secret_key);
    free(l);
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

static bool s_send(link_t *l, zr_span_t frame, zr_blob_t *owner) {
    l->front.quiet = false; /* sending may swallow what the descriptor had to tell */
    if (frame.len <= SEND_COPY_MAX)
        return zmq_send(l->front.socket, frame.ptr, frame.len, ZMQ_DONTWAIT) >= 0 || errno != EAGAIN;
    return s_send_shared(l, frame, owner);
}

bool link_perform(link_t *l, const action_t *action) {
    switch (action->kind) {
    case ACTION_SEND:
        return !l->front.socket || s_send(l, action->frame, action->owner);
    case ACTION_CONNECT_FRONT:
        s_reopen(l, &l->front, ZMQ_DEALER, l->server);
        break;
    case ACTION_CONNECT_BACK:
        s_reopen(l, &l->back, ZMQ_SUB, action->endpoint);
        break;
    case ACTION_SUBSCRIBE:
    case ACTION_UNSUBSCRIBE:
        l->back.quiet = false;
        if (l->back.socket)
            zmq_setsockopt(l->back.socket, action->kind == ACTION_SUBSCRIBE ? ZMQ_SUBSCRIBE : ZMQ_UNSUBSCRIBE,
                action->topic, action->topic_len);
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

/* The protocol has one frame to a message; of others nothing is taken. */
static zr_blob_t *s_receive(peer_t *peer) {
    bool parts = false;
    while (peer->socket && !peer->quiet) {
        zmq_msg_t message;
        zmq_msg_init(&message);
        if (zmq_msg_recv(&message, peer->socket, ZMQ_DONTWAIT) < 0) {
            peer->quiet = errno == EAGAIN;
            zmq_msg_close(&message);
            return NULL;
        }
        bool more = zmq_msg_more(&message);
        if (!more && !parts)
            return s_take(&message);
        parts = more;
        zmq_msg_close(&message);
    }
    return NULL;
}

zr_blob_t *link_front(link_t *l) {
    return s_receive(&l->front);
}

zr_blob_t *link_back(link_t *l) {
    return s_receive(&l->back);
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

link_change_t link_change(link_t *l) {
    uint8_t told[6], address[1]; /* an event has two parts; of the second nothing is wanted */
    uint16_t event;
    uint32_t value;
    if (!l->watch.socket || l->watch.quiet)
        return LINK_SAME;
    if (zmq_recv(l->watch.socket, told, sizeof told, ZMQ_DONTWAIT) != sizeof told) {
        l->watch.quiet = true;
        return LINK_SAME;
    }
    zmq_recv(l->watch.socket, address, sizeof address, ZMQ_DONTWAIT);
    l->front.quiet = false; /* what the connection brought before may have come since the last wait */
    memcpy(&event, told, sizeof event);
    memcpy(&value, told + sizeof event, sizeof value);
    link_change_t change = link_meaning(event, value, l->encrypted, l->known);
    l->known = event != ZMQ_EVENT_DISCONNECTED;
    return change;
}

static bool s_ready(peer_t *peer, int wanted) {
    int events = 0;
    size_t size = sizeof events;
    if (!peer->socket || (peer->quiet && wanted == ZMQ_POLLIN))
        return false;
    zmq_getsockopt(peer->socket, ZMQ_EVENTS, &events, &size);
    peer->quiet = !(events & ZMQ_POLLIN);
    return events & wanted;
}

bool link_ready(link_t *l, bool blocked) {
    return s_ready(&l->front, blocked ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLIN) || s_ready(&l->back, ZMQ_POLLIN) ||
           s_ready(&l->watch, ZMQ_POLLIN);
}

bool link_wait(link_t *l, int timeout_ms) {
    struct epoll_event events[3];
    int count = epoll_wait(l->epoll, events, 3, timeout_ms);
    for (int i = 0; i < count; i++)
        ((peer_t *)events[i].data.ptr)->quiet = false;
    return count >= 0 || errno != EINTR;
}
