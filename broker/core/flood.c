/* See flood.h. */
#include "flood.h"

#include "channel_end.h"
#include "control.h"
#include "logger.h"
#include "peer.h"
#include "reply.h"
#include "session_end.h"
#include "state.h"

static rates_t *s_rates(relay_t *relay, route_t route, session_t *session) {
    return session ? &session->rates : session_debt(&relay->sessions, route);
}

static const rate_limits_t *s_limits(const relay_t *relay) {
    return &relay->sessions.connections.limits;
}

/* Its address may make fewer new connections, or channels, for a while. */
static void s_charge(relay_t *relay, route_t route, uint64_t connection, uint64_t now) {
    channels_t *channels = &relay->sessions.channels;
    const channel_t *channel = channel_find(channels, route);
    if (channel)
        origins_charge(&channels->origins, channel->origin, now);
    else if (connection)
        outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_CHARGE, .connection = connection});
}

/* Ends the session; without one, the connection or channel whose frame is being handled. */
static void s_send_away(relay_t *relay, route_t route, session_t *session, uint64_t now) {
    relay->stats.flooders++;
    bool audible = zr_log_pass(&relay->flood_lines, now / 1000);
    if (session) {
        s_charge(relay, session->route, session->connection, now);
        zr_span_t nick = user_nick(session->user);
        if (audible)
            zr_log(ZR_LOG_AUDIT, "the session of %.*s ends: flooding", (int)nick.len, nick.ptr);
        session_dismiss(relay, session, "flooding");
        return;
    }
    peer_t peer;
    channel_t *channel = channel_find(&relay->sessions.channels, route);
    peer_of(relay, route, &peer);
    if (!channel && !peer.connection)
        return;
    zr_span_t address = peer.address.len ? peer.address : zr_span("a local socket");
    if (audible)
        zr_log(
            ZR_LOG_AUDIT, "a connection from %.*s without a session is ended: flooding", (int)address.len, address.ptr);
    s_charge(relay, route, peer.connection, now);
    if (channel)
        channel_hang_up(relay, channel, "flooding");
    else
        outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_DROP, .connection = peer.connection});
}

bool flood_take(relay_t *relay, route_t route, session_t *session, rate_cost_t cost, uint64_t now) {
    bool fits = rates_take(s_rates(relay, route, session), s_limits(relay), &cost, now);
    if (!fits)
        s_send_away(relay, route, session, now);
    return fits;
}

bool flood_publish(relay_t *relay, session_t *session, rate_cost_t cost, uint64_t now) {
    if (!rates_take(&session->rates, s_limits(relay), &cost, now)) {
        s_send_away(relay, session->route, session, now);
        return false;
    }
    uint64_t wait = rates_wait(&session->rates, s_limits(relay), &cost, now);
    if (wait && rates_tell(&session->rates, now)) {
        relay->stats.limited++;
        session->limited++;
        send_error(relay, session->route, ZR_RATE_LIMITED, json_pack("{sI}", "wait", (json_int_t)wait));
    }
    return true;
}

static uint64_t s_wait(relay_t *relay, route_t route, session_t *session, uint64_t now) {
    static const rate_cost_t any = {{[RATE_OPS] = 1, [RATE_CONTROL] = 1}};
    return rates_wait(s_rates(relay, route, session), s_limits(relay), &any, now);
}

bool flood_is_spent(relay_t *relay, route_t route, session_t *session, uint64_t now) {
    return s_wait(relay, route, session, now) > 0;
}

void flood_refuse(relay_t *relay, const request_t *request) {
    relay->stats.limited++;
    if (request->session)
        request->session->limited++;
    fail_wait(relay, request, s_wait(relay, request->route, request->session, request->now));
}

void flood_allow(relay_t *relay, const request_t *request, rate_cost_t cost) {
    rates_allow(s_rates(relay, request->route, request->session), s_limits(relay), &cost, request->now);
}

void flood_arrive(relay_t *relay, session_t *session, route_t route, uint64_t now) {
    rates_merge(&session->rates, session_debt(&relay->sessions, route), s_limits(relay), now);
}
