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
#include "pg_members.h"
#endif

enum { STILL_MS = 20 };

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
    while (!s_leads(server)) {
        if (s_is_told_to_end()) {
            zr_log(ZR_LOG_INFO, "stopping at once; nothing that waits was acknowledged");
            _exit(EXIT_SUCCESS);
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

static bool s_is_own_front(const settings_t *settings, const pg_view_t *view) {
    return strcmp(view->leader.endpoint, settings->cluster_advertise) == 0;
}

static bool s_is_local(const char *front) {
    endpoint_t endpoint;
    return !endpoint_parse(&endpoint, front) && endpoint_is_local(&endpoint);
}

static bool s_is_server(const pg_member_t *member) {
    zr_servers_t servers = {0};
    return !zr_servers_read(&servers, zr_span(member->endpoint)) && servers.count == 1 &&
           (!member->key[0] || !zr_servers_read_keys(&servers, zr_span(member->key)));
}

/* The row of the leader comes from the database. It must not make this broker speak in the clear where it did not want
 * to. */
static bool s_check_leader(const settings_t *settings, const pg_member_t *leader, zr_error_t *error) {
    if (!leader->endpoint[0])
        return zr_fail(error,
            "another broker leads the log in this database (%s), and says nowhere where clients reach it: set "
            "cluster/advertise there too",
            leader->name);
    if (!s_is_server(leader))
        return zr_fail(error, "the database names \"%s\" as the broker that leads, which is no endpoint with a key",
            leader->endpoint);
    if (leader->key[0] && !settings->upstream.certificate[0])
        return zr_fail(error,
            "the broker that leads is encrypted at %s; give this one a pair of keys to follow it: "
            "upstream/certificate",
            leader->endpoint);
    bool guarded = settings->server_key[0] || settings->upstream.user[0];
    if (!leader->key[0] && !s_is_local(leader->endpoint) && guarded && !settings->insecure)
        return zr_fail(error,
            "the broker that leads is not encrypted at %s, and this one has %s: give that broker a server key too",
            leader->endpoint, settings->server_key[0] ? "a server key" : "a token in upstream/token-file");
    return true;
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
        if (!s_is_own_front(settings, &view))
            break;
        if (zr_mono_ms() >= until)
            return zr_fail(error,
                "cluster/advertise: the broker that leads, %s, has the same endpoint %s; each needs its own",
                view.leader.name, view.leader.endpoint);
    }
    if (!s_check_leader(settings, &view.leader, error))
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

static bool s_is_listed(const char *list, const char *endpoint) {
    size_t len = strlen(endpoint);
    for (const char *at = list; (at = strstr(at, endpoint)); at += len)
        if ((at == list || at[-1] == ',') && (at[len] == ',' || !at[len]))
            return true;
    return false;
}

/* Clients learn the others with this broker's key, so one with another key is of no use to them. */
static bool s_is_for_clients(const settings_t *settings, const pg_member_t *member) {
    return member->endpoint[0] && member->seen_ms < PG_GONE_MS &&
           strcmp(member->endpoint, settings->cluster_advertise) != 0 &&
           strcmp(member->key, settings->cluster_key) == 0;
}

static void s_tell_peers(cluster_t *cluster) {
    const settings_t *settings = cluster->server->settings;
    char *out = cluster->server->told_peers;
    size_t size = sizeof cluster->server->told_peers;
    strcpy(out, settings->peers);
    for (size_t i = 0; i < cluster->view.count; i++) {
        const char *endpoint = cluster->view.items[i].endpoint;
        size_t len = strlen(out);
        if (!s_is_for_clients(settings, &cluster->view.items[i]) || s_is_listed(out, endpoint) ||
            len + strlen(endpoint) + 2 > size)
            continue;
        snprintf(out + len, size - len, "%s%s", len ? "," : "", endpoint);
    }
}

static void s_start_anew(server_t *server) {
    server->stopping = server->again = true;
}

/* The sockets of the link are encrypted or not from the start on. For a leader of the other kind, or a wrong one, the
 * program starts anew, and looks at it again. */
static void s_follow_another(cluster_t *cluster) {
    const settings_t *settings = cluster->server->settings;
    const pg_member_t *leader = &cluster->view.leader;
    zr_server_t *following = &cluster->following;
    zr_error_t unused = {0};
    if (!leader->endpoint[0] || s_is_own_front(settings, &cluster->view) ||
        (strcmp(leader->endpoint, following->endpoint) == 0 && strcmp(leader->key, following->key) == 0))
        return;
    zr_log(ZR_LOG_INFO, "the broker at %s leads now", leader->endpoint);
    if (!leader->key[0] != !following->key[0] || !s_check_leader(settings, leader, &unused)) {
        s_start_anew(cluster->server);
        return;
    }
    strcpy(following->endpoint, leader->endpoint);
    strcpy(following->key, leader->key);
    leaf_follow(cluster->server->leaf, following);
}

static int s_on_view(zloop_t *loop, zmq_pollitem_t *item, void *arg) {
    (void)loop;
    (void)item;
    cluster_t *cluster = arg;
    server_t *server = cluster->server;
    if (!pg_members_take(cluster->members, &cluster->view))
        return 0;
    cluster->viewed_at = zr_mono_ms();
    s_tell_peers(cluster);
    if (!server->leaf)
        return 0;
    if (cluster->view.own) {
        zr_log(ZR_LOG_INFO, "no broker leads: this one does from now on");
        s_start_anew(server);
    } else {
        s_follow_another(cluster);
    }
    return server->stopping ? -1 : 0;
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

/* While the database is away the view grows old, and nobody is known to lead. */
static json_t *s_row(const cluster_t *cluster, const pg_member_t *member) {
    const pg_view_t *view = &cluster->view;
    uint64_t age = zr_mono_ms() - cluster->viewed_at, seen = member->seen_ms + age;
    bool away = seen > PG_AWAY_MS;
    bool leads = !view->free && age <= PG_AWAY_MS && strcmp(member->endpoint, view->leader.endpoint) == 0;
    return json_pack("{ss ss ss sI}", "endpoint", member->endpoint, "name", member->name, "part",
        leads  ? "leads"
        : away ? "away"
               : "follows",
        "seen", (json_int_t)seen);
}

json_t *cluster_rows(void *ctx) {
    const server_t *server = ctx;
    json_t *rows = json_array();
    if (!server->cluster)
        return json_pack("{so}", "cluster", rows);
    const pg_view_t *view = &server->cluster->view;
    for (size_t i = 0; i < view->count; i++)
        json_array_append_new(rows, s_row(server->cluster, &view->items[i]));
    json_t *object = json_pack("{so sI sI sI}", "cluster", rows, "term", (json_int_t)view->term, "since",
        (json_int_t)view->since, "standbys", (json_int_t)view->standbys);
    if (view->behind >= 0)
        json_object_set_new(object, "behind", json_integer(view->behind));
    return object;
}

#endif
