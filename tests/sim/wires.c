/* See wires.h. */
#include "wires.h"

#include "broker.h"
#include "client.h"
#include "gateway.h"
#include "sim.h"

/* Some clients come by the gateway, if there is one. */
static bool s_is_carried(const sim_t *sim, const socket_t *socket) {
    return socket->client && socket->kind == CONN_FRONT && sim->gateway && client_number(socket->client) % 3;
}

static unsigned s_listens(void *ctx, const socket_t *socket) {
    const sim_t *sim = ctx;
    bool listens = s_is_carried(sim, socket) ? gateway_is_ready(sim->gateway)
                                             : broker_listens(sim, socket->kind, socket->endpoint);
    return listens ? broker_incarnation(sim) : 0;
}

static void s_accepted(void *ctx, conn_t *conn) {
    const sim_t *sim = ctx;
    if (!s_is_carried(sim, conn->socket))
        return;
    conn->gateway = sim->gateway;
    gateway_client_came(conn);
}

static bool s_is_at_gateway(const conn_t *conn) {
    return conn->client && conn->gateway;
}

static void s_receive(void *ctx, conn_t *conn, zr_blob_t *frame) {
    sim_t *sim = ctx;
    if (s_is_at_gateway(conn))
        gateway_take(conn, frame);
    else if (broker_is(sim, conn->incarnation))
        broker_receive(sim, conn->kind == CONN_FRONT ? conn->route : 0, frame);
    else
        zr_blob_unref(frame);
}

static void s_gone(void *ctx, conn_t *conn) {
    (void)ctx;
    if (s_is_at_gateway(conn))
        gateway_client_gone(conn);
}

static void s_trunk_frame(void *ctx, conn_t *conn, zr_blob_t *frame) {
    (void)ctx;
    gateway_receive(conn->gateway, conn, frame);
}

static void s_trunk_gone(void *ctx, conn_t *conn) {
    (void)ctx;
    gateway_trunk_gone(conn->gateway, conn);
}

void wires_init(sim_t *sim) {
    static const network_calls_t calls = {
        .listens = s_listens,
        .accepted = s_accepted,
        .receive = s_receive,
        .gone = s_gone,
        .trunk_frame = s_trunk_frame,
        .trunk_gone = s_trunk_gone,
    };
    const params_t *params = &sim->params;
    sim->network = (network_t){.world = &sim->world,
        .calls = &calls,
        .ctx = sim,
        .latency = params->latency,
        .jitter = params->jitter,
        .route_queue = params->route_queue,
        .reader_queue = params->reader_queue,
        .drop_chance = params->drop_chance};
}
