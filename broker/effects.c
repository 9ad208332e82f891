/* See effects.h. Nothing here waits: a send that would block is a route lost. */
#include "effects.h"

#include <errno.h>
#include <string.h>
#include <zmq.h>

#include "fatal.h"

/* Frames up to this size are copied into the message: cheaper than a second allocation and a reference that an I/O
 * thread gives back. */
enum { COPY_MAX = 512 };

static void s_unref(void *data, void *hint) {
    (void)data;
    zr_blob_unref(hint);
}

/* Takes over the reference to `frame`. */
static void s_wrap(zmq_msg_t *msg, zr_blob_t *frame) {
    size_t len = zr_blob_len(frame);
    if (len > COPY_MAX) {
        FATAL_UNLESS(zmq_msg_init_data(msg, zr_blob_data(frame), len, s_unref, frame) == 0);
        return;
    }
    FATAL_UNLESS(zmq_msg_init_size(msg, len) == 0);
    memcpy(zmq_msg_data(msg), zr_blob_data(frame), len);
    zr_blob_unref(frame);
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
 * itself. */
static bool s_send_to(void *front, route_t route, zr_blob_t *frame) {
    zmq_msg_t id, msg;
    s_wrap(&msg, frame);
    FATAL_UNLESS(zmq_msg_init_size(&id, 5) == 0);
    uint8_t *bytes = zmq_msg_data(&id);
    bytes[0] = 0;
    for (int i = 0; i < 4; i++)
        bytes[1 + i] = (uint8_t)(route >> (24 - 8 * i));
    bool sent = s_send(&id, front, ZMQ_SNDMORE) >= 0;
    if (sent)
        FATAL_UNLESS(s_send(&msg, front, 0) >= 0);
    zmq_msg_close(&id);
    zmq_msg_close(&msg);
    return sent;
}

/* XPUB drops for readers whose queue is full and never refuses. */
static void s_publish(void *back, zr_blob_t *frame) {
    zmq_msg_t msg;
    s_wrap(&msg, frame);
    s_send(&msg, back, 0);
    zmq_msg_close(&msg);
}

void effects_carry_out(const effects_t *effects) {
    log_t *log = effects->log;
    effect_t effect;
    while (outbox_take(effects->outbox, &effect)) {
        switch (effect.kind) {
        case EFFECT_SEND:
            if (!s_send_to(effects->front, effect.route, effect.frame))
                relay_route_lost(effects->relay, effect.route);
            break;
        case EFFECT_PUBLISH:
            s_publish(effects->back, effect.frame);
            break;
        case EFFECT_APPEND:
            log->engine->append(log, &effect.append);
            break;
        case EFFECT_COMMIT:
            log->engine->commit(log, &effect.commit);
            break;
        case EFFECT_FORGET:
            log->engine->forget(log, &effect.forget);
            break;
        case EFFECT_READ:
            log->engine->read(log, &effect.read);
            break;
        case EFFECT_WATCH:
            tickets_watch(effects->tickets, effect.session);
            break;
        case EFFECT_ALIVE:
            tickets_alive(effects->tickets, effect.session);
            break;
        case EFFECT_UNWATCH:
            tickets_unwatch(effects->tickets, effect.session);
            break;
        }
    }
}
