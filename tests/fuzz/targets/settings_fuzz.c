/* The broker's configuration. A text is put together from the names of the settings, from values, and from stray bytes.
 * If it is accepted, each setting is within its row of the broker's own table, and written anew from that table it gives
 * the same settings. */
#include "settings.c"

#include <arpa/inet.h>
#include <sys/un.h>

#include "fuzz.h"

enum { CONFIGURATION_MAX = 20000, PIECE_MAX = 300, SETTING_COUNT = sizeof s_rows / sizeof s_rows[0] };

static const char *const s_values[] = {"\n", "\n", "\n    ", " = ", "0", "1", "5000", "10k", "2M", "1G", "7d", "1h",
    "30s", "18446744073709551615", "9223372036854775808G", "-1", "disk", "memory", "none", "tcp://127.0.0.1:5570",
    "tcp://*:*", "tcp://[::1]:1", "ipc:///tmp/x", "ipc://@x", "ipc://*", "info", "debug", "aside", "refuse", "all",
    "remote", "lobby", "chat/*", "*", "\"", "'", "# ", "\nroom\n    pattern = \"", "\nlimits\n    ", "\nserver\n    ",
    "\nlog\n    ", "\nauth\n    ",
    "\nserver\n    listen = ", "\nserver\n    back = tcp://127.0.0.1:", "\nauth\n    users = /u\n    server-key = /k\n",
    "\nlog\n    data = /d\n", "\nroom\n    level = disk\n    pattern = \""};
enum { VALUES = sizeof s_values / sizeof s_values[0] };

/* Bytes from 128 on are one of these, or the line of the setting that the next byte names. The others stand for
 * themselves. */
static size_t s_compose(const uint8_t *data, size_t size, char text[CONFIGURATION_MAX]) {
    size_t len = 0;
    for (size_t i = 0; i < size && len < CONFIGURATION_MAX - PIECE_MAX; i++) {
        size_t which = data[i] - 128U;
        const zr_setting_t *setting = &s_rows[i + 1 < size ? data[i + 1] % SETTING_COUNT : 0];
        if (data[i] < 128)
            text[len++] = (char)data[i];
        else if (which < VALUES)
            len += (size_t)sprintf(text + len, "%s", s_values[which]);
        else {
            len += (size_t)sprintf(text + len, "\n%s\n    %s = ", setting->section, setting->name);
            i++;
        }
    }
    return len;
}
_Static_assert(VALUES < 128 && SETTING_COUNT <= 256, "a byte names each of them");

/* --- What holds of settings that were accepted --- */

static bool s_is_of_room(const zr_setting_t *setting) {
    return strcmp(setting->section, ROOM) == 0;
}

static uint64_t s_number(const zr_setting_t *setting, const void *place) {
    if (setting->kind == &zr_kind_size)
        return *(const size_t *)place;
    uint64_t number = *(const uint64_t *)place;
    return setting->kind == &s_age ? number / 1000 : number;
}

static bool s_is_number(const zr_setting_t *setting) {
    return setting->kind == &zr_kind_size || setting->kind == &zr_kind_u64 || setting->kind == &zr_kind_time ||
           setting->kind == &s_age;
}

static bool s_is_bool(const zr_setting_t *setting) {
    return setting->kind == &zr_kind_bool || setting->kind == &s_on_corrupt || setting->kind == &s_encrypt;
}

static void s_check_endpoints(const settings_endpoints_t *endpoints) {
    fuzz_require(endpoints->count <= SETTINGS_ENDPOINTS_MAX);
    for (size_t i = 0; i < endpoints->count; i++) {
        char text[ENDPOINT_TEXT_SIZE], again[ENDPOINT_TEXT_SIZE];
        endpoint_t endpoint;
        endpoint_format(&endpoints->items[i], text);
        fuzz_require(!endpoint_parse(&endpoint, text));
        endpoint_format(&endpoint, again);
        fuzz_require(strcmp(text, again) == 0);
        fuzz_require(endpoint_is_local(&endpoint) == endpoint_is_local(&endpoints->items[i]));
    }
}

/* `unset` is what it has when no line names it. */
static void s_check_setting(const zr_setting_t *setting, const void *place, const void *unset) {
    if (s_is_number(setting)) {
        uint64_t number = s_number(setting, place);
        bool within = number >= setting->min && number <= setting->max;
        fuzz_require(within || number == (unset ? s_number(setting, unset) : 0));
    } else if (setting->kind == &zr_kind_text || setting->kind == &zr_kind_utf8) {
        fuzz_require(strlen(place) <= setting->max);
        fuzz_require(setting->kind == &zr_kind_text || zr_utf8_valid(zr_span(place)));
    } else if (setting->kind == &s_endpoints) {
        s_check_endpoints(place);
    }
}

static void s_check_policy(const settings_t *settings, size_t index) {
    const policy_t *policy = &settings->policies[index];
    for (size_t i = 0; i < SETTING_COUNT; i++)
        if (s_is_of_room(&s_rows[i]))
            s_check_setting(&s_rows[i], (const char *)policy + s_rows[i].offset, NULL);
    for (size_t i = 0; i < index; i++)
        fuzz_require(!policy->pattern[0] || strcmp(policy->pattern, settings->policies[i].pattern) != 0);
    fuzz_require(!policy->pattern[0] || !policy_pattern_fault(zr_span(policy->pattern)));
}

static void s_check_all(const settings_t *settings, const settings_t *unset) {
    for (size_t i = 0; i < SETTING_COUNT; i++)
        if (!s_is_of_room(&s_rows[i]))
            s_check_setting(
                &s_rows[i], (const char *)settings + s_rows[i].offset, (const char *)unset + s_rows[i].offset);
    fuzz_require(settings->policy_count <= SETTINGS_POLICIES_MAX);
    for (size_t i = 0; i < settings->policy_count; i++)
        s_check_policy(settings, i);
}

static void s_check_error(const zr_error_t *error, const char *begin) {
    unsigned lines = 0;
    for (const char *line = NULL; (line = zr_error_next(error, line)); lines++)
        fuzz_require(!strchr(line, '\n') && strncmp(line, begin, strlen(begin)) == 0);
    fuzz_require(lines > 0 && lines <= error->count);
}

/* --- Written anew --- */

static void s_write_line(zr_buffer_t *out, const zr_setting_t *setting, const char *value) {
    const char *quote = strchr(value, '"') ? strchr(value, '\'') ? "" : "'" : "\"";
    zr_buffer_printf(out, "    %s = %s", setting->name, quote);
    zr_buffer_append(out, value, strlen(value));
    zr_buffer_printf(out, "%s\n", quote);
}

static void s_write_endpoints(zr_buffer_t *out, const zr_setting_t *setting, const settings_endpoints_t *endpoints) {
    char text[ENDPOINT_TEXT_SIZE];
    for (size_t i = 0; i < endpoints->count; i++) {
        endpoint_format(&endpoints->items[i], text);
        s_write_line(out, setting, text);
    }
}

/* `unset`: it may be out of bounds, and no line says so. */
static void s_write_setting(zr_buffer_t *out, const zr_setting_t *setting, const void *place) {
    static const char *const levels[] = {
        [ZR_LOG_ERROR] = "error", [ZR_LOG_WARN] = "warn", [ZR_LOG_INFO] = "info", [ZR_LOG_DEBUG] = "debug"};
    char digits[32];
    const policy_t *policy = place;
    if (s_is_number(setting)) {
        uint64_t number = s_number(setting, place);
        snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
        if (number >= setting->min && number <= setting->max)
            s_write_line(out, setting, digits);
        return;
    }
    if (setting->kind == &zr_kind_bool) {
        s_write_line(out, setting, *(const bool *)place ? "1" : "0");
    } else if (setting->kind == &s_on_corrupt) {
        s_write_line(out, setting, *(const bool *)place ? "refuse" : "aside");
    } else if (setting->kind == &s_encrypt) {
        s_write_line(out, setting, *(const bool *)place ? "all" : "remote");
    } else if (setting->kind == &s_mode) {
        snprintf(digits, sizeof digits, "%04o", *(const unsigned *)place);
        if (*(const unsigned *)place)
            s_write_line(out, setting, digits);
    } else if (setting->kind == &zr_kind_log_level) {
        s_write_line(out, setting, levels[*(const zr_log_level_t *)place]);
    } else if (setting->kind == &s_endpoints) {
        s_write_endpoints(out, setting, place);
    } else if (setting->kind == &s_pattern) {
        s_write_line(out, setting, policy->pattern);
    } else if (setting->kind == &s_level) {
        if (policy->has_level)
            s_write_line(out, setting, zr_level_name(policy->level));
    } else if (((const char *)place)[0]) { /* a text */
        s_write_line(out, setting, place);
    }
}

static void s_write(zr_buffer_t *out, const settings_t *settings) {
    const char *section = "";
    for (size_t i = 0; i < SETTING_COUNT && !s_is_of_room(&s_rows[i]); i++) {
        if (strcmp(section, s_rows[i].section) != 0)
            zr_buffer_printf(out, "%s\n", section = s_rows[i].section);
        s_write_setting(out, &s_rows[i], (const char *)settings + s_rows[i].offset);
    }
    for (size_t policy = 0; policy < settings->policy_count; policy++) {
        zr_buffer_printf(out, "%s\n", ROOM);
        for (size_t i = 0; i < SETTING_COUNT; i++)
            if (s_is_of_room(&s_rows[i]))
                s_write_setting(out, &s_rows[i], (const char *)&settings->policies[policy] + s_rows[i].offset);
    }
}

static bool s_same_endpoints(const settings_endpoints_t *a, const settings_endpoints_t *b) {
    char text[ENDPOINT_TEXT_SIZE], other[ENDPOINT_TEXT_SIZE];
    for (size_t i = 0; i < a->count && a->count == b->count; i++) {
        endpoint_format(&a->items[i], text);
        endpoint_format(&b->items[i], other);
        if (strcmp(text, other) != 0 || a->items[i].encrypted != b->items[i].encrypted)
            return false;
    }
    return a->count == b->count;
}

static bool s_is_same(const zr_setting_t *setting, const void *a, const void *b) {
    const policy_t *policy = a, *other = b;
    if (s_is_number(setting))
        return s_number(setting, a) == s_number(setting, b);
    if (s_is_bool(setting))
        return *(const bool *)a == *(const bool *)b;
    if (setting->kind == &s_mode)
        return *(const unsigned *)a == *(const unsigned *)b;
    if (setting->kind == &zr_kind_log_level)
        return *(const zr_log_level_t *)a == *(const zr_log_level_t *)b;
    if (setting->kind == &s_endpoints)
        return s_same_endpoints(a, b);
    if (setting->kind == &s_pattern)
        return strcmp(policy->pattern, other->pattern) == 0;
    if (setting->kind == &s_level)
        return policy->has_level == other->has_level && policy->level == other->level;
    return strcmp(a, b) == 0;
}

static void s_check_same(const settings_t *a, const settings_t *b) {
    fuzz_require(a->policy_count == b->policy_count);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const zr_setting_t *setting = &s_rows[i];
        if (!s_is_of_room(setting))
            fuzz_require(s_is_same(setting, (const char *)a + setting->offset, (const char *)b + setting->offset));
        for (size_t policy = 0; s_is_of_room(setting) && policy < a->policy_count; policy++)
            fuzz_require(s_is_same(setting, (const char *)&a->policies[policy] + setting->offset,
                (const char *)&b->policies[policy] + setting->offset));
    }
}

/* --- The whole --- */

static bool s_read(settings_t *settings, zr_span_t text, zr_error_t *error) {
    settings_default(settings);
    *error = (zr_error_t){0};
    bool good = zr_settings_parse(&settings_table, settings, "/f", text, error);
    fuzz_require(good == (error->count == 0));
    return good;
}

static bool s_is_address(const endpoint_t *endpoint) {
    struct in6_addr address;
    return endpoint_is_wildcard(endpoint) || inet_pton(AF_INET, endpoint->host, &address) == 1 ||
           inet_pton(AF_INET6, endpoint->host, &address) == 1;
}

/* Both could be the one to which a client came. */
static bool s_is_alike(const endpoint_t *a, const endpoint_t *b) {
    bool known = s_is_address(a) && s_is_address(b) && !endpoint_is_wildcard(a) && !endpoint_is_wildcard(b);
    if (a->kind != b->kind || a->kind == ENDPOINT_IPC)
        return a->kind == b->kind && strcmp(a->path, b->path) == 0;
    return a->port == b->port && (!known || strcmp(a->host, b->host) == 0);
}

static bool s_is_sure(const settings_t *settings, const endpoint_t *listen, size_t which) {
    for (size_t i = 0; i < settings->listen.count; i++)
        if (i != which && s_is_alike(&listen[i], &listen[which]))
            return false;
    return !strstr(listen[which].host, "::ffff:");
}

/* The back that a client is told which came to a listener, with the ports that were bound: a place it can connect to,
 * and the listener's own where each has one. */
static void s_check_told(const settings_t *settings, size_t which) {
    static endpoint_t listen[SETTINGS_ENDPOINTS_MAX], back[SETTINGS_ENDPOINTS_MAX];
    endpoint_set_t set = {
        listen, settings->listen.count, back, settings->back.count, settings->paired, settings->advertise};
    for (size_t i = 0; i < SETTINGS_ENDPOINTS_MAX; i++) {
        listen[i] = settings->listen.items[i];
        back[i] = settings->back.items[i];
        listen[i].port = listen[i].port ? listen[i].port : (uint16_t)(1000 + i);
        back[i].port = back[i].port ? back[i].port : (uint16_t)(2000 + i);
    }
    const endpoint_t *to = &listen[which];
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(to->port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(to->port)};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    bool is_in = inet_pton(AF_INET, strcmp(to->host, "*") == 0 ? "192.0.2.1" : to->host, &in.sin_addr) == 1;
    bool is_in6 = inet_pton(AF_INET6, strcmp(to->host, "::") == 0 ? "2001:db8::1" : to->host, &in6.sin6_addr) == 1;
    memcpy(un.sun_path, to->path, strlen(to->path));
    un.sun_path[0] = un.sun_path[0] == '@' ? '\0' : un.sun_path[0];
    char text[ENDPOINT_TEXT_SIZE];
    endpoint_t told;
    if (to->kind == ENDPOINT_IPC)
        endpoint_choose_back(&set, (const struct sockaddr *)&un,
            (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(to->path)), text);
    else if (is_in)
        endpoint_choose_back(&set, (const struct sockaddr *)&in, sizeof in, text);
    else if (is_in6)
        endpoint_choose_back(&set, (const struct sockaddr *)&in6, sizeof in6, text);
    else
        endpoint_choose_back(&set, NULL, 0, text);
    fuzz_require(!endpoint_parse(&told, text) && !endpoint_is_wildcard(&told));
    fuzz_require(told.kind == ENDPOINT_TCP || to->kind == ENDPOINT_IPC || !(is_in || is_in6));
    bool own = settings->paired && !endpoint_advertised_to(&set, to->encrypted) && s_is_sure(settings, listen, which);
    if (own && (is_in || is_in6))
        fuzz_require(told.port == back[which].port &&
                     (endpoint_is_wildcard(&back[which]) || strcmp(told.host, back[which].host) == 0));
    if (own && to->kind == ENDPOINT_IPC)
        fuzz_require(strcmp(told.path, back[which].path) == 0);
}

/* What the broker may start with. */
static void s_check_complete(const settings_t *settings) {
    s_check_endpoints(&settings->listen);
    s_check_endpoints(&settings->back);
    fuzz_require(settings->listen.count > 0 && settings->back.count > 0);
    fuzz_require(!settings->paired || settings->listen.count == settings->back.count);
    fuzz_require(settings_some_encrypted(settings) == (settings->server_key[0] != '\0') || settings->back.count > 1);
    for (size_t i = 0; i < settings->listen.count; i++) {
        const endpoint_t *listen = &settings->listen.items[i];
        fuzz_require(listen->encrypted || settings->insecure || endpoint_is_local(listen));
        fuzz_require(!listen->encrypted || settings->users[0]);
        s_check_told(settings, i);
    }
    fuzz_require(!settings->users[0] == !settings->bans[0] && settings->relay.policies.count == settings->policy_count);
}

static bool s_complete(settings_t *settings, zr_error_t *error) {
    bool good = settings_complete(settings, error);
    fuzz_require(good == (error->count == 0));
    if (good)
        s_check_complete(settings);
    else
        s_check_error(error, "");
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char text[CONFIGURATION_MAX];
    static settings_t settings, again, unset;
    static zr_buffer_t out;
    static zr_error_t error, error_again;
    settings_default(&unset);
    if (!s_read(&settings, zr_span_of(text, s_compose(data, size, text)), &error)) {
        s_check_error(&error, "/f:");
        return 0;
    }
    s_check_all(&settings, &unset);
    zr_buffer_clear(&out);
    s_write(&out, &settings);
    fuzz_require(s_read(&again, zr_span_of(out.data, out.len), &error_again));
    s_check_same(&settings, &again);
    fuzz_require(s_complete(&settings, &error) == s_complete(&again, &error_again));
    fuzz_require(error.len == error_again.len && memcmp(error.text, error_again.text, error.len) == 0);
    s_check_same(&settings, &again);
    return 0;
}
