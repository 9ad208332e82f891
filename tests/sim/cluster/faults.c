/* Faults: of connections, of brokers, of the database. */
#include "cluster.h"
#include "member.h"
#include "node.h"

static rng_t *s_rng(cluster_t *sim) {
    return &sim->world.rng;
}

static node_t *s_some_node(cluster_t *sim) {
    return sim->nodes[rng_below(s_rng(sim), sim->params.nodes)];
}

/* Mostly the leader. */
static node_t *s_leader(cluster_t *sim) {
    for (unsigned i = 0; i < sim->params.nodes; i++)
        if (node_leads(sim->nodes[i]) && rng_chance(s_rng(sim), 3, 4))
            return sim->nodes[i];
    return s_some_node(sim);
}

static conn_t *s_some_conn(cluster_t *sim) {
    conn_kind_t kind = rng_chance(s_rng(sim), 1, 2) ? CONN_FRONT : CONN_BACK;
    if (rng_chance(s_rng(sim), 1, 3))
        return node_trunk(s_some_node(sim), kind);
    driver_t *driver = member_driver(sim->members[rng_below(s_rng(sim), sim->params.members)]);
    return kind == CONN_FRONT ? driver->front.conn : driver->back.conn;
}

static void s_break(cluster_t *sim) {
    conn_t *conn = s_some_conn(sim);
    if (conn)
        conn_break(conn, rng_chance(s_rng(sim), 1, 3) ? rng_skewed(s_rng(sim), 10000 * MS) : 0);
}

/* Neither end notices that nothing arrives any more. */
static void s_hole(cluster_t *sim) {
    conn_t *conn = s_some_conn(sim);
    if (conn)
        conn->hole = true;
}

static void s_hold_up(cluster_t *sim) {
    conn_t *conn = s_some_conn(sim);
    if (conn)
        conn->stalled = sim->world.now + rng_skewed(s_rng(sim), 20000 * MS);
}

static void s_drop(cluster_t *sim) {
    conn_t *conn = s_some_conn(sim);
    if (conn && conn->kind == CONN_BACK)
        conn->dropping += 1 + rng_skewed(s_rng(sim), 100);
}

static void s_kill(cluster_t *sim) {
    node_t *node = s_leader(sim);
    node_kill(node, rng_chance(s_rng(sim), 1, 4));
    node_restart(node, rng_skewed(s_rng(sim), 20000 * MS));
}

static void s_stop(cluster_t *sim) {
    node_stop(s_leader(sim));
}

/* Often for longer than the lease. */
static void s_stall(cluster_t *sim) {
    node_stall(s_leader(sim), sim->world.now + rng_below(s_rng(sim), 15000 * MS));
}

static void s_break_database(cluster_t *sim) {
    database_break(sim->database, node_conn(s_leader(sim)));
}

static void s_cancel(cluster_t *sim) {
    database_cancel(sim->database);
}

static void s_restart_database(cluster_t *sim) {
    database_restart(sim->database, rng_skewed(s_rng(sim), 10000 * MS));
}

static void s_fail_over(cluster_t *sim) {
    database_fail_over(sim->database, rng_skewed(s_rng(sim), 10000 * MS), rng_chance(s_rng(sim), 1, 5));
}

static void s_hold_standbys(cluster_t *sim) {
    database_hold_standbys(sim->database, sim->world.now + rng_skewed(s_rng(sim), 15000 * MS));
}

void fault_step(cluster_t *sim) {
    static const struct {
        unsigned weight;
        void (*happens)(cluster_t *sim);
    } faults[] = {
        {10, s_break},
        {4, s_hole},
        {4, s_hold_up},
        {8, s_drop},
        {14, s_kill},
        {10, s_stop},
        {10, s_stall},
        {14, s_break_database},
        {4, s_cancel},
        {4, s_restart_database},
        {10, s_fail_over},
        {8, s_hold_standbys},
    };
    uint64_t at = rng_below(s_rng(sim), 100);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        if (at < faults[i].weight) {
            faults[i].happens(sim);
            return;
        }
        at -= faults[i].weight;
    }
}

void fault_end(cluster_t *sim) {
    sim->quiet = sim->network.quiet = true;
    world_trace(&sim->world, "the faults end");
    network_heal(&sim->network);
    database_hold_standbys(sim->database, 0);
    for (unsigned i = 0; i < sim->params.nodes; i++) {
        node_stall(sim->nodes[i], sim->world.now);
        node_restart(sim->nodes[i], 0);
    }
}
