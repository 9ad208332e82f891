/* See settings.h: what only the whole can tell, once file and options are read. */
#include <stdio.h>
#include <string.h>

#include "settings.h"

enum { DISK_ROOMS_MAX = 1 << 23 };

#define DEFAULT_LISTEN "tcp://127.0.0.1:5570"

/* Checks that the settings about users, tokens, bans and keys fit together, and fills in the bans' file. */
static void s_check_users(settings_t *settings, zr_error_t *error) {
    if (!settings->users[0] && settings->bans[0])
        zr_fail(error, "auth: bans are of users: name the users file with auth/users or --users");
    if (!settings->users[0] && settings->relay.tokens)
        zr_fail(error, "auth: tokens are the users': name the users file with auth/users or --users");
    if (!settings->users[0] && settings->jwt_keys[0])
        zr_fail(error, "auth: jwt-keys needs a users file with the roles: name it with auth/users or --users");
    if (!settings->jwt_keys[0] && (settings->jwt_issuer[0] || settings->jwt_audience[0]))
        zr_fail(error, "auth: jwt-issuer and jwt-audience need the keys: name their file with auth/jwt-keys");
    settings->relay.jwt = settings->jwt_keys[0];
    if (!settings->server_key[0] && settings->encrypt_all)
        zr_fail(error,
            "auth: encrypt = all needs a key: auth/server-key or --server-key (zrelayd --keygen FILE makes one)");
    if (settings->bans[0] && strcmp(settings->bans, settings->users) == 0)
        zr_fail(error, "auth: bans and users are the same file, %s; the broker writes the bans, so give them another",
            settings->users);
    if (settings->server_key[0] && settings->insecure)
        zr_fail(error,
            "--insecure (server/insecure) and --server-key (auth/server-key) contradict each other: with the key "
            "everything that other machines can reach is encrypted; take away the one that you do not mean");
    if (settings->users[0] && !settings->bans[0])
        snprintf(settings->bans, sizeof settings->bans, "%s" SETTINGS_BANS_SUFFIX, settings->users);
}

static bool s_has_path(const settings_endpoints_t *endpoints) {
    for (size_t i = 0; i < endpoints->count; i++)
        if (endpoints->items[i].kind == ENDPOINT_IPC && endpoints->items[i].path[0] != '@')
            return true;
    return false;
}

/* A socket's file is for the broker's account alone, unless the operator says otherwise: without a users file every
 * account that can connect may do everything. */
static void s_check_ipc(settings_t *settings, zr_error_t *error) {
    bool set = settings->ipc_mode || settings->ipc_group[0];
    if (set && !s_has_path(&settings->listen) && !s_has_path(&settings->back))
        zr_fail(error,
            "server: ipc-mode and ipc-group need a listener ipc://PATH; add one, or take them away (an abstract "
            "socket, ipc://@NAME, has no permissions)");
    if (settings->ipc_group[0] && settings->ipc_mode && !(settings->ipc_mode & 0020))
        zr_fail(error,
            "server: ipc-group names a group, and ipc-mode %04o does not let it in; write 0660, or take one "
            "of them away",
            settings->ipc_mode);
    if (!settings->ipc_mode)
        settings->ipc_mode = settings->ipc_group[0] ? 0660 : 0600;
}

static void s_choose_encrypted(const settings_t *settings, settings_endpoints_t *endpoints) {
    for (size_t i = 0; i < endpoints->count; i++)
        endpoints->items[i].encrypted =
            settings->server_key[0] && (settings->encrypt_all || !endpoint_is_local(&endpoints->items[i]));
}

static bool s_derive_backs(settings_t *settings, zr_error_t *error) {
    settings->paired = settings->back.count == 0;
    if (!settings->paired)
        return true;
    for (size_t i = 0; i < settings->listen.count; i++) {
        const char *wrong = endpoint_derive_back(&settings->listen.items[i], &settings->back.items[i]);
        if (wrong) {
            char text[ENDPOINT_TEXT_SIZE];
            endpoint_format(&settings->listen.items[i], text);
            return zr_fail(error, "cannot derive the back of %s: %s", text, wrong);
        }
    }
    settings->back.count = settings->listen.count;
    return true;
}

static bool s_has_back(const settings_t *settings, const endpoint_t *listen) {
    const endpoint_set_t set = {
        .listen = settings->listen.items, .listen_count = settings->listen.count, .advertise = settings->advertise};
    if (endpoint_advertised_to(&set, listen->encrypted))
        return true;
    for (size_t i = 0; i < settings->back.count; i++) {
        const endpoint_t *back = &settings->back.items[i];
        if (back->encrypted == listen->encrypted && (listen->kind == ENDPOINT_IPC || back->kind == ENDPOINT_TCP))
            return true;
    }
    return false;
}

/* A client that came by TCP may be on another machine, so it needs a TCP back. And a client uses CURVE on both its
 * connections, or on neither. */
static bool s_check_backs(const settings_t *settings, zr_error_t *error) {
    for (size_t i = 0; i < settings->listen.count; i++) {
        const endpoint_t *listen = &settings->listen.items[i];
        if (s_has_back(settings, listen))
            continue;
        char text[ENDPOINT_TEXT_SIZE];
        endpoint_format(listen, text);
        const char *too = listen->encrypted ? " that is encrypted too" : " that is not encrypted either";
        return zr_fail(error, "clients of %s need a %sback%s; add one with --back", text,
            listen->kind == ENDPOINT_TCP ? "tcp:// " : "", settings->server_key[0] ? too : "");
    }
    return true;
}

/* The endpoint of this number: first the listeners, then the backs. */
static const endpoint_t *s_endpoint(const settings_t *settings, size_t i) {
    const settings_endpoints_t *listen = &settings->listen;
    return i < listen->count ? &listen->items[i] : &settings->back.items[i - listen->count];
}

static void s_tell_collision(const settings_t *settings, size_t one, size_t other, zr_error_t *error) {
    char texts[2][ENDPOINT_TEXT_SIZE];
    size_t listeners = settings->listen.count;
    bool derived = settings->paired && other >= listeners;
    endpoint_format(s_endpoint(settings, one), texts[0]);
    endpoint_format(s_endpoint(settings, other), texts[1]);
    zr_fail(error, "%s %s and %s %s cannot both be bound: they are the same; %s", one < listeners ? "listener" : "back",
        texts[0], other < listeners ? "listener" : "back", texts[1],
        derived ? "without --back (server/back) a listener's back is the next port, so leave that one free"
                : "choose another port or path for one of them");
}

static void s_check_collisions(const settings_t *settings, zr_error_t *error) {
    size_t count = settings->listen.count + settings->back.count;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (endpoint_collides(s_endpoint(settings, j), s_endpoint(settings, i)))
                s_tell_collision(settings, j, i, error);
}

/* Names the first endpoint of either kind, or returns false. */
static bool s_find(const settings_t *settings, bool (*is)(const endpoint_t *), char text[ENDPOINT_TEXT_SIZE]) {
    const settings_endpoints_t *all[] = {&settings->listen, &settings->back};
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < all[i]->count; j++)
            if (is(&all[i]->items[j])) {
                endpoint_format(&all[i]->items[j], text);
                return true;
            }
    return false;
}

static bool s_is_plain(const endpoint_t *endpoint) {
    return !endpoint->encrypted;
}

static bool s_is_exposed(const endpoint_t *endpoint) {
    return !endpoint->encrypted && !endpoint_is_local(endpoint);
}

static bool s_is_encrypted(const endpoint_t *endpoint) {
    return endpoint->encrypted;
}

bool settings_some_plain(const settings_t *settings) {
    char text[ENDPOINT_TEXT_SIZE];
    return s_find(settings, s_is_plain, text);
}

bool settings_some_encrypted(const settings_t *settings) {
    for (size_t i = 0; i < settings->listen.count; i++)
        if (settings->listen.items[i].encrypted)
            return true;
    return false;
}

/* Checks that other machines get in only if the operator wants it. */
static void s_check_private(const settings_t *settings, zr_error_t *error) {
    char text[ENDPOINT_TEXT_SIZE];
    if (!settings->insecure && s_find(settings, s_is_exposed, text))
        zr_fail(error,
            "%s can be reached from other machines; use 127.0.0.1, or encrypt and name the users that may connect "
            "(--server-key FILE --users FILE; --keygen makes keys), or say --insecure if the network is yours alone",
            text);
    if (!settings->users[0] && s_find(settings, s_is_encrypted, text))
        zr_fail(error,
            "%s is encrypted, and nothing says whose keys are let in; name the users file with auth/users or --users",
            text);
    if (settings->server_key[0] && !s_find(settings, s_is_encrypted, text))
        zr_fail(error, "nothing is encrypted with the server's key, as other machines reach no listener; add "
                       "auth/encrypt = all or a listener for them, or take --server-key (auth/server-key) away");
}

static void s_check_login(const upstream_settings_t *upstream, zr_error_t *error) {
    if (!upstream->user[0] != !upstream->token_file[0])
        zr_fail(error, "upstream: user and token-file go together");
    if (upstream->user[0] && upstream->certificate[0])
        zr_fail(error, "upstream: the key in certificate names the leaf's user; take user and token-file away");
}

/* A leaf has no log and no rooms: they are its upstream's, and so are the rights. */
static void s_check_upstream(const settings_t *settings, zr_error_t *error) {
    const upstream_settings_t *upstream = &settings->upstream;
    zr_servers_t servers;
    zr_servers_read(&servers, zr_span(upstream->endpoint));
    const char *fault = upstream->server_key[0] ? zr_servers_read_keys(&servers, zr_span(upstream->server_key)) : NULL;
    if (!upstream->server_key[0] != !upstream->certificate[0])
        zr_fail(error,
            "upstream: server-key and certificate go together: an encrypted upstream needs the public key of "
            "the upstream and the pair of keys of this leaf");
    else if (fault)
        zr_fail(error, "upstream/server-key: %s", fault);
    s_check_login(upstream, error);
    if (settings_durable(settings) || settings->policy_count > 0)
        zr_fail(error,
            "upstream: a leaf keeps no messages; log/data, log/store and the sections room belong to the upstream");
    if (settings->relay.tokens || settings->jwt_keys[0])
        zr_fail(error, "upstream: the upstream checks tokens and JWTs; take auth/tokens and auth/jwt-keys away");
}

/* A broker of a cluster is a leaf of the one that leads, and finds its endpoint and key in the database. */
static void s_check_cluster(const settings_t *settings, zr_error_t *error) {
    const upstream_settings_t *upstream = &settings->upstream;
    bool of_leaf = upstream->server_key[0] || upstream->certificate[0] || upstream->user[0] || upstream->token_file[0];
    if (settings->cluster_advertise[0] && !settings->store[0])
        zr_fail(error,
            "cluster: brokers that lead in turn share a database; name it with log/store or --store, or take "
            "cluster/advertise away");
    else if (settings->cluster_advertise[0] && upstream->server_key[0])
        zr_fail(
            error, "cluster: the key of the broker that leads comes from the database; take upstream/server-key away");
    else if (settings->cluster_advertise[0])
        s_check_login(upstream, error);
    else if (of_leaf)
        zr_fail(error, "upstream: there is no upstream: name it with upstream/endpoint or --upstream");
}

/* The database has room for so many (db.h). */
static void s_check_rooms(const settings_t *settings, zr_error_t *error) {
    if (settings_durable(settings) && settings->relay.max_rooms >= DISK_ROOMS_MAX)
        zr_fail(error, "limits: max-rooms (%zu) must be below %d when the log is on disk", settings->relay.max_rooms,
            DISK_ROOMS_MAX);
    if (settings->data[0] && settings->store[0])
        zr_fail(error, "log: data (--data) and store (--store) are two places for one log; take one of them away");
}

static void s_check_policies(settings_t *settings, zr_error_t *error) {
    for (size_t i = 0; i < settings->policy_count; i++) {
        const policy_t *policy = &settings->policies[i];
        bool disk = policy->has_level ? policy->level == ZR_LEVEL_DISK : settings_durable(settings);
        bool bounded = policy->max_age || policy->max_entries || policy->max_bytes;
        if (disk && !settings_durable(settings))
            zr_fail(error,
                "room %s: level disk needs a directory: log/data or --data; or a database: log/store or --store",
                policy->pattern);
        if (bounded && !disk)
            zr_fail(error,
                "room %s: max-age, max-entries and max-bytes are for rooms on disk; log/room-entries and "
                "log/room-bytes hold for those in memory",
                policy->pattern);
    }
    if (settings->policy_count > 0)
        settings->relay.policies = (policies_t){settings->policies, settings->policy_count};
}

/* Does the queue of a route hold what one replay sends? */
static void s_check_queues(const settings_t *settings, zr_error_t *error) {
    const relay_config_t *relay = &settings->relay;
    uint64_t replay = (uint64_t)relay->max_frame + relay->replay_bytes;
    if (relay->replay_frames >= settings->route_queue)
        zr_fail(error,
            "limits: replay-frames (%zu) must be below route-queue (%llu), else every replay overruns the queue",
            relay->replay_frames, (unsigned long long)settings->route_queue);
    if (replay >= settings->route_bytes)
        zr_fail(error,
            "limits: max-frame and replay-bytes together (%llu) must be below route-bytes (%llu), else a replay "
            "overruns the queue",
            (unsigned long long)replay, (unsigned long long)settings->route_bytes);
    if (settings->route_bytes > settings->all_route_bytes / 4)
        zr_fail(error, "limits: route-bytes (%llu) must be at most a quarter of all-route-bytes (%llu)",
            (unsigned long long)settings->route_bytes, (unsigned long long)settings->all_route_bytes);
}

bool settings_complete(settings_t *settings, zr_error_t *error) {
    unsigned before = error->count;
    if (settings->listen.count == 0)
        endpoint_parse(&settings->listen.items[settings->listen.count++], DEFAULT_LISTEN);
    s_check_queues(settings, error);
    s_check_policies(settings, error);
    s_check_rooms(settings, error);
    s_check_users(settings, error);
    if (settings->upstream.endpoint[0])
        s_check_upstream(settings, error);
    else
        s_check_cluster(settings, error);
    s_check_ipc(settings, error);
    if (error->count > before)
        return false;
    s_choose_encrypted(settings, &settings->listen);
    s_choose_encrypted(settings, &settings->back);
    if (!s_derive_backs(settings, error))
        return false;
    s_check_collisions(settings, error);
    s_check_private(settings, error);
    return error->count == before && s_check_backs(settings, error);
}
