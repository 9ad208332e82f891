/* See leaf.h. */
#include "leaf.h"

#include <stdlib.h>
#include <string.h>

#include "carry.h"
#include "control.h"
#include "fatal.h"
#include "gateways.h"
#include "upstream.h"

enum {
    SECOND_MS = 1000,
    IDLE_BEATS = 5,   /* a client that is silent for so long has no session any more */
    LEFT_MS = 2000,   /* from the end of a connection until its client is forgotten */
    EARLY_FRAMES = 16 /* that a client may send before the upstream accepts its channel */
};

static const char s_away[] = "this broker is a leaf, and its upstream is away; go on after `wait` milliseconds";

/* --- Clients --- */

static void s_keep_address(leaf_client_t *client, zr_span_t address) {
    const char *slash = address.len ? memchr(address.ptr, '/', address.len) : NULL; /* of an IPv6 block */
    size_t len = slash ? (size_t)(slash - address.ptr) : address.len;
    FATAL_UNLESS(len < sizeof client->address);
    if (len)
        memcpy(client->address, address.ptr, len);
}

static char *s_text(zr_span_t text) {
    char *copy = fatal_calloc(text.len + 1);
    if (text.len)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}

/* The first frame of a connection. NULL: it is not let in. */
static leaf_client_t *s_meet(leaf_t *leaf, route_t route) {
    const relay_config_t *relay = leaf->config.relay;
    peer_t peer = {.local = true};
    relay->peer(relay->peer_ctx, &peer);
    bool full = HASH_CNT(by_route, leaf->clients.by_route) >= relay->max_sessions;
    if (peer.revoked || full) {
        carry_refuse(leaf, route, full ? ZR_TOO_MANY_SESSIONS : ZR_FORBIDDEN, NULL);
        outbox_add(leaf->outbox, &(effect_t){.kind = EFFECT_DROP, .connection = peer.connection});
        return NULL;
    }
    leaf_client_t *client = clients_add(&leaf->clients, route, NULL);
    clients_set_connection(&leaf->clients, client, peer.connection);
    client->secure = peer.local || peer.user.len > 0;
    client->back = s_text(relay->back(relay->back_ctx));
    s_keep_address(client, peer.address);
    if (peer.user.len && peer.user.len < sizeof client->user)
        memcpy(client->user, peer.user.ptr, peer.user.len);
    return client;
}

static uint64_t s_wait(leaf_t *leaf, leaf_client_t *client) {
    uint16_t random;
    uint64_t wait = client->wait ? client->wait : LEAF_AWAY_MS;
    leaf->config.relay->entropy(leaf->config.relay->entropy_ctx, &random, sizeof random);
    client->wait = wait * 2 < LEAF_AWAY_MAX_MS ? wait * 2 : LEAF_AWAY_MAX_MS;
    return wait + random % wait;
}

static void s_tell_to_wait(leaf_t *leaf, leaf_client_t *client, json_t *id) {
    json_t *error = json_pack("{ss ss ss sI}", "op", "error", "code", zr_code_name(ZR_RATE_LIMITED), "text", s_away,
        "wait", (json_int_t)s_wait(leaf, client));
    if (id)
        json_object_set(error, "re", id);
    carry_say(leaf, client->route, error);
}

/* The frame cannot go on now. A hello is told to wait, and comes again; any other frame has no session. A window of PUBLISH
 * frames gets one answer. */
static void s_tell_away(leaf_t *leaf, leaf_client_t *client, zr_span_t frame) {
    json_t *object = NULL, *id = NULL;
    bool control = frame.len > 0 && frame.ptr[0] == ZR_TYPE_CONTROL && frame.len <= leaf->config.relay->max_control;
    if (control && !carry_fault(leaf, client, 1))
        return;
    if (control && zr_control_read_request(frame, &object) == ZR_OK) {
        const char *op = json_string_value(json_object_get(object, "op"));
        zr_get_id(object, &id);
        if (op && strcmp(op, "hello") == 0)
            s_tell_to_wait(leaf, client, id);
        else
            carry_refuse(leaf, client->route, ZR_NO_SESSION, id);
        json_decref(object);
    } else if (!client->told) {
        carry_refuse(leaf, client->route, ZR_NO_SESSION, NULL);
    }
    client->told = true;
}

/* Before the upstream accepted its channel, a client sends a hello, and has no session for more. What it sends nevertheless
 * would be the leaf's own fault at an upstream that refuses the channel. */
static bool s_is_early(leaf_client_t *client) {
    return !client->accepted && client->early++ >= EARLY_FRAMES;
}

static void s_frame(void *self, route_t route, zr_span_t frame, uint64_t now) {
    leaf_t *leaf = self;
    (void)now;
    leaf->stats.frames++;
    leaf_client_t *client = clients_at(&leaf->clients, route);
    if (!client && !(client = s_meet(leaf, route)))
        return;
    client->heard = leaf->now;
    if (!upstream_is_live(leaf) || s_is_early(client)) {
        s_tell_away(leaf, client, frame);
        return;
    }
    uint8_t type = frame.len ? (uint8_t)frame.ptr[0] : 0;
    if (type == ZR_TYPE_TRUNK) {
        gateways_trunk(leaf, client, frame);
        return;
    }
    if (type == ZR_TYPE_CONTROL && gateways_control(leaf, client, frame))
        return;
    carry_open(leaf, client);
    upstream_send(leaf, client->number, frame);
}

/* --- The back --- */

static void s_subscription(void *self, zr_span_t message) {
    if (message.len < 2 || message.ptr[0] != 1 || (uint8_t)message.ptr[1] != ZR_TYPE_SYNC)
        return;
    zr_span_t nonce = zr_span_of(message.ptr + 2, message.len - 2);
    if (zr_hex_valid(nonce, ZR_NONCE_MIN, ZR_NONCE_MAX))
        wanted_nonce(self, nonce);
}

void leaf_topic(leaf_t *leaf, zr_span_t topic, bool wanted) {
    wanted_topic(leaf, topic, wanted);
}

void leaf_take_back(leaf_t *leaf, zr_blob_t *frame) {
    zr_span_t bytes = zr_span_of(zr_blob_data(frame), zr_blob_len(frame)), nonce, json;
    if (bytes.len == 0 || (uint8_t)bytes.ptr[0] != ZR_TYPE_SYNC) {
        leaf->stats.deliveries++;
        outbox_add(leaf->outbox, &(effect_t){.kind = EFFECT_PUBLISH, .frame = frame});
        return;
    }
    if (zr_back_read(bytes, &nonce, &json) == ZR_BACK_SYNCED)
        wanted_synced(leaf, nonce, json);
    zr_blob_unref(frame);
}

/* --- Frames of the upstream --- */

/* A live frame of a private room, or its presence: a client whose queue is full can do without, as `prev` shows the loss.
 * Names of rooms hold no byte below 0x20. */
static bool s_is_live(zr_span_t frame) {
    if (frame.len == 0 || (uint8_t)frame.ptr[0] < ' ' || frame.ptr[0] == ZR_TYPE_CONTROL)
        return false;
    for (size_t i = 1; i + 2 < frame.len && i <= ZR_ROOM_MAX; i++)
        if ((uint8_t)frame.ptr[i] < ' ')
            return frame.ptr[i] == ZR_TOPIC_PRESENCE || !(frame.ptr[i + 2] & (ZR_FRAME_REPLAY | ZR_FRAME_STATE));
    return false;
}

/* Clients read at this leaf. */
static zr_blob_t *s_welcome(const leaf_t *leaf, const leaf_client_t *client, zr_span_t frame) {
    json_t *welcome = NULL;
    if (zr_control_read(frame, &welcome) != ZR_OK)
        return zr_blob_copy(frame.ptr, frame.len);
    json_object_set_new(welcome, "back", json_string(client->back));
    if (leaf->config.relay->greeting)
        json_object_set_new(welcome, "greeting", json_string(leaf->config.relay->greeting));
    const char *peers = leaf->config.relay->peers;
    json_object_del(welcome, "peers");
    if (peers && peers[0])
        json_object_set_new(welcome, "peers", zr_json_list(zr_span(peers)));
    return zr_control_write(welcome);
}

static void s_deliver(leaf_t *leaf, leaf_client_t *client, zr_span_t inner) {
    static const char welcome[] = "{\"op\":\"welcome\"";
    if (client->opens && inner.len > 0 && inner.ptr[0] == ZR_TYPE_CONTROL && gateways_answer(leaf, client, inner))
        return;
    effect_t effect = {.kind = EFFECT_SEND, .route = client->route, .live = s_is_live(inner)};
    effect.frame = client->back && zr_span_starts(inner, zr_span(welcome)) ? s_welcome(leaf, client, inner)
                                                                           : zr_blob_copy(inner.ptr, inner.len);
    outbox_add(leaf->outbox, &effect);
}

static void s_control(leaf_t *leaf, zr_span_t frame) {
    json_t *object = NULL;
    if (zr_control_read(frame, &object) != ZR_OK)
        return;
    const char *op = json_string_value(json_object_get(object, "op"));
    if (!op)
        op = "";
    if (strcmp(op, "pong") == 0)
        upstream_on_pong(leaf, object);
    else if (strcmp(op, "ok") == 0)
        carry_on_ok(leaf, object);
    else if (strcmp(op, "close") == 0)
        carry_on_close(leaf, object);
    else if (strcmp(op, "error") == 0 && !carry_on_error(leaf, object))
        upstream_on_error(leaf, object);
    else if (strcmp(op, "welcome") == 0)
        upstream_on_welcome(leaf, object);
    else if (strcmp(op, "bye") == 0)
        upstream_on_bye(leaf, object);
    json_decref(object);
}

void leaf_take_front(leaf_t *leaf, zr_span_t frame) {
    uint32_t number;
    zr_span_t inner;
    upstream_heard(leaf);
    if (zr_trunk_read(frame, &number, &inner)) {
        leaf_client_t *client = clients_of(&leaf->clients, number);
        if (client && client->open && !client->closing && !client->parting)
            s_deliver(leaf, client, inner);
    } else if (frame.len > 0 && frame.ptr[0] == ZR_TYPE_CONTROL) {
        s_control(leaf, frame);
    }
}

void leaf_follow(leaf_t *leaf, const zr_server_t *server) {
    upstream_follow(leaf, server);
}

void leaf_up(leaf_t *leaf) {
    upstream_up(leaf);
}

void leaf_down(leaf_t *leaf, const char *why) {
    upstream_lose(leaf, why);
}

void leaf_back_down(leaf_t *leaf) {
    upstream_lose_back(leaf);
}

/* --- Time, losses, users --- */

static void s_rise(void *self, uint64_t rising) {
    ((leaf_t *)self)->now = rising / 1000;
}

static void s_tick(void *self) {
    upstream_tick(self);
}

void leaf_left(leaf_t *leaf, uint64_t connection) {
    leaf_client_t *client = clients_with(&leaf->clients, connection);
    if (client)
        client->left = true;
}

/* Of a client with a connection. */
static bool s_is_over(const leaf_t *leaf, const leaf_client_t *client) {
    uint64_t since = client->heard > leaf->idle_from ? client->heard : leaf->idle_from;
    uint64_t idle = client->left ? LEFT_MS : IDLE_BEATS * leaf->upstream.trunk.heartbeat;
    return leaf->now - since > idle;
}

/* A reader without a client: the upstream would not say that its user lost the right to read. */
static void s_end_readers(leaf_t *leaf, bool stopped) {
    leaf_user_t *user, *next;
    HASH_ITER(hh, leaf->clients.users, user, next) {
        if (user->clients > 0 || !user->seen || stopped || !upstream_is_live(leaf))
            user->seen = leaf->now;
        else if (leaf->now - user->seen > IDLE_BEATS * leaf->upstream.trunk.heartbeat)
            carry_drop_user(leaf, zr_span(user->name));
    }
}

/* After the process was stopped, frames of clients wait to be read: they are not silent. */
static void s_second(void *self, uint64_t now, bool forgets) {
    leaf_t *leaf = self;
    bool stopped = leaf->now - leaf->second_at > 3 * SECOND_MS;
    leaf_client_t *client, *next, *gateway = NULL; /* its clients end with it, so it waits for the end of the walk */
    (void)now;
    (void)forgets;
    leaf->second_at = leaf->now;
    if (stopped)
        leaf->idle_from = leaf->now;
    HASH_ITER(by_route, leaf->clients.by_route, client, next) {
        client->faults -= client->faults < leaf->config.relay->rate_ops ? client->faults : leaf->config.relay->rate_ops;
        bool over = !client->gateway && s_is_over(leaf, client);
        if (over && client->carried)
            gateway = client;
        else if (over)
            carry_end(leaf, client);
    }
    if (gateway)
        carry_end(leaf, gateway);
    s_end_readers(leaf, stopped);
}

/* A frame could not be sent. The session is detached by the end of its channel; the client comes back. */
static void s_route_lost(void *self, route_t route) {
    leaf_t *leaf = self;
    leaf_client_t *client = clients_at(&leaf->clients, route);
    leaf->stats.dropped++;
    outbox_drop_route(leaf->outbox, route);
    if (!client)
        return;
    if (client->gateway) {
        carry_send_away(leaf, client, "slow");
        return;
    }
    outbox_add(leaf->outbox, &(effect_t){.kind = EFFECT_DROP, .connection = client->connection});
    carry_end(leaf, client);
}

static bool s_is_trunk(const void *self, route_t connection) {
    const leaf_client_t *client = clients_at(&((const leaf_t *)self)->clients, connection);
    return client && client->carried;
}

static bool s_is_full(const void *self) {
    return upstream_is_full(self);
}

/* The upstream decides which clients may read. It accepted the channel of a client before that client knows where the back is. */
static bool s_shuts_out(const void *self, zr_span_t user) {
    return !clients_has_user(&((const leaf_t *)self)->clients, user);
}

static void s_set_access(void *self, access_t *access) {
    leaf_t *leaf = self;
    access_destroy(leaf->config.access);
    leaf->config.access = access;
}

static void s_disown(void *self, zr_span_t user) {
    carry_drop_user(self, user);
}

static void s_shutdown(void *self) {
    leaf_t *leaf = self;
    leaf_client_t *client, *next;
    HASH_ITER(by_route, leaf->clients.by_route, client, next)
    if (!client->gateway)
        carry_say(leaf, client->route, json_pack("{ss ss}", "op", "bye", "reason", "shutdown"));
    if (upstream_is_live(leaf))
        upstream_say(leaf, json_pack("{ss}", "op", "bye"));
}

static relay_stats_t s_stats(const void *self) {
    const leaf_t *leaf = self;
    relay_stats_t stats = leaf->stats;
    stats.sessions = HASH_CNT(by_route, leaf->clients.by_route);
    return stats;
}

core_t leaf_core(leaf_t *leaf) {
    static const core_calls_t calls = {
        .frame = s_frame,
        .subscription = s_subscription,
        .rise = s_rise,
        .tick = s_tick,
        .second = s_second,
        .route_lost = s_route_lost,
        .is_trunk = s_is_trunk,
        .is_full = s_is_full,
        .shuts_out = s_shuts_out,
        .set_access = s_set_access,
        .disown = s_disown,
        .shutdown = s_shutdown,
        .stats = s_stats,
    };
    return (core_t){&calls, leaf};
}

leaf_t *leaf_new(const leaf_config_t *config, outbox_t *outbox) {
    leaf_t *leaf = fatal_calloc(sizeof *leaf);
    leaf->config = *config;
    leaf->outbox = outbox;
    upstream_begin(leaf);
    return leaf;
}

void leaf_destroy(leaf_t *leaf) {
    if (!leaf)
        return;
    clients_finish(&leaf->clients);
    wanted_finish(&leaf->wanted);
    access_destroy(leaf->config.access);
    free(leaf);
}
