/* open, close: the channels of a gateway. */
#include "channel_end.h"
#include "commands.h"
#include "control.h"
#include "flood.h"
#include "reply.h"
#include "state.h"
#include "trunk.h"

/* A refusal costs the gateway 1, and names the channel if it could be read. */
static void s_refuse(
    relay_t *relay, const request_t *request, zr_code_t code, const char *text, uint64_t channel, uint64_t wait_ms) {
    if (!flood_take(relay, request->route, request->session, (rate_cost_t){{[RATE_OPS] = 1}}, request->now))
        return;
    json_t *more = json_object();
    if (channel)
        json_object_set_new(more, "channel", json_integer((json_int_t)channel));
    if (wait_ms)
        json_object_set_new(more, "wait", json_integer((json_int_t)wait_ms));
    fail_with(relay, request, code, text, more);
}

static void s_refuse_member(relay_t *relay, const request_t *request, const char *member, uint64_t channel) {
    char text[160];
    snprintf(text, sizeof text, "the member '%s' is missing, of the wrong type or out of range", member);
    s_refuse(relay, request, ZR_BAD_MEMBER, text, channel, 0);
}

/* Reads the channel's number; false when it has answered. */
static bool s_read(relay_t *relay, const request_t *request, uint64_t *channel) {
    const char *wrong = NULL;
    zr_get_uint(request->object, "channel", 1, channel, &wrong);
    if (!wrong && *channel > UINT32_MAX)
        wrong = "channel";
    if (!trunk_of(relay, request->session))
        s_refuse(relay, request, ZR_FORBIDDEN,
            route_channel(request->route)
                ? "a channel carries no trunk, except that of a gateway behind a leaf"
                : "this user is no gateway (\"gateway : *\" in the users file), or not on the broker's machine",
            *channel, 0);
    else if (wrong)
        s_refuse_member(relay, request, wrong, *channel <= UINT32_MAX ? *channel : 0);
    else
        return true;
    return false;
}

typedef struct {
    uint64_t channel;
    zr_address_kind_t kind;
    zr_address_t address;
    bool secure;
    zr_span_t user; /* empty: nobody */
} open_t;

/* The user that a leaf names; false when it has answered. */
static bool s_read_user(relay_t *relay, const request_t *request, open_t *open) {
    const char *wrong = NULL;
    zr_get_string_opt(request->object, "user", ZR_NICK_MAX, &open->user, &wrong);
    if (wrong)
        s_refuse_member(relay, request, wrong, open->channel);
    else if (open->user.len && !trunk_names_users(relay, request->session))
        s_refuse(relay, request, ZR_FORBIDDEN,
            "only a leaf names users (\"leaf : *\" in the users file), on a broker with users", open->channel, 0);
    else if (open->user.len && !(access_is_user(relay->access, open->user) && access_user(relay->access, open->user)))
        s_refuse(relay, request, ZR_NO_SUCH_USER, NULL, open->channel, 0);
    else
        return true;
    return false;
}

static bool s_read_open(relay_t *relay, const request_t *request, open_t *open) {
    const char *wrong = NULL;
    zr_span_t address = {0};
    if (!s_read(relay, request, &open->channel))
        return false;
    zr_get_string_opt(request->object, "address", ZR_ADDRESS_MAX, &address, &wrong);
    zr_get_bool_opt(request->object, "secure", &open->secure, &wrong);
    open->kind = address.len ? zr_address_read(address, &open->address) : ZR_ADDRESS_LOCAL;
    if (!wrong && open->kind == ZR_ADDRESS_BAD)
        wrong = "address";
    if (wrong)
        s_refuse_member(relay, request, wrong, open->channel);
    return !wrong;
}

/* Is there a place for another channel? `*origin`: it was counted for its address. */
static zr_code_t s_count(
    relay_t *relay, const request_t *request, const open_t *open, origin_t **origin, uint64_t *wait_ms) {
    channels_t *channels = &relay->sessions.channels;
    if (trunk_of(relay, request->session)->channel_count >= relay->config.max_trunk_channels ||
        channels_count(channels) >= relay->config.max_channels)
        return ZR_TOO_MANY_CHANNELS;
    if (open->kind != ZR_ADDRESS_COUNTED)
        return ZR_OK;
    return origins_open(&channels->origins, &open->address, request->now, origin, wait_ms);
}

void cmd_open(relay_t *relay, request_t *request) {
    channels_t *channels = &relay->sessions.channels;
    open_t open = {0};
    origin_t *origin = NULL;
    uint64_t wait_ms = 0;
    if (!s_read_open(relay, request, &open) || !s_read_user(relay, request, &open))
        return;
    if (channel_find(channels, route_of((uint32_t)request->route, (uint32_t)open.channel))) {
        s_refuse(relay, request, ZR_BAD_MEMBER,
            "the channel is not over: each side closes it before its number is used again", open.channel, 0);
        return;
    }
    zr_code_t code = s_count(relay, request, &open, &origin, &wait_ms);
    if (code != ZR_OK) {
        s_refuse(relay, request, code, NULL, open.channel, wait_ms);
        return;
    }
    session_t *trunk = trunk_of(relay, request->session);
    channel_t *channel = channel_add(channels, trunk, (uint32_t)open.channel, request->now);
    channel->asker = request->session->id;
    channel->origin = origin;
    channel->secure = open.secure;
    if (open.user.len)
        memcpy(channel->user, open.user.ptr, open.user.len);
    request->session->carries |= trunk != request->session;
    if (origin)
        zr_address_format(&open.address, channel->address);
    reply(relay, request, json_pack("{ss sI}", "op", "ok", "channel", (json_int_t)open.channel));
}

/* The channel of that number, if the session may close it: a gateway behind a leaf closes only its own. */
static channel_t *s_own(const relay_t *relay, const request_t *request, uint64_t number) {
    channel_t *channel = channel_find(&relay->sessions.channels, route_of((uint32_t)request->route, (uint32_t)number));
    return channel && (channel->trunk == request->session || channel->asker == request->session->id) ? channel : NULL;
}

void cmd_close(relay_t *relay, request_t *request) {
    const char *wrong = NULL;
    uint64_t number = 0;
    zr_span_t reason = {0};
    if (!s_read(relay, request, &number))
        return;
    zr_get_string_opt(request->object, "reason", ADMIN_REASON_MAX, &reason, &wrong);
    channel_t *channel = s_own(relay, request, number);
    if (wrong || !channel) {
        if (wrong)
            s_refuse_member(relay, request, wrong, number);
        else
            s_refuse(relay, request, ZR_NO_CHANNEL, NULL, number, 0);
        return;
    }
    bool answers = channel->closing;
    channel_end(relay, channel);
    if (!answers)
        reply(relay, request, json_pack("{ss sI}", "op", "close", "channel", (json_int_t)number));
}
