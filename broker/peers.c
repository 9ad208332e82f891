/* See peers.h. A descriptor is a hint that may be old: it is acted on only while it is the same socket (inode), and
 * what then still goes wrong costs somebody a new connection. */
#include "peers.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "connections.h"
#include "fatal.h"
#include "gate.h"

enum {
    DROP_MS = 100,      /* from the decision to the end of a connection: for the bye */
    SWEEP_MS = 10000,   /* the gate's */
    BATCH_EVENTS = 250, /* taken from a monitor at a time */
};

/* A handle is a socket's inode, which the kernel counts up, above its descriptor (main.c: NOFILE_MAX). */
enum { DESCRIPTOR_BITS = 20 };

struct peers {
    zloop_t *loop;
    const sockets_t *sockets;
    connections_t connections;
    gate_t *gate;
    uint64_t turned_away;
    zr_log_limit_t lines;
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

static void s_end(uint64_t handle) {
    if (handle && s_handle(s_descriptor(handle)) == handle)
        shutdown(s_descriptor(handle), SHUT_RDWR);
}

void peers_end(zmq_msg_t *frame) {
    s_end(s_handle(zmq_msg_get(frame, ZMQ_SRCFD)));
}

/* --- Who it is --- */

static zr_span_t s_property(zmq_msg_t *frame, const char *name) {
    const char *value = zmq_msg_gets(frame, name);
    return zr_span(value ? value : "");
}

zr_span_t peers_user(zmq_msg_t *frame) {
    return s_property(frame, "User-Id");
}

/* libzmq calls the address of a local socket "localhost", and writes others as numbers. */
static bool s_is_local(zr_span_t address) {
    endpoint_t endpoint = {.kind = ENDPOINT_TCP};
    if (address.len == 0 || address.len >= sizeof endpoint.host)
        return false;
    memcpy(endpoint.host, address.ptr, address.len);
    return endpoint_is_local(&endpoint);
}

void peers_describe(peers_t *peers, zmq_msg_t *frame, peer_t *peer) {
    static const char ipc[] = "localhost";
    zr_span_t address = s_property(frame, "Peer-Address");
    bool is_ipc = address.len >= sizeof ipc - 1 && memcmp(address.ptr, ipc, sizeof ipc - 1) == 0;
    uint64_t handle = s_handle(zmq_msg_get(frame, ZMQ_SRCFD));
    *peer = (peer_t){.user = peers_user(frame), .address = is_ipc ? zr_span(NULL) : address, .connection = handle};
    /* Who speaks CURVE has a user; without, the handler lets nobody in. */
    peer->local = peer->user.len == 0 && (is_ipc || s_is_local(address));
    if (handle)
        connections_set_user(&peers->connections, s_descriptor(handle), handle, peer->user);
}

bool peers_subscribe(peers_t *peers, zmq_msg_t *frame, bool subscribed) {
    uint64_t handle = s_handle(zmq_msg_get(frame, ZMQ_SRCFD));
    if (!handle)
        return true;
    int fd = s_descriptor(handle);
    connections_set_user(&peers->connections, fd, handle, peers_user(frame));
    if (connections_subscribe(&peers->connections, fd, handle, subscribed, zmq_msg_size(frame) - 1))
        return true;
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

bool peers_hear(const peers_t *peers, zmq_msg_t *frame) {
    if (peers->drops.count == 0)
        return true;
    int fd = zmq_msg_get(frame, ZMQ_SRCFD);
    uint64_t dropped = fd >= 0 ? connections_dropped(&peers->connections, fd) : 0;
    return dropped == 0 || s_handle(fd) != dropped;
}

void peers_drop_user(peers_t *peers, zr_span_t user) {
    connection_t one;
    for (int fd = 0; (fd = connections_of_user(&peers->connections, fd, user, &one)) >= 0; fd++)
        if (one.reads)
            s_end(one.socket);
        else
            peers_drop(peers, one.socket);
}

/* --- Who comes and goes --- */

static bool s_is_alive(void *ctx, int fd, uint64_t handle) {
    (void)ctx;
    return s_handle(fd) == handle;
}

static void s_on_accepted(peers_t *peers, int side, int fd) {
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    gate_address_t address;
    uint64_t handle = s_handle(fd);
    if (!handle || getpeername(fd, (struct sockaddr *)&peer, &len) != 0 ||
        !gate_address((struct sockaddr *)&peer, len, &address) ||
        gate_opened(peers->gate, side, fd, handle, &address, (uint64_t)zclock_mono()))
        return;
    s_end(handle);
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
    if (got && zmq_msg_size(&part) == 6) {
        uint16_t event;
        uint32_t value;
        memcpy(&event, zmq_msg_data(&part), sizeof event);
        memcpy(&value, (const uint8_t *)zmq_msg_data(&part) + sizeof event, sizeof value);
        if (event == ZMQ_EVENT_ACCEPTED)
            s_on_accepted(peers, side, (int)value);
        else if (event == ZMQ_EVENT_DISCONNECTED)
            gate_closed(peers->gate, side, (int)value);
    }
    while (got && zmq_msg_more(&part))
        got = zmq_msg_recv(&part, monitor, ZMQ_DONTWAIT) >= 0;
    zmq_msg_close(&part);
    return got;
}

static int s_on_monitor(zloop_t *loop, zsock_t *socket, void *arg) {
    (void)loop;
    peers_t *peers = arg;
    int side = socket == peers->sockets->monitors[1];
    for (int events = 0; events < BATCH_EVENTS; events++)
        if (!s_read_event(peers, side))
            break;
    return 0;
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

/* --- The whole --- */

peers_t *peers_new(zloop_t *loop, const sockets_t *sockets, const settings_t *settings) {
    peers_t *peers = fatal_calloc(sizeof *peers);
    peers->loop = loop;
    peers->sockets = sockets;
    peers->gate = gate_new(settings->max_address_connections, settings->rate_handshakes);
    for (int side = 0; side < 2; side++)
        zloop_reader(loop, sockets->monitors[side], s_on_monitor, peers);
    zloop_timer(loop, SWEEP_MS, 0, s_on_sweep, peers);
    return peers;
}

void peers_destroy(peers_t *peers) {
    if (!peers)
        return;
    connections_finish(&peers->connections);
    gate_destroy(peers->gate);
    free(peers->drops.items);
    free(peers);
}
