/* See node.h: the loop, and what it carries out. */
#include "node.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node_state.h"
#include "pglog.h"

enum { TICK_MS = 100, SECOND_MS = 1000, BATCH = 32, EXIT_MS = 1000, AWAY_MS = 10000, STILL_MS = 20 };

static world_t *s_world(const node_t *node) {
    return &node->sim->world;
}

/* --- What others ask --- */

const char *node_front(unsigned number) {
    static const char *const fronts[NODES] = {"tcp://10.0.0.1:5570", "tcp://10.0.0.2:5570", "tcp://10.0.0.3:5570"};
    return fronts[number];
}

unsigned node_number(const node_t *node) {
    return node->number;
}

cluster_t *node_sim(const node_t *node) {
    return node->sim;
}

bool node_serves(const node_t *node) {
    return node->state >= NODE_FOLLOWS;
}

bool node_leads(const node_t *node) {
    return node->state == NODE_LEADS;
}

unsigned node_incarnation(const node_t *node) {
    return node->incarnation;
}

bool node_is(const node_t *node, unsigned incarnation) {
    return node->state != NODE_DOWN && node->incarnation == incarnation;
}

log_t *node_log(const node_t *node) {
    return node->log;
}

uint64_t node_epoch(const node_t *node) {
    return node->epoch;
}

uint64_t node_claim(const node_t *node) {
    return node->claim;
}

const uint64_t *node_frozen(const node_t *node) {
    return &node->frozen;
}

bool node_is_frozen(const node_t *node) {
    return s_world(node)->now < node->frozen;
}

uint64_t node_time(const node_t *node) {
    return node_is_frozen(node) ? node->frozen : s_world(node)->now;
}

static uint64_t s_clock(const node_t *node) {
    return s_world(node)->now + 1700000000ULL * 1000 * MS;
}

/* An event of the process; false: it is gone, or the event comes once it goes on. */
static bool s_runs(node_t *node, uint64_t incarnation, event_fn *event, uint64_t arg) {
    if (!node_is(node, (unsigned)incarnation))
        return false;
    if (node_is_frozen(node)) {
        world_at(s_world(node), node->frozen, event, node, arg);
        return false;
    }
    if (node->log && !pglog_leads(node->log)) { /* it stands still */
        world_at(s_world(node), s_world(node)->now + STILL_MS * MS, event, node, arg);
        return false;
    }
    return node_serves(node);
}

/* --- Tickets --- */

static ticket_t *s_ticket(node_t *node, uint64_t session) {
    for (size_t i = 0; i < node->ticket_count; i++)
        if (node->tickets[i].session == session)
            return &node->tickets[i];
    return NULL;
}

static void s_ran_out(void *ctx, uint64_t arg) {
    node_t *node = ctx;
    if (!s_runs(node, arg >> 40, s_ran_out, arg))
        return;
    ticket_t *ticket = s_ticket(node, arg & 0xffffffffff);
    if (!ticket)
        return;
    if (s_world(node)->now < ticket->due) {
        world_at(s_world(node), ticket->due, s_ran_out, node, arg);
        return;
    }
    ticket->due = 0;
    ticket->pending = false;
    relay_silent(node->relay, ticket->session);
    node_end_pass(node);
}

static void s_restart(node_t *node, ticket_t *ticket) {
    ticket->due = s_world(node)->now + node->sim->params.heartbeat_ms * MS;
    if (!ticket->pending)
        world_at(s_world(node), ticket->due, s_ran_out, node, (uint64_t)node->incarnation << 40 | ticket->session);
    ticket->pending = true;
}

static void s_watch(void *ctx, uint64_t session) {
    node_t *node = ctx;
    if (node->ticket_count == node->ticket_size)
        node->tickets = world_grow(node->tickets, &node->ticket_size, sizeof *node->tickets);
    node->tickets[node->ticket_count] = (ticket_t){.session = session};
    s_restart(node, &node->tickets[node->ticket_count++]);
}

static void s_alive(void *ctx, uint64_t session) {
    ticket_t *ticket = s_ticket(ctx, session);
    if (ticket)
        s_restart(ctx, ticket);
}

static void s_unwatch(void *ctx, uint64_t session) {
    node_t *node = ctx;
    ticket_t *ticket = s_ticket(node, session);
    if (ticket)
        *ticket = node->tickets[--node->ticket_count];
}

/* --- Effects --- */

static void s_publish(void *ctx, zr_blob_t *frame) {
    node_t *node = ctx;
    world_trace(s_world(node), "n%u publishes %zu bytes", node->number, zr_blob_len(frame));
    network_publish(&node->sim->network, node->incarnation, frame);
}

static zr_blob_t *s_for_channel(uint32_t channel, zr_blob_t *frame) {
    zr_blob_t *trunk = zr_trunk_frame(channel, zr_span_of(zr_blob_data(frame), zr_blob_len(frame)));
    zr_blob_unref(frame);
    return trunk;
}

/* What is for a trunk waits in the broker (trunk_queue.h). */
static edge_sent_t s_send(void *ctx, route_t route, zr_blob_t *frame, bool live) {
    node_t *node = ctx;
    conn_t *conn = network_conn(&node->sim->network, route_connection(route));
    (void)live;
    int len = zr_blob_data(frame)[0] == '{' ? (int)zr_blob_len(frame) : 0;
    world_trace(s_world(node), "n%u to %" PRIu64 "/%u: %zu bytes %.*s", node->number, route_connection(route),
        route_channel(route), zr_blob_len(frame), len, (const char *)zr_blob_data(frame));
    bool trunk = route_channel(route) || core_is_trunk(&node->core, route_connection(route));
    if (route_channel(route))
        frame = s_for_channel(route_channel(route), frame);
    if (trunk && conn->broker_open) {
        conn_down(conn, frame);
        return EDGE_SENT;
    }
    if (network_send(&node->sim->network, conn->route, frame))
        return EDGE_SENT;
    return conn->broker_open ? EDGE_FULL : EDGE_GONE;
}

static void s_drop(void *ctx, uint64_t connection) {
    network_drop(&((node_t *)ctx)->sim->network, (route_t)connection);
}

static void s_lose(void *ctx, route_t route) {
    core_route_lost(&((node_t *)ctx)->core, route);
}

static const edge_calls_t s_calls = {
    .send = s_send,
    .publish = s_publish,
    .watch = s_watch,
    .alive = s_alive,
    .unwatch = s_unwatch,
    .drop = s_drop,
    .lost = s_lose,
};

/* --- The loop --- */

static void s_wake(void *ctx, uint64_t incarnation);

static void s_wake_at(node_t *node, uint64_t when) {
    if (node->woken)
        return;
    node->woken = true;
    world_at(s_world(node), when, s_wake, node, node->incarnation);
}

void node_begin_pass(node_t *node) {
    while (edge_carry_out(&node->edge))
        ;
}

static bool s_carry_out(node_t *node) {
    for (uint64_t bites = rng_below(&s_world(node)->rng, 4); bites > 0; bites--)
        if (!edge_carry_out(&node->edge))
            return true;
    return outbox_is_empty(&node->outbox);
}

void node_end_pass(node_t *node) {
    core_flush(&node->core);
    bool done = s_carry_out(node);
    for (uint64_t pieces = rng_below(&s_world(node)->rng, 4); done && pieces > 0; pieces--) {
        if (core_has_work(&node->core))
            core_work(&node->core);
        done = s_carry_out(node);
    }
    if (!done || core_has_work(&node->core))
        s_wake_at(node, s_world(node)->now + rng_skewed(&s_world(node)->rng, 2 * MS));
}

void node_push(node_t *node, const arrival_t *arrival) {
    if (!node_serves(node) || node->stopping) {
        zr_blob_unref(arrival->frame);
        return;
    }
    if (node->head + node->count == node->size)
        node->arrivals = world_grow(node->arrivals, &node->size, sizeof *node->arrivals);
    node->arrivals[node->head + node->count++] = *arrival;
    s_wake_at(node, s_world(node)->now + rng_skewed(&s_world(node)->rng, 2 * MS));
}

static void s_handle(node_t *node, const arrival_t *arrival) {
    zr_blob_t *frame = arrival->frame;
    zr_span_t text = frame ? zr_span_of(zr_blob_data(frame), zr_blob_len(frame)) : zr_span("");
    switch (arrival->kind) {
    case CAME_FRAME:
        node->speaks = network_conn(&node->sim->network, arrival->route);
        core_frame(&node->core, arrival->route, text, s_clock(node));
        break;
    case CAME_SUBSCRIPTION:
        core_subscription(&node->core, text);
        break;
    case CAME_WANTED:
    case CAME_UNWANTED:
        if (node->leaf)
            leaf_topic(node->leaf, text, arrival->kind == CAME_WANTED);
        break;
    case CAME_LEFT:
        if (node->leaf)
            leaf_left(node->leaf, arrival->route);
        break;
    default:
        node_up(node, arrival);
        return;
    }
    zr_blob_unref(frame);
}

static void s_take_in(node_t *node, uint64_t most) {
    for (; most > 0 && node->count > 0; most--) {
        arrival_t arrival = node->arrivals[node->head++];
        if (--node->count == 0)
            node->head = 0;
        s_handle(node, &arrival);
    }
}

static void s_wake(void *ctx, uint64_t incarnation) {
    node_t *node = ctx;
    if (!s_runs(node, incarnation, s_wake, incarnation))
        return;
    node->woken = false;
    core_rise(&node->core, s_world(node)->now);
    node_begin_pass(node);
    s_take_in(node, rng_between(&s_world(node)->rng, 1, BATCH));
    node_end_pass(node);
    if (node->count > 0)
        s_wake_at(node, s_world(node)->now);
}

static void s_tick(void *ctx, uint64_t incarnation) {
    node_t *node = ctx;
    if (!s_runs(node, incarnation, s_tick, incarnation))
        return;
    core_rise(&node->core, s_world(node)->now);
    core_tick(&node->core);
    node_end_pass(node);
    world_at(s_world(node), s_world(node)->now + TICK_MS * MS, s_tick, node, incarnation);
}

static void s_second(void *ctx, uint64_t incarnation) {
    node_t *node = ctx;
    if (node_is(node, (unsigned)incarnation) && !node_is_frozen(node) && node->log)
        pglog_tick(node->log); /* a thread of its own */
    if (!s_runs(node, incarnation, s_second, incarnation))
        return;
    core_rise(&node->core, s_world(node)->now);
    core_second(&node->core, s_clock(node), true);
    node_end_pass(node);
    world_at(s_world(node), s_world(node)->now + SECOND_MS * MS, s_second, node, incarnation);
}

/* --- The network's side --- */

unsigned node_listens(const node_t *node, const socket_t *socket) {
    const char *endpoint = socket->kind == CONN_FRONT ? node_front(node->number) : node->back;
    return node_serves(node) && strcmp(endpoint, socket->endpoint) == 0 ? node->incarnation : 0;
}

static void s_push_topic(node_t *node, zr_span_t topic, bool on) {
    bool changed = on ? topics_add(&node->topics, topic) : topics_remove(&node->topics, topic);
    if (changed && node->leaf)
        node_push(
            node, &(arrival_t){.kind = on ? CAME_WANTED : CAME_UNWANTED, .frame = zr_blob_copy(topic.ptr, topic.len)});
}

void node_receive(node_t *node, conn_t *conn, zr_blob_t *frame) {
    bool front = conn->kind == CONN_FRONT;
    const char *bytes = (const char *)zr_blob_data(frame);
    if (!front)
        s_push_topic(node, zr_span_of(bytes + 1, zr_blob_len(frame) - 1), bytes[0]);
    node_push(node,
        &(arrival_t){.kind = front ? CAME_FRAME : CAME_SUBSCRIPTION, .route = front ? conn->route : 0, .frame = frame});
}

void node_gone(node_t *node, conn_t *conn) {
    if (conn->kind == CONN_FRONT)
        node_push(node, &(arrival_t){.kind = CAME_LEFT, .route = conn->route});
    for (size_t i = 0; i < conn->topics.count; i++)
        s_push_topic(node, zr_span_of(conn->topics.items[i].text, conn->topics.items[i].len), false);
}

/* --- Birth and death --- */

static void s_entropy(void *ctx, void *out, size_t len) {
    rng_fill(&((node_t *)ctx)->sim->entropy, out, len);
}

static zr_span_t s_back(void *ctx) {
    return zr_span(((node_t *)ctx)->back);
}

static void s_peer(void *ctx, peer_t *peer) {
    *peer = (peer_t){.local = true, .connection = ((node_t *)ctx)->speaks->route};
}

static void s_configure(node_t *node) {
    relay_config_default(&node->config);
    node->config.heartbeat_ms = node->sim->params.heartbeat_ms;
    node->config.forget_after_ms = 0;
    node->config.epoch = node->epoch;
    node->config.presence_base = s_clock(node);
    node->config.entropy = s_entropy;
    node->config.back = s_back;
    node->config.peer = s_peer;
    node->config.entropy_ctx = node->config.back_ctx = node->config.peer_ctx = node;
    node->config.peers = node->peers;
}

static void s_serve(node_t *node, node_state_t state) {
    world_t *world = s_world(node);
    node->edge =
        (edge_t){.calls = &s_calls, .ctx = node, .relay = node->relay, .log = node->log, .outbox = &node->outbox};
    node->state = state;
    node->woken = false;
    core_rise(&node->core, world->now);
    world_at(world, world->now + TICK_MS * MS, s_tick, node, node->incarnation);
    world_at(world, world->now + SECOND_MS * MS, s_second, node, node->incarnation);
}

void node_lead(node_t *node) {
    world_trace(
        s_world(node), "n%u leads in term %" PRIu64 ", epoch %016" PRIx64, node->number, node->term, node->epoch);
    s_configure(node);
    node->log = pglog_new(node, node->conn, node->term, node->batch, node->wal);
    node->conn = NULL;
    node->relay = relay_new(&node->config, node->log, &node->outbox);
    node->core = relay_core(node->relay);
    s_serve(node, NODE_LEADS);
}

void node_follow(node_t *node) {
    world_trace(s_world(node), "n%u follows n%d", node->number, node->leader);
    s_configure(node);
    leaf_config_t config = {.server = node_front((unsigned)node->leader),
        .agent = "sim",
        .plain = true,
        .relay = &node->config,
        .calls = &node_leaf_calls,
        .ctx = node};
    node->leaf = leaf_new(&config, &node->outbox);
    node->core = leaf_core(node->leaf);
    s_serve(node, NODE_FOLLOWS);
}

/* The process is gone, with all it knew. */
void node_end(node_t *node, bool silently) {
    uint64_t unnoticed = silently ? rng_between(&s_world(node)->rng, 5, 20) * 1000 * MS : 0;
    if (node->state == NODE_DOWN)
        return;
    if (node->log)
        pglog_end(node->log, unnoticed);
    db_conn_close(node->conn, unnoticed);
    db_conn_close(node->look, unnoticed);
    node->conn = node->look = NULL;
    relay_destroy(node->relay);
    leaf_destroy(node->leaf);
    log_destroy(node->log);
    node->relay = NULL;
    node->leaf = NULL;
    node->log = NULL;
    outbox_finish(&node->outbox);
    for (; node->count > 0; node->count--)
        zr_blob_unref(node->arrivals[node->head++].frame);
    node->head = node->ticket_count = node->topics.count = 0;
    node->state = NODE_DOWN;
    node->made_front++;
    node->made_back++;
    node->stopping = false;
    node->frozen = 0;
    socket_close(&node->up_front);
    socket_close(&node->up_back);
    network_process_gone(&node->sim->network, node->incarnation, silently);
}

void node_restart(node_t *node, uint64_t after) {
    world_at(s_world(node), s_world(node)->now + after, node_begin, node, node->incarnation);
}

void node_kill(node_t *node, bool silently) {
    if (node->state == NODE_DOWN)
        return;
    world_trace(s_world(node), "n%u is %s", node->number, silently ? "lost with its machine" : "killed");
    node_end(node, silently);
}

void node_exit(node_t *node, const char *why) {
    world_trace(s_world(node), "n%u ends: %s", node->number, why);
    node_end(node, false);
    node_restart(node, EXIT_MS * MS);
}

void node_stall(node_t *node, uint64_t until) {
    if (node->state == NODE_DOWN)
        return;
    world_trace(s_world(node), "n%u stands still until %.3f", node->number, (double)until / (double)MS);
    node->frozen = until;
}

/* --- SIGTERM --- */

static void s_say_bye(node_t *node) {
    core_shutdown(&node->core);
    core_flush(&node->core);
    node_begin_pass(node);
    node_end(node, false);
    node_restart(node, rng_skewed(&s_world(node)->rng, AWAY_MS * MS));
}

/* It takes in what is there, and nothing more. Once all is stored and acked, it says bye. */
static void s_drain(void *ctx, uint64_t incarnation) {
    node_t *node = ctx;
    if (!s_runs(node, incarnation, s_drain, incarnation))
        return;
    core_rise(&node->core, s_world(node)->now);
    node_begin_pass(node);
    s_take_in(node, UINT64_MAX);
    core_flush(&node->core);
    node_begin_pass(node);
    if (node->log && !pglog_is_idle(node->log))
        world_at(s_world(node), s_world(node)->now + 20 * MS, s_drain, node, incarnation);
    else
        s_say_bye(node);
}

void node_stop(node_t *node) {
    if (!node_serves(node) || node->stopping)
        return;
    world_trace(s_world(node), "n%u is to stop", node->number);
    node->stopping = true;
    s_drain(node, node->incarnation);
}

/* --- For the faults --- */

db_conn_t *node_conn(const node_t *node) {
    return node->log ? pglog_conn(node->log) : node->conn ? node->conn : node->look;
}

conn_t *node_trunk(const node_t *node, conn_kind_t kind) {
    return kind == CONN_FRONT ? node->up_front.conn : node->up_back.conn;
}

node_t *node_new(cluster_t *sim, unsigned number) {
    node_t *node = world_calloc(sizeof *node);
    node->sim = sim;
    node->number = number;
    snprintf(node->back, sizeof node->back, "tcp://10.0.0.%u:5571", number + 1);
    for (unsigned other = 0; other < sim->params.nodes && other < NODES; other++)
        if (other != number)
            snprintf(node->peers + strlen(node->peers), sizeof node->peers - strlen(node->peers), "%s%s",
                node->peers[0] ? "," : "", node_front(other));
    node_init_sockets(node);
    node_restart(node, 0);
    return node;
}

void node_destroy(node_t *node) {
    if (!node)
        return;
    node_end(node, false);
    socket_finish(&node->up_front);
    socket_finish(&node->up_back);
    free(node->arrivals);
    free(node->tickets);
    free(node->topics.items);
    free(node);
}
