/* See effects.h. Nothing here waits: a send that would block is a route lost. */
#include "effects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "fatal.h"
#include "published.h"

/* Frames up to this size are copied into the message: cheaper than a second allocation and a reference that an I/O
 * thread gives back. */
enum { COPY_MAX = 512 };
enum { TRUNK_MS = 5 }; /* between two tries to send what waits for gateways */

static void s_give_back(void *data, void *hint) {
    (void)data;
    front_queue_give_back(hint);
}

/* Makes a message of that size. If it goes to a channel, the head of a TRUNK frame is written before it. Returns where
 * its bytes go. */
static uint8_t *s_message(zmq_msg_t *msg, route_t route, size_t len) {
    uint32_t channel = route_channel(route);
    size_t head = channel ? ZR_TRUNK_HEAD : 0;
    FATAL_UNLESS(zmq_msg_init_size(msg, head + len) == 0);
    uint8_t *bytes = zmq_msg_data(msg);
    if (channel)
        zr_trunk_head(bytes, channel);
    return bytes + head;
}

/* Takes over the reference to `frame`. */
static void s_copy(zmq_msg_t *msg, route_t route, zr_blob_t *frame) {
    size_t len = zr_blob_len(frame);
    memcpy(s_message(msg, route, len), zr_blob_data(frame), len);
    zr_blob_unref(frame);
}

/* The frame as it goes over the connection; takes over the reference to `frame`, and returns another. */
static zr_blob_t *s_for_channel(uint32_t channel, zr_blob_t *frame) {
    zr_blob_t *trunk = zr_trunk_frame(channel, zr_span_of(zr_blob_data(frame), zr_blob_len(frame)));
    zr_blob_unref(frame);
    return trunk;
}

/* Makes a message of a frame to `route`. Bytes of large frames are counted; the high-water mark bounds small ones well
 * enough. False: too many bytes are queued there, and the frame is dropped. */
static bool s_wrap_for(front_queue_t *queued, route_t route, zmq_msg_t *msg, zr_blob_t *frame) {
    if (zr_blob_len(frame) <= COPY_MAX) {
        s_copy(msg, route, frame);
        return true;
    }
    if (route_channel(route))
        frame = s_for_channel(route_channel(route), frame);
    front_queue_place_t *place = front_queue_take(queued, route_connection(route), frame);
    if (!place) {
        zr_blob_unref(frame);
        return false;
    }
    FATAL_UNLESS(zmq_msg_init_data(msg, zr_blob_data(frame), zr_blob_len(frame), s_give_back, place) == 0);
    return true;
}

/* The other parts of a message are never refused by libzmq once the first was taken, except when a signal comes
 * between. */
static int s_send(zmq_msg_t *msg, void *socket, int flags) {
    int rc;
    do
        rc = zmq_msg_send(msg, socket, flags | ZMQ_DONTWAIT);
    while (rc < 0 && errno == EINTR);
    return rc;
}

/* MANDATORY makes the first part tell whether there is room: EAGAIN is a full queue, EHOSTUNREACH a peer that is gone.
 * ROUTER is then not in the middle of a message. When the peer goes between the parts, libzmq drops the second one
 * itself. Returns 0, and took `msg` over, or an errno. */
static int s_send_to(void *front, route_t connection, zmq_msg_t *msg) {
    zmq_msg_t id;
    FATAL_UNLESS(zmq_msg_init_size(&id, 5) == 0);
    uint8_t *bytes = zmq_msg_data(&id);
    bytes[0] = 0;
    for (int i = 0; i < 4; i++)
        bytes[1 + i] = (uint8_t)(connection >> (24 - 8 * i));
    if (s_send(&id, front, ZMQ_SNDMORE) >= 0) {
        FATAL_UNLESS(s_send(msg, front, 0) >= 0);
        return 0; /* a message that was sent needs no close */
    }
    int code = errno;
    zmq_msg_close(&id);
    return code;
}

/* A turn of the loop in which frames wait for gateways. */
static int s_on_trunks(zloop_t *loop, int timer_id, void *arg);

/* Sends the message, or lets it wait if it is for a gateway whose queue is full. Takes it over. */
static edge_sent_t s_pass(effects_t *effects, route_t route, zmq_msg_t *msg) {
    route_t connection = route_connection(route);
    bool waits = trunk_queue_waits(&effects->trunks) && trunk_queue_holds(&effects->trunks, connection);
    int code = waits ? EAGAIN : s_send_to(effects->front, connection, msg);
    if (code == 0)
        return EDGE_SENT;
    if (code == EAGAIN && (route_channel(route) || core_is_trunk(&effects->core, connection)) &&
        trunk_queue_add(&effects->trunks, connection, msg, (uint64_t)zclock_mono())) {
        if (!effects->trunk_timer)
            effects->trunk_timer = zloop_timer(effects->loop, TRUNK_MS, 0, s_on_trunks, effects);
        return EDGE_SENT;
    }
    zmq_msg_close(msg);
    return code == EAGAIN ? EDGE_FULL : EDGE_GONE;
}

static int s_send_waiting(void *ctx, route_t connection, zmq_msg_t *msg) {
    return s_send_to(((effects_t *)ctx)->front, connection, msg);
}

static void s_lose(void *ctx, route_t connection) {
    core_route_lost(&((effects_t *)ctx)->core, connection);
}

static int s_on_trunks(zloop_t *loop, int timer_id, void *arg) {
    effects_t *effects = arg;
    const trunk_queue_calls_t calls = {.send = s_send_waiting, .lost = s_lose, .ctx = effects};
    trunk_queue_send(&effects->trunks, &calls, (uint64_t)zclock_mono());
    if (!trunk_queue_waits(&effects->trunks)) {
        zloop_timer_end(loop, timer_id);
        effects->trunk_timer = 0;
    }
    return 0;
}

static edge_sent_t s_send_frame(void *ctx, route_t route, zr_blob_t *frame, bool live) {
    effects_t *effects = ctx;
    zmq_msg_t msg;
    (void)live;
    if (!s_wrap_for(effects->queued, route, &msg, frame))
        return EDGE_FULL;
    return s_pass(effects, route, &msg);
}

/* libzmq keeps so small a message without allocating. */
static edge_sent_t s_send_ack(void *ctx, route_t route, const zr_ack_t *ack) {
    effects_t *effects = ctx;
    zmq_msg_t msg;
    zr_ack_write(s_message(&msg, route, ZR_ACK_SIZE), ack);
    return s_pass(effects, route, &msg);
}

/* XPUB never refuses a frame: it drops it for readers whose queue is full. */
static void s_publish(void *ctx, zr_blob_t *frame) {
    const effects_t *effects = ctx;
    zmq_msg_t msg;
    published_wrap(&msg, frame);
    s_send(&msg, effects->back, 0);
    zmq_msg_close(&msg);
}

static void s_watch(void *ctx, uint64_t session) {
    session_timers_watch(((effects_t *)ctx)->timers, session);
}

static void s_alive(void *ctx, uint64_t session) {
    session_timers_alive(((effects_t *)ctx)->timers, session);
}

static void s_unwatch(void *ctx, uint64_t session) {
    session_timers_unwatch(((effects_t *)ctx)->timers, session);
}

static void s_drop(void *ctx, uint64_t connection) {
    peers_drop(((effects_t *)ctx)->peers, connection);
}

static void s_charge(void *ctx, uint64_t connection) {
    peers_charge(((effects_t *)ctx)->peers, connection);
}

static void s_drop_user(void *ctx, zr_span_t user) {
    peers_drop_user(((effects_t *)ctx)->peers, user);
}

static void s_login(void *ctx, const login_request_t *login) {
    auth_t *auth = ((effects_t *)ctx)->auth;
    if (login->jwt)
        auth_login_signed(auth, login->ticket, zr_span(login->token));
    else
        auth_login(auth, login->ticket, zr_span(login->user), zr_span(login->token), zr_span(login->address));
}

static void s_admin(void *ctx, const admin_request_t *admin) {
    auth_t *auth = ((effects_t *)ctx)->auth;
    zr_span_t user = zr_span(admin->user), by = zr_span(admin->by);
    switch (admin->what) {
    case ADMIN_RELOAD:
        auth_reload(auth, admin->ticket, by);
        break;
    case ADMIN_BAN:
        auth_ban(auth, admin->ticket, user, zr_span(admin->reason), by);
        break;
    case ADMIN_UNBAN:
        auth_unban(auth, admin->ticket, user, by);
        break;
    case ADMIN_BANS:
        auth_bans(auth, admin->ticket);
        break;
    }
}

void effects_begin(effects_t *effects, relay_t *relay, log_t *log, outbox_t *outbox) {
    static const edge_calls_t calls = {
        .send = s_send_frame,
        .ack = s_send_ack,
        .publish = s_publish,
        .watch = s_watch,
        .alive = s_alive,
        .unwatch = s_unwatch,
        .drop = s_drop,
        .charge = s_charge,
        .drop_user = s_drop_user,
        .login = s_login,
        .admin = s_admin,
        .lost = s_lose,
    };
    effects->edge = (edge_t){.calls = &calls, .ctx = effects, .relay = relay, .log = log, .outbox = outbox};
}

void effects_finish(effects_t *effects) {
    trunk_queue_finish(&effects->trunks);
}

bool effects_carry_out(effects_t *effects, int64_t until) {
    bool left;
    do
        left = edge_carry_out(&effects->edge);
    while (left && zclock_usecs() < until);
    peers_drop_users(effects->peers);
    return !left;
}
