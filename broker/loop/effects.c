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

static void s_give_back(void *data, void *hint) {
    (void)data;
    front_queue_give_back(hint);
}

/* Takes over the reference to `frame`. */
static void s_copy(zmq_msg_t *msg, zr_blob_t *frame) {
    size_t len = zr_blob_len(frame);
    FATAL_UNLESS(zmq_msg_init_size(msg, len) == 0);
    memcpy(zmq_msg_data(msg), zr_blob_data(frame), len);
    zr_blob_unref(frame);
}

/* Makes a message of a frame to `route`. Bytes of large frames are counted; the high-water mark bounds small ones well
 * enough. False: too many bytes are queued there, and the frame is dropped. */
static bool s_wrap_for(front_queue_t *queued, route_t route, zmq_msg_t *msg, zr_blob_t *frame) {
    if (zr_blob_len(frame) <= COPY_MAX) {
        s_copy(msg, frame);
        return true;
    }
    front_queue_place_t *place = front_queue_take(queued, route, frame);
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
 * itself. Takes `msg` over. Returns 0 or an errno. */
static int s_send_to(void *front, route_t route, zmq_msg_t *msg) {
    zmq_msg_t id;
    FATAL_UNLESS(zmq_msg_init_size(&id, 5) == 0);
    uint8_t *bytes = zmq_msg_data(&id);
    bytes[0] = 0;
    for (int i = 0; i < 4; i++)
        bytes[1 + i] = (uint8_t)(route >> (24 - 8 * i));
    if (s_send(&id, front, ZMQ_SNDMORE) >= 0) {
        FATAL_UNLESS(s_send(msg, front, 0) >= 0);
        return 0; /* a message that was sent needs no close */
    }
    int code = errno;
    zmq_msg_close(&id);
    zmq_msg_close(msg);
    return code;
}

/* XPUB never refuses a frame: it drops it for readers whose queue is full. */
static void s_publish(effects_t *effects, zr_blob_t *frame) {
    zmq_msg_t msg;
    published_wrap(&msg, frame);
    s_send(&msg, effects->back, 0);
    zmq_msg_close(&msg);
}

static void s_send_effect(effects_t *effects, const effect_t *effect) {
    zmq_msg_t msg;
    bool fits = s_wrap_for(effects->queued, effect->route, &msg, effect->frame);
    int code = fits ? s_send_to(effects->front, effect->route, &msg) : EAGAIN;
    if (code == EAGAIN && effect->live)
        effects->live_dropped++;
    else if (code != 0)
        relay_route_lost(effects->relay, effect->route);
}

/* libzmq keeps so small a message without allocating. */
static void s_send_ack(effects_t *effects, const effect_t *effect) {
    zmq_msg_t msg;
    FATAL_UNLESS(zmq_msg_init_size(&msg, ZR_ACK_SIZE) == 0);
    zr_ack_write(zmq_msg_data(&msg), &effect->ack);
    if (s_send_to(effects->front, effect->route, &msg) != 0)
        relay_route_lost(effects->relay, effect->route);
}

static void s_login(auth_t *auth, login_request_t *login) {
    /* Tokens are taken on this machine only, so the address tells nobody apart. */
    auth_login(auth, login->ticket, zr_span(login->user), zr_span(login->token), zr_span(NULL));
    login_request_free(login);
}

static void s_admin(auth_t *auth, admin_request_t *admin) {
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
    free(admin);
}

void effects_carry_out(effects_t *effects) {
    log_t *log = effects->log;
    effect_t effect;
    while (outbox_take(effects->outbox, &effect)) {
        switch (effect.kind) {
        case EFFECT_SEND:
            s_send_effect(effects, &effect);
            break;
        case EFFECT_ACK:
            s_send_ack(effects, &effect);
            break;
        case EFFECT_PUBLISH:
            s_publish(effects, effect.frame);
            break;
        case EFFECT_APPEND:
            log->engine->append(log, &effect.append);
            break;
        case EFFECT_COMMIT:
            log->engine->commit(log, &effect.commit);
            break;
        case EFFECT_FORGET:
            log->engine->forget(log, effect.forget);
            free(effect.forget);
            break;
        case EFFECT_READ:
            log->engine->read(log, effect.read);
            free(effect.read);
            break;
        case EFFECT_WATCH:
            session_timers_watch(effects->timers, effect.session);
            break;
        case EFFECT_ALIVE:
            session_timers_alive(effects->timers, effect.session);
            break;
        case EFFECT_UNWATCH:
            session_timers_unwatch(effects->timers, effect.session);
            break;
        case EFFECT_DROP:
            peers_drop(effects->peers, effect.connection);
            break;
        case EFFECT_CHARGE:
            peers_charge(effects->peers, effect.connection);
            break;
        case EFFECT_DROP_USER:
            peers_drop_user(effects->peers, zr_span(effect.user));
            break;
        case EFFECT_LOGIN:
            s_login(effects->auth, effect.login);
            break;
        case EFFECT_ADMIN:
            s_admin(effects->auth, effect.admin);
            break;
        }
    }
    peers_drop_users(effects->peers);
}
