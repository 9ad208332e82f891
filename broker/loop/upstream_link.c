/* See upstream_link.h. */
#include "upstream_link.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "fatal.h"
#include "intake.h"
#include "server_state.h"
#include "token_file.h"

/* What one turn takes from a socket, as at the front. */
enum { TURN_FRAMES = 250, TURN_US = 1000 };
enum { LINGER_MS = 500, FRONT_QUEUE = 1000 };
enum { MONITOR_NAME = 64 };

/* A socket and its monitor. libzmq's timers stand still in this process (inflow_calls.h), so it connects once: after that
 * another socket takes its place. */
typedef struct {
    zsock_t *socket, *monitor; /* NULL: not connected */
} line_t;

struct upstream_link {
    server_t *server;
    line_t front, back;
    unsigned made; /* sockets so far */
    bool encrypted;
    const char *server_key; /* of the upstream in use; the leaf's */
    zr_pair_t pair;
    zr_buffer_t token;
};

/* --- Files --- */

static bool s_read_token(const upstream_settings_t *settings, zr_buffer_t *token, zr_error_t *error) {
    return !settings->token_file[0] || zr_token_load(token, settings->token_file, error);
}

static bool s_read_pair(const upstream_settings_t *settings, zr_pair_t *pair, zr_error_t *error) {
    return !settings->certificate[0] || zr_pair_load(pair, settings->certificate, error) == ZR_FILE_READ;
}

bool upstream_link_check(const settings_t *settings, zr_error_t *error) {
    zr_pair_t pair = {0};
    zr_buffer_t token = {0};
    bool ok = s_read_pair(&settings->upstream, &pair, error);
    ok &= s_read_token(&settings->upstream, &token, error);
    zr_pair_wipe(&pair);
    zr_file_wipe(&token);
    return ok;
}

/* --- Frames and events --- */

static void s_begin_turn(const upstream_link_t *link) {
    core_rise(&link->server->core, zr_clock(CLOCK_MONOTONIC) / 1000);
}

/* Hands a turn's share of the frames to the leaf, which may give up the socket meanwhile. */
static void s_take(upstream_link_t *link, const line_t *line, void (*take)(leaf_t *leaf, zmq_msg_t *frame)) {
    const zsock_t *socket = line->socket;
    int64_t end = zclock_usecs() + TURN_US;
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    s_begin_turn(link);
    for (int i = 0; i < TURN_FRAMES && socket == line->socket && (i % 16 || zclock_usecs() < end); i++) {
        if (zmq_msg_recv(&frame, zsock_resolve((void *)socket), ZMQ_DONTWAIT) < 0)
            break;
        take(link->server->leaf, &frame);
    }
    zmq_msg_close(&frame);
    intake_end_pass(link->server);
}

static void s_take_front(leaf_t *leaf, zmq_msg_t *frame) {
    leaf_take_front(leaf, zr_span_of(zmq_msg_data(frame), zmq_msg_size(frame)));
}

static void s_take_back(leaf_t *leaf, zmq_msg_t *frame) {
    leaf_take_back(leaf, zr_blob_copy(zmq_msg_data(frame), zmq_msg_size(frame)));
}

static int s_on_front(zloop_t *loop, zsock_t *socket, void *arg) {
    upstream_link_t *link = arg;
    (void)loop, (void)socket;
    if (!intake_is_free(link->server))
        return 0;
    s_take(link, &link->front, s_take_front);
    intake_resume(link->server);
    return 0;
}

static int s_on_back(zloop_t *loop, zsock_t *socket, void *arg) {
    upstream_link_t *link = arg;
    (void)loop, (void)socket;
    if (intake_is_free(link->server))
        s_take(link, &link->back, s_take_back);
    return 0;
}

static const char *s_why(uint16_t event) {
    switch (event) {
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        return "it refused this leaf's key; its operator enters the public key for a user with the right 'leaf'";
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        return "the handshake failed; see upstream/server-key and upstream/certificate";
    case ZMQ_EVENT_DISCONNECTED:
        return "the connection ended";
    default:
        return "it cannot be reached";
    }
}

static void s_happened(const upstream_link_t *link, bool front, uint16_t event) {
    leaf_t *leaf = link->server->leaf;
    bool stands = event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
    if (front && stands)
        leaf_up(leaf);
    else if (front)
        leaf_down(leaf, s_why(event));
    else if (!stands)
        leaf_back_down(leaf);
}

/* An event has two parts: its number and a value, and then the address. */
static int s_on_monitor(zloop_t *loop, zsock_t *socket, void *arg) {
    upstream_link_t *link = arg;
    bool front = socket == link->front.monitor;
    (void)loop;
    if (!intake_is_free(link->server))
        return 0;
    s_begin_turn(link);
    zmq_msg_t part;
    zmq_msg_init(&part);
    while (socket == (front ? link->front : link->back).monitor &&
           zmq_msg_recv(&part, zsock_resolve(socket), ZMQ_DONTWAIT) >= 0) {
        uint16_t event = 0;
        if (zmq_msg_size(&part) >= sizeof event)
            memcpy(&event, zmq_msg_data(&part), sizeof event);
        while (zmq_msg_more(&part) && zmq_msg_recv(&part, zsock_resolve(socket), ZMQ_DONTWAIT) >= 0)
            ;
        s_happened(link, front, event);
    }
    zmq_msg_close(&part);
    intake_end_pass(link->server);
    return 0;
}

/* --- Sockets --- */

static void s_set(zsock_t *socket, int option, int value) {
    FATAL_UNLESS(zmq_setsockopt(zsock_resolve(socket), option, &value, sizeof value) == 0);
}

static zsock_t *s_open(const upstream_link_t *link, int type, uint64_t queue) {
    zsock_t *socket = fatal_check(zsock_new(type));
    s_set(
        socket, ZMQ_SNDHWM, 0); /* ZR_TRUNK_WINDOW bounds what waits at the DEALER; a SUB must not lose subscriptions */
    s_set(socket, ZMQ_RCVHWM, (int)queue);
    s_set(socket, ZMQ_LINGER, 0);
    s_set(socket, ZMQ_IPV6, 1);
    s_set(socket, ZMQ_RECONNECT_IVL, -1);
    s_set(socket, ZMQ_TCP_KEEPALIVE, 1);
    if (link->encrypted) {
        void *handle = zsock_resolve(socket);
        zmq_setsockopt(handle, ZMQ_CURVE_SERVERKEY, link->server_key, ZR_CURVE_LEN + 1);
        zmq_setsockopt(handle, ZMQ_CURVE_PUBLICKEY, link->pair.public_key, ZR_CURVE_LEN + 1);
        zmq_setsockopt(handle, ZMQ_CURVE_SECRETKEY, link->pair.secret_key, ZR_CURVE_LEN + 1);
    }
    return socket;
}

static void s_close_one(const upstream_link_t *link, zsock_t **socket) {
    if (*socket && link->server->loop)
        zloop_reader_end(link->server->loop, *socket);
    zsock_destroy(socket);
}

static void s_close(const upstream_link_t *link, line_t *line) {
    if (line->socket)
        zmq_socket_monitor(zsock_resolve(line->socket), NULL, 0);
    s_close_one(link, &line->monitor);
    s_close_one(link, &line->socket);
}

static void s_dial(upstream_link_t *link, line_t *line, const char *endpoint, zloop_reader_fn *take) {
    char name[MONITOR_NAME];
    snprintf(name, sizeof name, "inproc://zrelay-upstream-%u", ++link->made);
    FATAL_UNLESS(zmq_socket_monitor(zsock_resolve(line->socket), name,
                     ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                         ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                         ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_CLOSED) == 0);
    line->monitor = fatal_check(zsock_new(ZMQ_PAIR));
    FATAL_UNLESS(zmq_connect(zsock_resolve(line->monitor), name) == 0);
    zloop_reader(link->server->loop, line->monitor, s_on_monitor, link);
    zloop_reader(link->server->loop, line->socket, take, link);
    if (zmq_connect(zsock_resolve(line->socket), endpoint) != 0)
        zr_log(ZR_LOG_ERROR, "cannot connect to the upstream at %s: %s", endpoint, zmq_strerror(errno));
}

static void s_disconnect(void *ctx) {
    upstream_link_t *link = ctx;
    s_close(link, &link->front);
    s_close(link, &link->back);
}

static void s_connect(void *ctx, const zr_server_t *server) {
    upstream_link_t *link = ctx;
    link->server_key = server->key;
    link->front.socket = s_open(link, ZMQ_DEALER, FRONT_QUEUE);
    s_dial(link, &link->front, server->endpoint, s_on_front);
}

static void s_connect_back(void *ctx, const char *endpoint) {
    upstream_link_t *link = ctx;
    s_close(link, &link->back);
    link->back.socket = s_open(link, ZMQ_SUB, link->server->settings->reader_queue);
    s_dial(link, &link->back, endpoint, s_on_back);
}

static void s_subscribe(void *ctx, bool on, zr_span_t topic) {
    upstream_link_t *link = ctx;
    if (link->back.socket)
        zmq_setsockopt(zsock_resolve(link->back.socket), on ? ZMQ_SUBSCRIBE : ZMQ_UNSUBSCRIBE, topic.ptr, topic.len);
}

static void s_send(void *ctx, uint32_t channel, zr_span_t frame) {
    upstream_link_t *link = ctx;
    size_t head = channel ? ZR_TRUNK_HEAD : 0;
    zmq_msg_t msg;
    if (!link->front.socket)
        return;
    FATAL_UNLESS(zmq_msg_init_size(&msg, head + frame.len) == 0);
    uint8_t *bytes = zmq_msg_data(&msg);
    if (channel)
        zr_trunk_head(bytes, channel);
    if (frame.len)
        memcpy(bytes + head, frame.ptr, frame.len);
    while (zmq_msg_send(&msg, zsock_resolve(link->front.socket), ZMQ_DONTWAIT) < 0 && errno == EINTR)
        ;
    zmq_msg_close(&msg);
}

/* --- The whole --- */

static void s_on_topic(void *ctx, zr_span_t topic, bool wanted) {
    leaf_topic(ctx, topic, wanted);
}

static void s_on_left(void *ctx, uint64_t connection) {
    leaf_left(ctx, connection);
}

bool upstream_link_open(server_t *server, zr_error_t *error) {
    static const leaf_calls_t calls = {.connect = s_connect,
        .disconnect = s_disconnect,
        .connect_back = s_connect_back,
        .subscribe = s_subscribe,
        .send = s_send};
    const upstream_settings_t *settings = &server->settings->upstream;
    upstream_link_t *link = server->upstream = fatal_calloc(sizeof *link);
    link->server = server;
    link->encrypted = settings->certificate[0];
    if (!s_read_pair(settings, &link->pair, error) || !s_read_token(settings, &link->token, error))
        return false;
    leaf_config_t config = {.server = settings->endpoint,
        .keys = settings->server_key[0] ? settings->server_key : NULL,
        .agent = "zrelayd " ZRELAY_VERSION,
        .user = settings->user[0] ? settings->user : NULL,
        .token = (const char *)link->token.data,
        .plain = settings_some_plain(server->settings),
        .learns = !server->settings->follows, /* in a cluster the database says which broker leads */
        .relay = &server->relay_config,
        .access = server->access,
        .calls = &calls,
        .ctx = link};
    server->leaf = leaf_new(&config, &server->outbox);
    server->core = leaf_core(server->leaf);
    return true;
}

void upstream_link_start(upstream_link_t *link) {
    const peers_watch_t watch = {.topic = s_on_topic, .left = s_on_left, .ctx = link->server->leaf};
    peers_watch(link->server->peers, &watch);
}

void upstream_link_destroy(upstream_link_t *link) {
    if (!link)
        return;
    if (link->front.socket)
        s_set(link->front.socket, ZMQ_LINGER, LINGER_MS);
    s_disconnect(link);
    zr_pair_wipe(&link->pair);
    zr_file_wipe(&link->token);
    free(link);
}
