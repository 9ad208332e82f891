/* See arrivals.h. */
#include "arrivals.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "descriptor.h"
#include "inflow_calls.h"
#include "pacing.h"
#include "source_filter.h"

enum {
    SHED_MS = 50,      /* between two looks at which addresses are shed */
    UNHEARD_MS = 1000, /* a peer that gave up sooner was refused, or tried something else */
};

/* Ends connections that said no hello, or did not subscribe. One may hold a routing id that libzmq will give out
 * later. */
int arrivals_on_silent(zloop_t *loop, int timer_id, void *arg) {
    (void)loop;
    (void)timer_id;
    peers_t *peers = arg;
    connection_t one;
    uint64_t now = (uint64_t)zclock_mono(), before = now > peers->login_timeout_ms ? now - peers->login_timeout_ms : 0;
    for (int side = CONNECTIONS_FRONT; side <= CONNECTIONS_BACK; side++)
        for (int fd = 0; (fd = connections_next_silent(&peers->connections, side, before, fd, &one)) >= 0; fd++) {
            connections_drop(&peers->connections, fd, one.socket);
            inflow_calls_reset(one.socket);
            peers->silent++;
            if (zr_log_pass(&peers->silent_lines, now))
                zr_log(ZR_LOG_INFO, "closed a connection that %s within server/login-timeout (%llu so far)",
                    side == CONNECTIONS_BACK ? "did not subscribe" : "said no hello",
                    (unsigned long long)peers->silent);
        }
    return 0;
}

static bool s_is_alive(void *ctx, int fd, uint64_t handle) {
    (void)ctx;
    return descriptor_handle(fd) == handle;
}

static void s_turn_away(peers_t *peers, uint64_t handle) {
    inflow_calls_reset(handle);
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
    address_t addresses[ADDRESSES_SHED_MAX];
    size_t count = addresses_shed(peers->addresses, addresses);
    bool ok = true;
    for (size_t i = 0; i < peers->listener_count; i++)
        ok = source_filter_set(peers->listeners[i], addresses, count) && ok;
    if (!ok && zr_log_pass(&peers->filter_lines, (uint64_t)zclock_mono()))
        zr_log(ZR_LOG_WARN,
            "the kernel does not turn away addresses that make too many connections, so each connection is closed: %s",
            strerror(errno));
    peers->shedding = count > 0;
}

static int s_on_shed(zloop_t *loop, int timer_id, void *arg) {
    peers_t *peers = arg;
    if (addresses_shed_changed(peers->addresses, (uint64_t)zclock_mono()))
        s_filter(peers);
    if (!peers->shedding)
        zloop_timer_end(loop, timer_id);
    return 0;
}

/* Sets the filter at once, and later by a timer: addresses may be many, and each change is a new filter. */
static void s_shed(peers_t *peers) {
    if (peers->shedding || !addresses_shed_changed(peers->addresses, (uint64_t)zclock_mono()))
        return;
    peers->shed = true;
    s_filter(peers);
    zloop_timer(peers->loop, SHED_MS, 0, s_on_shed, peers);
}

/* libzmq refuses a peer without a word when it speaks ZMTP 1 or 2, or another mechanism than the listener. */
static void s_tell_unheard(peers_t *peers, uint64_t lasted_ms) {
    if (lasted_ms > UNHEARD_MS)
        return;
    peers->unheard++;
    if (zr_log_pass(&peers->unheard_lines, (uint64_t)zclock_mono()))
        zr_log(ZR_LOG_INFO,
            "a connection ended before it said anything; a peer must speak ZMTP 3 (ZeroMQ 4.0 or newer), encrypted "
            "where "
            "the listener is (%llu so far)",
            (unsigned long long)peers->unheard);
}

/* The end of the connection that had the descriptor before may be told later, and of another side. */
static void s_replace(peers_t *peers, int fd, uint64_t handle) {
    const connection_t *before = connections_at(&peers->connections, fd);
    if (before && before->socket != handle)
        topics_leave(peers->topics, before->socket);
}

static void s_on_accepted(peers_t *peers, int side, int fd) {
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    address_t address;
    uint64_t handle = descriptor_handle(fd);
    if (!handle) /* it is gone already */
        s_tell_unheard(peers, 0);
    if (handle && peers->shed)
        source_filter_clear(fd);
    if (handle) {
        s_replace(peers, fd, handle);
        connections_open(&peers->connections, side, fd, handle, (uint64_t)zclock_mono());
    }
    if (handle && !addresses_has_room(side, fd, peers->descriptors)) {
        s_turn_away(peers, handle);
        return;
    }
    if (!handle || getpeername(fd, (struct sockaddr *)&peer, &len) != 0 ||
        !address_of_peer((struct sockaddr *)&peer, len, &address) ||
        addresses_opened(peers->addresses, side, fd, handle, &address, (uint64_t)zclock_mono()))
        return;
    inflow_calls_reset(handle);
    s_shed(peers);
    peers->turned_away++;
    if (zr_log_pass(&peers->lines, (uint64_t)zclock_mono())) {
        char text[INET6_ADDRSTRLEN] = "";
        getnameinfo((struct sockaddr *)&peer, len, text, sizeof text, NULL, 0, NI_NUMERICHOST);
        zr_log(ZR_LOG_WARN, "closed a connection of %s, which has or makes too many (%llu closed so far)", text,
            (unsigned long long)peers->turned_away);
    }
}

static void s_on_disconnected(peers_t *peers, int side, int fd) {
    const connection_t *one = connections_at(&peers->connections, fd);
    pacing_take_ended(peers); /* while the gate knows their addresses */
    if (one && one->accepted_ms && !one->heard)
        s_tell_unheard(peers, (uint64_t)zclock_mono() - one->accepted_ms);
    if (one && one->side == side) {
        topics_leave(peers->topics, one->socket);
        connections_close(&peers->connections, fd, (uint64_t)zclock_mono());
    }
    addresses_closed(peers->addresses, side, fd);
}

/* An event is a number of 16 bits and one of 32, which is the descriptor for those asked for, and the listener's
 * endpoint. false: there was none. */
bool arrivals_read_event(peers_t *peers, int side) {
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
            s_on_disconnected(peers, side, (int)value);
    }
    while (got && zmq_msg_more(&part))
        got = zmq_msg_recv(&part, monitor, ZMQ_DONTWAIT) >= 0;
    zmq_msg_close(&part);
    return got;
}

/* libzmq's descriptor becomes readable once for all events that have come, so all are taken. (The loop would ask a
 * socket in every turn, by two system calls.) */
int arrivals_on_monitor(zloop_t *loop, zmq_pollitem_t *item, void *arg) {
    (void)loop;
    peers_t *peers = arg;
    int side = item->fd == zsock_fd(peers->sockets->monitors[1]);
    while (arrivals_read_event(peers, side))
        ;
    return 0;
}

/* A peer that is in was accepted before, and libzmq has sent that event; with several I/O threads it nearly always
 * has. */
void peers_end_silent(peers_t *peers) {
    connection_t one;
    while (arrivals_read_event(peers, 1))
        ;
    for (int fd = 0; (fd = connections_next_silent(&peers->connections, CONNECTIONS_BACK, UINT64_MAX, fd, &one)) >= 0;
         fd++)
        inflow_calls_end(one.socket);
}

int arrivals_on_sweep(zloop_t *loop, int timer_id, void *arg) {
    (void)loop;
    (void)timer_id;
    peers_t *peers = arg;
    addresses_sweep(peers->addresses, s_is_alive, NULL, (uint64_t)zclock_mono());
    return 0;
}
