/* See edge.h. */
#include "edge.h"

#include <stdlib.h>

static edge_sent_t s_ack(const edge_t *edge, const effect_t *effect) {
    const edge_calls_t *calls = edge->calls;
    if (calls->ack)
        return calls->ack(edge->ctx, effect->route, &effect->ack);
    return calls->send(edge->ctx, effect->route, zr_ack_frame(&effect->ack), false);
}

static void s_lose(const edge_t *edge, route_t route) {
    if (edge->calls->lost)
        edge->calls->lost(edge->ctx, route);
    else
        relay_route_lost(edge->relay, route);
}

/* A full queue loses a live frame, which `prev` shows. Any other frame that is not sent loses the route. A connection
 * that is gone takes all its channels with it. */
static void s_sent(edge_t *edge, const effect_t *effect, edge_sent_t sent) {
    if (sent == EDGE_FULL && effect->live)
        edge->live_dropped++;
    else if (sent == EDGE_FULL)
        s_lose(edge, effect->route);
    else if (sent == EDGE_GONE)
        s_lose(edge, route_connection(effect->route));
}

static void s_tell(const edge_t *edge, void (*call)(void *ctx, uint64_t number), uint64_t number) {
    if (call)
        call(edge->ctx, number);
}

static void s_do(edge_t *edge, effect_t *effect) {
    const edge_calls_t *calls = edge->calls;
    log_t *log = edge->log;
    switch (effect->kind) {
    case EFFECT_SEND:
        s_sent(edge, effect, calls->send(edge->ctx, effect->route, effect->frame, effect->live));
        break;
    case EFFECT_ACK:
        s_sent(edge, effect, s_ack(edge, effect));
        break;
    case EFFECT_PUBLISH:
        calls->publish(edge->ctx, effect->frame);
        break;
    case EFFECT_APPEND:
        log->engine->append(log, &effect->append);
        break;
    case EFFECT_COMMIT:
        log->engine->commit(log, &effect->commit);
        break;
    case EFFECT_FORGET:
        log->engine->forget(log, effect->forget);
        free(effect->forget);
        break;
    case EFFECT_READ:
        log->engine->read(log, effect->read);
        free(effect->read);
        break;
    case EFFECT_WATCH:
        s_tell(edge, calls->watch, effect->session);
        break;
    case EFFECT_ALIVE:
        s_tell(edge, calls->alive, effect->session);
        break;
    case EFFECT_UNWATCH:
        s_tell(edge, calls->unwatch, effect->session);
        break;
    case EFFECT_DROP:
        s_tell(edge, calls->drop, effect->connection);
        break;
    case EFFECT_CHARGE:
        s_tell(edge, calls->charge, effect->connection);
        break;
    case EFFECT_DROP_USER:
        if (calls->drop_user)
            calls->drop_user(edge->ctx, zr_span(effect->user));
        break;
    case EFFECT_LOGIN:
        if (relay_login_is_due(edge->relay, effect->login->ticket) && calls->login)
            calls->login(edge->ctx, effect->login);
        login_request_free(effect->login);
        break;
    case EFFECT_ADMIN:
        if (calls->admin)
            calls->admin(edge->ctx, effect->admin);
        free(effect->admin);
        break;
    }
}

bool edge_carry_out(edge_t *edge) {
    effect_t effect;
    for (size_t done = 0; done < EDGE_BITE && outbox_take(edge->outbox, &effect); done++) {
        s_do(edge, &effect);
        if (effect.kind == EFFECT_PUBLISH)
            break;
    }
    return !outbox_is_empty(edge->outbox);
}
