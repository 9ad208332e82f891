#include "network.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "client.h"
#include "gateway.h"
#include "sim.h"

/* --- Queues and topics --- */

void queue_push(queue_t *queue, zr_blob_t *frame) {
    if (queue->head + queue->count == queue->size) {
        if (queue->head > queue->count)
            memmove(queue->items, queue->items + queue->head, queue->count * sizeof *queue->items);
        else {
            size_t size = queue->size;
            queue->items = world_grow(queue->items, &size, sizeof *queue->items);
            queue->size = size;
            memmove(queue->items, queue->items + queue->head, queue->count * sizeof *queue->items);
        }
        queue->head = 0;
    }
    queue->items[queue->head + queue->count++] = frame;
}

zr_blob_t *queue_pop(queue_t *queue) {
    if (queue->count == 0)
        return NULL;
    zr_blob_t *frame = queue->items[queue->head++];
    if (--queue->count == 0)
        queue->head = 0;
    return frame;
}

void queue_cut(queue_t *queue, size_t keep) {
    while (queue->count > keep)
        zr_blob_unref(queue->items[queue->head + --queue->count]);
}

void queue_finish(queue_t *queue) {
    queue_cut(queue, 0);
    free(queue->items);
    *queue = (queue_t){0};
}

/* Where `topic` is or would be; `*found` says which. */
static size_t s_topic(const topics_t *topics, const uint8_t *text, size_t len, bool *found) {
    size_t at = 0;
    *found = false;
    for (; at < topics->count; at++) {
        const topic_t *topic = &topics->items[at];
        int order = zr_span_compare(zr_span_of(topic->text, topic->len), zr_span_of(text, len));
        *found = order == 0;
        if (order >= 0)
            break;
    }
    return at;
}

/* True when the set has changed: only then a SUB tells its peer. */
static bool s_topics_add(topics_t *topics, const uint8_t *text, size_t len) {
    bool found;
    size_t at = s_topic(topics, text, len, &found);
    if (found) {
        topics->items[at].count++;
        return false;
    }
    if (topics->count == topics->size)
        topics->items = world_grow(topics->items, &topics->size, sizeof *topics->items);
    memmove(topics->items + at + 1, topics->items + at, (topics->count++ - at) * sizeof *topics->items);
    topics->items[at] = (topic_t){.len = len, .count = 1};
    memcpy(topics->items[at].text, text, len);
    return true;
}

static bool s_topics_remove(topics_t *topics, const uint8_t *text, size_t len) {
    bool found;
    size_t at = s_topic(topics, text, len, &found);
    if (!found || --topics->items[at].count > 0)
        return false;
    memmove(topics->items + at, topics->items + at + 1, (--topics->count - at) * sizeof *topics->items);
    return true;
}

static bool s_topics_match(const topics_t *topics, zr_span_t frame) {
    for (size_t i = 0; i < topics->count; i++)
        if (zr_span_starts(frame, zr_span_of(topics->items[i].text, topics->items[i].len)))
            return true;
    return false;
}

/* --- What is under way --- */

static uint64_t s_due(conn_t *conn, uint64_t *last) {
    const world_t *world = &conn->sim->world;
    uint64_t due = world->now + conn->latency + rng_skewed(&conn->sim->world.rng, conn->sim->params.jitter);
    if (due < conn->stalled)
        due = conn->stalled;
    if (due < *last)
        due = *last;
    return *last = due;
}

static void s_up_arrived(void *ctx, uint64_t arg) {
    (void)arg;
    conn_t *conn = ctx;
    zr_blob_t *frame = queue_pop(&conn->up);
    if (!frame)
        return;
    if (conn->client && conn->gateway) {
        gateway_take(conn, frame);
        return;
    }
    if (!broker_is(conn->sim, conn->incarnation)) {
        zr_blob_unref(frame);
        return;
    }
    if (conn->kind == CONN_BACK) {
        const uint8_t *data = zr_blob_data(frame);
        if (data[0])
            s_topics_add(&conn->topics, data + 1, zr_blob_len(frame) - 1);
        else
            s_topics_remove(&conn->topics, data + 1, zr_blob_len(frame) - 1);
    }
    broker_receive(conn->sim, conn->kind == CONN_FRONT ? conn->route : 0, frame);
}

static void s_receive(conn_t *conn, zr_blob_t *frame) {
    if (conn->socket)
        conn->socket->receive(conn->socket->owner, conn->kind, frame);
    else
        gateway_receive(conn->gateway, conn, frame);
}

static void s_down_arrived(void *ctx, uint64_t arg) {
    (void)arg;
    conn_t *conn = ctx;
    zr_blob_t *frame = queue_pop(&conn->down);
    if (frame)
        s_receive(conn, frame);
}

void conn_up(conn_t *conn, zr_blob_t *frame) {
    if (conn->hole) {
        zr_blob_unref(frame);
        return;
    }
    queue_push(&conn->up, frame);
    world_at(&conn->sim->world, s_due(conn, &conn->up_due), s_up_arrived, conn, 0);
}

void conn_down(conn_t *conn, zr_blob_t *frame) {
    if (conn->hole || !conn->client_open) {
        conn->swallowed++;
        zr_blob_unref(frame);
        return;
    }
    queue_push(&conn->down, frame);
    world_at(&conn->sim->world, s_due(conn, &conn->down_due), s_down_arrived, conn, 0);
}

static size_t s_waiting(const conn_t *conn) {
    bool holds = conn->socket && conn->client_open;
    return conn->down.count + conn->swallowed + (holds ? conn->socket->in.count : 0);
}

/* --- Connecting --- */

static void s_subscribe(conn_t *conn, const topic_t *topic, bool on) {
    zr_blob_t *frame = zr_blob_new(1 + topic->len);
    zr_blob_data(frame)[0] = on;
    memcpy(zr_blob_data(frame) + 1, topic->text, topic->len);
    conn_up(conn, frame);
}

static conn_t *s_conn(sim_t *sim, conn_kind_t kind) {
    network_t *network = &sim->network;
    if (network->count == network->size)
        network->conns = world_grow(network->conns, &network->size, sizeof *network->conns);
    conn_t *conn = network->conns[network->count++] = world_calloc(sizeof *conn);
    *conn = (conn_t){.sim = sim,
        .kind = kind,
        .incarnation = broker_incarnation(sim),
        .client_open = true,
        .broker_open = true,
        .latency = rng_below(&sim->world.rng, sim->params.latency + 1)};
    conn->route = ++network->last_route;
    return conn;
}

/* Some clients come by the gateway, if there is one. */
static bool s_is_carried(const socket_t *socket) {
    return socket->client && socket->kind == CONN_FRONT && socket->sim->gateway && client_number(socket->client) % 3;
}

static bool s_listens(const socket_t *socket) {
    if (s_is_carried(socket))
        return gateway_is_ready(socket->sim->gateway);
    return broker_listens(socket->sim, socket->kind, socket->endpoint);
}

static void s_try(void *ctx, uint64_t opened) {
    socket_t *socket = ctx;
    sim_t *sim = socket->sim;
    if (!socket->open || socket->opened != opened || socket->conn)
        return;
    if (sim->world.now < sim->network.cut || !s_listens(socket)) {
        world_at(&sim->world, sim->world.now + rng_between(&sim->world.rng, 50 * MS, 200 * MS), s_try, socket, opened);
        return;
    }
    conn_t *conn = s_conn(sim, socket->kind);
    conn->client = socket->client;
    conn->socket = socket;
    conn->gateway = s_is_carried(socket) ? sim->gateway : NULL;
    /* A change may go unheard: the machine is not to rely on it. */
    conn->watched = conn->kind == CONN_FRONT && (socket->heeded || rng_chance(&sim->world.rng, 3, 4));
    socket->conn = conn;
    world_trace(&sim->world, "%s %s connected as %" PRIu64, socket->name, socket->kind == CONN_FRONT ? "front" : "back",
        conn->route);
    if (conn->gateway)
        gateway_client_came(conn);
    if (conn->watched)
        socket->changed(socket->owner, true);
    zr_blob_t *frame;
    while ((frame = queue_pop(&socket->out)))
        conn_up(conn, frame);
    for (size_t i = 0; i < socket->topics.count; i++)
        s_subscribe(conn, &socket->topics.items[i], true);
}

conn_t *network_trunk(sim_t *sim, gateway_t *gateway) {
    if (sim->world.now < sim->network.cut || !broker_listens(sim, CONN_FRONT, ""))
        return NULL;
    conn_t *conn = s_conn(sim, CONN_FRONT);
    conn->gateway = gateway;
    world_trace(&sim->world, "gateway connected as %" PRIu64, conn->route);
    return conn;
}

static void s_reconnect(socket_t *socket, uint64_t after) {
    world_at(&socket->sim->world, socket->sim->world.now + after, s_try, socket, socket->opened);
}

/* --- Breaking --- */

static void s_broker_notices(void *ctx, uint64_t arg) {
    (void)arg;
    conn_t *conn = ctx;
    if (!conn->broker_open)
        return;
    conn->broker_open = false;
    conn->topics.count = 0;
    if (conn->client && conn->gateway)
        gateway_client_gone(conn);
}

/* The client's end is no more. Of what is under way each side still gets what was on the wire before the break. */
static void s_detach(conn_t *conn, uint64_t unnoticed, bool socket_stays) {
    rng_t *rng = &conn->sim->world.rng;
    conn->client_open = false;
    queue_cut(&conn->up, rng_below(rng, conn->up.count + 1));
    if (socket_stays)
        for (uint64_t left = rng_below(rng, conn->down.count + 1); left > 0; left--)
            s_receive(conn, queue_pop(&conn->down));
    queue_cut(&conn->down, 0);
    uint64_t notice = conn->sim->world.now + unnoticed;
    if (conn->up.count && notice < conn->up_due)
        notice = conn->up_due;
    if (notice == conn->sim->world.now)
        s_broker_notices(conn, 0);
    else
        world_at(&conn->sim->world, notice, s_broker_notices, conn, 0);
}

void conn_break(conn_t *conn, uint64_t unnoticed) {
    if (!conn->client_open)
        return;
    if (!conn->socket) {
        world_trace(&conn->sim->world, "trunk %" PRIu64 " breaks", conn->route);
        s_detach(conn, unnoticed, false);
        gateway_trunk_gone(conn->gateway, conn);
        return;
    }
    socket_t *socket = conn->socket;
    world_trace(&conn->sim->world, "%s connection %" PRIu64 " breaks", socket->name, conn->route);
    socket->conn = NULL;
    s_detach(conn, unnoticed, true);
    if (conn->watched)
        socket->changed(socket->owner, false);
    s_reconnect(socket, rng_between(&conn->sim->world.rng, 1 * MS, 200 * MS));
}

static void s_client_notices(void *ctx, uint64_t arg) {
    (void)arg;
    conn_break(ctx, 0);
}

void network_broker_gone(sim_t *sim) {
    for (size_t i = 0; i < sim->network.count; i++) {
        conn_t *conn = sim->network.conns[i];
        if (conn->client && conn->gateway)
            continue;
        conn->broker_open = false;
        conn->hole = true;
        queue_cut(&conn->up, 0);
        if (conn->client_open)
            world_at(&sim->world, sim->world.now + rng_skewed(&sim->world.rng, 2000 * MS), s_client_notices, conn, 0);
    }
}

void network_drop(sim_t *sim, route_t route) {
    conn_t *conn = network_conn(&sim->network, route);
    if (conn->client_open)
        world_at(&sim->world, sim->world.now, s_client_notices, conn, 0);
}

void network_drop_user(sim_t *sim, const char *user) {
    for (size_t i = 0; i < sim->network.count; i++) {
        const conn_t *conn = sim->network.conns[i];
        if (!conn->gateway && conn->client && strcmp(conn->client->user, user) == 0)
            network_drop(sim, conn->route);
    }
}

void network_heal(sim_t *sim) {
    sim->network.cut = 0;
    for (size_t i = 0; i < sim->network.count; i++) {
        conn_t *conn = sim->network.conns[i];
        conn->stalled = 0;
        conn->dropping = 0;
        /* A connection that swallows for ever is the client's to find out; half of them end by themselves. */
        if (conn->hole && conn->client_open && rng_chance(&sim->world.rng, 1, 2))
            conn_break(conn, 0);
    }
}

void network_finish(network_t *network) {
    for (size_t i = 0; i < network->count; i++) {
        conn_t *conn = network->conns[i];
        queue_finish(&conn->up);
        queue_finish(&conn->down);
        free(conn->topics.items);
        free(conn->channels);
        free(conn);
    }
    free(network->conns);
    *network = (network_t){0};
}

/* --- The client's end --- */

void socket_close(socket_t *socket) {
    if (!socket->open)
        return;
    socket->open = false;
    queue_cut(&socket->out, 0);
    queue_cut(&socket->in, 0);
    socket->topics.count = 0;
    conn_t *conn = socket->conn;
    socket->conn = NULL;
    if (conn)
        s_detach(
            conn, rng_chance(&socket->sim->world.rng, 1, 4) ? rng_below(&socket->sim->world.rng, 1000 * MS) : 0, false);
}

void socket_connect(socket_t *socket, const char *endpoint) {
    socket_close(socket);
    socket->open = true;
    socket->opened++;
    snprintf(socket->endpoint, sizeof socket->endpoint, "%s", endpoint);
    s_reconnect(socket, rng_below(&socket->sim->world.rng, 5 * MS));
}

void socket_send(socket_t *socket, zr_blob_t *frame) {
    if (socket->conn)
        conn_up(socket->conn, frame);
    else if (socket->open)
        queue_push(&socket->out, frame);
    else
        zr_blob_unref(frame);
}

void socket_subscribe(socket_t *socket, const uint8_t *topic, size_t len, bool on) {
    bool changed = on ? s_topics_add(&socket->topics, topic, len) : s_topics_remove(&socket->topics, topic, len);
    topic_t told = {.len = len};
    memcpy(told.text, topic, len);
    if (changed && socket->conn)
        s_subscribe(socket->conn, &told, on);
}

void socket_finish(socket_t *socket) {
    queue_finish(&socket->out);
    queue_finish(&socket->in);
    free(socket->topics.items);
}

/* --- The broker's end --- */

conn_t *network_conn(const network_t *network, route_t route) {
    return route >= 1 && route <= network->count ? network->conns[route - 1] : NULL;
}

bool network_send(sim_t *sim, route_t route, zr_blob_t *frame) {
    conn_t *conn = network_conn(&sim->network, route);
    bool sent = conn && conn->broker_open && s_waiting(conn) < sim->params.route_queue;
    if (sent)
        conn_down(conn, frame);
    else
        zr_blob_unref(frame);
    return sent;
}

void network_publish(sim_t *sim, zr_blob_t *frame) {
    rng_t *rng = &sim->world.rng;
    zr_span_t text = zr_span_of(zr_blob_data(frame), zr_blob_len(frame));
    for (size_t i = 0; i < sim->network.count; i++) {
        conn_t *conn = sim->network.conns[i];
        if (conn->kind != CONN_BACK || !conn->broker_open || !s_topics_match(&conn->topics, text))
            continue;
        if (!sim->quiet && conn->dropping == 0 && rng_chance(rng, sim->params.drop_chance, 1000))
            conn->dropping = 1 + rng_skewed(rng, 30);
        if (conn->dropping > 0)
            conn->dropping--;
        else if (s_waiting(conn) < sim->params.reader_queue)
            conn_down(conn, zr_blob_ref(frame));
    }
    zr_blob_unref(frame);
}
