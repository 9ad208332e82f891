/* See settings.h. Every setting is a row of one table; PROTOCOL.md, section 10, names them. Must not know sockets. */
#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "rate.h"
#include "zpl.h"

#define KIB 1024ULL
#define MIB (1024ULL * KIB)
#define GIB (1024ULL * MIB)
#define TIB (1024ULL * GIB)

/* --- The table --- */

typedef enum {
    KIND_SIZE, /* a size_t */
    KIND_U64,
    KIND_TIME, /* milliseconds in a uint64_t */
    KIND_BOOL,
    KIND_TEXT,     /* a char array of `max` + 1 bytes */
    KIND_PATH,     /* the same; a relative one begins at the file's folder */
    KIND_GREETING, /* the same, in UTF-8: it stands in JSON */
    KIND_LEVEL,
    KIND_ADVERTISE,
    KIND_ENDPOINTS, /* may be repeated */
    KIND_MODE,
    KIND_ON_CORRUPT,
    KIND_ENCRYPT,
    KIND_PATTERN, /* these two are of a policy */
    KIND_DURABILITY,
} kind_t;

/* A row of section "room" is about the policy that the section began; `offset` is within it. */
typedef struct {
    const char *section, *name;
    kind_t kind;
    size_t offset;
    uint64_t min, max;
} setting_t;

#define ROOM "room"
#define SECOND 1000ULL
#define YEAR (365 * 24 * 3600 * SECOND)

#define AT(member) offsetof(settings_t, member)

static const setting_t s_settings[] = {
    {"server", "listen", KIND_ENDPOINTS, AT(listen), 0, 0},
    {"server", "back", KIND_ENDPOINTS, AT(back), 0, 0},
    {"server", "advertise", KIND_ADVERTISE, AT(advertise), 0, ENDPOINT_TEXT_SIZE - 1},
    {"server", "ipc-mode", KIND_MODE, AT(ipc_mode), 0600, 0777},
    {"server", "ipc-group", KIND_TEXT, AT(ipc_group), 1, SETTINGS_GROUP_MAX},
    {"server", "insecure", KIND_BOOL, AT(insecure), 0, 1},
    {"server", "greeting", KIND_GREETING, AT(greeting), 0, SETTINGS_TEXT_MAX},
    {"server", "heartbeat", KIND_TIME, AT(relay.heartbeat_ms), 100, 3600 * 1000},
    {"server", "login-timeout", KIND_TIME, AT(login_timeout_ms), 1 * SECOND, 3600 * SECOND},
    {"server", "tick", KIND_TIME, AT(tick_ms), 10, 60 * 1000},
    {"server", "io-threads", KIND_U64, AT(io_threads), 1, 64},
    {"server", "log-level", KIND_LEVEL, AT(log_level), 0, 0},
    {"auth", "users", KIND_PATH, AT(users), 1, SETTINGS_TEXT_MAX},
    {"auth", "bans", KIND_PATH, AT(bans), 1, SETTINGS_TEXT_MAX},
    {"auth", "tokens", KIND_BOOL, AT(relay.tokens), 0, 1},
    {"auth", "jwt-keys", KIND_PATH, AT(jwt_keys), 1, SETTINGS_TEXT_MAX},
    {"auth", "jwt-issuer", KIND_GREETING, AT(jwt_issuer), 1, SETTINGS_TEXT_MAX},
    {"auth", "jwt-audience", KIND_GREETING, AT(jwt_audience), 1, SETTINGS_TEXT_MAX},
    {"auth", "jwt-leeway", KIND_TIME, AT(jwt_leeway_ms), 0, 600 * SECOND},
    {"auth", "server-key", KIND_PATH, AT(server_key), 1, SETTINGS_TEXT_MAX},
    {"auth", "encrypt", KIND_ENCRYPT, AT(encrypt_all), 0, 0},
    {"limits", "max-frame", KIND_SIZE, AT(relay.max_frame), 4 * KIB, 256 * MIB},
    {"limits", "max-control", KIND_SIZE, AT(relay.max_control), 1 * KIB, 16 * MIB},
    {"limits", "window", KIND_SIZE, AT(relay.window), 4 * KIB, 1024 * MIB},
    {"limits", "max-entries", KIND_SIZE, AT(relay.max_entries), 1, 1000000},
    {"limits", "max-sessions", KIND_SIZE, AT(relay.max_sessions), 1, 1000000},
    {"limits", "max-rooms", KIND_SIZE, AT(relay.max_rooms), 1, 100000000},
    {"limits", "max-joins", KIND_SIZE, AT(relay.max_joins), 1, 1000000},
    {"limits", "presence-names", KIND_SIZE, AT(relay.presence_names), 1, 100000},
    {"limits", "max-keys", KIND_SIZE, AT(relay.max_keys), 1, 100000000},
    {"limits", "max-state-bytes", KIND_U64, AT(relay.max_state_bytes), 1 * KIB, 1 * TIB},
    {"limits", "max-groups", KIND_SIZE, AT(relay.max_groups), 1, 1000000},
    {"limits", "max-room-groups", KIND_SIZE, AT(relay.max_room_groups), 1, 1000},
    {"limits", "max-group-entries", KIND_SIZE, AT(relay.max_group_entries), 1, 100000000},
    {"limits", "max-group-bytes", KIND_SIZE, AT(relay.max_group_bytes), 1 * MIB, 1 * TIB},
    {"limits", "max-replays", KIND_SIZE, AT(relay.max_replays), 1, 1000},
    {"limits", "max-lists", KIND_SIZE, AT(relay.max_lists), 1, 1000},
    {"limits", "replay-entries", KIND_SIZE, AT(relay.replay_entries), 1, 10000000},
    {"limits", "replay-frames", KIND_SIZE, AT(relay.replay_frames), 1, 100000},
    {"limits", "replay-bytes", KIND_SIZE, AT(relay.replay_bytes), 1 * KIB, 1 * GIB},
    {"limits", "max-clients", KIND_SIZE, AT(relay.max_clients), 1, 100000000},
    {"limits", "rate-ops", KIND_U64, AT(relay.rate_ops), 0, BUCKET_RATE_MAX},
    {"limits", "rate-control", KIND_U64, AT(relay.rate_control), 0, BUCKET_RATE_MAX},
    {"limits", "rate-entries", KIND_U64, AT(relay.rate_entries), 0, BUCKET_RATE_MAX},
    {"limits", "rate-bytes", KIND_U64, AT(relay.rate_bytes), 0, BUCKET_RATE_MAX},
    {"limits", "max-user-sessions", KIND_SIZE, AT(relay.max_user_sessions), 1, 1000000},
    {"limits", "max-user-rooms", KIND_SIZE, AT(relay.max_user_rooms), 1, 100000000},
    {"limits", "max-address-connections", KIND_SIZE, AT(max_address_connections), 1, 1000000},
    {"limits", "rate-handshakes", KIND_U64, AT(rate_handshakes), 0, 1000000},
    {"limits", "max-trunk-channels", KIND_SIZE, AT(relay.max_trunk_channels), 1, 100000000},
    {"limits", "max-channels", KIND_SIZE, AT(relay.max_channels), 1, 100000000},
    {"limits", "rate-subscriptions", KIND_U64, AT(rate_subscriptions), 0, 1000000},
    {"limits", "max-waiting", KIND_U64, AT(relay.max_waiting), 1 * MIB, 1 * TIB},
    {"limits", "max-user-topics", KIND_U64, AT(max_user_topics), 4 * KIB, 1 * TIB},
    {"limits", "max-topics", KIND_U64, AT(max_topics), 4 * KIB, 1 * TIB},
    {"limits", "batch-bytes", KIND_SIZE, AT(relay.batch_bytes), 1 * KIB, 16 * MIB},
    {"limits", "route-queue", KIND_U64, AT(route_queue), 16, 1000000},
    {"limits", "route-bytes", KIND_U64, AT(route_bytes), 64 * KIB, 1 * TIB},
    {"limits", "all-route-bytes", KIND_U64, AT(all_route_bytes), 1 * MIB, 1 * TIB},
    {"limits", "all-reader-bytes", KIND_U64, AT(all_reader_bytes), 1 * MIB, 1 * TIB},
    {"limits", "reader-queue", KIND_U64, AT(reader_queue), 16, 10000000},
    {"log", "data", KIND_PATH, AT(data), 1, SETTINGS_TEXT_MAX},
    {"log", "on-corrupt", KIND_ON_CORRUPT, AT(refuse_corrupt), 0, 0},
    {"log", "queue-bytes", KIND_U64, AT(queue_bytes), 64 * KIB, 1 * TIB},
    {"log", "mark-age", KIND_TIME, AT(mark_age_ms), 60 * SECOND, 100 * YEAR},
    {"log", "forget-after", KIND_TIME, AT(relay.forget_after_ms), 0, 100 * YEAR},
    {"log", "room-entries", KIND_U64, AT(log.room_entries), 1, 10000000000},
    {"log", "room-bytes", KIND_U64, AT(log.room_bytes), 4 * KIB, 1 * TIB},
    {"log", "entries", KIND_U64, AT(log.entries), 1, 10000000000},
    {"log", "bytes", KIND_U64, AT(log.bytes), 4 * KIB, 1 * TIB},
    {ROOM, "pattern", KIND_PATTERN, 0, 0, 0},
    {ROOM, "level", KIND_DURABILITY, 0, 0, 0},
    {ROOM, "max-age", KIND_TIME, offsetof(policy_t, max_age), 1 * SECOND, 100 * YEAR},
    {ROOM, "max-entries", KIND_U64, offsetof(policy_t, max_entries), 1, 1000000000000},
    {ROOM, "max-bytes", KIND_U64, offsetof(policy_t, max_bytes), 4 * KIB, 1024 * TIB},
};
enum { SETTING_COUNT = sizeof s_settings / sizeof s_settings[0] };

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

/* --- Values. A parser whose value is not right adds a line to `error`. --- */

static bool s_parse_number(const setting_t *setting, const char *text, uint64_t *out, zr_error_t *error) {
    bool time = setting->kind == KIND_TIME;
    if (!zr_quantity_parse(text, time ? zr_units_of_time : zr_units_of_size, out))
        return zr_fail(error, "\"%.40s\" is no %s; write digits, perhaps followed by %s", text,
            time ? "time" : "number", time ? "s, m, h or d (else they are milliseconds)" : "k, M or G");
    if (*out > setting->max || *out < setting->min)
        return zr_fail(error, "%.40s is out of range; write %s from %llu to %llu", text,
            time ? "a time (in milliseconds)" : "a number", (unsigned long long)setting->min,
            (unsigned long long)setting->max);
    return true;
}

/* One of two words; `both` names them. */
static bool s_parse_choice(
    const char *text, const char *no, const char *yes, const char *both, bool *out, zr_error_t *error) {
    *out = strcmp(text, yes) == 0;
    return *out || strcmp(text, no) == 0 || zr_fail(error, "\"%.40s\" is neither %s", text, both);
}

static bool s_parse_text(const setting_t *setting, const char *text, char *out, zr_error_t *error) {
    if (strlen(text) > setting->max)
        return zr_fail(error, "longer than %llu bytes", (unsigned long long)setting->max);
    if (setting->kind == KIND_GREETING && !zr_utf8_valid(zr_span(text)))
        return zr_fail(error, "not valid UTF-8; save the file in UTF-8");
    strcpy(out, text);
    return true;
}

/* Bytes of `file`, a path, up to where `path` begins if it is relative. */
static size_t s_before(const char *file, const char *path) {
    const char *slash = strrchr(file, '/');
    return slash && path[0] != '/' ? (size_t)(slash + 1 - file) : 0;
}

static bool s_parse_path(const setting_t *setting, const char *file, const char *text, char *out, zr_error_t *error) {
    size_t before = s_before(file, text);
    if (before + strlen(text) > setting->max)
        return zr_fail(error, "longer than %llu bytes, with the folder of this file", (unsigned long long)setting->max);
    memcpy(out, file, before);
    strcpy(out + before, text);
    return true;
}

/* Permissions as chmod takes them, in octal digits. The broker's own account must be able to use the socket. */
static bool s_parse_mode(const setting_t *setting, const char *text, unsigned *out, zr_error_t *error) {
    size_t len = strlen(text);
    *out = 0;
    for (size_t i = 0; i < len && i < 5; i++)
        *out = *out * 8 + (unsigned)(text[i] - '0');
    if (len >= 3 && len <= 4 && strspn(text, "01234567") == len && *out <= setting->max &&
        (*out & setting->min) == setting->min)
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

/* A relative path of an ipc endpoint begins at the folder of `file`, too. */
static bool s_parse_endpoint(settings_endpoints_t *endpoints, const char *file, const char *text, zr_error_t *error) {
    static const char ipc[] = "ipc://";
    enum { LEN = sizeof ipc - 1 };
    zr_buffer_t whole = {0};
    bool relative = strncmp(text, ipc, LEN) == 0 && text[LEN] && text[LEN] != '@';
    size_t before = relative ? s_before(file, text + LEN) : 0;
    if (before)
        zr_buffer_printf(&whole, "%s%.*s%s", ipc, (int)before, file, text + LEN);
    else
        zr_buffer_printf(&whole, "%s", text);
    zr_buffer_u8(&whole, '\0');
    bool ok = s_add_endpoint(endpoints, (const char *)whole.data, error);
    zr_buffer_finish(&whole);
    return ok;
}

static bool s_parse_advertise(const char *text, char *out, zr_error_t *error) {
    endpoint_t endpoint;
    const char *sentence = endpoint_parse(&endpoint, text);
    if (!sentence && endpoint.kind == ENDPOINT_TCP && (endpoint.port == 0 || endpoint_is_wildcard(&endpoint)))
        sentence = "clients connect to it, so it needs an address and a port of its own";
    if (sentence)
        return zr_fail(error, "cannot advertise \"%.80s\": %s", text, sentence);
    endpoint_format(&endpoint, out);
    return true;
}

static bool s_parse_pattern(const settings_t *settings, const char *text, policy_t *policy, zr_error_t *error) {
    const char *fault = policy_pattern_fault(zr_span(text));
    if (fault)
        return zr_fail(error, "\"%.140s\" %s", text, fault);
    for (size_t i = 0; i < settings->policy_count; i++)
        if (strcmp(settings->policies[i].pattern, text) == 0)
            return zr_fail(error, "another section is about \"%.140s\" already", text);
    snprintf(policy->pattern, sizeof policy->pattern, "%s", text);
    return true;
}

static bool s_parse_durability(const char *text, policy_t *policy, zr_error_t *error) {
    static const zr_level_t levels[] = {ZR_LEVEL_NONE, ZR_LEVEL_MEMORY, ZR_LEVEL_DISK};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (strcmp(zr_level_name(levels[i]), text) == 0) {
            policy->has_level = true;
            policy->level = levels[i];
            return true;
        }
    return zr_fail(error, "must be disk, memory or none, not \"%.40s\"", text);
}

static bool s_is_of_room(const setting_t *setting) {
    return strcmp(setting->section, ROOM) == 0;
}

static bool s_set(
    settings_t *settings, const setting_t *setting, const char *file, const char *text, zr_error_t *error) {
    policy_t *policy = s_is_of_room(setting) ? &settings->policies[settings->policy_count - 1] : NULL;
    void *place = (policy ? (char *)policy : (char *)settings) + setting->offset;
    uint64_t number;
    switch (setting->kind) {
    case KIND_SIZE:
        if (!s_parse_number(setting, text, &number, error))
            return false;
        *(size_t *)place = (size_t)number;
        return true;
    case KIND_U64:
        return s_parse_number(setting, text, place, error);
    case KIND_TIME:
        if (!s_parse_number(setting, text, place, error))
            return false;
        if (policy)
            *(uint64_t *)place *= 1000; /* policies are in µs */
        return true;
    case KIND_BOOL:
        return s_parse_choice(text, "0", "1", "1 (yes) nor 0 (no)", place, error);
    case KIND_TEXT:
    case KIND_GREETING:
        return s_parse_text(setting, text, place, error);
    case KIND_PATH:
        return s_parse_path(setting, file, text, place, error);
    case KIND_LEVEL:
        return zr_log_level_from_name(text, place) ||
               zr_fail(error, "must be error, warn, info or debug, not \"%.40s\"", text);
    case KIND_ADVERTISE:
        return s_parse_advertise(text, place, error);
    case KIND_ENDPOINTS:
        return s_parse_endpoint(place, file, text, error);
    case KIND_MODE:
        return s_parse_mode(setting, text, place, error);
    case KIND_ON_CORRUPT:
        return s_parse_choice(text, "aside", "refuse", "aside (put it aside and begin anew) nor refuse", place, error);
    case KIND_ENCRYPT:
        return s_parse_choice(text, "remote", "all", "remote (what other machines can reach) nor all", place, error);
    case KIND_PATTERN:
        return s_parse_pattern(settings, text, policy, error);
    case KIND_DURABILITY:
        return s_parse_durability(text, policy, error);
    }
    return false;
}

/* --- The file --- */

typedef struct {
    settings_t *settings;
    const char *file;
    unsigned line[SETTING_COUNT]; /* where each was set; 0: not yet */
    unsigned room_line;           /* where the "room" section being read began; 0: none */
    unsigned faults;              /* told before it: with one more, its pattern may be what was refused */
} reading_t;

/* A "room" section is done: it must say of which rooms it speaks. */
static void s_end_room(reading_t *reading, zr_error_t *error) {
    bool named = !reading->room_line || error->count > reading->faults;
    for (size_t i = 0; i < SETTING_COUNT; i++)
        if (s_is_of_room(&s_settings[i])) {
            named |= s_settings[i].kind == KIND_PATTERN && reading->line[i];
            reading->line[i] = 0;
        }
    if (!named)
        zr_fail(zr_error_at(error, reading->room_line, ROOM, NULL),
            "the pattern is missing; write \"pattern = NAME\" or \"NAME*\"");
    reading->room_line = 0;
}

static bool s_on_section(reading_t *reading, const zr_zpl_item_t *item, zr_error_t *error) {
    settings_t *settings = reading->settings;
    bool known = false;
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        known |= strcmp(s_settings[i].section, item->section) == 0;
        if (strcmp(s_settings[i].name, item->section) == 0 && item->value[0])
            return zr_fail(error, "belongs under \"%s\", indented by 4 spaces", s_settings[i].section);
    }
    if (!known)
        return zr_fail(error, "no such section; there are \"server\", \"auth\", \"limits\", \"log\" and \"room\"");
    if (item->value[0])
        return zr_fail(error, "a section has no value; its members follow below it");
    if (strcmp(item->section, ROOM) != 0)
        return true;
    if (settings->policy_count == SETTINGS_POLICIES_MAX)
        return zr_fail(error, "more than 256 of these sections");
    settings->policies[settings->policy_count++] = (policy_t){.pattern = ""};
    reading->room_line = item->line;
    reading->faults = error->count;
    return true;
}

static bool s_on_item(void *ctx, const zr_zpl_item_t *item, zr_error_t *error) {
    reading_t *reading = ctx;
    if (!item || !item->name)
        s_end_room(reading, error);
    if (!item)
        return true;
    if (!item->name)
        return s_on_section(reading, item, zr_error_at(error, item->line, item->section, NULL));
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const setting_t *setting = &s_settings[i];
        if (strcmp(setting->section, item->section) != 0 || strcmp(setting->name, item->name) != 0)
            continue;
        if (reading->line[i] && setting->kind != KIND_ENDPOINTS)
            return zr_fail(error, "already set in line %u; keep one of them", reading->line[i]);
        reading->line[i] = item->line;
        if (!item->value[0])
            return zr_fail(error, "the value is missing; write \"name = value\"");
        return s_set(reading->settings, setting, reading->file, item->value, error);
    }
    return zr_fail(error, "no such setting; the annotated zrelayd.conf lists them, check the spelling");
}

bool settings_read_file(settings_t *settings, const char *path, zr_error_t *error) {
    reading_t reading = {.settings = settings, .file = path};
    return zr_zpl_read(path, s_on_item, &reading, error) == ZR_FILE_READ;
}

/* --- Flags --- */

bool settings_add_flag(settings_endpoints_t *endpoints, const char *what, const char *text, zr_error_t *error) {
    bool ok = s_add_endpoint(endpoints, text, zr_error_at(error, 0, what, NULL));
    zr_error_at(error, 0, NULL, NULL);
    return ok;
}

bool settings_set_path(char out[SETTINGS_TEXT_MAX + 1], const char *what, const char *path, zr_error_t *error) {
    size_t len = strlen(path);
    if (len == 0 || len > SETTINGS_TEXT_MAX)
        return zr_fail(error, "%s needs a path, of %d bytes at most", what, SETTINGS_TEXT_MAX);
    memcpy(out, path, len + 1);
    return true;
}
