/* See cluster.h. */
#include "cluster.h"

#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "fatal.h"
#include "key_file.h"
#include "service.h"
#ifdef ZRELAY_POSTGRES
#include "cluster_part.h"
#endif

enum { STILL_MS = 20, ASK_MS = 1000 };

static bool s_is_alone(const settings_t *settings) {
    return !settings->store[0] || !settings->cluster_advertise[0];
}

/* All that belongs to the leader goes: the log, the rooms, the checks of tokens. */
static void s_follow(settings_t *settings, const char *endpoint, const char *key) {
    upstream_settings_t *upstream = &settings->upstream;
    settings->follows = true;
    settings->policy_count = 0;
    settings->relay.policies = (policies_t){0};
    settings->relay.tokens = settings->relay.jwt = false;
    settings->jwt_keys[0] = '\0';
    strcpy(upstream->endpoint, endpoint);
    strcpy(upstream->server_key, key);
    if (!key[0])
        upstream->certificate[0] = '\0';
}

void cluster_keep(const settings_t *chosen, settings_t *settings) {
    memcpy(settings->cluster_key, chosen->cluster_key, sizeof settings->cluster_key);
    if (chosen->follows)
        s_follow(settings, chosen->upstream.endpoint, chosen->upstream.server_key);
}

static bool s_leads(const server_t *server) {
    uint64_t until = log_leads_until(server->log);
    return until == UINT64_MAX || zr_boot_us() / 1000 < until;
}

static bool s_is_told_to_end(void) {
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, SIGTERM) || sigismember(&pending, SIGINT) || sigismember(&pending, SIGQUIT);
}

void cluster_await_lease(server_t *server) {
    if (s_leads(server))
        return;
    zr_log(ZR_LOG_WARN, "the database has not confirmed that this broker leads: it stands still, and clients wait");
    for (uint64_t asks = 0; !s_leads(server);) {
        if (s_is_told_to_end()) {
            zr_log(ZR_LOG_INFO, "stopping at once; nothing that waits was acknowledged");
            _exit(EXIT_SUCCESS);
        }
        if (zr_mono_ms() >= asks) { /* the loop's timer stands still too */
            asks = zr_mono_ms() + ASK_MS;
            uint64_t now = timekeeper_now(&server->time);
            server->log->hold = timekeeper_doubts(&server->time) ? server->time.hold : 0;
            log_tick(server->log, now);
        }
        zr_service_watchdog(zr_mono_ms());
        poll(NULL, 0, STILL_MS);
    }
    zr_log(ZR_LOG_WARN, "the database confirms that this broker leads: it goes on");
    server->resumed = zclock_mono(); /* what the clients said meanwhile has piled up */
}

#ifndef ZRELAY_POSTGRES

/* open_log says that there is no PostgreSQL. */
bool cluster_choose(const settings_t *settings, settings_t *chosen, zr_error_t *error) {
    (void)error;
    *chosen = *settings;
    return true;
}

bool cluster_was_taken(const settings_t *settings) {
    (void)settings;
    return false;
}

cluster_t *cluster_begin(server_t *server) {
    FATAL_UNLESS(s_is_alone(server->settings));
    return NULL;
}

void cluster_end(cluster_t *cluster) {
    (void)cluster;
}

json_t *cluster_rows(void *ctx) {
    (void)ctx;
    return json_pack("{s[]}", "cluster");
}

#else

enum { OWN_LEASE_MS = 7000, OWN_LOOK_MS = 200 };

struct cluster {
    server_t *server;
    pg_members_t *members;
    pg_view_t view;
    uint64_t viewed_at;    /* ms of the rising clock */
    zr_server_t following; /* the upstream of a leaf */
};

/* --- The part at the start --- */

/* The advertised front is encrypted like a listener of that kind; then the others need this broker's public key. */
static bool s_find_key(settings_t *settings, zr_error_t *error) {
    endpoint_t endpoint;
    zr_pair_t pair;
    bool known = !endpoint_parse(&endpoint, settings->cluster_advertise);
    bool encrypted = settings->server_key[0] && (settings->encrypt_all || !known || !endpoint_is_local(&endpoint));
    if (!encrypted)
        return true;
    if (zr_pair_load(&pair, settings->server_key, error) != ZR_FILE_READ)
        return false;
    strcpy(settings->cluster_key, pair.public_key);
    zr_pair_wipe(&pair);
    return true;
}

static bool s_look(const settings_t *settings, pg_view_t *view, zr_error_t *error) {
    uint64_t epoch;
    randombytes_buf(&epoch, sizeof epoch);
    return pg_members_look(settings->store, epoch, view, error);
}

bool cluster_choose(const settings_t *settings, settings_t *chosen, zr_error_t *error) {
    pg_view_t view = {0};
    *chosen = *settings;
    if (s_is_alone(settings))
        return true;
    if (!s_find_key(chosen, error))
        return false;
    for (uint64_t until = zr_mono_ms() + OWN_LEASE_MS;; poll(NULL, 0, OWN_LOOK_MS)) {
        if (!s_look(settings, &view, error))
            return false;
        if (view.free || view.own)
            return true;
        if (!cluster_is_own_front(settings, &view))
            break;
        if (zr_mono_ms() >= until)
            return zr_fail(error,
                "cluster/advertise: the broker that leads, %s, has the same endpoint %s; each needs its own",
                view.leader.name, view.leader.endpoint);
    }
    if (!cluster_may_follow(settings, &view.leader, error))
        return false;
    s_follow(chosen, view.leader.endpoint, view.leader.key);
    zr_log(ZR_LOG_INFO, "the broker at %s leads; this one follows it, and leads when it is gone", view.leader.endpoint);
    return true;
}

bool cluster_was_taken(const settings_t *settings) {
    pg_view_t view;
    zr_error_t unused = {0};
    return !s_is_alone(settings) && s_look(settings, &view, &unused) && !view.free && !view.own;
}

/* --- Watching --- */

static void s_follow_another(cluster_t *cluster) {
    strcpy(cluster->following.endpoint, cluster->view.leader.endpoint);
    strcpy(cluster->following.key, cluster->view.leader.key);
    leaf_follow(cluster->server->leaf, &cluster->following);
}

/* The view is new. */
static void s_look_at(cluster_t *cluster) {
    server_t *server = cluster->server;
    cluster_peers(server->settings, &cluster->view, server->told_peers);
    if (!server->leaf)
        return;
    cluster_step_t step = cluster_step(server->settings, &cluster->following, &cluster->view);
    if (step == CLUSTER_LEAD)
        zr_log(ZR_LOG_INFO, "no broker leads: this one does from now on");
    else if (step != CLUSTER_STAY)
        zr_log(ZR_LOG_INFO, "the broker at %s leads now", cluster->view.leader.endpoint);
    if (step == CLUSTER_FOLLOW)
        s_follow_another(cluster);
    else if (step != CLUSTER_STAY)
        server->stopping = server->again = true;
}

static int s_on_view(zloop_t *loop, zmq_pollitem_t *item, void *arg) {
    (void)loop;
    (void)item;
    cluster_t *cluster = arg;
    if (!pg_members_take(cluster->members, &cluster->view))
        return 0;
    cluster->viewed_at = zr_mono_ms();
    s_look_at(cluster);
    return cluster->server->stopping ? -1 : 0;
}

cluster_t *cluster_begin(server_t *server) {
    const settings_t *settings = server->settings;
    if (s_is_alone(settings))
        return NULL;
    cluster_t *cluster = fatal_calloc(sizeof *cluster);
    const pg_self_t self = {settings->cluster_advertise, settings->cluster_key};
    cluster->server = server;
    cluster->view.behind = -1;
    if (settings->follows) {
        strcpy(cluster->following.endpoint, settings->upstream.endpoint);
        strcpy(cluster->following.key, settings->upstream.server_key);
    }
    cluster->members = pg_members_begin(settings->store, &self, settings->follows);
    zmq_pollitem_t news = {.fd = pg_members_fd(cluster->members), .events = ZMQ_POLLIN};
    zloop_poller(server->loop, &news, s_on_view, cluster);
    return cluster;
}

void cluster_end(cluster_t *cluster) {
    if (!cluster)
        return;
    pg_members_end(cluster->members);
    free(cluster);
}

/* --- For operators --- */

json_t *cluster_rows(void *ctx) {
    const cluster_t *cluster = ((const server_t *)ctx)->cluster;
    return cluster ? cluster_report(&cluster->view, zr_mono_ms() - cluster->viewed_at) : json_pack("{s[]}", "cluster");
}

#endif
