#include "broker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "check_work.h"
#include "client.h"
#include "disklog.h"
#include "edge.h"
#include "gateway.h"
#include "sim.h"
#include "slowlog.h"
#include "web.h"

enum { TICK_MS = 100, BATCH = 32 };
enum { JWT_MS = 20000 }; /* that a JWT is valid for, at most, while programs work */

typedef struct {
    route_t route;
    zr_blob_t *frame;
} arrival_t;

typedef struct {
    uint64_t session;
    uint64_t due; /* 0: ran out, not restarted */
    bool pending; /* an event for it is under way */
} ticket_t;

struct broker {
    sim_t *sim;
    unsigned incarnation; /* of the one that runs, or ran last */
    relay_t *relay;       /* NULL: it does not run */
    log_t *log;
    outbox_t outbox;
    edge_t edge;
    arrival_t *arrivals;
    size_t head, count, size;
    bool woken;
    uint64_t stalled;
    uint64_t rose; /* the relay's clock, */
    uint64_t made; /* and what it was at least when the effects that wait were made */
    ticket_t *tickets;
    size_t ticket_count, ticket_size;
    uint64_t epoch;
    char back[32];
    unsigned back_number;
    uint64_t login;                 /* the ticket of the token that is checked; 0: no token is checked */
    uint64_t jwt;                   /* the same of JWTs, */
    char jwt_user[ZR_NICK_MAX + 1]; /* and the user that it names */
    policy_t policies[ROOMS];
    const conn_t *speaks; /* its frame is being handled */
};

broker_t *broker_new(sim_t *sim) {
    broker_t *broker = world_calloc(sizeof *broker);
    broker->sim = sim;
    return broker;
}

bool broker_runs(const sim_t *sim) {
    return sim->broker->relay != NULL;
}

bool broker_is(const sim_t *sim, unsigned incarnation) {
    return broker_runs(sim) && sim->broker->incarnation == incarnation;
}

unsigned broker_incarnation(const sim_t *sim) {
    return sim->broker->incarnation;
}

log_t *broker_log(sim_t *sim) {
    return sim->broker->log;
}

bool broker_listens(const sim_t *sim, conn_kind_t kind, const char *endpoint) {
    return broker_runs(sim) && (kind == CONN_FRONT || strcmp(endpoint, sim->broker->back) == 0);
}

/* --- Tickets --- */

static ticket_t *s_ticket(broker_t *broker, uint64_t session) {
    for (size_t i = 0; i < broker->ticket_count; i++)
        if (broker->tickets[i].session == session)
            return &broker->tickets[i];
    return NULL;
}

static void s_ran_out(void *ctx, uint64_t arg) {
    sim_t *sim = ctx;
    broker_t *broker = sim->broker;
    ticket_t *ticket = broker_is(sim, (unsigned)(arg >> 48)) ? s_ticket(broker, arg & 0xffffffffffff) : NULL;
    if (!ticket)
        return;
    uint64_t due = ticket->due > broker->stalled ? ticket->due : broker->stalled;
    if (sim->world.now < due) { /* restarted meanwhile, or the loop is held up */
        world_at(&sim->world, due, s_ran_out, sim, arg);
        return;
    }
    ticket->due = 0;
    ticket->pending = false;
    relay_silent(broker->relay, ticket->session);
    broker_end_pass(sim);
}

static void s_restart(broker_t *broker, ticket_t *ticket) {
    sim_t *sim = broker->sim;
    ticket->due = sim->world.now + sim->params.heartbeat_ms * MS;
    if (!ticket->pending)
        world_at(&sim->world, ticket->due, s_ran_out, sim, (uint64_t)broker->incarnation << 48 | ticket->session);
    ticket->pending = true;
}

static void s_watch(void *ctx, uint64_t session) {
    broker_t *broker = ((sim_t *)ctx)->broker;
    if (broker->ticket_count == broker->ticket_size)
        broker->tickets = world_grow(broker->tickets, &broker->ticket_size, sizeof *broker->tickets);
    broker->tickets[broker->ticket_count] = (ticket_t){.session = session};
    s_restart(broker, &broker->tickets[broker->ticket_count++]);
}

static void s_alive(void *ctx, uint64_t session) {
    broker_t *broker = ((sim_t *)ctx)->broker;
    ticket_t *ticket = s_ticket(broker, session);
    if (ticket)
        s_restart(broker, ticket);
}

static void s_unwatch(void *ctx, uint64_t session) {
    broker_t *broker = ((sim_t *)ctx)->broker;
    ticket_t *ticket = s_ticket(broker, session);
    if (ticket)
        *ticket = broker->tickets[--broker->ticket_count];
}

/* --- Effects --- */

uint64_t broker_clock(const sim_t *sim) {
    return sim->world.now + 1700000000ULL * 1000 * MS;
}

/* So much of a published frame is text. */
static size_t s_control_len(zr_span_t frame) {
    zr_span_t room, json;
    return zr_back_read(frame, &room, &json) == ZR_BACK_PRESENCE ? frame.len : 0;
}

static void s_publish(void *ctx, zr_blob_t *frame) {
    sim_t *sim = ctx;
    model_publish(sim, zr_span_of(zr_blob_data(frame), zr_blob_len(frame)));
    frame = plant_publish(sim, frame);
    if (!frame)
        return;
    zr_span_t text = zr_span_of(zr_blob_data(frame), zr_blob_len(frame));
    world_trace(&sim->world, "broker publishes %zu bytes %.*s", text.len, (int)s_control_len(text), text.ptr);
    rights_check_published(sim, text);
    network_publish(&sim->network, sim->broker->incarnation, frame);
}

/* The connection of the client that has this route. */
static const conn_t *s_way(const sim_t *sim, route_t route) {
    const conn_t *conn = network_conn(&sim->network, route_connection(route));
    const conn_t *peer = route_channel(route) ? gateway_peer(conn, route_channel(route)) : conn;
    return peer ? peer : conn;
}

static zr_blob_t *s_for_channel(uint32_t channel, zr_blob_t *frame) {
    zr_blob_t *trunk = zr_trunk_frame(channel, zr_span_of(zr_blob_data(frame), zr_blob_len(frame)));
    zr_blob_unref(frame);
    return trunk;
}

static edge_sent_t s_send(void *ctx, route_t route, zr_blob_t *frame, bool live) {
    sim_t *sim = ctx;
    const conn_t *conn = s_way(sim, route);
    zr_span_t text = zr_span_of(zr_blob_data(frame), zr_blob_len(frame));
    if (text.ptr[0] == '{')
        world_trace(&sim->world, "broker to %" PRIu64 ": %.*s", route, (int)text.len, text.ptr);
    else
        world_trace(&sim->world, "broker to %" PRIu64 ": %zu bytes of type %d", route, text.len, text.ptr[0]);
    if (conn->client && !work_sent(sim, conn, text)) {
        model_send(sim, conn, text);
        frame = plant_send(sim, frame);
        if (!frame)
            return EDGE_SENT;
        rights_check_sent(sim, conn, zr_span_of(zr_blob_data(frame), zr_blob_len(frame)));
    }
    if (live && sim->plant == PLANT_PRIVATE_ON_BACK)
        s_publish(sim, zr_blob_ref(frame));
    const conn_t *way = network_conn(&sim->network, route_connection(route));
    if (route_channel(route))
        frame = s_for_channel(plant_channel(sim, route_channel(route), way->channel_count), frame);
    if (network_send(&sim->network, way->route, frame))
        return EDGE_SENT;
    world_trace(&sim->world, "nothing can be sent to route %" PRIu64, route);
    if (conn->client)
        work_unsent(sim, conn->client);
    return way->broker_open ? EDGE_FULL : EDGE_GONE;
}

static void s_drop(void *ctx, uint64_t connection) {
    network_drop(&((sim_t *)ctx)->network, (route_t)connection);
}

static void s_drop_user(void *ctx, zr_span_t user) {
    network_t *network = &((sim_t *)ctx)->network;
    for (size_t i = 0; i < network->count; i++) {
        const conn_t *conn = network->conns[i];
        if (!conn->gateway && conn->client && strcmp(conn->client->user, user.ptr) == 0)
            network_drop(network, conn->route);
    }
}

/* The token is checked. Now and then too many were wrong before it. */
static void s_checked(void *ctx, uint64_t incarnation) {
    sim_t *sim = ctx;
    broker_t *broker = sim->broker;
    if (!broker_is(sim, (unsigned)incarnation))
        return;
    if (sim->world.now < broker->stalled) {
        world_at(&sim->world, broker->stalled, s_checked, sim, incarnation);
        return;
    }
    uint64_t ticket = broker->login;
    bool slow = !sim->quiet && rng_chance(&sim->world.rng, 1, 10);
    world_trace(&sim->world, "login %" PRIu64 " is checked%s", ticket, slow ? " later" : "");
    broker->login = 0;
    broker_begin_pass(sim);
    relay_login_done(broker->relay, ticket, slow ? LOGIN_SLOW : LOGIN_OK, 250, broker_clock(sim));
    broker_end_pass(sim);
}

/* The JWT is checked, and will expire: so soon that sessions end while their programs work, but not once all is
 * quiet. */
static void s_checked_jwt(void *ctx, uint64_t incarnation) {
    sim_t *sim = ctx;
    broker_t *broker = sim->broker;
    if (!broker_is(sim, (unsigned)incarnation))
        return;
    if (sim->world.now < broker->stalled) {
        world_at(&sim->world, broker->stalled, s_checked_jwt, sim, incarnation);
        return;
    }
    uint64_t ticket = broker->jwt, now = broker_clock(sim);
    grant_t grant = {.role_count = 1, .signer = RIGHTS_SIGNER};
    grant.expires = now + (sim->quiet ? 3600 * 1000 : 500 + rng_below(&sim->world.rng, JWT_MS)) * MS;
    snprintf(grant.user, sizeof grant.user, "%s", broker->jwt_user);
    snprintf(grant.roles[0], sizeof grant.roles[0], "%s", broker->jwt_user);
    world_trace(&sim->world, "JWT %" PRIu64 " of %s is checked", ticket, grant.user);
    broker->jwt = 0;
    broker_begin_pass(sim);
    relay_jwt_done(broker->relay, ticket, &grant, NULL, now);
    broker_end_pass(sim);
}

static void s_login_jwt(sim_t *sim, const login_request_t *login) {
    broker_t *broker = sim->broker;
    zr_span_t rest = zr_span(login->token), user;
    zr_span_cut(&rest, '.');
    user = zr_span_cut(&rest, '.');
    world_trace(&sim->world, "JWT %" PRIu64 " of %.*s is to be checked", login->ticket, (int)user.len, user.ptr);
    if (broker->jwt || !sim->params.jwt)
        world_fail(&sim->world, "I6", "a JWT is to be checked while another is");
    broker->jwt = login->ticket;
    snprintf(broker->jwt_user, sizeof broker->jwt_user, "%.*s", (int)user.len, user.ptr);
    world_at(
        &sim->world, sim->world.now + rng_below(&sim->world.rng, 20) * MS, s_checked_jwt, sim, broker->incarnation);
}

static void s_login(void *ctx, const login_request_t *login) {
    sim_t *sim = ctx;
    broker_t *broker = sim->broker;
    if (login->jwt) {
        s_login_jwt(sim, login);
        return;
    }
    world_trace(&sim->world, "login %" PRIu64 " of %s is to be checked", login->ticket, login->user);
    if (broker->login || !sim->params.tokens)
        world_fail(&sim->world, "I6", "a login is to be checked while another is");
    broker->login = login->ticket;
    world_at(&sim->world, sim->world.now + sim->params.hash, s_checked, sim, broker->incarnation);
}

static void s_admin(void *ctx, const admin_request_t *admin) {
    (void)admin;
    world_fail(&((sim_t *)ctx)->world, "sim", "a request of an operator that nothing here makes");
}

static const edge_calls_t s_calls = {
    .send = s_send,
    .publish = s_publish,
    .watch = s_watch,
    .alive = s_alive,
    .unwatch = s_unwatch,
    .drop = s_drop,
    .drop_user = s_drop_user,
    .login = s_login,
    .admin = s_admin,
};

/* --- The loop --- */

static void s_wake(void *ctx, uint64_t incarnation);

static void s_wake_at(broker_t *broker, uint64_t when) {
    if (broker->woken)
        return;
    broker->woken = true;
    world_at(&broker->sim->world, when, s_wake, broker->sim, broker->incarnation);
}

static void s_rise(broker_t *broker) {
    broker->rose = broker->sim->world.now;
    relay_rise(broker->relay, broker->rose);
}

void broker_begin_pass(sim_t *sim) {
    while (edge_carry_out(&sim->broker->edge))
        ;
    sim->broker->made = sim->broker->rose;
}

uint64_t broker_made(const sim_t *sim) {
    return sim->broker->made;
}

/* A share of the effects. Returns whether all are carried out. */
static bool s_carry_out(sim_t *sim) {
    for (uint64_t bites = rng_below(&sim->world.rng, 4); bites > 0; bites--)
        if (!edge_carry_out(&sim->broker->edge))
            return true;
    return outbox_is_empty(&sim->broker->outbox);
}

/* The loop does a share of the effects and of the work in each turn. */
void broker_end_pass(sim_t *sim) {
    broker_t *broker = sim->broker;
    relay_flush(broker->relay);
    bool done = s_carry_out(sim);
    for (uint64_t pieces = rng_below(&sim->world.rng, 4); done && pieces > 0; pieces--) {
        relay_work(broker->relay);
        done = s_carry_out(sim);
    }
    if (!done || relay_has_work(broker->relay))
        s_wake_at(broker, sim->world.now + rng_skewed(&sim->world.rng, 2 * MS));
}

static void s_handle(broker_t *broker, const arrival_t *arrival) {
    sim_t *sim = broker->sim;
    conn_t *conn = arrival->route ? network_conn(&sim->network, arrival->route) : NULL;
    zr_blob_t *frame = arrival->frame;
    if (conn && conn->client)
        frame = plant_in(sim, conn->client, !conn->spoke, frame);
    zr_span_t text = zr_span_of(zr_blob_data(frame), zr_blob_len(frame));
    if (!conn) {
        relay_subscription(broker->relay, text);
    } else {
        conn->spoke = true;
        broker->speaks = conn;
        relay_frame(broker->relay, arrival->route, text, broker_clock(sim));
    }
    zr_blob_unref(frame);
}

static void s_wake(void *ctx, uint64_t incarnation) {
    sim_t *sim = ctx;
    broker_t *broker = sim->broker;
    if (!broker_is(sim, (unsigned)incarnation))
        return;
    if (sim->world.now < broker->stalled) {
        world_at(&sim->world, broker->stalled, s_wake, sim, incarnation);
        return;
    }
    broker->woken = false;
    s_rise(broker);
    broker_begin_pass(sim);
    for (uint64_t left = rng_between(&sim->world.rng, 1, BATCH); left > 0 && broker->count > 0; left--) {
        arrival_t arrival = broker->arrivals[broker->head++];
        if (--broker->count == 0)
            broker->head = 0;
        s_handle(broker, &arrival);
    }
    broker_end_pass(sim);
    if (broker->count > 0)
        s_wake_at(broker, sim->world.now);
}

void broker_receive(sim_t *sim, route_t route, zr_blob_t *frame) {
    broker_t *broker = sim->broker;
    if (broker->head + broker->count == broker->size)
        broker->arrivals = world_grow(broker->arrivals, &broker->size, sizeof *broker->arrivals);
    broker->arrivals[broker->head + broker->count++] = (arrival_t){route, frame};
    /* Frames that come meanwhile are in the same pass. */
    s_wake_at(broker, sim->world.now + rng_skewed(&sim->world.rng, 2 * MS));
}

static void s_tick(void *ctx, uint64_t incarnation) {
    sim_t *sim = ctx;
    broker_t *broker = sim->broker;
    if (!broker_is(sim, (unsigned)incarnation))
        return;
    if (sim->world.now >= broker->stalled) {
        s_rise(broker);
        if (outbox_is_empty(&broker->outbox))
            broker->made = broker->rose;
        relay_tick(broker->relay);
        relay_forget_idle(broker->relay, broker_clock(sim));
        relay_channels_tick(broker->relay, broker_clock(sim));
        broker_end_pass(sim);
    }
    world_at(&sim->world, sim->world.now + TICK_MS * MS, s_tick, sim, incarnation);
}

static void s_login_tick(void *ctx, uint64_t incarnation) {
    sim_t *sim = ctx;
    broker_t *broker = sim->broker;
    if (!broker_is(sim, (unsigned)incarnation))
        return;
    if (sim->world.now >= broker->stalled) {
        relay_login_tick(broker->relay, broker_clock(sim));
        broker_end_pass(sim);
    }
    uint64_t quarter = sim->params.heartbeat_ms / 4;
    world_at(&sim->world, sim->world.now + (quarter < 1000 ? quarter : 1000) * MS, s_login_tick, sim, incarnation);
}

void broker_set_access(sim_t *sim) {
    if (!broker_runs(sim))
        return;
    broker_begin_pass(sim); /* what was allowed until now */
    relay_set_access(sim->broker->relay, rights_access(sim));
    broker_end_pass(sim);
}

void broker_stall(sim_t *sim, uint64_t until) {
    sim->broker->stalled = until;
}

/* --- Birth and death --- */

static void s_entropy(void *ctx, void *out, size_t len) {
    sim_t *sim = ctx;
    rng_fill(&sim->entropy, out, len);
}

static zr_span_t s_back(void *ctx) {
    broker_t *broker = ctx;
    return zr_span(broker->back);
}

static void s_peer(void *ctx, peer_t *peer) {
    const broker_t *broker = ctx;
    const conn_t *conn = broker->speaks;
    zr_span_t user = zr_span(broker->sim->params.tokens || !conn->client ? NULL : conn->client->user);
    if (!conn->client && broker->sim->params.rights)
        user = zr_span(RIGHTS_GATEWAY);
    *peer = (peer_t){.user = user, .local = true, .connection = conn->route};
}

void broker_start(sim_t *sim) {
    broker_t *broker = sim->broker;
    const params_t *params = &sim->params;
    broker->incarnation++;
    bool keeps = params->durable || sim->plant == PLANT_SAME_EPOCH, again = broker->epoch != 0;
    if (!keeps || !again)
        broker->epoch = rng_next(&sim->entropy);
    /* Now and then it comes back at another port. */
    if (broker->back_number == 0 || rng_chance(&sim->world.rng, 1, 4))
        snprintf(broker->back, sizeof broker->back, "ipc:///sim/back%u", ++broker->back_number);
    if (params->durable)
        broker->log = disklog_new(sim, broker->incarnation);
    else
        broker->log = slowlog_new(sim, broker->incarnation, params->log_delay ? ZR_LEVEL_DISK : ZR_LEVEL_MEMORY);
    policy_t *policies = broker->policies;
    for (unsigned r = 0; r < ROOMS; r++) {
        policies[r] = (policy_t){.has_level = true, .level = params->levels[r], .max_age = params->max_age};
        snprintf(policies[r].pattern, sizeof policies[r].pattern, "%s", room_text(r));
    }
    relay_config_t config;
    relay_config_default(&config);
    config.policies = (policies_t){policies, ROOMS};
    config.max_entries = params->max_entries;
    config.max_joins = params->max_joins;
    config.rate_ops = params->rate_ops;
    config.presence_names = params->presence_names;
    config.max_keys = params->max_keys;
    config.max_replays = params->max_replays;
    config.replay_entries = params->replay_entries;
    config.replay_frames = params->replay_frames;
    config.replay_bytes = params->replay_bytes;
    config.batch_bytes = params->batch_bytes;
    config.heartbeat_ms = params->heartbeat_ms;
    config.forget_after_ms = params->forget_after_ms;
    config.epoch = broker->epoch;
    config.presence_base = broker_clock(sim);
    config.entropy = s_entropy;
    config.entropy_ctx = sim;
    config.back = s_back;
    config.back_ctx = broker;
    config.peer = s_peer;
    config.peer_ctx = broker;
    config.access = rights_access(sim);
    config.tokens = params->tokens;
    config.jwt = params->jwt;
    config.max_trunk_channels = params->max_trunk_channels;
    char text[17];
    snprintf(text, sizeof text, "%016" PRIx64, broker->epoch);
    if (params->durable && again)
        model_again(sim, broker->log->base);
    else
        model_epoch(sim, text, broker->log->level);
    broker->relay = relay_new(&config, broker->log, &broker->outbox);
    broker->edge =
        (edge_t){.calls = &s_calls, .ctx = sim, .relay = broker->relay, .log = broker->log, .outbox = &broker->outbox};
    broker->stalled = 0;
    broker->woken = false;
    broker->login = broker->jwt = 0;
    world_trace(&sim->world, "broker starts, epoch %s, %s", text, broker->back);
    world_at(&sim->world, sim->world.now + TICK_MS * MS, s_tick, sim, broker->incarnation);
    if (params->tokens)
        s_login_tick(sim, broker->incarnation);
}

static void s_end(broker_t *broker) {
    relay_destroy(broker->relay);
    broker->relay = NULL;
    log_destroy(broker->log);
    broker->log = NULL;
    outbox_finish(&broker->outbox);
    for (; broker->count > 0; broker->count--)
        zr_blob_unref(broker->arrivals[broker->head++].frame);
    broker->head = 0;
    broker->ticket_count = 0;
}

void broker_kill(sim_t *sim) {
    world_trace(&sim->world, "broker is killed");
    s_end(sim->broker);
    network_process_gone(&sim->network, sim->broker->incarnation, false);
}

void broker_stop(sim_t *sim) {
    world_trace(&sim->world, "broker shuts down");
    relay_shutdown(sim->broker->relay);
    broker_begin_pass(sim);
    s_end(sim->broker);
    network_process_gone(&sim->network, sim->broker->incarnation, false);
}

void broker_destroy(broker_t *broker) {
    if (!broker)
        return;
    if (broker->relay)
        s_end(broker);
    free(broker->arrivals);
    free(broker->tickets);
    free(broker);
}

void broker_check_bounds(sim_t *sim) {
    broker_t *broker = sim->broker;
    if (!broker->relay)
        return;
    relay_stats_t stats = relay_stats(broker->relay);
    /* The sessions of ended gateways expire in their own time. */
    size_t gateways = gateway_sessions(sim->gateway) + web_processes(sim->web);
    size_t most = sim->client_count + gateway_sessions(sim->gateway) + web_sessions(sim->web);
    bool doubled = stats.sessions > most && sim->plant != PLANT_LOST_DEDUPE && sim->plant != PLANT_LOST_KEYS;
    bool watched = stats.sessions == broker->ticket_count || !outbox_is_empty(&broker->outbox);
    if (stats.rooms > ROOMS || doubled || !watched)
        world_fail(&sim->world, "I6", "the relay holds %zu sessions with %zu tickets and %zu rooms", stats.sessions,
            broker->ticket_count, stats.rooms);
    if (stats.channels > sim->params.max_trunk_channels * gateways)
        world_fail(&sim->world, "I6", "the relay holds %zu channels of %zu trunks at most", stats.channels, gateways);
}
