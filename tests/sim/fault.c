/* Faults: of connections, of the broker, of programs that stand still. network.c loses frames on the back. */
#include <inttypes.h>

#include "broker.h"
#include "client.h"
#include "disklog.h"
#include "gateway.h"
#include "sim.h"
#include "web.h"

enum { KILLS_MAX = EPOCHS_MAX - 4 };

static conn_t *s_some_conn(sim_t *sim) {
    if (sim->gateway && rng_chance(&sim->world.rng, 1, 4))
        return gateway_trunk(sim->gateway);
    if (sim->web && rng_chance(&sim->world.rng, 1, 3))
        return web_conn(sim->web, rng_chance(&sim->world.rng, 1, 2) ? CONN_FRONT : CONN_BACK);
    client_t *client = sim->slots[rng_below(&sim->world.rng, SLOTS)];
    if (!client)
        return NULL;
    return rng_chance(&sim->world.rng, 1, 2) ? client->driver.front.conn : client->driver.back.conn;
}

static void s_break(sim_t *sim) {
    conn_t *conn = s_some_conn(sim);
    if (conn)
        conn_break(conn, rng_chance(&sim->world.rng, 1, 3) ? rng_skewed(&sim->world.rng, 10000 * MS) : 0);
}

static void s_break_later(void *ctx, uint64_t arg) {
    (void)arg;
    conn_break(ctx, 0);
}

/* Neither end notices that nothing arrives any more. */
static void s_hole(sim_t *sim) {
    conn_t *conn = s_some_conn(sim);
    if (!conn)
        return;
    world_trace(&sim->world, "connection %" PRIu64 " swallows from now on", conn->route);
    conn->hole = true;
    if (rng_chance(&sim->world.rng, 1, 2))
        world_at(&sim->world, sim->world.now + rng_skewed(&sim->world.rng, 20000 * MS), s_break_later, conn, 0);
}

static void s_stall(sim_t *sim) {
    conn_t *conn = s_some_conn(sim);
    if (conn)
        conn->stalled = sim->world.now + rng_skewed(&sim->world.rng, 20000 * MS);
}

static void s_drop(sim_t *sim) {
    conn_t *conn = s_some_conn(sim);
    if (conn && conn->kind == CONN_BACK)
        conn->dropping += 1 + rng_skewed(&sim->world.rng, 100);
}

static void s_thaw(void *ctx, uint64_t arg) {
    (void)arg;
    client_t *client = ctx;
    if (client->driver.machine && client->driver.frozen)
        client_freeze(client, false);
}

static void s_freeze(sim_t *sim) {
    client_t *client = sim->slots[rng_below(&sim->world.rng, SLOTS)];
    if (!client || client->driver.frozen)
        return;
    client_freeze(client, true);
    world_at(&sim->world, sim->world.now + rng_skewed(&sim->world.rng, 6 * sim->params.heartbeat_ms * MS), s_thaw,
        client, 0);
}

/* The library's guard closes a SUB that brings too much. */
static void s_lose_back(sim_t *sim) {
    client_t *client = sim->slots[rng_below(&sim->world.rng, SLOTS)];
    if (client && !client->driver.frozen)
        client_back_down(client);
}

static void s_restart(void *ctx, uint64_t arg) {
    (void)arg;
    sim_t *sim = ctx;
    if (!broker_runs(sim))
        broker_start(sim);
}

static void s_end_broker(sim_t *sim) {
    if (!broker_runs(sim) || sim->model.epoch_count >= KILLS_MAX)
        return;
    if (rng_chance(&sim->world.rng, 2, 3))
        broker_kill(sim);
    else
        broker_stop(sim);
    world_at(&sim->world, sim->world.now + rng_skewed(&sim->world.rng, 5000 * MS), s_restart, sim, 0);
}

static void s_fill_disk(sim_t *sim) {
    disk_fill(sim->disk, sim->world.now + rng_skewed(&sim->world.rng, 5000 * MS));
}

static void s_stall_broker(sim_t *sim) {
    if (broker_runs(sim))
        broker_stall(sim, sim->world.now + rng_skewed(&sim->world.rng, 2 * sim->params.heartbeat_ms * MS));
}

static void s_cut(sim_t *sim) {
    sim->network.cut = sim->world.now + rng_skewed(&sim->world.rng, 10000 * MS);
    if (sim->gateway && gateway_trunk(sim->gateway))
        conn_break(gateway_trunk(sim->gateway), 0);
    for (conn_kind_t kind = CONN_FRONT; sim->web && kind <= CONN_BACK; kind++)
        if (web_conn(sim->web, kind))
            conn_break(web_conn(sim->web, kind), 0);
    for (unsigned i = 0; i < SLOTS; i++) {
        if (sim->slots[i] && sim->slots[i]->driver.front.conn)
            conn_break(sim->slots[i]->driver.front.conn, 0);
        if (sim->slots[i] && sim->slots[i]->driver.back.conn)
            conn_break(sim->slots[i]->driver.back.conn, 0);
    }
}

static void s_end_program(sim_t *sim) {
    if (sim->gateway && rng_chance(&sim->world.rng, 1, 4)) {
        gateway_kill(sim->gateway);
        return;
    }
    if (sim->web && rng_chance(&sim->world.rng, 1, 3)) {
        web_kill(sim->web);
        return;
    }
    client_t *client = sim->slots[rng_below(&sim->world.rng, SLOTS)];
    if (client)
        client_kill(client);
}

void fault_step(sim_t *sim) {
    static const struct {
        unsigned weight;
        void (*happens)(sim_t *sim);
    } faults[] = {
        {25, s_break},
        {8, s_hole},
        {12, s_stall},
        {18, s_drop},
        {12, s_freeze},
        {6, s_end_broker},
        {6, s_stall_broker},
        {2, s_cut},
        {4, s_end_program},
        {4, s_fill_disk},
        {3, s_lose_back},
    };
    uint64_t at = rng_below(&sim->world.rng, 100);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        if (at < faults[i].weight) {
            faults[i].happens(sim);
            return;
        }
        at -= faults[i].weight;
    }
}

void fault_end(sim_t *sim) {
    sim->quiet = sim->network.quiet = true;
    world_trace(&sim->world, "the faults end");
    network_heal(&sim->network);
    /* A queue smaller than a slice of a replay would let nobody catch up. */
    sim->network.route_queue = sim->network.reader_queue = 1 << 20;
    if (!broker_runs(sim))
        broker_start(sim);
    broker_stall(sim, 0);
    if (sim->params.rights)
        rights_change(sim); /* nobody is banned any more */
    disk_fill(sim->disk, 0);
    for (unsigned i = 0; i < SLOTS; i++)
        if (sim->slots[i] && sim->slots[i]->driver.frozen)
            client_freeze(sim->slots[i], false);
}
