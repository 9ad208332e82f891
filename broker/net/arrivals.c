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
    OTHER_FILES = 32,  /* descriptors of the process that are no connections: more than it has */
    UNHEARD_MS = 1000, /* a peer that gave up sooner was refused, or tried something else */
};

/* Ends connections that said no hello, or did not subscribe. One may hold a routing id that libzmq will give out
 * later. */
int arrivals_on_silent(zloop_t *loop, int timer_id, void *arg) {
    (void)loop;
    (void)timer_id;
    peers_t *peers = arg;
    uint64_t now = (uint64_t)zclock_mono(), before = now > peers->login_timeout_ms ? now - peers->login_timeout_ms : 0;
    for (int side = CONNECTIONS_FRONT; side <= CONNECTIONS_BACK; side++)
        for (int fd = 0; (fd = connections_next_silent(&peers->connections, side, before, fd)) >= 0; fd++) {
            connection_t *one = connections_at(&peers->connections, fd);
            if (inflow_calls_is_arriving(one->socket)) {
                one->accepted_ms = now; /* we do not hear it, so its time begins later */
                continue;
            }
            peers_end(one);
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

static bool s_is_tcp(int listener) {
    int domain = AF_UNIX;
    socklen_t len = sizeof domain;
    return getsockopt(listener, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain != AF_UNIX;
}

static void s_filter(peers_t *peers) {
    zr_address_t addresses[ADDRESSES_SHED_MAX];
    size_t count = addresses_shed(peers->addresses, addresses);
    bool ok = true;
    for (int fd = 0; (fd = inflow_calls_next_listener(fd)) >= 0; fd++)
        ok = (!s_is_tcp(fd) || source_filter_set(fd, addresses, count)) && ok;
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

static void s_turn_away_crowd(peers_t *peers, const struct sockaddr_storage *peer, socklen_t len, uint64_t handle) {
    inflow_calls_reset(handle);
    s_shed(peers);
    peers->turned_away++;
    if (!zr_log_pass(&peers->lines, (uint64_t)zclock_mono()))
        return;
    char text[INET6_ADDRSTRLEN] = "";
    getnameinfo((const struct sockaddr *)peer, len, text, sizeof text, NULL, 0, NI_NUMERICHOST);
    zr_log(ZR_LOG_WARN, "closed a connection of %s, which has or makes too many (%llu closed so far)",
        endpoint_unmapped(zr_span(text)).ptr, (unsigned long long)peers->turned_away);
}

/* About the descriptor that the connection would have, if all below it were in use. It may have a higher one, as those
 * of connections that are gone are left free for a while. */
static int s_lowest_free(int fd) {
    size_t open = inflow_calls_open() + OTHER_FILES;
    return (size_t)fd < open ? fd : (int)open;
}

static void s_on_came(peers_t *peers, int side, uint64_t handle) {
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    zr_address_t address;
    uint64_t now = (uint64_t)zclock_mono();
    int fd = descriptor_of(handle);
    connections_open(&peers->connections, side, fd, handle, now);
    if (descriptor_handle(fd) != handle)
        return; /* it is gone already */
    if (peers->shed)
        source_filter_clear(fd);
    if (!addresses_has_room(side, s_lowest_free(fd), peers->descriptors))
        s_turn_away(peers, handle);
    else if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0 &&
             zr_address_of((struct sockaddr *)&peer, len, &address) == ZR_ADDRESS_COUNTED &&
             !addresses_opened(peers->addresses, side, fd, handle, &address, now))
        s_turn_away_crowd(peers, &peer, len, handle);
}

static void s_on_gone(peers_t *peers, int side, uint64_t handle) {
    int fd = descriptor_of(handle);
    const connection_t *one = connections_at(&peers->connections, fd);
    if (one && !one->heard)
        s_tell_unheard(peers, (uint64_t)zclock_mono() - one->accepted_ms);
    if (peers->watch.left && side == CONNECTIONS_FRONT)
        peers->watch.left(peers->watch.ctx, handle);
    topics_leave(peers->topics, handle);
    connections_close(&peers->connections, fd);
    addresses_closed(peers->addresses, side, fd);
    inflow_release(peers->inflow, fd);
}

void arrivals_take(peers_t *peers) {
    change_t change;
    while (inflow_calls_take_change(&change))
        if (change.kind == CHANGE_CAME)
            s_on_came(peers, change.side, change.connection);
        else if (change.kind == CHANGE_GONE)
            s_on_gone(peers, change.side, change.connection);
        else
            pacing_on_ended(peers, change.connection, change.reason);
}

/* A peer that is in was accepted before. */
void peers_end_silent(peers_t *peers) {
    arrivals_take(peers);
    for (int fd = 0; (fd = connections_next_silent(&peers->connections, CONNECTIONS_BACK, UINT64_MAX, fd)) >= 0; fd++)
        inflow_calls_end(connections_at(&peers->connections, fd)->socket);
}

int arrivals_on_sweep(zloop_t *loop, int timer_id, void *arg) {
    (void)loop;
    (void)timer_id;
    peers_t *peers = arg;
    addresses_sweep(peers->addresses, s_is_alive, NULL, (uint64_t)zclock_mono());
    return 0;
}
