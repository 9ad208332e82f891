/* See flood.h. */
#include "flood.h"

#include "control.h"
#include "logger.h"
#include "reply.h"
#include "session_end.h"
#include "state.h"

static rates_t *s_rates(relay_t *relay, route_t route, session_t *session) {
    return session ? &session->rates : rate_connection(&relay->sessions.connections, route);
}

static const rate_limits_t *s_limits(const relay_t *relay) {
    return &relay->sessions.connections.limits;
}

/* Ends the session; without one, the connection whose frame is being handled. */
static void s_send_away(relay_t *relay, session_t *session, uint64_t now) {
    relay->stats.flooders++;
    bool audible = zr_log_pass(&relay->flood_lines, now / 1000);
    if (session) {
        if (session->connection)
            outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_CHARGE, .connection = session->connection});
        zr_span_t nick = user_nick(session->user);
        if (audible)
            zr_log(ZR_LOG_AUDIT, "the session of %.*s ends: flooding", (int)nick.len, nick.ptr);
        session_dismiss(relay, session, "flooding");
        return;
    }
    peer_t peer = {0};
    if (relay->config.peer)
        relay->config.peer(relay->config.peer_ctx, &peer);
    if (!peer.connection)
        return;
    zr_span_t address = peer.address.len ? peer.address : zr_span("a local socket");
    if (audible)
        zr_log(
            ZR_LOG_AUDIT, "a connection from %.*s without a session is ended: flooding", (int)address.len, address.ptr);
    outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_CHARGE, .connection = peer.connection});
    outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_DROP, .connection = peer.connection});
}

bool flood_ask(relay_t *relay, const request_t *request, unsigned cost, unsigned more) {
    uint64_t wait;
    rates_t *rates = s_rates(relay, request->route, request->session);
    /* A refusal is work too. It costs half, so that repeating one full burst once is not a flood. Without a session
     * there is no reason to send a burst, so it costs all. */
    unsigned refused = request->session ? (cost + 1) / 2 : cost;
    switch (rates_ask(rates, s_limits(relay), cost + more, request->size, refused, request->now, &wait)) {
    case RATE_FITS:
        return true;
    case RATE_OVER:
        relay->stats.limited++;
        fail_wait(relay, request, wait);
        return false;
    case RATE_FLOODS:
        break;
    }
    s_send_away(relay, request->session, request->now);
    return false;
}

bool flood_note(relay_t *relay, route_t route, session_t *session, unsigned cost, uint64_t now) {
    uint64_t wait;
    rates_t *rates = s_rates(relay, route, session);
    rate_verdict_t verdict = session ? rates_note(rates, s_limits(relay), cost, now)
                                     : rates_ask(rates, s_limits(relay), cost, 0, 1, now, &wait);
    relay->stats.limited += verdict == RATE_OVER;
    if (verdict == RATE_FLOODS)
        s_send_away(relay, session, now);
    return verdict == RATE_FITS;
}

/* Tells, if need be, the session at `route` to publish nothing for a while. */
static bool s_go_on(
    relay_t *relay, route_t route, session_t *session, rate_verdict_t verdict, uint64_t wait, uint64_t now) {
    switch (verdict) {
    case RATE_FITS:
        return true;
    case RATE_OVER:
        relay->stats.limited++;
        if (session)
            send_error(relay, route, ZR_RATE_LIMITED, json_pack("{sI}", "wait", (json_int_t)wait));
        return true;
    case RATE_FLOODS:
        break;
    }
    s_send_away(relay, session, now);
    return false;
}

bool flood_publish(relay_t *relay, route_t route, session_t *session, size_t entries, size_t bytes, uint64_t now) {
    uint64_t wait = 0;
    rates_t *rates = s_rates(relay, route, session);
    rate_verdict_t verdict = rates_publish(rates, s_limits(relay), entries, bytes + RATE_MESSAGE, now, &wait);
    return s_go_on(relay, route, session, verdict, wait, now);
}

bool flood_publish_early(relay_t *relay, route_t route, size_t bytes, uint64_t now) {
    return flood_publish(relay, route, NULL, 1, bytes, now) &&
           rates_spare(s_rates(relay, route, NULL), s_limits(relay), now);
}

bool flood_keyed(relay_t *relay, session_t *session, size_t entries, uint64_t now) {
    uint64_t wait = 0;
    size_t more = entries * (RATE_KEYED - 1); /* one each was counted with the frame */
    rate_verdict_t verdict = rates_publish(&session->rates, s_limits(relay), more, 0, now, &wait);
    return s_go_on(relay, session->route, session, verdict, wait, now);
}

bool flood_refused(relay_t *relay, session_t *session, unsigned errors, uint64_t now) {
    uint64_t wait = 0;
    rate_verdict_t verdict = rates_refused(&session->rates, s_limits(relay), errors, now, &wait);
    return s_go_on(relay, session->route, session, verdict, wait, now);
}

void flood_arrive(relay_t *relay, session_t *session, route_t route, uint64_t now) {
    rates_merge(&session->rates, rate_connection(&relay->sessions.connections, route), s_limits(relay), now);
}
