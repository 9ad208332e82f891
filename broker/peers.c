/* See peers.h. A descriptor is a hint that may be old: it is acted on only while it is the same socket (inode), and
 * what then still goes wrong costs somebody a new connection. */
#include "peers.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "backlog.h"
#include "connections.h"
#include "fatal.h"
#include "gate.h"
#include "received.h"
#include "revoked.h"
#include "source_filter.h"
#include "zap.h"

enum {
    DROP_MS = 100,     /* from the decision to the end of a connection: for the bye */
    SWEEP_MS = 10000,  /* the gate's */
    SHED_MS = 50,      /* between two looks at which addresses are shed */
    CLAIMED_MS = 1000, /* in which what was queued of a connection is mostly taken */
    LOOK_MS = 100,     /* between two looks at who is too far ahead */
    LOOK_MAX = 1000,   /* connections that one looks at: about a millisecond */
};

/* What one connection may be ahead (backlog.h). A client has a window of publishes under way at most, and of what is
 * read at once, the I/O thread may hold a message and a piece. */
enum {
    PART_MORE = 64 << 10,
    QUEUE_WINDOWS = 16,
    TOPIC_BYTES = 256, /* of a subscription, with all that it costs on the wire */
    BURST_S = 2,       /* so many seconds' worth of subscriptions may come at once */
};

/* Routes whose descriptor is remembered: more than are usually busy at once. */
enum { ROUTES = 1024 };

/* A handle is a socket's inode, which the kernel counts up, above its descriptor (main.c: NOFILE_MAX). */
enum { DESCRIPTOR_BITS = 20 };

struct peers {
    zloop_t *loop;
    const sockets_t *sockets;
    connections_t connections;
    revoked_t revoked;
    revoked_t gone; /* whose connections are about to end; all of generation 1 */
    backlog_t backlog;
    struct {
        route_t route;
        int fd;
    } routes[ROUTES]; /* each in its place, by its lowest bits */
    struct {
        uint32_t id;   /* the claimed id's hash */
        int64_t at;    /* ms; 0: never */
    } claimed[ROUTES]; /* the last connection that was ended for that, by its descriptor's lowest bits */
    size_t look;       /* the descriptor to begin the next look at */
    gate_t *gate;
    int listeners[2 * SETTINGS_ENDPOINTS_MAX]; /* of TCP */
    size_t listener_count;
    bool shedding, shed;  /* now; ever */
    uint64_t descriptors; /* that this process may have; 0: not known */
    uint64_t turned_away, too_far_ahead, no_room;
    zr_log_limit_t lines, ahead_lines, room_lines, filter_lines;
    struct {
        uint64_t *items;
        size_t count, size;
        size_t old; /* so many of them were there when the timer last ran */
    } drops;
};

/* --- Descriptors --- */

static uint64_t s_handle(int fd) {
    struct stat about;
    if (fd < 0 || fd >> DESCRIPTOR_BITS || fstat(fd, &about) != 0 || !S_ISSOCK(about.st_mode))
        return 0;
    return (uint64_t)about.st_ino << DESCRIPTOR_BITS | (uint64_t)fd;
}

static int s_descriptor(uint64_t handle) {
    return (int)(handle & ((1U << DESCRIPTOR_BITS) - 1));
}

/* libzmq has it as a text among the connection's properties. A route is one connection's for ever; who guessed it
 * (SECURITY.md) passes for that one here too, which only hurts themselves: they seem ahead of what was taken. */
int peers_descriptor(peers_t *peers, route_t route, zmq_msg_t *frame) {
    size_t place = route % ROUTES;
    if (route && peers->routes[place].route == route)
        return peers->routes[place].fd;
    int fd = zmq_msg_get(frame, ZMQ_SRCFD);
    if (route) {
        peers->routes[place].route = route;
        peers->routes[place].fd = fd;
    }
    return fd;
}

static void s_end(uint64_t handle) {
    if (handle && s_handle(s_descriptor(handle)) == handle)
        shutdown(s_descriptor(handle), SHUT_RDWR);
}

void peers_end(zmq_msg_t *frame) {
    s_end(s_handle(zmq_msg_get(frame, ZMQ_SRCFD)));
}

/* What is queued of a connection comes after its end too, when its descriptor may be another's: for a while a frame of
 * the same claimed id ends nobody. Another id is another connection's. */
void peers_end_claimed(peers_t *peers, int fd, uint32_t id) {
    int64_t now = zclock_mono();
    size_t place = (size_t)fd % ROUTES;
    if (fd < 0 ||
        (peers->claimed[place].at && peers->claimed[place].id == id && now - peers->claimed[place].at < CLAIMED_MS))
        return;
    peers->claimed[place].id = id;
    peers->claimed[place].at = now;
    s_end(s_handle(fd));
}

/* --- Who it is --- */

static zr_span_t s_property(zmq_msg_t *frame, const char *name) {
    const char *value = zmq_msg_gets(frame, name);
    return zr_span(value ? value : "");
}

zr_span_t peers_user(zmq_msg_t *frame) {
    return zmq_msg_gets(frame, zap_generation()) ? s_property(frame, "User-Id") : zr_span("");
}

/* libzmq calls the address of a local socket "localhost", and writes others as numbers. */
static bool s_is_local(zr_span_t address) {
    endpoint_t endpoint = {.kind = ENDPOINT_TCP};
    if (address.len == 0 || address.len >= sizeof endpoint.host)
        return false;
    memcpy(endpoint.host, address.ptr, address.len);
    return endpoint_is_local(&endpoint);
}

void peers_meet(peers_t *peers, zmq_msg_t *frame, peer_t *peer) {
    static const char ipc[] = "localhost";
    zr_span_t address = s_property(frame, "Peer-Address");
    bool is_ipc = address.len >= sizeof ipc - 1 && memcmp(address.ptr, ipc, sizeof ipc - 1) == 0;
    uint64_t handle = s_handle(zmq_msg_get(frame, ZMQ_SRCFD));
    *peer = (peer_t){.user = peers_user(frame), .address = is_ipc ? zr_span(NULL) : address, .connection = handle};
    /* Who speaks CURVE has a user; without, the handler lets nobody in. */
    peer->local = peer->user.len == 0 && (is_ipc || s_is_local(address));
    peer->revoked = peers_is_revoked(peers, frame);
    if (handle)
        connections_set_user(&peers->connections, s_descriptor(handle), handle, peer->user);
}

void peers_revoke(peers_t *peers, zr_span_t user, uint64_t generation) {
    revoked_set(&peers->revoked, user, generation);
    peers_drop_user(peers, user);
}

bool peers_is_revoked(const peers_t *peers, zmq_msg_t *frame) {
    const char *generation = zmq_msg_gets(frame, zap_generation());
    return revoked_has(&peers->revoked, peers_user(frame), generation ? strtoull(generation, NULL, 10) : 0);
}

bool peers_subscribe(peers_t *peers, zmq_msg_t *frame, bool subscribed) {
    uint64_t handle = s_handle(zmq_msg_get(frame, ZMQ_SRCFD));
    if (!handle) /* gone: libzmq gives back what it had subscribed to */
        return true;
    int fd = s_descriptor(handle);
    size_t len = zmq_msg_size(frame) - 1;
    connections_set_user(&peers->connections, fd, handle, peers_user(frame));
    if (connections_subscribe(&peers->connections, fd, handle, subscribed, len, (uint64_t)zclock_mono()))
        return true;
    peers_charge(peers, handle);
    s_end(handle);
    return false;
}

/* --- Ending connections --- */

static int s_on_drops(zloop_t *loop, int timer_id, void *arg) {
    peers_t *peers = arg;
    size_t left = peers->drops.count - peers->drops.old;
    for (size_t i = 0; i < peers->drops.old; i++)
        s_end(peers->drops.items[i]);
    memmove(peers->drops.items, peers->drops.items + peers->drops.old, left * sizeof *peers->drops.items);
    peers->drops.count = peers->drops.old = left;
    if (left == 0)
        zloop_timer_end(loop, timer_id);
    return 0;
}

void peers_drop(peers_t *peers, uint64_t connection) {
    if (!connection || connections_dropped(&peers->connections, s_descriptor(connection)) == connection)
        return;
    connections_drop(&peers->connections, s_descriptor(connection), connection);
    if (peers->drops.count == 0)
        zloop_timer(peers->loop, DROP_MS, 0, s_on_drops, peers);
    if (peers->drops.count == peers->drops.size) {
        peers->drops.size = peers->drops.size ? 2 * peers->drops.size : 16;
        peers->drops.items = fatal_realloc(peers->drops.items, peers->drops.size * sizeof *peers->drops.items);
    }
    peers->drops.items[peers->drops.count++] = connection;
}

void peers_charge(peers_t *peers, uint64_t connection) {
    gate_charge(peers->gate, s_descriptor(connection), connection, (uint64_t)zclock_mono());
}

bool peers_hear(const peers_t *peers, int fd) {
    if (peers->drops.count == 0)
        return true;
    uint64_t dropped = fd >= 0 ? connections_dropped(&peers->connections, fd) : 0;
    return dropped == 0 || s_handle(fd) != dropped;
}

void peers_drop_user(peers_t *peers, zr_span_t user) {
    revoked_set(&peers->gone, user, 1);
}

void peers_drop_users(peers_t *peers) {
    if (!peers->gone.by_name)
        return;
    connection_t one;
    for (int fd = 0; (fd = connections_next_user(&peers->connections, fd, &one)) >= 0; fd++)
        if (!revoked_has(&peers->gone, zr_span_of(one.user, one.user_len), 0))
            continue;
        else if (one.reads)
            s_end(one.socket);
        else
            peers_drop(peers, one.socket);
    revoked_finish(&peers->gone);
}

/* --- Who sends faster than it is read --- */

void peers_took(peers_t *peers, int fd, size_t bytes) {
    backlog_took(&peers->backlog, fd, bytes);
}

void peers_found_empty(peers_t *peers, bool back) {
    backlog_empty(&peers->backlog, back);
}

/* Bytes that libzmq has read; of a local socket nobody knows. What the kernel still holds counts only where it matters:
 * it is another system call. */
static bool s_read_by_libzmq(const peers_t *peers, int fd, uint64_t *bytes) {
    if (!received_total(fd, bytes))
        return false;
    if (backlog_suspects(&peers->backlog, fd, *bytes)) {
        uint64_t unread = received_unread(fd);
        *bytes -= unread < *bytes ? unread : *bytes;
    }
    return true;
}

static void s_look_at(peers_t *peers, int fd) {
    uint64_t socket = peers->backlog.places[fd].socket, bytes;
    if (!s_read_by_libzmq(peers, fd, &bytes))
        backlog_close(&peers->backlog, fd);
    else if (backlog_look(&peers->backlog, fd, bytes) && s_handle(fd) == socket) {
        peers_charge(peers, socket);
        s_end(socket);
        backlog_close(&peers->backlog, fd);
        peers->too_far_ahead++;
        if (zr_log_pass(&peers->ahead_lines, (uint64_t)zclock_mono()))
            zr_log(ZR_LOG_WARN, "closed a connection that sent more than could be taken in (%llu so far)",
                (unsigned long long)peers->too_far_ahead);
    }
}

static int s_on_look(zloop_t *loop, int timer_id, void *arg) {
    (void)loop;
    (void)timer_id;
    peers_t *peers = arg;
    size_t size = peers->backlog.size;
    for (int side = 0; side < BACKLOG_SIDES; side++) /* where nothing comes, nobody tries to take it */
        if (!(zsock_events(side ? peers->sockets->back : peers->sockets->front) & ZMQ_POLLIN))
            backlog_empty(&peers->backlog, side);
    for (size_t passed = 0, seen = 0; passed < size && seen < LOOK_MAX; passed++, peers->look++) {
        peers->look = peers->look < size ? peers->look : 0;
        if (!peers->backlog.places[peers->look].socket)
            continue;
        s_look_at(peers, (int)peers->look);
        seen++;
    }
    return 0;
}

/* --- Who comes and goes --- */

static bool s_is_alive(void *ctx, int fd, uint64_t handle) {
    (void)ctx;
    return s_handle(fd) == handle;
}

static void s_turn_away(peers_t *peers, uint64_t handle) {
    s_end(handle);
    peers->no_room++;
    if (zr_log_pass(&peers->room_lines, (uint64_t)zclock_mono()))
        zr_log(ZR_LOG_WARN,
            "closed a connection: nearly all of the %llu file descriptors that are allowed are in use; raise the limit "
            "(ulimit -n, LimitNOFILE=) (%llu closed so far)",
            (unsigned long long)peers->descriptors, (unsigned long long)peers->no_room);
}

/* The event of a listener comes once, when it is bound. */
static void s_on_listening(peers_t *peers, int fd) {
    int domain = 0;
    socklen_t len = sizeof domain;
    bool tcp = getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain != AF_UNIX;
    if (tcp && peers->listener_count < sizeof peers->listeners / sizeof *peers->listeners)
        peers->listeners[peers->listener_count++] = fd;
}

static void s_filter(peers_t *peers) {
    gate_address_t addresses[GATE_SHED_MAX];
    size_t count = gate_shed(peers->gate, addresses);
    bool ok = true;
    for (size_t i = 0; i < peers->listener_count; i++)
        ok = source_filter_set(peers->listeners[i], addresses, count) && ok;
    if (!ok && zr_log_pass(&peers->filter_lines, (uint64_t)zclock_mono()))
        zr_log(ZR_LOG_WARN, "the kernel does not turn away who makes too many connections, so each is closed: %s",
            strerror(errno));
    peers->shedding = count > 0;
}

static int s_on_shed(zloop_t *loop, int timer_id, void *arg) {
    peers_t *peers = arg;
    if (gate_shed_changed(peers->gate, (uint64_t)zclock_mono()))
        s_filter(peers);
    if (!peers->shedding)
        zloop_timer_end(loop, timer_id);
    return 0;
}

/* At once, and then now and then: addresses may be many, and each change is a new filter. */
static void s_shed(peers_t *peers) {
    if (peers->shedding || !gate_shed_changed(peers->gate, (uint64_t)zclock_mono()))
        return;
    peers->shed = true;
    s_filter(peers);
    zloop_timer(peers->loop, SHED_MS, 0, s_on_shed, peers);
}

static void s_on_accepted(peers_t *peers, int side, int fd) {
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    gate_address_t address;
    uint64_t handle = s_handle(fd);
    if (handle && peers->shed)
        source_filter_clear(fd);
    if (handle)
        backlog_open(&peers->backlog, side, fd, handle);
    if (handle && side == 1)
        connections_open_back(&peers->connections, fd, handle);
    if (handle && !gate_has_room(side, fd, peers->descriptors)) {
        s_turn_away(peers, handle);
        return;
    }
    if (!handle || getpeername(fd, (struct sockaddr *)&peer, &len) != 0 ||
        !gate_address((struct sockaddr *)&peer, len, &address) ||
        gate_opened(peers->gate, side, fd, handle, &address, (uint64_t)zclock_mono()))
        return;
    s_end(handle);
    s_shed(peers);
    peers->turned_away++;
    if (zr_log_pass(&peers->lines, (uint64_t)zclock_mono())) {
        char text[INET6_ADDRSTRLEN] = "";
        getnameinfo((struct sockaddr *)&peer, len, text, sizeof text, NULL, 0, NI_NUMERICHOST);
        zr_log(ZR_LOG_WARN, "closed a connection of %s, which has or makes too many (%llu closed so far)", text,
            (unsigned long long)peers->turned_away);
    }
}

/* An event is a number of 16 bits and one of 32, which is the descriptor for those asked for, and the listener's
 * endpoint. false: there was none. */
static bool s_read_event(peers_t *peers, int side) {
    void *monitor = zsock_resolve(peers->sockets->monitors[side]);
    zmq_msg_t part;
    zmq_msg_init(&part);
    bool got = zmq_msg_recv(&part, monitor, ZMQ_DONTWAIT) >= 0;
    if (got && zmq_msg_size(&part) == MONITOR_EVENT) {
        uint16_t event;
        uint32_t value;
        memcpy(&event, zmq_msg_data(&part), sizeof event);
        memcpy(&value, (const uint8_t *)zmq_msg_data(&part) + sizeof event, sizeof value);
        if (event == ZMQ_EVENT_LISTENING)
            s_on_listening(peers, (int)value);
        else if (event == ZMQ_EVENT_ACCEPTED)
            s_on_accepted(peers, side, (int)value);
        else if (event == ZMQ_EVENT_DISCONNECTED)
            gate_closed(peers->gate, side, (int)value);
    }
    while (got && zmq_msg_more(&part))
        got = zmq_msg_recv(&part, monitor, ZMQ_DONTWAIT) >= 0;
    zmq_msg_close(&part);
    return got;
}

/* A descriptor of libzmq's tells once of all that has come: all of it is taken. (The loop would ask a socket in every
 * turn, by two system calls.) */
static int s_on_monitor(zloop_t *loop, zmq_pollitem_t *item, void *arg) {
    (void)loop;
    peers_t *peers = arg;
    int side = item->fd == zsock_fd(peers->sockets->monitors[1]);
    while (s_read_event(peers, side))
        ;
    return 0;
}

/* Who was let in was accepted before, and libzmq has told that; with several I/O threads nearly always. */
void peers_end_silent(peers_t *peers) {
    connection_t one;
    while (s_read_event(peers, 1))
        ;
    for (int fd = 0; (fd = connections_next_silent(&peers->connections, fd, &one)) >= 0; fd++)
        s_end(one.socket);
}

static int s_on_sweep(zloop_t *loop, int timer_id, void *arg) {
    (void)loop;
    (void)timer_id;
    peers_t *peers = arg;
    gate_sweep(peers->gate, s_is_alive, NULL, (uint64_t)zclock_mono());
    return 0;
}

uint64_t peers_turned_away(const peers_t *peers) {
    return peers->turned_away;
}

uint64_t peers_no_room(const peers_t *peers) {
    return peers->no_room;
}

uint64_t peers_too_far_ahead(const peers_t *peers) {
    return peers->too_far_ahead;
}

/* --- The whole --- */

/* As many as a reader that comes anew needs: two topics a room, and to give back as many. */
static uint64_t s_burst(const settings_t *settings) {
    uint64_t rooms = 4 * (uint64_t)settings->relay.max_joins, seconds = BURST_S * settings->rate_subscriptions;
    return rooms > seconds ? rooms : seconds;
}

static uint64_t s_descriptors_allowed(void) {
    struct rlimit limit;
    bool known = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    return known ? (uint64_t)limit.rlim_cur : 0;
}

static void s_set_limits(peers_t *peers, const settings_t *settings) {
    uint64_t message = (uint64_t)sockets_max_message(settings), burst = s_burst(settings);
    peers->connections.per_second = settings->rate_subscriptions;
    peers->connections.burst = burst;
    peers->backlog.limits[0].part = 2 * message + PART_MORE;
    peers->backlog.limits[0].queue = peers->backlog.limits[0].part + QUEUE_WINDOWS * (uint64_t)settings->relay.window;
    peers->backlog.limits[1].part = PART_MORE;
    peers->backlog.limits[1].queue = PART_MORE + burst * TOPIC_BYTES;
}

peers_t *peers_new(zloop_t *loop, const sockets_t *sockets, const settings_t *settings) {
    peers_t *peers = fatal_calloc(sizeof *peers);
    peers->loop = loop;
    peers->sockets = sockets;
    peers->descriptors = s_descriptors_allowed();
    s_set_limits(peers, settings);
    peers->gate = gate_new(settings->max_address_connections, settings->rate_handshakes);
    for (int side = 0; side < 2; side++) {
        zmq_pollitem_t item = {.fd = zsock_fd(sockets->monitors[side]), .events = ZMQ_POLLIN};
        zloop_poller(loop, &item, s_on_monitor, peers);
        s_on_monitor(loop, &item, peers); /* what came before */
    }
    zloop_timer(loop, SWEEP_MS, 0, s_on_sweep, peers);
    zloop_timer(loop, LOOK_MS, 0, s_on_look, peers);
    return peers;
}

void peers_destroy(peers_t *peers) {
    if (!peers)
        return;
    connections_finish(&peers->connections);
    revoked_finish(&peers->revoked);
    revoked_finish(&peers->gone);
    backlog_finish(&peers->backlog);
    gate_destroy(peers->gate);
    free(peers->drops.items);
    free(peers);
}
