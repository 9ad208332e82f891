/* The way from a start to leading or following, as cluster_choose, pg_lead and pg_members have it. */
#include <string.h>

#include "node_state.h"

enum { LOOK_MS = 200, OWN_LEASE_MS = 7000, AGAIN_MS = 1000 };

static world_t *s_world(const node_t *node) {
    return &node->sim->world;
}

static void s_later(node_t *node, uint64_t ms, event_fn *event) {
    world_at(s_world(node), node_time(node) + ms * MS, event, node, node->incarnation);
}

/* The service manager starts it again. */
static void s_give_up(node_t *node, const char *why) {
    world_trace(s_world(node), "n%u cannot start: %s", node->number, why);
    node_end(node, false);
    node_restart(node, AGAIN_MS * MS);
}

/* --- To lead --- */

static void s_loaded(void *ctx, uint64_t incarnation) {
    node_t *node = ctx;
    if (!node_is(node, (unsigned)incarnation))
        return;
    if (node_is_frozen(node))
        world_at(s_world(node), node->frozen, s_loaded, node, incarnation);
    else if (!db_conn_works(node->conn))
        s_give_up(node, "the database went away");
    else
        node_lead(node);
}

static void s_on_epoch(void *ctx, const answer_t *answer) {
    node_t *node = ctx;
    if (answer->code != ANSWER_OK) {
        s_give_up(node, "the epoch is not known");
        return;
    }
    node->epoch = answer->epoch;
    if (node->sim->plant == PLANT_NO_EPOCH && node->sim->truth.first_epoch)
        node->epoch = node->sim->truth.first_epoch;
    s_later(node, rng_skewed(&s_world(node)->rng, node->sim->params.load_ms), s_loaded);
}

static void s_on_taken(void *ctx, const answer_t *answer) {
    node_t *node = ctx;
    if (answer->code != ANSWER_OK) {
        s_give_up(node, answer->code == ANSWER_HELD ? "another broker leads" : "the lease is in doubt");
        return;
    }
    node->term = answer->lease.term;
    node->batch = answer->lease.batch;
    const ask_t ask = {.kind = ASK_EPOCH, .epoch = rng_next(&node->sim->entropy)};
    database_ask(node->conn, &ask, s_on_epoch, node);
}

static void s_take(node_t *node) {
    const ask_t ask = {.kind = ASK_TAKE, .start = true, .holder = node->claim, .front = (int)node->number};
    database_ask(node->conn, &ask, s_on_taken, node);
}

/* --- The choice --- */

static void s_look_first(void *ctx, uint64_t incarnation);

static void s_on_first_look(void *ctx, const answer_t *answer) {
    node_t *node = ctx;
    const lease_t *lease = &answer->lease;
    if (answer->code != ANSWER_OK) {
        s_give_up(node, "the database does not answer");
    } else if (answer->free || lease->holder == node->claim) {
        s_take(node);
    } else if (lease->front == (int)node->number) { /* its own lease of before */
        if (s_world(node)->now >= node->look_until)
            s_give_up(node, "another broker has this endpoint");
        else
            s_later(node, LOOK_MS, s_look_first);
    } else {
        node->leader = lease->front;
        db_conn_close(node->conn, 0);
        node->conn = NULL;
        node_follow(node);
        s_later(node, LOOK_MS, node_look);
    }
}

static void s_look_first(void *ctx, uint64_t incarnation) {
    node_t *node = ctx;
    if (!node_is(node, (unsigned)incarnation))
        return;
    if (!node->conn)
        node->conn = database_connect(node->sim->database, node_frozen(node));
    if (!node->conn)
        s_give_up(node, "the database cannot be reached");
    else
        database_ask(node->conn, &(ask_t){.kind = ASK_LOOK}, s_on_first_look, node);
}

void node_begin(void *ctx, uint64_t incarnation) {
    node_t *node = ctx;
    if (node->state != NODE_DOWN || node->incarnation != incarnation)
        return;
    node->incarnation = ++node->sim->incarnations;
    node->state = NODE_STARTS;
    if (!node->again) {
        node->claim = rng_next(&node->sim->entropy);
        node->wal = node->sim->plant == PLANT_EARLY_HEADS ? database_wal(node->sim->database) : 0;
    }
    node->again = false;
    node->look_until = s_world(node)->now + OWN_LEASE_MS * MS;
    world_trace(s_world(node), "n%u starts", node->number);
    s_look_first(node, node->incarnation);
}

/* --- A follower's watch --- */

/* The process starts its program anew, and keeps its claim. */
static void s_start_anew(node_t *node) {
    world_trace(s_world(node), "n%u has the lease, and starts anew", node->number);
    node_end(node, false);
    node->again = true;
    node_restart(node, rng_below(&s_world(node)->rng, 300) * MS);
}

static void s_on_view(node_t *node, const lease_t *lease) {
    if (lease->holder == node->claim) {
        s_start_anew(node);
        return;
    }
    if (lease->front != NO_BROKER && lease->front != (int)node->number && lease->front != node->leader) {
        zr_server_t server = {0};
        node->leader = lease->front;
        memcpy(server.endpoint, node_front((unsigned)lease->front), strlen(node_front((unsigned)lease->front)));
        world_trace(s_world(node), "n%u follows n%d now", node->number, node->leader);
        leaf_follow(node->leaf, &server);
        node_end_pass(node);
    }
    s_later(node, LOOK_MS, node_look);
}

static void s_on_claim(void *ctx, const answer_t *answer) {
    node_t *node = ctx;
    if (answer->code == ANSWER_OK)
        s_on_view(node, &answer->lease);
    else
        s_later(node, LOOK_MS, node_look);
}

static void s_on_look(void *ctx, const answer_t *answer) {
    node_t *node = ctx;
    if (answer->code == ANSWER_OK && answer->free && !node->stopping) {
        const ask_t ask = {.kind = ASK_CLAIM, .holder = node->claim, .front = (int)node->number};
        database_ask(node->look, &ask, s_on_claim, node);
    } else {
        s_on_claim(ctx, answer);
    }
}

void node_look(void *ctx, uint64_t incarnation) {
    node_t *node = ctx;
    if (!node_is(node, (unsigned)incarnation) || node->state != NODE_FOLLOWS)
        return;
    if (node_is_frozen(node)) {
        world_at(s_world(node), node->frozen, node_look, node, incarnation);
        return;
    }
    if (!db_conn_is_open(node->look)) {
        db_conn_close(node->look, 0);
        node->look = database_connect(node->sim->database, node_frozen(node));
    }
    if (node->look)
        database_ask(node->look, &(ask_t){.kind = ASK_LOOK}, s_on_look, node);
    else
        s_later(node, LOOK_MS, node_look);
}
