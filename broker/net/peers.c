/* See peers.h. A descriptor is a hint that may be outdated. It is acted on only while it is the same socket (inode). A
 * remaining race costs some peer a reconnect. */
#include "peers.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "connections.h"
#include "descriptor.h"
#include "fatal.h"
#include "addresses.h"
#include "hash.h"
#include "inflow_calls.h"
#include "published.h"
#include "revoked.h"
#include "slow_readers.h"
#include "socket_bytes.h"
#include "source_filter.h"
#include "topics.h"
#include "zap.h"

enum {
    DROP_MS = 100,    /* from the decision to the end of a connection: for the bye */
    SWEEP_MS = 10000, /* the gate's */
    SILENT_MS = 1000, /* between two looks at the connections that say nothing */
    SHED_MS = 50,     /* between two looks at which addresses are shed */
    SWEEP_INFLOW_MS =
        100,           /* between two looks at incomplete messages, and at doubts; inflow.h says ten times a second */
    LEAVE_MS = 1,      /* from when readers leave to when the next may, at least */
    UNHEARD_MS = 1000, /* a peer that gave up sooner was refused, or tried something else */
};

enum {
    BURST_S = 2,       /* so many seconds' worth of subscriptions may come at once */
    TOPICS_SPARE = 16, /* topics that a reader may have beside its rooms */
};

/* Routes whose descriptor is remembered: more than are usually busy at once. */
enum { ROUTES = 1024 };

enum { HEAVY_TURN = 4 << 20 }; /* bytes of memory that libzmq read in it */

enum { DOUBTS_MAX = 256, DOUBT_ROUNDS = 8 };

/* A connection that perhaps sent what it must not. */
typedef struct {
    uint64_t connection;
    const void *proof; /* of the message (connections.h) */
    uint64_t since;    /* `looked` at that time */
    uint64_t turn;     /* of its side, at that time */
    int side;
} doubt_t;

struct peers {
    zloop_t *loop;
    sockets_t *sockets;
    inflow_t *inflow; /* the sockets' */
    connections_t connections;
    revoked_t revoked;
    revoked_t gone; /* users whose connections are about to end; all of generation 1 */
    topics_t *topics;
    slow_readers_t slow;
    uint64_t all_reader_bytes;
    int64_t leave_at; /* when readers may leave again (ms, monotonic); 0: none wait */
    uint64_t login_timeout_ms;
    struct {
        route_t route;
        int fd;
        bool claims;  /* the peer named a routing id for itself */
    } routes[ROUTES]; /* each in its place, by its lowest bits */
    doubt_t doubts[DOUBTS_MAX];
    size_t doubt_count;
    uint64_t looked; /* how often doubts were looked at */
    addresses_t *addresses;
    int listeners[2 * SETTINGS_ENDPOINTS_MAX]; /* of TCP */
    size_t listener_count;
    bool shedding, shed;  /* now; ever */
    uint64_t descriptors; /* that this process may have; 0: not known */
    uint64_t heavy_turns;
    uint64_t turned_away, incomplete, too_slow, no_room, silent, unheard;
    zr_log_limit_t lines, ahead_lines, slow_lines, room_lines, filter_lines, silent_lines, unheard_lines, topic_lines;
    struct {
        uint64_t *items;
        size_t count, size;
        size_t old; /* so many of them were there when the timer last ran */
    } drops;
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

static bool s_read_event(peers_t *peers, int side);

/* libzmq sends a connection's accepted event before any of its messages can be taken. So a message of an unknown
 * connection means that an event waits. */
static void s_catch_up(peers_t *peers, uint64_t handle) {
    for (int side = 0; side < INFLOW_SIDES; side++) {
        const connection_t *one = connections_at(&peers->connections, descriptor_of(handle));
        while ((!one || one->socket != handle) && s_read_event(peers, side))
            one = connections_at(&peers->connections, descriptor_of(handle));
    }
}

/* All messages of a connection share its properties, so their address in memory tells it from others. */
static const void *s_properties(zmq_msg_t *frame) {
    return zmq_msg_gets(frame, "Peer-Address");
}

static void s_doubt(peers_t *peers, int side, uint64_t handle, const void *proof) {
    bool told = peers->doubt_count > 0 && peers->doubts[peers->doubt_count - 1].connection == handle;
    if (!told && peers->doubt_count < DOUBTS_MAX)
        peers->doubts[peers->doubt_count++] = (doubt_t){.connection = handle,
            .proof = proof,
            .since = peers->looked,
            .turn = atomic_load(&peers->inflow->turns[side]),
            .side = side};
}

/* The message may be the rest of a connection that is gone, when its descriptor is another's. */
static void s_end_sender(peers_t *peers, int side, int fd, zmq_msg_t *frame) {
    uint64_t handle = descriptor_handle(fd);
    const void *proof = s_properties(frame);
    if (!handle)
        return;
    s_catch_up(peers, handle);
    connections_sender_t sender = connections_sender(&peers->connections, side, fd, handle, proof);
    if (sender == CONNECTIONS_ITS) {
        if (connections_end(&peers->connections, fd, handle, proof))
            descriptor_reset(handle);
    } else if (sender == CONNECTIONS_DOUBTFUL) {
        s_doubt(peers, side, handle, proof);
    }
}

void peers_end_front(peers_t *peers, int fd, zmq_msg_t *frame) {
    s_end_sender(peers, CONNECTIONS_FRONT, fd, frame);
}

void peers_end_back(peers_t *peers, zmq_msg_t *frame) {
    s_end_sender(peers, CONNECTIONS_BACK, zmq_msg_get(frame, ZMQ_SRCFD), frame);
}

/* Ends the doubtful connections that sent nothing with another proof meanwhile, though all their messages were
 * taken. */
static void s_end_doubted(peers_t *peers) {
    size_t left = 0;
    for (size_t i = 0; i < peers->doubt_count; i++) {
        const doubt_t *doubt = &peers->doubts[i];
        const connection_t *one = connections_at(&peers->connections, descriptor_of(doubt->connection));
        bool cleared = one && one->socket == doubt->connection && one->proof && one->proof != doubt->proof;
        bool all_taken = atomic_load(&peers->inflow->turns[doubt->side]) > doubt->turn + 1;
        if (!cleared && (!all_taken || peers->looked - doubt->since < DOUBT_ROUNDS))
            peers->doubts[left++] = *doubt;
        else if (!cleared)
            descriptor_reset(doubt->connection);
    }
    peers->doubt_count = left;
    peers->looked++;
}

/* --- The peer of a frame --- */

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

static void s_hear(peers_t *peers, zmq_msg_t *frame, uint64_t handle, zr_span_t user) {
    s_catch_up(peers, handle);
    connections_prove(&peers->connections, descriptor_of(handle), handle, s_properties(frame));
    connections_hear(&peers->connections, descriptor_of(handle), handle, user);
}

void peers_meet(peers_t *peers, zmq_msg_t *frame, peer_t *peer) {
    static const char ipc[] = "localhost";
    zr_span_t address = s_property(frame, "Peer-Address");
    bool is_ipc = address.len >= sizeof ipc - 1 && memcmp(address.ptr, ipc, sizeof ipc - 1) == 0;
    uint64_t handle = descriptor_handle(zmq_msg_get(frame, ZMQ_SRCFD));
    *peer = (peer_t){.user = peers_user(frame), .address = is_ipc ? zr_span(NULL) : address, .connection = handle};
    /* A peer that speaks CURVE always has a user: the ZAP handler lets no other in. */
    peer->local = peer->user.len == 0 && (is_ipc || s_is_local(address));
    peer->revoked = peers_is_revoked(peers, frame);
    if (handle)
        s_hear(peers, frame, handle, peer->user);
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
    address_t address;
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
    uint64_t handle = descriptor_handle(zmq_msg_get(frame, ZMQ_SRCFD));
    if (!handle) /* gone: libzmq gives back what it had subscribed to */
        return true;
    int fd = descriptor_of(handle);
    connections_t *connections = &peers->connections;
    s_catch_up(peers, handle);
    const void *proof = s_properties(frame);
    if (connections_is_rest(connections, fd, handle, proof))
        return true;
    if (connections_dropped(connections, fd) == handle)
        return false;
    if (connections_prove(connections, fd, handle, proof))
        topics_leave(peers->topics, handle);
    bool slow = connections_subscribe(connections, fd, handle, peers_user(frame), (uint64_t)zclock_mono());
    if (slow && s_take_topic(peers, frame, handle, subscribed))
        return true;
    if (connections_sender(connections, CONNECTIONS_BACK, fd, handle, proof) == CONNECTIONS_ITS) {
        connections_drop(connections, fd, handle);
        peers_charge(peers, handle);
    }
    peers_end_back(peers, frame);
    return false;
}

/* --- Ending connections --- */

static int s_on_drops(zloop_t *loop, int timer_id, void *arg) {
    peers_t *peers = arg;
    size_t left = peers->drops.count - peers->drops.old;
    for (size_t i = 0; i < peers->drops.old; i++)
        descriptor_end(peers->drops.items[i]);
    memmove(peers->drops.items, peers->drops.items + peers->drops.old, left * sizeof *peers->drops.items);
    peers->drops.count = peers->drops.old = left;
    if (left == 0)
        zloop_timer_end(loop, timer_id);
    return 0;
}

void peers_drop(peers_t *peers, uint64_t connection) {
    if (!connection || connections_dropped(&peers->connections, descriptor_of(connection)) == connection)
        return;
    connections_drop(&peers->connections, descriptor_of(connection), connection);
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
    if (peers->drops.count == 0)
        return true;
    uint64_t dropped = fd >= 0 ? connections_dropped(&peers->connections, fd) : 0;
    return dropped == 0 || descriptor_handle(fd) != dropped;
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
        else if (one.side == CONNECTIONS_BACK)
            descriptor_end(one.socket);
        else
            peers_drop(peers, one.socket);
    revoked_finish(&peers->gone);
}

/* --- What libzmq may read --- */

void peers_took(peers_t *peers, int fd) {
    inflow_took(peers->inflow, fd);
}

void peers_found_empty(peers_t *peers, int side) {
    inflow_t *inflow = peers->inflow;
    uint64_t cost = atomic_load(&inflow->cost[side]);
    bool much = cost > inflow->limits[side].all / 2;
    peers->heavy_turns += cost >= HEAVY_TURN;
    inflow_end_turn(inflow, side);
    if (much)
        inflow_calls_sweep();
    inflow_calls_resume(side);
}

/* Ends the turn of each side that has no message to take: the loop does not read such a socket. */
static void s_end_turns(peers_t *peers) {
    for (int side = 0; side < INFLOW_SIDES; side++)
        if (!(zsock_events(side == INFLOW_BACK ? peers->sockets->back : peers->sockets->front) & ZMQ_POLLIN))
            peers_found_empty(peers, side);
}

static void s_let_leave(peers_t *peers, int64_t ms);

/* When readers left and XPUB walked the topics for a while, this is late. Others get as much time before the next
 * leave. */
static int s_on_leave(zloop_t *loop, int timer_id, void *arg) {
    (void)loop;
    (void)timer_id;
    peers_t *peers = arg;
    inflow_calls_let_leave(inflow_let_leave(peers->inflow, topics_bytes(peers->topics)));
    int64_t late = zclock_mono() - peers->leave_at;
    peers->leave_at = 0;
    if (inflow_calls_must_leave())
        s_let_leave(peers, LEAVE_MS + late);
    return 0;
}

static void s_let_leave(peers_t *peers, int64_t ms) {
    if (peers->leave_at)
        return;
    peers->leave_at = zclock_mono() + ms;
    zloop_timer(peers->loop, (size_t)ms, 1, s_on_leave, peers);
}

/* Connections wait for the end of a turn, or to leave. */
static int s_on_parked(zloop_t *loop, zmq_pollitem_t *item, void *arg) {
    (void)loop;
    peers_t *peers = arg;
    eventfd_t count;
    eventfd_read(item->fd, &count);
    s_end_turns(peers);
    if (inflow_calls_must_leave())
        s_let_leave(peers, LEAVE_MS);
    return 0;
}

static void s_on_ended(peers_t *peers, const inflow_ended_t *ended) {
    static const char *const texts[INFLOW_REASONS] = {[INFLOW_PARTS] = "that sent a message of several parts",
        [INFLOW_INCOMPLETE] = "that sent an incomplete message which is larger than any may be",
        [INFLOW_MOST] = "with the largest incomplete message, as all together are more than limits/max-waiting"};
    peers_charge(peers, ended->connection);
    peers->incomplete++;
    if (zr_log_pass(&peers->ahead_lines, (uint64_t)zclock_mono()))
        zr_log(ZR_LOG_WARN, "closed a connection %s (%llu so far)", texts[ended->reason],
            (unsigned long long)peers->incomplete);
}

static void s_take_ended(peers_t *peers) {
    inflow_ended_t ended;
    while (inflow_calls_take_ended(&ended))
        s_on_ended(peers, &ended);
}

/* --- Readers that do not read --- */

static void s_end_slow(peers_t *peers, int fd) {
    descriptor_reset(peers->slow.items[fd].socket);
    peers->too_slow++;
    if (zr_log_pass(&peers->slow_lines, (uint64_t)zclock_mono()))
        zr_log(ZR_LOG_WARN,
            "closed a connection that read too slowly, when frames for readers were more than limits/all-reader-bytes "
            "(%llu so far)",
            (unsigned long long)peers->too_slow);
}

/* The kernel does not tell how many bytes a local peer got. If fewer wait for it than before, it reads. */
static void s_look_at_reader(peers_t *peers, const connection_t *one, int fd) {
    uint64_t confirmed, unsent = socket_bytes_unsent(fd);
    if (unsent == 0 || descriptor_handle(fd) != one->socket)
        return;
    if (!socket_bytes_confirmed(fd, &confirmed))
        confirmed = UINT64_MAX - unsent;
    slow_readers_look(&peers->slow, fd, one->socket, confirmed);
}

static void s_end_slow_readers(peers_t *peers) {
    uint64_t held = published_bytes();
    if (held < peers->all_reader_bytes / 2)
        return;
    slow_readers_begin(&peers->slow);
    for (int fd = 0; (size_t)fd < peers->connections.size; fd++) {
        const connection_t *one = connections_at(&peers->connections, fd);
        if (one && one->socket && one->side == CONNECTIONS_BACK)
            s_look_at_reader(peers, one, fd);
    }
    if (held <= peers->all_reader_bytes)
        return;
    int fd = slow_readers_next_stuck(&peers->slow, 0);
    if (fd < 0 && (fd = slow_readers_slowest(&peers->slow)) >= 0)
        s_end_slow(peers, fd);
    else
        for (; fd >= 0; fd = slow_readers_next_stuck(&peers->slow, fd + 1))
            s_end_slow(peers, fd);
}

static int s_on_sweep_inflow(zloop_t *loop, int timer_id, void *arg) {
    (void)loop;
    (void)timer_id;
    peers_t *peers = arg;
    s_end_doubted(peers);
    s_end_turns(peers);
    s_end_slow_readers(peers);
    inflow_forgive(peers->inflow);
    inflow_calls_sweep();
    s_take_ended(peers);
    return 0;
}

/* --- Connections that say nothing --- */

/* Ends connections that said no hello, or did not subscribe. One may hold a routing id that libzmq will give out
 * later. */
static int s_on_silent(zloop_t *loop, int timer_id, void *arg) {
    (void)loop;
    (void)timer_id;
    peers_t *peers = arg;
    connection_t one;
    uint64_t now = (uint64_t)zclock_mono(), before = now > peers->login_timeout_ms ? now - peers->login_timeout_ms : 0;
    for (int side = CONNECTIONS_FRONT; side <= CONNECTIONS_BACK; side++)
        for (int fd = 0; (fd = connections_next_silent(&peers->connections, side, before, fd, &one)) >= 0; fd++) {
            connections_drop(&peers->connections, fd, one.socket);
            descriptor_reset(one.socket);
            peers->silent++;
            if (zr_log_pass(&peers->silent_lines, now))
                zr_log(ZR_LOG_INFO, "closed a connection that %s within server/login-timeout (%llu so far)",
                    side == CONNECTIONS_BACK ? "did not subscribe" : "said no hello",
                    (unsigned long long)peers->silent);
        }
    return 0;
}

/* --- Connections come and go --- */

static bool s_is_alive(void *ctx, int fd, uint64_t handle) {
    (void)ctx;
    return descriptor_handle(fd) == handle;
}

static void s_turn_away(peers_t *peers, uint64_t handle) {
    descriptor_reset(handle);
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
        zr_log(ZR_LOG_WARN, "the kernel does not turn away who makes too many connections, so each is closed: %s",
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
    descriptor_reset(handle);
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
    s_take_ended(peers); /* while the gate knows their addresses */
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
            s_on_disconnected(peers, side, (int)value);
    }
    while (got && zmq_msg_more(&part))
        got = zmq_msg_recv(&part, monitor, ZMQ_DONTWAIT) >= 0;
    zmq_msg_close(&part);
    return got;
}

/* libzmq's descriptor becomes readable once for all events that have come, so all are taken. (The loop would ask a
 * socket in every turn, by two system calls.) */
static int s_on_monitor(zloop_t *loop, zmq_pollitem_t *item, void *arg) {
    (void)loop;
    peers_t *peers = arg;
    int side = item->fd == zsock_fd(peers->sockets->monitors[1]);
    while (s_read_event(peers, side))
        ;
    return 0;
}

/* A peer that is in was accepted before, and libzmq has sent that event; with several I/O threads it nearly always
 * has. */
void peers_end_silent(peers_t *peers) {
    connection_t one;
    while (s_read_event(peers, 1))
        ;
    for (int fd = 0; (fd = connections_next_silent(&peers->connections, CONNECTIONS_BACK, UINT64_MAX, fd, &one)) >= 0;
         fd++)
        descriptor_end(one.socket);
}

static int s_on_sweep(zloop_t *loop, int timer_id, void *arg) {
    (void)loop;
    (void)timer_id;
    peers_t *peers = arg;
    addresses_sweep(peers->addresses, s_is_alive, NULL, (uint64_t)zclock_mono());
    return 0;
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

/* As many as a reader that reconnects needs: two topics a room, and giving back as many. */
static uint64_t s_burst(const settings_t *settings) {
    uint64_t rooms = 4 * (uint64_t)settings->relay.max_joins, seconds = BURST_S * settings->rate_subscriptions;
    return rooms > seconds ? rooms : seconds;
}

static void s_set_limits(peers_t *peers, const settings_t *settings) {
    peers->connections.per_second = settings->rate_subscriptions;
    peers->connections.burst = s_burst(settings);
    peers->topics = topics_new(&(topics_limits_t){.reader = 2 * settings->relay.max_joins + TOPICS_SPARE,
        .account = settings->max_user_topics,
        .all = settings->max_topics});
}

peers_t *peers_new(zloop_t *loop, sockets_t *sockets, const settings_t *settings) {
    peers_t *peers = fatal_calloc(sizeof *peers);
    peers->loop = loop;
    peers->sockets = sockets;
    peers->inflow = &sockets->inflow;
    peers->all_reader_bytes = settings->all_reader_bytes;
    peers->login_timeout_ms = settings->login_timeout_ms;
    peers->descriptors = descriptor_limit();
    s_set_limits(peers, settings);
    peers->addresses = addresses_new(settings->max_address_connections, settings->rate_handshakes);
    for (int side = 0; side < 2; side++) {
        zmq_pollitem_t item = {.fd = zsock_fd(sockets->monitors[side]), .events = ZMQ_POLLIN};
        zloop_poller(loop, &item, s_on_monitor, peers);
        s_on_monitor(loop, &item, peers); /* events from before */
    }
    zmq_pollitem_t parked = {.fd = inflow_calls_fd(), .events = ZMQ_POLLIN};
    zloop_poller(loop, &parked, s_on_parked, peers);
    zloop_timer(loop, SWEEP_MS, 0, s_on_sweep, peers);
    zloop_timer(loop, SWEEP_INFLOW_MS, 0, s_on_sweep_inflow, peers);
    zloop_timer(loop, SILENT_MS, 0, s_on_silent, peers);
    return peers;
}

void peers_destroy(peers_t *peers) {
    if (!peers)
        return;
    connections_finish(&peers->connections);
    revoked_finish(&peers->revoked);
    revoked_finish(&peers->gone);
    topics_destroy(peers->topics);
    slow_readers_finish(&peers->slow);
    addresses_destroy(peers->addresses);
    free(peers->drops.items);
    free(peers);
}
