/* See peers.h. */
#include "peers.h"

#include <string.h>

#include "arrivals.h"
#include "descriptor.h"
#include "fatal.h"
#include "inflow_calls.h"
#include "pacing.h"
#include "peers_state.h"
#include "zap.h"

enum {
    DROP_MS = 100,         /* from the decision to the end of a connection: for the bye */
    SWEEP_MS = 10000,      /* between two sweeps of the addresses */
    SILENT_MS = 1000,      /* between two looks at the connections that say nothing */
    SWEEP_INFLOW_MS = 100, /* between two looks at incomplete messages and doubts; inflow.h says ten times a second */
};

enum {
    BURST_S = 2,       /* so many seconds' worth of subscriptions may come at once */
    TOPICS_SPARE = 16, /* topics that a reader may have beside its rooms */
};

/* --- Descriptors --- */

/* libzmq has the descriptor as a text among the connection's properties. A route is never given to another
 * connection. */
int peers_descriptor(peers_t *peers, route_t route, zmq_msg_t *frame) {
    size_t place = route % ROUTES;
    if (route && peers->routes[place].route == route)
        return peers->routes[place].fd;
    int fd = zmq_msg_get(frame, ZMQ_SRCFD);
    if (route) {
        peers->routes[place].route = route;
        peers->routes[place].fd = fd;
        const char *named = zmq_msg_gets(frame, "Identity");
        peers->routes[place].claims = named && named[0];
    }
    return fd;
}

bool peers_claims(const peers_t *peers, route_t route) {
    const size_t place = route % ROUTES;
    return peers->routes[place].route == route && peers->routes[place].claims;
}

/* The connection of `side` that sent a message which came by `fd`. NULL: it is gone. The descriptor is no other's while
 * messages of it may wait to be taken (inflow_is_free). */
static connection_t *s_sender(peers_t *peers, int side, int fd) {
    arrivals_take(peers);
    connection_t *one = connections_at(&peers->connections, fd);
    return one && one->side == side ? one : NULL;
}

void peers_end(connection_t *one) {
    if (!one || one->dropped)
        return;
    one->dropped = true;
    inflow_calls_reset(one->socket);
}

void peers_end_front(peers_t *peers, int fd) {
    peers_end(s_sender(peers, CONNECTIONS_FRONT, fd));
}

void peers_end_back(peers_t *peers, zmq_msg_t *frame) {
    peers_end(s_sender(peers, CONNECTIONS_BACK, zmq_msg_get(frame, ZMQ_SRCFD)));
}

/* --- The peer of a frame --- */

static zr_span_t s_property(zmq_msg_t *frame, const char *name) {
    const char *value = zmq_msg_gets(frame, name);
    return zr_span(value ? value : "");
}

zr_span_t peers_user(zmq_msg_t *frame) {
    return zmq_msg_gets(frame, zap_generation()) ? s_property(frame, "User-Id") : zr_span("");
}

/* The text of the address that counts: an IPv4 address, or the first 64 bits of an IPv6 address. */
static zr_span_t s_counted(peers_t *peers, zr_span_t address, const connection_t *one) {
    zr_address_t counted;
    if (!one || !addresses_find(peers->addresses, descriptor_of(one->socket), &counted))
        return endpoint_unmapped(address);
    zr_address_format(&counted, peers->met);
    return zr_span(peers->met);
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
    connection_t *one = s_sender(peers, CONNECTIONS_FRONT, zmq_msg_get(frame, ZMQ_SRCFD));
    *peer = (peer_t){.user = peers_user(frame),
        .address = is_ipc ? zr_span(NULL) : s_counted(peers, address, one),
        .connection = one ? one->socket : 0};
    /* A peer that speaks CURVE always has a user: the ZAP handler lets no other in. */
    peer->local = peer->user.len == 0 && (is_ipc || s_is_local(address));
    peer->revoked = peers_is_revoked(peers, frame);
    if (one)
        connection_hear(one, peer->user);
}

void peers_revoke(peers_t *peers, zr_span_t user, uint64_t generation) {
    revoked_set(&peers->revoked, user, generation);
    peers_drop_user(peers, user);
}

bool peers_is_revoked(const peers_t *peers, zmq_msg_t *frame) {
    const char *generation = zmq_msg_gets(frame, zap_generation());
    return revoked_has(&peers->revoked, peers_user(frame), generation ? strtoull(generation, NULL, 10) : 0);
}

/* The account that pays for the topics: a user, else an address, else this machine. */
static zr_span_t s_account(peers_t *peers, zmq_msg_t *frame, int fd, char out[ZR_NICK_MAX + 1]) {
    zr_span_t user = peers_user(frame);
    zr_address_t address;
    out[0] = user.len ? 'u' : 'a';
    if (user.len) {
        memcpy(out + 1, user.ptr, user.len);
        return zr_span_of(out, 1 + user.len);
    }
    if (!addresses_find(peers->addresses, fd, &address))
        return zr_span_of(out, 1);
    memcpy(out + 1, address.bytes, sizeof address.bytes);
    return zr_span_of(out, 1 + sizeof address.bytes);
}

static void s_tell_topics(peers_t *peers, topics_verdict_t verdict) {
    static const char *const texts[] = {[TOPICS_TOO_LONG] = "a topic of a reader is longer than any that can match",
        [TOPICS_READER_FULL] = "a reader has more topics than limits/max-joins needs",
        [TOPICS_ACCOUNT_FULL] = "the readers of one user or address have more topics than limits/max-user-topics",
        [TOPICS_FULL] = "all readers together have more topics than limits/max-topics"};
    if (zr_log_pass(&peers->topic_lines, (uint64_t)zclock_mono()))
        zr_log(ZR_LOG_WARN, "closed a reader's connection: %s", texts[verdict]);
}

static bool s_take_topic(peers_t *peers, zmq_msg_t *frame, uint64_t handle, bool subscribed) {
    char account[ZR_NICK_MAX + 1];
    zr_span_t topic = zr_span_of((const char *)zmq_msg_data(frame) + 1, zmq_msg_size(frame) - 1);
    if (!subscribed) {
        topics_remove(peers->topics, handle, topic);
        return true;
    }
    zr_span_t whose = s_account(peers, frame, descriptor_of(handle), account);
    topics_verdict_t verdict = topics_add(peers->topics, handle, whose, topic);
    inflow_limit_leaves(peers->inflow, topics_bytes(peers->topics));
    if (verdict != TOPICS_OK)
        s_tell_topics(peers, verdict);
    return verdict == TOPICS_OK;
}

bool peers_subscribe(peers_t *peers, zmq_msg_t *frame, bool subscribed) {
    connection_t *one = s_sender(peers, CONNECTIONS_BACK, zmq_msg_get(frame, ZMQ_SRCFD));
    if (!one) /* gone: libzmq gives back what it had subscribed to */
        return true;
    if (one->dropped)
        return false;
    bool slow = connections_subscribe(&peers->connections, one, peers_user(frame), (uint64_t)zclock_mono());
    if (slow && s_take_topic(peers, frame, one->socket, subscribed))
        return true;
    peers_charge(peers, one->socket);
    peers_end(one);
    return false;
}

void peers_watch(peers_t *peers, const peers_watch_t *watch) {
    peers->watch = *watch;
    topics_watch(peers->topics, watch->topic, watch->ctx);
}

/* --- Ending connections --- */

static int s_on_drops(zloop_t *loop, int timer_id, void *arg) {
    peers_t *peers = arg;
    size_t left = peers->drops.count - peers->drops.old;
    for (size_t i = 0; i < peers->drops.old; i++)
        inflow_calls_end(peers->drops.items[i]);
    memmove(peers->drops.items, peers->drops.items + peers->drops.old, left * sizeof *peers->drops.items);
    peers->drops.count = peers->drops.old = left;
    if (left == 0)
        zloop_timer_end(loop, timer_id);
    return 0;
}

void peers_drop(peers_t *peers, uint64_t connection) {
    connection_t *one = connections_at(&peers->connections, descriptor_of(connection));
    if (!one || one->socket != connection || one->dropped)
        return;
    one->dropped = true;
    if (peers->drops.count == 0)
        zloop_timer(peers->loop, DROP_MS, 0, s_on_drops, peers);
    if (peers->drops.count == peers->drops.size) {
        peers->drops.size = peers->drops.size ? 2 * peers->drops.size : 16;
        peers->drops.items = fatal_realloc(peers->drops.items, peers->drops.size * sizeof *peers->drops.items);
    }
    peers->drops.items[peers->drops.count++] = connection;
}

void peers_charge(peers_t *peers, uint64_t connection) {
    addresses_charge(peers->addresses, descriptor_of(connection), connection, (uint64_t)zclock_mono());
}

bool peers_hear(const peers_t *peers, int fd) {
    const connection_t *one = connections_at(&peers->connections, fd);
    return !one || !one->dropped;
}

void peers_drop_user(peers_t *peers, zr_span_t user) {
    revoked_set(&peers->gone, user, 1);
}

void peers_drop_users(peers_t *peers) {
    if (!peers->gone.by_name)
        return;
    for (int fd = 0; (fd = connections_next_user(&peers->connections, fd)) >= 0; fd++) {
        const connection_t *one = connections_at(&peers->connections, fd);
        if (!revoked_has(&peers->gone, zr_span_of(one->user, one->user_len), 0))
            continue;
        if (one->side == CONNECTIONS_BACK)
            inflow_calls_end(one->socket);
        else
            peers_drop(peers, one->socket);
    }
    revoked_finish(&peers->gone);
}

uint64_t peers_turned_away(const peers_t *peers) {
    return peers->turned_away;
}

uint64_t peers_no_room(const peers_t *peers) {
    return peers->no_room;
}

uint64_t peers_heavy_turns(const peers_t *peers) {
    return peers->heavy_turns;
}

uint64_t peers_incomplete(const peers_t *peers) {
    return peers->incomplete;
}

/* --- The whole --- */

static int s_on_sweep_inflow(zloop_t *loop, int timer_id, void *arg) {
    (void)loop;
    (void)timer_id;
    peers_t *peers = arg;
    pacing_end_turns(peers);
    pacing_end_slow_readers(peers);
    inflow_forgive(peers->inflow);
    inflow_calls_sweep();
    return 0;
}

/* As many as a reader that reconnects needs: two topics a room, and giving back as many. */
static uint64_t s_burst(const settings_t *settings) {
    uint64_t rooms = 4 * (uint64_t)settings->relay.max_joins, seconds = BURST_S * settings->rate_subscriptions;
    return rooms > seconds ? rooms : seconds;
}

void peers_set_limits(peers_t *peers, const settings_t *settings) {
    const topics_limits_t topics = {.reader = 2 * settings->relay.max_joins + TOPICS_SPARE,
        .account = settings->max_user_topics,
        .all = settings->max_topics};
    peers->all_reader_bytes = settings->all_reader_bytes;
    peers->login_timeout_ms = settings->login_timeout_ms;
    peers->connections.per_second = settings->rate_subscriptions;
    peers->connections.burst = s_burst(settings);
    topics_set_limits(peers->topics, &topics);
    addresses_set_limits(peers->addresses, settings->max_address_connections, settings->rate_handshakes);
}

peers_t *peers_new(zloop_t *loop, sockets_t *sockets, const settings_t *settings) {
    peers_t *peers = fatal_calloc(sizeof *peers);
    peers->loop = loop;
    peers->sockets = sockets;
    peers->inflow = &sockets->inflow;
    peers->slowest = 1;
    peers->descriptors = descriptor_limit();
    peers->topics = topics_new(&(topics_limits_t){0});
    peers->addresses = addresses_new(0, 0);
    peers_set_limits(peers, settings);
    zmq_pollitem_t parked = {.fd = inflow_calls_fd(), .events = ZMQ_POLLIN};
    zloop_poller(loop, &parked, pacing_on_parked, peers);
    zloop_timer(loop, SWEEP_MS, 0, arrivals_on_sweep, peers);
    zloop_timer(loop, SWEEP_INFLOW_MS, 0, s_on_sweep_inflow, peers);
    zloop_timer(loop, SILENT_MS, 0, arrivals_on_silent, peers);
    return peers;
}

void peers_destroy(peers_t *peers) {
    if (!peers)
        return;
    connections_finish(&peers->connections);
    revoked_finish(&peers->revoked);
    revoked_finish(&peers->gone);
    topics_destroy(peers->topics);
    addresses_destroy(peers->addresses);
    free(peers->drops.items);
    free(peers);
}
