/* See settings.h. Every setting is a row of one table; PROTOCOL.md, section 10, names them. Must not know sockets. */
#include "settings.h"

#include <stdio.h>
#include <string.h>

#include "key_file.h"
#include "rate.h"

#define KIB 1024ULL
#define MIB (1024ULL * KIB)
#define GIB (1024ULL * MIB)
#define TIB (1024ULL * GIB)
#define SECOND 1000ULL
#define YEAR (365 * 24 * 3600 * SECOND)

/* --- Kinds of values of the broker alone --- */

/* Permissions as chmod takes them, in octal digits. The broker's own account must be able to use the socket. */
static bool s_read_mode(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    const char *text = value->text;
    size_t len = strlen(text);
    unsigned mode = 0;
    for (size_t i = 0; i < len && i < 5; i++)
        mode = mode * 8 + (unsigned)(text[i] - '0');
    *(unsigned *)member = mode;
    if (len >= 3 && len <= 4 && strspn(text, "01234567") == len && mode <= value->row->max &&
        (mode & value->row->min) == value->row->min)
        return true;
    return zr_fail(error,
        "\"%.40s\" is no mode for a socket; write 0600 (the broker's account alone), 0660 (its group too) or 0666 "
        "(every account)",
        text);
}

static bool s_add_endpoint(settings_endpoints_t *endpoints, const char *text, zr_error_t *error) {
    if (endpoints->count == SETTINGS_ENDPOINTS_MAX)
        return zr_fail(error, "more than %d endpoints", SETTINGS_ENDPOINTS_MAX);
    const char *sentence = endpoint_parse(&endpoints->items[endpoints->count], text);
    if (sentence)
        return zr_fail(error, "cannot use \"%.80s\": %s", text, sentence);
    endpoints->count++;
    return true;
}

/* In a file, a relative path of an ipc endpoint begins at the file's folder, too. */
static bool s_read_endpoint(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    zr_span_t text = zr_span(value->text), ipc = zr_span("ipc://");
    const char *path = zr_span_starts(text, ipc) ? value->text + ipc.len : "";
    bool relative = path[0] && path[0] != '@' && path[0] != '/';
    if (!relative)
        return s_add_endpoint(member, value->text, error);
    zr_span_t folder = zr_setting_folder(value, path);
    zr_buffer_t whole = {0};
    zr_buffer_printf(&whole, "%s%.*s%s", ipc.ptr, (int)folder.len, folder.ptr, path);
    zr_buffer_u8(&whole, '\0');
    bool ok = s_add_endpoint(member, (const char *)whole.data, error);
    zr_buffer_finish(&whole);
    return ok;
}

static void s_clear_endpoints(void *member) {
    ((settings_endpoints_t *)member)->count = 0;
}

static bool s_read_advertise(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    endpoint_t endpoint;
    const char *sentence = endpoint_parse(&endpoint, value->text);
    if (!sentence && endpoint.kind == ENDPOINT_TCP && (endpoint.port == 0 || endpoint_is_wildcard(&endpoint)))
        sentence = "clients connect to it, so it needs an address and a port of its own";
    if (sentence)
        return zr_fail(error, "cannot advertise \"%.80s\": %s", value->text, sentence);
    endpoint_format(&endpoint, member);
    return true;
}

static bool s_read_on_corrupt(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    return zr_setting_choice(
        value->text, "aside", "refuse", "aside (put it aside and begin anew) nor refuse", member, error);
}

static bool s_read_encrypt(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    return zr_setting_choice(
        value->text, "remote", "all", "remote (what other machines can reach) nor all", member, error);
}

/* A public key of CURVE, in Z85. */
static bool s_read_key(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    if (!zr_server_keys_valid(zr_span(value->text)))
        return zr_fail(error,
            "\"%.60s\" is no public key; give the 40 characters that zrelayd --keygen shows for the "
            "upstream",
            value->text);
    strcpy(member, value->text);
    return true;
}

/* The front of another broker. */
static bool s_write_front(const char *text, char out[ENDPOINT_TEXT_SIZE], const char *use, zr_error_t *error) {
    endpoint_t endpoint;
    const char *sentence = endpoint_parse(&endpoint, text);
    if (!sentence && endpoint.kind == ENDPOINT_TCP && (endpoint.port == 0 || endpoint_is_wildcard(&endpoint)))
        sentence = "others connect to it, so it needs an address and a port of its own";
    if (sentence)
        return zr_fail(error, "cannot use \"%.80s\" as %s: %s", text, use, sentence);
    endpoint_format(&endpoint, out);
    return true;
}

/* "A,B,C". */
static bool s_write_fronts(const char *text, char *out, const char *use, zr_error_t *error) {
    zr_servers_t servers;
    const char *fault = zr_servers_read(&servers, zr_span(text));
    bool ok = !fault || zr_fail(error, "cannot use \"%.80s\" as %s: %s", text, use, fault);
    size_t len = 0;
    for (size_t i = 0; ok && i < servers.count; i++) {
        char one[ENDPOINT_TEXT_SIZE] = "";
        ok = s_write_front(servers.items[i].endpoint, one, use, error);
        len += (size_t)snprintf(out + len, ZR_SERVERS_TEXT_MAX + 1 - len, "%s%.*s", i ? "," : "", ZR_SERVER_MAX, one);
    }
    return ok;
}

static bool s_read_upstream(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    return s_write_fronts(value->text, member, "upstream", error);
}

static bool s_read_peers(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    return s_write_fronts(value->text, member, "peers", error);
}

static bool s_read_front(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    char text[ENDPOINT_TEXT_SIZE];
    if (!s_write_front(value->text, text, "cluster/advertise", error))
        return false;
    return (size_t)snprintf(member, ZR_SERVER_MAX + 1, "%s", text) <= ZR_SERVER_MAX ||
           zr_fail(error, "cluster/advertise: an endpoint has at most %d bytes", ZR_SERVER_MAX);
}

/* --- They as text --- */

static bool s_show_mode(const zr_setting_t *row, const void *member, size_t i, zr_buffer_t *out) {
    unsigned mode = *(const unsigned *)member;
    (void)row, (void)i;
    if (mode)
        zr_buffer_printf(out, "%04o", mode);
    return mode;
}

static bool s_show_endpoint(const zr_setting_t *row, const void *member, size_t i, zr_buffer_t *out) {
    const settings_endpoints_t *endpoints = member;
    char text[ENDPOINT_TEXT_SIZE];
    (void)row;
    if (i >= endpoints->count)
        return false;
    endpoint_format(&endpoints->items[i], text);
    zr_buffer_append(out, text, strlen(text));
    return true;
}

static bool s_show_on_corrupt(const zr_setting_t *row, const void *member, size_t i, zr_buffer_t *out) {
    (void)row, (void)i;
    zr_buffer_printf(out, "%s", *(const bool *)member ? "refuse" : "aside");
    return true;
}

static bool s_show_encrypt(const zr_setting_t *row, const void *member, size_t i, zr_buffer_t *out) {
    (void)row, (void)i;
    zr_buffer_printf(out, "%s", *(const bool *)member ? "all" : "remote");
    return true;
}

static const zr_setting_kind_t s_key = {s_read_key, NULL, zr_setting_show_text};
static const zr_setting_kind_t s_upstream = {s_read_upstream, NULL, zr_setting_show_text};
static const zr_setting_kind_t s_peers = {s_read_peers, NULL, zr_setting_show_text};
static const zr_setting_kind_t s_front = {s_read_front, NULL, zr_setting_show_text};
static const zr_setting_kind_t s_mode = {s_read_mode, NULL, s_show_mode};
static const zr_setting_kind_t s_endpoints = {s_read_endpoint, s_clear_endpoints, s_show_endpoint};
static const zr_setting_kind_t s_advertise = {s_read_advertise, NULL, zr_setting_show_text};
static const zr_setting_kind_t s_on_corrupt = {s_read_on_corrupt, NULL, s_show_on_corrupt};
static const zr_setting_kind_t s_encrypt = {s_read_encrypt, NULL, s_show_encrypt};

/* --- The section "room": its rows are about a policy --- */

#define ROOM "room"

static void *s_add_policy(void *settings_, zr_error_t *error) {
    settings_t *settings = settings_;
    if (settings->policy_count == SETTINGS_POLICIES_MAX) {
        zr_fail(error, "more than %d of these sections", SETTINGS_POLICIES_MAX);
        return NULL;
    }
    policy_t *policy = &settings->policies[settings->policy_count++];
    *policy = (policy_t){.pattern = ""};
    return policy;
}

static bool s_read_pattern(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    const settings_t *settings = value->settings;
    const char *fault = policy_pattern_fault(zr_span(value->text));
    policy_t *policy = member;
    if (fault)
        return zr_fail(error, "\"%.140s\" %s", value->text, fault);
    for (size_t i = 0; i < settings->policy_count; i++)
        if (strcmp(settings->policies[i].pattern, value->text) == 0)
            return zr_fail(error, "another section is about \"%.140s\" already", value->text);
    snprintf(policy->pattern, sizeof policy->pattern, "%s", value->text);
    return true;
}

static bool s_read_level(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    static const zr_level_t levels[] = {ZR_LEVEL_NONE, ZR_LEVEL_MEMORY, ZR_LEVEL_DISK};
    policy_t *policy = member;
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (strcmp(zr_level_name(levels[i]), value->text) == 0) {
            policy->has_level = true;
            policy->level = levels[i];
            return true;
        }
    return zr_fail(error, "must be disk, memory or none, not \"%.40s\"", value->text);
}

/* Policies are in microseconds. */
static bool s_read_age(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    bool ok = zr_kind_time.read(value, member, error);
    if (ok)
        *(uint64_t *)member *= 1000;
    return ok;
}

static bool s_show_level(const zr_setting_t *row, const void *member, size_t i, zr_buffer_t *out) {
    const policy_t *policy = member;
    (void)row, (void)i;
    if (policy->has_level)
        zr_buffer_printf(out, "%s", zr_level_name(policy->level));
    return policy->has_level;
}

static bool s_show_age(const zr_setting_t *row, const void *member, size_t i, zr_buffer_t *out) {
    uint64_t ms = *(const uint64_t *)member / 1000;
    return zr_kind_time.show(row, &ms, i, out);
}

static const zr_setting_kind_t s_pattern = {s_read_pattern, NULL, zr_setting_show_text};
static const zr_setting_kind_t s_level = {s_read_level, NULL, s_show_level};
static const zr_setting_kind_t s_age = {s_read_age, NULL, s_show_age};

static void *s_policy_at(void *settings_, size_t i) {
    settings_t *settings = settings_;
    return i < settings->policy_count ? &settings->policies[i] : NULL;
}

static const zr_setting_list_t s_rooms = {
    ROOM, "pattern", "the pattern is missing; write \"pattern = NAME\" or \"NAME*\"", s_add_policy, s_policy_at};

/* --- The table --- */

#define AT(member) offsetof(settings_t, member)

static const zr_setting_t s_rows[] = {
    {"server", "listen", &s_endpoints, AT(listen), 0, 0},
    {"server", "back", &s_endpoints, AT(back), 0, 0},
    {"server", "advertise", &s_advertise, AT(advertise), 0, ENDPOINT_TEXT_SIZE - 1},
    {"server", "ipc-mode", &s_mode, AT(ipc_mode), 0600, 0777},
    {"server", "ipc-group", &zr_kind_text, AT(ipc_group), 1, SETTINGS_GROUP_MAX},
    {"server", "insecure", &zr_kind_bool, AT(insecure), 0, 1},
    {"server", "greeting", &zr_kind_utf8, AT(greeting), 0, SETTINGS_TEXT_MAX},
    {"server", "heartbeat", &zr_kind_time, AT(relay.heartbeat_ms), 100, 3600 * 1000},
    {"server", "login-timeout", &zr_kind_time, AT(login_timeout_ms), 1 * SECOND, 3600 * SECOND},
    {"server", "tick", &zr_kind_time, AT(tick_ms), 10, 60 * 1000},
    {"server", "io-threads", &zr_kind_u64, AT(io_threads), 1, 64},
    {"server", "log-level", &zr_kind_log_level, AT(log_level), 0, 0},
    {"server", "log-format", &zr_kind_log_format, AT(log_json), 0, 0},
    {"server", "log-file", &zr_kind_path, AT(log_file), 1, SETTINGS_TEXT_MAX},
    {"server", "settings-file", &zr_kind_path, AT(settings_file), 1, SETTINGS_TEXT_MAX},
    {"auth", "users", &zr_kind_path, AT(users), 1, SETTINGS_TEXT_MAX},
    {"auth", "bans", &zr_kind_path, AT(bans), 1, SETTINGS_TEXT_MAX},
    {"auth", "tokens", &zr_kind_bool, AT(relay.tokens), 0, 1},
    {"auth", "jwt-keys", &zr_kind_path, AT(jwt_keys), 1, SETTINGS_TEXT_MAX},
    {"auth", "jwt-issuer", &zr_kind_utf8, AT(jwt_issuer), 1, SETTINGS_TEXT_MAX},
    {"auth", "jwt-audience", &zr_kind_utf8, AT(jwt_audience), 1, SETTINGS_TEXT_MAX},
    {"auth", "jwt-leeway", &zr_kind_time, AT(jwt_leeway_ms), 0, 600 * SECOND},
    {"auth", "server-key", &zr_kind_path, AT(server_key), 1, SETTINGS_TEXT_MAX},
    {"auth", "encrypt", &s_encrypt, AT(encrypt_all), 0, 0},
    {"upstream", "endpoint", &s_upstream, AT(upstream.endpoint), 0, ZR_SERVERS_TEXT_MAX},
    {"upstream", "server-key", &s_key, AT(upstream.server_key), 0, ZR_SERVER_KEYS_MAX},
    {"upstream", "certificate", &zr_kind_path, AT(upstream.certificate), 1, SETTINGS_TEXT_MAX},
    {"upstream", "user", &zr_kind_utf8, AT(upstream.user), 1, ZR_NICK_MAX},
    {"upstream", "token-file", &zr_kind_path, AT(upstream.token_file), 1, SETTINGS_TEXT_MAX},
    {"cluster", "advertise", &s_front, AT(cluster_advertise), 0, ZR_SERVER_MAX},
    {"cluster", "peers", &s_peers, AT(peers), 0, ZR_SERVERS_TEXT_MAX},
    {"limits", "max-frame", &zr_kind_size, AT(relay.max_frame), 4 * KIB, 256 * MIB},
    {"limits", "max-control", &zr_kind_size, AT(relay.max_control), 1 * KIB, 16 * MIB},
    {"limits", "window", &zr_kind_size, AT(relay.window), 4 * KIB, 1024 * MIB},
    {"limits", "max-entries", &zr_kind_size, AT(relay.max_entries), 1, 1000000},
    {"limits", "max-sessions", &zr_kind_size, AT(relay.max_sessions), 1, 1000000},
    {"limits", "max-rooms", &zr_kind_size, AT(relay.max_rooms), 1, 100000000},
    {"limits", "max-joins", &zr_kind_size, AT(relay.max_joins), 1, 1000000},
    {"limits", "presence-names", &zr_kind_size, AT(relay.presence_names), 1, 100000},
    {"limits", "max-keys", &zr_kind_size, AT(relay.max_keys), 1, 100000000},
    {"limits", "max-state-bytes", &zr_kind_u64, AT(relay.max_state_bytes), 1 * KIB, 1 * TIB},
    {"limits", "max-ttl", &zr_kind_time, AT(relay.max_ttl_ms), 1 * SECOND, 100 * YEAR},
    {"limits", "max-groups", &zr_kind_size, AT(relay.max_groups), 1, 1000000},
    {"limits", "max-room-groups", &zr_kind_size, AT(relay.max_room_groups), 1, 1000},
    {"limits", "max-user-groups", &zr_kind_size, AT(relay.max_user_groups), 1, 1000000},
    {"limits", "max-group-workers", &zr_kind_size, AT(relay.max_group_workers), 1, 100000},
    {"limits", "max-group-entries", &zr_kind_size, AT(relay.max_group_entries), 1, 100000000},
    {"limits", "max-group-bytes", &zr_kind_size, AT(relay.max_group_bytes), 1 * MIB, 1 * TIB},
    {"limits", "max-group-keep", &zr_kind_u64, AT(relay.max_group_keep), 1 * MIB, 1024 * TIB},
    {"limits", "max-replays", &zr_kind_size, AT(relay.max_replays), 1, 1000},
    {"limits", "max-lists", &zr_kind_size, AT(relay.max_lists), 1, 1000},
    {"limits", "replay-entries", &zr_kind_size, AT(relay.replay_entries), 1, 10000000},
    {"limits", "replay-frames", &zr_kind_size, AT(relay.replay_frames), 1, 100000},
    {"limits", "replay-bytes", &zr_kind_size, AT(relay.replay_bytes), 1 * KIB, 1 * GIB},
    {"limits", "max-clients", &zr_kind_size, AT(relay.max_clients), 1, 100000000},
    {"limits", "rate-ops", &zr_kind_u64, AT(relay.rate_ops), 0, BUCKET_RATE_MAX},
    {"limits", "rate-control", &zr_kind_u64, AT(relay.rate_control), 0, BUCKET_RATE_MAX},
    {"limits", "rate-entries", &zr_kind_u64, AT(relay.rate_entries), 0, BUCKET_RATE_MAX},
    {"limits", "rate-bytes", &zr_kind_u64, AT(relay.rate_bytes), 0, BUCKET_RATE_MAX},
    {"limits", "max-user-sessions", &zr_kind_size, AT(relay.max_user_sessions), 1, 1000000},
    {"limits", "max-user-rooms", &zr_kind_size, AT(relay.max_user_rooms), 1, 100000000},
    {"limits", "max-address-connections", &zr_kind_size, AT(max_address_connections), 1, 1000000},
    {"limits", "rate-handshakes", &zr_kind_u64, AT(rate_handshakes), 0, 1000000},
    {"limits", "max-trunk-channels", &zr_kind_size, AT(relay.max_trunk_channels), 1, 100000000},
    {"limits", "max-channels", &zr_kind_size, AT(relay.max_channels), 1, 100000000},
    {"limits", "rate-subscriptions", &zr_kind_u64, AT(rate_subscriptions), 0, 1000000},
    {"limits", "max-waiting", &zr_kind_u64, AT(relay.max_waiting), 1 * MIB, 1 * TIB},
    {"limits", "max-user-topics", &zr_kind_u64, AT(max_user_topics), 4 * KIB, 1 * TIB},
    {"limits", "max-topics", &zr_kind_u64, AT(max_topics), 4 * KIB, 1 * TIB},
    {"limits", "batch-bytes", &zr_kind_size, AT(relay.batch_bytes), 1 * KIB, 16 * MIB},
    {"limits", "route-queue", &zr_kind_u64, AT(route_queue), 16, 1000000},
    {"limits", "route-bytes", &zr_kind_u64, AT(route_bytes), 64 * KIB, 1 * TIB},
    {"limits", "all-route-bytes", &zr_kind_u64, AT(all_route_bytes), 1 * MIB, 1 * TIB},
    {"limits", "all-reader-bytes", &zr_kind_u64, AT(all_reader_bytes), 1 * MIB, 1 * TIB},
    {"limits", "reader-queue", &zr_kind_u64, AT(reader_queue), 16, 10000000},
    {"log", "data", &zr_kind_path, AT(data), 1, SETTINGS_TEXT_MAX},
    {"log", "store", &zr_kind_utf8, AT(store), 1, SETTINGS_TEXT_MAX},
    {"log", "on-corrupt", &s_on_corrupt, AT(refuse_corrupt), 0, 0},
    {"log", "queue-bytes", &zr_kind_u64, AT(queue_bytes), 64 * KIB, 1 * TIB},
    {"log", "mark-age", &zr_kind_time, AT(mark_age_ms), 60 * SECOND, 100 * YEAR},
    {"log", "forget-after", &zr_kind_time, AT(relay.forget_after_ms), 0, 100 * YEAR},
    {"log", "room-entries", &zr_kind_u64, AT(log.room_entries), 1, 10000000000},
    {"log", "room-bytes", &zr_kind_u64, AT(log.room_bytes), 4 * KIB, 1 * TIB},
    {"log", "entries", &zr_kind_u64, AT(log.entries), 1, 10000000000},
    {"log", "bytes", &zr_kind_u64, AT(log.bytes), 4 * KIB, 1 * TIB},
    {ROOM, "pattern", &s_pattern, 0, 0, 0},
    {ROOM, "level", &s_level, 0, 0, 0},
    {ROOM, "max-age", &s_age, offsetof(policy_t, max_age), 1 * SECOND, 100 * YEAR},
    {ROOM, "max-entries", &zr_kind_u64, offsetof(policy_t, max_entries), 1, 1000000000000},
    {ROOM, "max-bytes", &zr_kind_u64, offsetof(policy_t, max_bytes), 4 * KIB, 1024 * TIB},
    {ROOM, "max-key-age", &s_age, offsetof(policy_t, max_key_age), 1 * SECOND, 100 * YEAR},
};

const zr_setting_table_t settings_table = {"zrelayd.conf", s_rows, sizeof s_rows / sizeof s_rows[0], &s_rooms};

void settings_default(settings_t *settings) {
    memset(settings, 0, sizeof *settings);
    relay_config_default(&settings->relay);
    settings->log_level = ZR_LOG_INFO;
    settings->io_threads = 1;
    settings->tick_ms = 100;
    settings->route_queue = 1000;
    settings->route_bytes = 32 * MIB;
    settings->all_route_bytes = 256 * MIB;
    settings->all_reader_bytes = 256 * MIB;
    settings->reader_queue = 4096;
    settings->max_address_connections = 1000;
    settings->rate_handshakes = 50;
    settings->rate_subscriptions = 2000;
    settings->login_timeout_ms = 10 * SECOND;
    settings->jwt_leeway_ms = 60 * SECOND;
    settings->max_user_topics = 64 * KIB;
    settings->max_topics = 16 * MIB;
    settings->log = (log_memory_limits_t){
        .room_entries = 2000000, .room_bytes = 128 * MIB, .entries = 10000000, .bytes = 256 * MIB};
    settings->queue_bytes = 64 * MIB;
    settings->mark_age_ms = 7 * 24 * 3600 * SECOND;
}
