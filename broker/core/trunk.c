/* See trunk.h. */
#include "trunk.h"

#include "control.h"
#include "flood.h"
#include "reply.h"
#include "state.h"

static bool s_may_carry(const relay_t *relay, const session_t *session) {
    return access_is_open_mode(relay->access) ? session->local : access_is_gateway(session->access);
}

session_t *trunk_of(const relay_t *relay, session_t *session) {
    if (!s_may_carry(relay, session))
        return NULL;
    if (!route_channel(session->route))
        return session;
    session_t *trunk = session_by_route(&relay->sessions, route_connection(session->route));
    bool leaf = trunk && trunk->leaf && (access_is_open_mode(relay->access) || access_is_leaf(trunk->access));
    return leaf ? trunk : NULL;
}

bool trunk_names_users(const relay_t *relay, const session_t *session) {
    return !access_is_open_mode(relay->access) && access_is_leaf(session->access);
}

static void s_refuse(relay_t *relay, session_t *session, zr_code_t code, json_t *more, uint64_t now) {
    if (flood_take(relay, session->route, session, (rate_cost_t){{[RATE_OPS] = 1}}, now))
        send_error(relay, session->route, code, more);
    else
        json_decref(more);
}

/* A channel that is not open. The gateway may have a window of PUBLISH frames of its peer under way. So these are no
 * flood of requests. Beyond rate-ops the broker does not answer them. */
static void s_refuse_channel(relay_t *relay, session_t *session, uint32_t channel, zr_span_t inner, uint64_t now) {
    rate_cost_t cost = {{[RATE_ENTRIES] = 1, [RATE_BYTES] = inner.len + RATE_MESSAGE}};
    bool publish = inner.len > 0 && (uint8_t)inner.ptr[0] == ZR_TYPE_PUBLISH;
    if (publish &&
        (!flood_take(relay, session->route, session, cost, now) || flood_is_spent(relay, session->route, session, now)))
        return;
    s_refuse(relay, session, ZR_NO_CHANNEL, json_pack("{sI}", "channel", (json_int_t)channel), now);
}

bool trunk_take(relay_t *relay, session_t *session, zr_span_t frame, route_t *route, zr_span_t *inner, uint64_t now) {
    uint32_t number;
    if (!zr_trunk_read(frame, &number, inner) || (!session->channels && !trunk_of(relay, session))) {
        s_refuse(relay, session, ZR_BAD_FRAME, NULL, now);
        return false;
    }
    *route = route_of((uint32_t)session->route, number);
    const channel_t *channel = channel_find(&relay->sessions.channels, *route);
    if (!channel) {
        s_refuse_channel(relay, session, number, *inner, now);
        return false;
    }
    if (!channel->closing)
        return true;
    /* Sent before the gateway heard of the end. */
    flood_take(relay, session->route, session, (rate_cost_t){{[RATE_BYTES] = inner->len + RATE_MESSAGE}}, now);
    return false;
}
