/* See cluster_part.h. */
#include "cluster_part.h"

#ifdef ZRELAY_POSTGRES

/* --- Following --- */

bool cluster_is_own_front(const settings_t *settings, const pg_view_t *view) {
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

bool cluster_may_follow(const settings_t *settings, const pg_member_t *leader, zr_error_t *error) {
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

cluster_step_t cluster_step(const settings_t *settings, const zr_server_t *following, const pg_view_t *view) {
    const pg_member_t *leader = &view->leader;
    zr_error_t unused = {0};
    if (view->own)
        return CLUSTER_LEAD;
    if (!leader->endpoint[0] || cluster_is_own_front(settings, view) ||
        (strcmp(leader->endpoint, following->endpoint) == 0 && strcmp(leader->key, following->key) == 0))
        return CLUSTER_STAY;
    if (!leader->key[0] != !following->key[0] || !cluster_may_follow(settings, leader, &unused))
        return CLUSTER_START_ANEW;
    return CLUSTER_FOLLOW;
}

/* --- Telling --- */

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

void cluster_peers(const settings_t *settings, const pg_view_t *view, char out[ZR_SERVERS_TEXT_MAX + 1]) {
    const size_t size = ZR_SERVERS_TEXT_MAX + 1;
    strcpy(out, settings->peers);
    for (size_t i = 0; i < view->count; i++) {
        const char *endpoint = view->items[i].endpoint;
        size_t len = strlen(out);
        if (!s_is_for_clients(settings, &view->items[i]) || s_is_listed(out, endpoint) ||
            len + strlen(endpoint) + 2 > size)
            continue;
        snprintf(out + len, size - len, "%s%s", len ? "," : "", endpoint);
    }
}

/* While the database is away the view grows old, and nobody is known to lead. */
static json_t *s_row(const pg_view_t *view, const pg_member_t *member, uint64_t age) {
    uint64_t seen = member->seen_ms + age;
    bool away = seen > PG_AWAY_MS;
    bool leads = !view->free && age <= PG_AWAY_MS && strcmp(member->endpoint, view->leader.endpoint) == 0;
    return json_pack("{ss ss ss sI}", "endpoint", member->endpoint, "name", member->name, "part",
        leads  ? "leads"
        : away ? "away"
               : "follows",
        "seen", (json_int_t)seen);
}

json_t *cluster_report(const pg_view_t *view, uint64_t age) {
    json_t *rows = json_array();
    for (size_t i = 0; i < view->count; i++)
        json_array_append_new(rows, s_row(view, &view->items[i], age));
    json_t *object = json_pack("{so sI sI sI}", "cluster", rows, "term", (json_int_t)view->term, "since",
        (json_int_t)view->since, "standbys", (json_int_t)view->standbys);
    if (view->behind >= 0)
        json_object_set_new(object, "behind", json_integer(view->behind));
    return object;
}

#endif
