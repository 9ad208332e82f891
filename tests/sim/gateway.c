/* See gateway.h. */
#include "gateway.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "client.h"
#include "sim.h"
#include "wire.h"

struct gateway {
    sim_t *sim;
    conn_t *trunk; /* NULL: none */
    bool ready;    /* the broker said welcome on it, */
    bool beating;  /* and an event is under way */
    char token[40];
    unsigned processes; /* that began; each has a client id of its own */
    uint64_t heard;     /* when something came on the trunk */
};

/* A channel of a trunk. It is over when both sides said `close`. */
typedef struct channel_state {
    conn_t *peer;
    bool refused, closed, over;
} channel_state_t;

static void s_beat(void *ctx, uint64_t arg);

static void s_beat_at(gateway_t *gateway, uint64_t after) {
    if (gateway->beating)
        return;
    gateway->beating = true;
    world_at(&gateway->sim->world, gateway->sim->world.now + after, s_beat, gateway, 0);
}

gateway_t *gateway_new(sim_t *sim) {
    gateway_t *gateway = world_calloc(sizeof *gateway);
    gateway->sim = sim;
    gateway->processes = 1;
    s_beat_at(gateway, 0);
    return gateway;
}

void gateway_destroy(gateway_t *gateway) {
    free(gateway);
}

bool gateway_is_ready(const gateway_t *gateway) {
    return gateway->ready;
}

conn_t *gateway_trunk(const gateway_t *gateway) {
    return gateway->trunk;
}

size_t gateway_sessions(const gateway_t *gateway) {
    return gateway ? gateway->processes : 0;
}

/* --- Saying --- */

__attribute__((format(printf, 2, 3))) static void s_say(gateway_t *gateway, const char *format, ...) {
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    world_trace(&gateway->sim->world, "gateway says %s", text);
    conn_up(gateway->trunk, zr_blob_copy(text, (size_t)len));
}

static void s_hello(gateway_t *gateway) {
    gateway->ready = false;
    s_say(gateway, "{\"op\":\"hello\",\"proto\":1,\"client\":\"%032x\",\"resume\":\"%s\"}",
        0xb0000 + gateway->processes, gateway->token);
}

static void s_connect(gateway_t *gateway) {
    sim_t *sim = gateway->sim;
    unsigned listens = broker_listens(sim, CONN_FRONT, "") ? broker_incarnation(sim) : 0;
    gateway->trunk = network_trunk(&sim->network, gateway, listens);
    if (!gateway->trunk)
        return;
    gateway->heard = gateway->sim->world.now;
    s_hello(gateway);
}

/* Every heartbeat: pings, or asks again; finds a dead trunk; and without one, tries to connect. */
static void s_beat(void *ctx, uint64_t arg) {
    (void)arg;
    gateway_t *gateway = ctx;
    sim_t *sim = gateway->sim;
    uint64_t heartbeat = sim->params.heartbeat_ms * MS;
    gateway->beating = false;
    if (gateway->trunk && sim->world.now - gateway->heard > 3 * heartbeat)
        conn_break(gateway->trunk, 0);
    if (!gateway->trunk)
        s_connect(gateway);
    else if (gateway->ready)
        s_say(gateway, "{\"op\":\"ping\"}");
    else
        s_hello(gateway);
    s_beat_at(gateway, gateway->trunk ? heartbeat : rng_between(&sim->world.rng, 50 * MS, 200 * MS));
}

/* --- Channels --- */

static channel_state_t *s_channel(const conn_t *trunk, uint32_t channel) {
    return channel >= 1 && channel <= trunk->channel_count ? &trunk->channels[channel - 1] : NULL;
}

conn_t *gateway_peer(const conn_t *trunk, uint32_t channel) {
    const channel_state_t *state = s_channel(trunk, channel);
    return state ? state->peer : NULL;
}

/* A new number, or now and then one whose channel is over. */
static uint32_t s_number(conn_t *trunk) {
    if (rng_chance(&trunk->network->world->rng, 1, 2))
        for (uint32_t i = 0; i < trunk->channel_count; i++)
            if (trunk->channels[i].over)
                return i + 1;
    if (trunk->channel_count == trunk->channel_size)
        trunk->channels = world_grow(trunk->channels, &trunk->channel_size, sizeof *trunk->channels);
    return (uint32_t)++trunk->channel_count;
}

static void s_open(gateway_t *gateway, conn_t *conn) {
    conn->channel = s_number(gateway->trunk);
    *s_channel(gateway->trunk, conn->channel) = (channel_state_t){.peer = conn};
    unsigned slot = conn->client->slot;
    if (slot % 2)
        s_say(gateway, "{\"op\":\"open\",\"channel\":%u,\"address\":\"203.0.113.%u\",\"secure\":true}", conn->channel,
            slot + 1);
    else
        s_say(gateway, "{\"op\":\"open\",\"channel\":%u,\"secure\":true}", conn->channel);
}

static void s_close(gateway_t *gateway, uint32_t channel) {
    s_channel(gateway->trunk, channel)->closed = true;
    s_say(gateway, "{\"op\":\"close\",\"channel\":%u}", channel);
}

/* Does the gateway still hold this connection? */
static bool s_holds(const gateway_t *gateway, const conn_t *conn) {
    return conn->gateway == gateway && conn->client && conn->broker_open;
}

void gateway_client_came(conn_t *conn) {
    s_open(conn->gateway, conn);
}

void gateway_client_gone(conn_t *conn) {
    if (conn->channel && conn->gateway->trunk)
        s_close(conn->gateway, conn->channel);
    conn->channel = 0;
}

void gateway_take(conn_t *conn, zr_blob_t *frame) {
    gateway_t *gateway = conn->gateway;
    frame = plant_in(gateway->sim, conn->client, !conn->spoke, frame);
    conn->spoke = true;
    if (conn->channel && gateway->trunk)
        conn_up(gateway->trunk, zr_trunk_frame(conn->channel, zr_span_of(zr_blob_data(frame), zr_blob_len(frame))));
    zr_blob_unref(frame);
}

/* All channels are over, and the clients are still there. Opens new ones for them, or sends them away. */
static void s_without_channels(gateway_t *gateway, bool keep) {
    network_t *network = &gateway->sim->network;
    for (size_t i = 0; i < network->count; i++) {
        conn_t *conn = network->conns[i];
        if (!s_holds(gateway, conn))
            continue;
        conn->channel = 0;
        if (!keep || rng_chance(&gateway->sim->world.rng, 1, 2))
            conn_break(conn, 0);
    }
}

static void s_open_all(gateway_t *gateway) {
    network_t *network = &gateway->sim->network;
    for (size_t i = 0; i < network->count; i++)
        if (s_holds(gateway, network->conns[i]) && network->conns[i]->client_open && !network->conns[i]->channel)
            s_open(gateway, network->conns[i]);
}

void gateway_trunk_gone(gateway_t *gateway, const conn_t *trunk) {
    if (gateway->trunk != trunk)
        return;
    gateway->trunk = NULL;
    gateway->ready = false;
    s_without_channels(gateway, true);
}

void gateway_kill(gateway_t *gateway) {
    world_trace(&gateway->sim->world, "gateway ends");
    conn_t *trunk = gateway->trunk;
    gateway->trunk = NULL;
    gateway->ready = false;
    gateway->token[0] = '\0';
    gateway->processes++;
    s_without_channels(gateway, false);
    if (trunk)
        conn_break(trunk, 0);
}

/* --- What comes --- */

static void s_on_welcome(gateway_t *gateway, const json_t *welcome) {
    snprintf(gateway->token, sizeof gateway->token, "%s", json_string_value(json_object_get(welcome, "resume")));
    gateway->ready = true;
    s_open_all(gateway);
}

/* The broker sends a peer away, or answers. */
static void s_on_close(gateway_t *gateway, uint32_t channel) {
    channel_state_t *state = s_channel(gateway->trunk, channel);
    if (!state || state->over) {
        world_fail(&gateway->sim->world, "sim", "the broker closes channel %u, which is over", channel);
        return;
    }
    conn_t *peer = state->peer;
    if (!state->closed)
        s_close(gateway, channel);
    s_channel(gateway->trunk, channel)->over = true;
    if (peer->channel == channel && s_holds(gateway, peer)) {
        peer->channel = 0;
        conn_break(peer, 0);
    }
}

static void s_on_refused(gateway_t *gateway, uint32_t channel, const char *code) {
    channel_state_t *state = s_channel(gateway->trunk, channel);
    bool unknown = strcmp(code, "no-channel") == 0;
    if (!state || (unknown && !state->refused) || strcmp(code, "bad-member") == 0) {
        world_fail(&gateway->sim->world, "sim", "the broker says %s of channel %u", code, channel);
        return;
    }
    conn_t *peer = state->peer;
    state->refused = true;
    if (!unknown && peer->channel == channel && s_holds(gateway, peer)) {
        peer->channel = 0;
        conn_break(peer, 0);
    }
}

static void s_on_error(gateway_t *gateway, const json_t *error) {
    const char *code = json_string_value(json_object_get(error, "code"));
    uint32_t channel = (uint32_t)json_integer_value(json_object_get(error, "channel"));
    if (channel) {
        s_on_refused(gateway, channel, code);
    } else if (strcmp(code, "no-session") == 0 && gateway->ready) {
        s_without_channels(gateway, true);
        s_hello(gateway);
    }
}

static void s_on_control(gateway_t *gateway, zr_span_t frame) {
    json_t *object = json_loadb(frame.ptr, frame.len, 0, NULL);
    const char *op = json_string_value(json_object_get(object, "op"));
    if (strcmp(op, "welcome") == 0)
        s_on_welcome(gateway, object);
    else if (strcmp(op, "close") == 0 && gateway->ready)
        s_on_close(gateway, (uint32_t)json_integer_value(json_object_get(object, "channel")));
    else if (strcmp(op, "error") == 0)
        s_on_error(gateway, object);
    else if (strcmp(op, "bye") == 0)
        conn_break(gateway->trunk, 0);
    json_decref(object);
}

void gateway_receive(gateway_t *gateway, const conn_t *trunk, zr_blob_t *frame) {
    zr_span_t bytes = zr_span_of(zr_blob_data(frame), zr_blob_len(frame)), inner;
    uint32_t channel;
    if (gateway->trunk == trunk) {
        gateway->heard = gateway->sim->world.now;
        if (zr_trunk_read(bytes, &channel, &inner)) {
            conn_t *peer = gateway_peer(trunk, channel);
            if (peer && peer->channel == channel && s_holds(gateway, peer))
                conn_down(peer, zr_blob_copy(inner.ptr, inner.len));
        } else {
            s_on_control(gateway, bytes);
        }
    }
    zr_blob_unref(frame);
}
