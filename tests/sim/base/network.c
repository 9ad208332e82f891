#include "network.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Where `wanted` is or would be; `*found` says which. */
static size_t s_topic(const topics_t *topics, zr_span_t wanted, bool *found) {
    size_t at = 0;
    *found = false;
    for (; at < topics->count; at++) {
        const topic_t *topic = &topics->items[at];
        int order = zr_span_compare(zr_span_of(topic->text, topic->len), wanted);
        *found = order == 0;
        if (order >= 0)
            break;
    }
    return at;
}

/* Only when the set has changed a SUB tells its peer. */
bool topics_add(topics_t *topics, zr_span_t topic) {
    bool found;
    size_t at = s_topic(topics, topic, &found);
    if (found) {
        topics->items[at].count++;
        return false;
    }
    if (topics->count == topics->size)
        topics->items = world_grow(topics->items, &topics->size, sizeof *topics->items);
    memmove(topics->items + at + 1, topics->items + at, (topics->count++ - at) * sizeof *topics->items);
    topics->items[at] = (topic_t){.len = topic.len, .count = 1};
    if (topic.len)
        memcpy(topics->items[at].text, topic.ptr, topic.len);
    return true;
}

bool topics_remove(topics_t *topics, zr_span_t topic) {
    bool found;
    size_t at = s_topic(topics, topic, &found);
    if (!found || --topics->items[at].count > 0)
        return false;
    memmove(topics->items + at, topics->items + at + 1, (--topics->count - at) * sizeof *topics->items);
    return true;
}

static bool s_match(const topics_t *topics, zr_span_t frame) {
    for (size_t i = 0; i < topics->count; i++)
        if (zr_span_starts(frame, zr_span_of(topics->items[i].text, topics->items[i].len)))
            return true;
    return false;
}

/* --- What is under way --- */

static uint64_t s_due(conn_t *conn, uint64_t *last) {
    world_t *world = conn->network->world;
    uint64_t due = world->now + conn->latency + rng_skewed(&world->rng, conn->network->jitter);
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
    if (conn->kind == CONN_BACK) {
        const uint8_t *data = zr_blob_data(frame);
        zr_span_t topic = zr_span_of(data + 1, zr_blob_len(frame) - 1);
        if (data[0])
            topics_add(&conn->topics, topic);
        else
            topics_remove(&conn->topics, topic);
    }
    conn->network->calls->receive(conn->network->ctx, conn, frame);
}

static void s_receive(conn_t *conn, zr_blob_t *frame) {
    if (conn->socket)
        conn->socket->receive(conn->socket->owner, conn->kind, frame);
    else
        conn->network->calls->trunk_frame(conn->network->ctx, conn, frame);
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
    world_at(conn->network->world, s_due(conn, &conn->up_due), s_up_arrived, conn, 0);
}

void conn_down(conn_t *conn, zr_blob_t *frame) {
    if (conn->hole || !conn->client_open) {
        conn->swallowed++;
        zr_blob_unref(frame);
        return;
    }
    queue_push(&conn->down, frame);
    world_at(conn->network->world, s_due(conn, &conn->down_due), s_down_arrived, conn, 0);
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

static conn_t *s_conn(network_t *network, conn_kind_t kind, unsigned incarnation) {
    if (network->count == network->size)
        network->conns = world_grow(network->conns, &network->size, sizeof *network->conns);
    conn_t *conn = network->conns[network->count++] = world_calloc(sizeof *conn);
    *conn = (conn_t){.network = network,
        .kind = kind,
        .incarnation = incarnation,
        .client_open = true,
        .broker_open = true,
        .latency = rng_below(&network->world->rng, network->latency + 1)};
    conn->route = ++network->last_route;
    return conn;
}

static void s_try(void *ctx, uint64_t opened);

static void s_reconnect(socket_t *socket, uint64_t after) {
    world_t *world = socket->network->world;
    world_at(world, world->now + after, s_try, socket, socket->opened);
}

static void s_tell_failed(socket_t *socket) {
    if (socket->failed)
        socket->failed(socket->owner, socket->kind);
}

static void s_try(void *ctx, uint64_t opened) {
    socket_t *socket = ctx;
    network_t *network = socket->network;
    world_t *world = network->world;
    if (!socket->open || socket->opened != opened || socket->conn)
        return;
    unsigned incarnation = world->now < network->cut ? 0 : network->calls->listens(network->ctx, socket);
    if (!incarnation) {
        if (!socket->once)
            s_reconnect(socket, rng_between(&world->rng, 50 * MS, 200 * MS));
        s_tell_failed(socket);
        return;
    }
    conn_t *conn = s_conn(network, socket->kind, incarnation);
    conn->client = socket->client;
    conn->socket = socket;
    /* A change may go unheard: the machine is not to rely on it. */
    conn->watched = conn->kind == CONN_FRONT && (socket->heeded || rng_chance(&world->rng, 3, 4));
    socket->conn = conn;
    world_trace(
        world, "%s %s connected as %" PRIu64, socket->name, socket->kind == CONN_FRONT ? "front" : "back", conn->route);
    if (network->calls->accepted)
        network->calls->accepted(network->ctx, conn);
    if (conn->watched)
        socket->changed(socket->owner, true);
    zr_blob_t *frame;
    while ((frame = queue_pop(&socket->out)))
        conn_up(conn, frame);
    for (size_t i = 0; i < socket->topics.count; i++)
        s_subscribe(conn, &socket->topics.items[i], true);
}

conn_t *network_trunk(network_t *network, struct gateway *gateway, unsigned incarnation) {
    if (network->world->now < network->cut || !incarnation)
        return NULL;
    conn_t *conn = s_conn(network, CONN_FRONT, incarnation);
    conn->gateway = gateway;
    world_trace(network->world, "gateway connected as %" PRIu64, conn->route);
    return conn;
}

/* --- Breaking --- */

static void s_broker_notices(void *ctx, uint64_t arg) {
    (void)arg;
    conn_t *conn = ctx;
    if (!conn->broker_open)
        return;
    conn->broker_open = false;
    if (conn->network->calls->gone)
        conn->network->calls->gone(conn->network->ctx, conn);
    conn->topics.count = 0;
}

/* The client's end is no more. Of what is under way each side still gets what was on the wire before the break. */
static void s_detach(conn_t *conn, uint64_t unnoticed, bool socket_stays) {
    world_t *world = conn->network->world;
    rng_t *rng = &world->rng;
    conn->client_open = false;
    queue_cut(&conn->up, rng_below(rng, conn->up.count + 1));
    if (socket_stays)
        for (uint64_t left = rng_below(rng, conn->down.count + 1); left > 0; left--)
            s_receive(conn, queue_pop(&conn->down));
    queue_cut(&conn->down, 0);
    uint64_t notice = world->now + unnoticed;
    if (conn->up.count && notice < conn->up_due)
        notice = conn->up_due;
    if (notice == world->now)
        s_broker_notices(conn, 0);
    else
        world_at(world, notice, s_broker_notices, conn, 0);
}

void conn_break(conn_t *conn, uint64_t unnoticed) {
    network_t *network = conn->network;
    if (!conn->client_open)
        return;
    if (!conn->socket) {
        world_trace(network->world, "trunk %" PRIu64 " breaks", conn->route);
        s_detach(conn, unnoticed, false);
        network->calls->trunk_gone(network->ctx, conn);
        return;
    }
    socket_t *socket = conn->socket;
    world_trace(network->world, "%s connection %" PRIu64 " breaks", socket->name, conn->route);
    socket->conn = NULL;
    s_detach(conn, unnoticed, true);
    if (conn->watched)
        socket->changed(socket->owner, false);
    if (!socket->once)
        s_reconnect(socket, rng_between(&network->world->rng, 1 * MS, 200 * MS));
    if (socket->kind == CONN_BACK)
        s_tell_failed(socket);
}

static void s_client_notices(void *ctx, uint64_t arg) {
    (void)arg;
    conn_break(ctx, 0);
}

void network_process_gone(network_t *network, unsigned incarnation, bool silently) {
    world_t *world = network->world;
    for (size_t i = 0; i < network->count; i++) {
        conn_t *conn = network->conns[i];
        if (conn->incarnation != incarnation || (conn->client && conn->gateway))
            continue;
        conn->broker_open = false;
        conn->hole = true;
        queue_cut(&conn->up, 0);
        if (conn->client_open && !silently)
            world_at(world, world->now + rng_skewed(&world->rng, 2000 * MS), s_client_notices, conn, 0);
    }
}

void network_drop(network_t *network, route_t route) {
    conn_t *conn = network_conn(network, route);
    if (conn->client_open)
        world_at(network->world, network->world->now, s_client_notices, conn, 0);
}

void network_heal(network_t *network) {
    network->cut = 0;
    for (size_t i = 0; i < network->count; i++) {
        conn_t *conn = network->conns[i];
        conn->stalled = 0;
        conn->dropping = 0;
        /* A connection that swallows for ever is the client's to find out; half of them end by themselves. */
        if (conn->hole && conn->client_open && rng_chance(&network->world->rng, 1, 2))
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
    rng_t *rng = &socket->network->world->rng;
    if (conn)
        s_detach(conn, rng_chance(rng, 1, 4) ? rng_below(rng, 1000 * MS) : 0, false);
}

void socket_connect(socket_t *socket, const char *endpoint) {
    socket_close(socket);
    socket->open = true;
    socket->opened++;
    snprintf(socket->endpoint, sizeof socket->endpoint, "%s", endpoint);
    s_reconnect(socket, rng_below(&socket->network->world->rng, 5 * MS));
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
    zr_span_t text = zr_span_of(topic, len);
    bool changed = on ? topics_add(&socket->topics, text) : topics_remove(&socket->topics, text);
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

bool network_send(network_t *network, route_t route, zr_blob_t *frame) {
    conn_t *conn = network_conn(network, route);
    bool sent = conn && conn->broker_open && s_waiting(conn) < network->route_queue;
    if (sent)
        conn_down(conn, frame);
    else
        zr_blob_unref(frame);
    return sent;
}

void network_publish(network_t *network, unsigned incarnation, zr_blob_t *frame) {
    rng_t *rng = &network->world->rng;
    zr_span_t text = zr_span_of(zr_blob_data(frame), zr_blob_len(frame));
    for (size_t i = 0; i < network->count; i++) {
        conn_t *conn = network->conns[i];
        if (conn->kind != CONN_BACK || conn->incarnation != incarnation || !conn->broker_open ||
            !s_match(&conn->topics, text))
            continue;
        if (!network->quiet && conn->dropping == 0 && rng_chance(rng, network->drop_chance, 1000))
            conn->dropping = 1 + rng_skewed(rng, 30);
        if (conn->dropping > 0)
            conn->dropping--;
        else if (s_waiting(conn) < network->reader_queue)
            conn_down(conn, zr_blob_ref(frame));
    }
    zr_blob_unref(frame);
}
