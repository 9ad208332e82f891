/* See gateway_config.h. Every setting is a row of one table. */
#include "gateway_config.h"

#include <stdio.h>
#include <string.h>

#include "key_file.h"
#include "names.h"
#include "options.h"
#include "remote.h"
#include "zpl.h"

#define KIB 1024ULL
#define MIB (1024 * KIB)
#define SECOND 1000ULL

typedef enum {
    KIND_SIZE,
    KIND_TIME,
    KIND_BOOL,
    KIND_TEXT,
    KIND_PATH, /* a text; a relative one begins at the file's folder */
    KIND_KEY,
    KIND_LISTEN,
    KIND_LEVEL,
    KIND_ROOM,
    KIND_FORMAT,
    KIND_PROXY,  /* may be repeated */
    KIND_ORIGIN, /* may be repeated */
} kind_t;

typedef struct {
    const char *section, *name;
    kind_t kind;
    size_t offset;
    uint64_t min, max;
} row_t;

#define AT(member) offsetof(gateway_config_t, member)

static const row_t s_rows[] = {
    {"broker", "server", KIND_TEXT, AT(server), 1, GATEWAY_TEXT},
    {"broker", "server-key", KIND_KEY, AT(server_key), 0, 0},
    {"broker", "certificate", KIND_PATH, AT(certificate), 1, GATEWAY_TEXT},
    {"broker", "user", KIND_TEXT, AT(user), 1, ZR_NICK_MAX},
    {"broker", "token-file", KIND_PATH, AT(token_file), 1, GATEWAY_TEXT},
    {"http", "listen", KIND_LISTEN, AT(http), 0, 0},
    {"http", "tls-cert", KIND_PATH, AT(tls_cert), 1, GATEWAY_TEXT},
    {"http", "tls-key", KIND_PATH, AT(tls_key), 1, GATEWAY_TEXT},
    {"http", "trusted-proxy", KIND_PROXY, 0, 0, 0},
    {"http", "origin", KIND_ORIGIN, 0, 0, 0},
    {"http", "page", KIND_PATH, AT(page), 1, GATEWAY_TEXT},
    {"http", "insecure", KIND_BOOL, AT(insecure), 0, 1},
    {"http", "log-level", KIND_LEVEL, AT(log_level), 0, 0},
    {"lines", "listen", KIND_LISTEN, AT(lines), 0, 0},
    {"lines", "room", KIND_ROOM, AT(lines_room), 0, 0},
    {"lines", "format", KIND_FORMAT, AT(lines_format), 0, 0},
    {"lines", "history", KIND_SIZE, AT(lines_history), 0, 1000},
    {"limits", "max-connections", KIND_SIZE, AT(max_connections), 1, 1000000},
    {"limits", "max-address-connections", KIND_SIZE, AT(max_address_connections), 1, 1000000},
    {"limits", "max-header", KIND_SIZE, AT(max_header), 2 * KIB, 1 * MIB},
    {"limits", "max-body", KIND_SIZE, AT(max_body), 1, 256 * MIB},
    {"limits", "max-message", KIND_SIZE, AT(max_message), 1 * KIB, 256 * MIB},
    {"limits", "max-line", KIND_SIZE, AT(max_line), 512, 64 * KIB},
    {"limits", "max-deliveries", KIND_SIZE, AT(max_deliveries), 1000, 1000000000},
    {"limits", "request-timeout", KIND_TIME, AT(request_timeout_ms), 1 * SECOND, 3600 * SECOND},
    {"limits", "ping", KIND_TIME, AT(ping_ms), 100, 3600 * SECOND},
    {"limits", "reader-queue", KIND_SIZE, AT(reader_queue), 4 * KIB, 1024 * MIB},
    {"limits", "answer-queue", KIND_SIZE, AT(answer_queue), 64 * KIB, 1024 * MIB},
    {"limits", "max-rooms", KIND_SIZE, AT(max_rooms), 1, 100000},
    {"limits", "max-topics", KIND_SIZE, AT(max_topics), 8, 10000000},
};
enum { ROWS = sizeof s_rows / sizeof s_rows[0] };

void gateway_config_default(gateway_config_t *config) {
    *config = (gateway_config_t){
        .server = "tcp://127.0.0.1:5570",
        .http = {.host = "127.0.0.1", .port = 5580},
        .log_level = ZR_LOG_INFO,
        .lines_room = "lobby",
        .lines_format = LINES_FORMAT_NICK,
        .lines_history = 10,
        .max_connections = 20000,
        .max_address_connections = 1000,
        .max_header = 8 * KIB,
        .max_body = 1 * MIB,
        .max_message = 1 * MIB,
        .max_line = 16 * KIB,
        .max_deliveries = 100000,
        .request_timeout_ms = 20 * SECOND,
        .ping_ms = 30 * SECOND,
        .reader_queue = 1 * MIB,
        .answer_queue = 8 * MIB,
        .max_rooms = 200,
        .max_topics = 2000,
        .page = ZRELAY_PAGE,
    };
}

/* --- Addresses --- */

static const char s_form[] = "write ADDRESS:PORT, such as 127.0.0.1:5580, [::1]:5580 or *:5580";

/* Splits at the last colon, and takes the brackets away. */
static bool s_split(zr_span_t text, zr_span_t *host, zr_span_t *port) {
    const char *colon = text.len ? memrchr(text.ptr, ':', text.len) : NULL;
    if (!colon)
        return false;
    *host = zr_span_of(text.ptr, (size_t)(colon - text.ptr));
    *port = zr_span_of(colon + 1, text.len - host->len - 1);
    bool brackets = host->len > 2 && host->ptr[0] == '[' && host->ptr[host->len - 1] == ']';
    if (brackets)
        *host = zr_span_of(host->ptr + 1, host->len - 2);
    return host->len > 0 && host->len < GATEWAY_HOST && brackets == (memchr(host->ptr, ':', host->len) != NULL);
}

const char *listen_address_parse(const char *text, listen_address_t *out) {
    zr_span_t host, port;
    address_t number;
    uint64_t value;
    if (!s_split(zr_span(text), &host, &port) ||
        (!zr_number_parse(port.ptr, 65535, &value) && strcmp(port.ptr, "*") != 0))
        return s_form;
    if (zr_span_equal(host, zr_span("localhost")))
        host = zr_span("127.0.0.1");
    if (!zr_span_equal(host, zr_span("*")) && !address_parse(host, &number))
        return s_form;
    *out = (listen_address_t){.port = strcmp(port.ptr, "*") ? (unsigned)value : 0};
    memcpy(out->host, host.ptr, host.len);
    return NULL;
}

bool listen_address_is_local(const listen_address_t *address) {
    address_t number;
    return address_parse(zr_span(address->host), &number) && address_is_loopback(&number);
}

/* --- Values --- */

static bool s_set_number(const row_t *row, const char *text, uint64_t *out, zr_error_t *error) {
    bool time = row->kind == KIND_TIME;
    if (!zr_quantity_parse(text, time ? zr_units_of_time : zr_units_of_size, out))
        return zr_fail(error, "\"%.40s\" is no %s; write digits, perhaps followed by %s", text,
            time ? "time" : "number", time ? "s, m, h or d (else they are milliseconds)" : "k, M or G");
    return (*out >= row->min && *out <= row->max) ||
           zr_fail(error, "%.40s is out of range; write a number from %llu to %llu", text, (unsigned long long)row->min,
               (unsigned long long)row->max);
}

static bool s_set_text(const row_t *row, zr_span_t before, const char *text, char *out, zr_error_t *error) {
    if (before.len + strlen(text) > row->max)
        return zr_fail(error, "longer than %llu bytes; choose a shorter one", (unsigned long long)row->max);
    memcpy(out, before.ptr, before.len);
    strcpy(out + before.len, text);
    return true;
}

/* The folder of `file`, where a relative path begins. */
static zr_span_t s_folder(const char *file, const char *path) {
    const char *slash = file && path[0] != '/' ? strrchr(file, '/') : NULL;
    return slash ? zr_span_of(file, (size_t)(slash + 1 - file)) : zr_span("");
}

static bool s_set_bool(const char *text, bool *out, zr_error_t *error) {
    *out = strcmp(text, "1") == 0;
    return *out || strcmp(text, "0") == 0 || zr_fail(error, "\"%.40s\" is neither 1 (yes) nor 0 (no)", text);
}

static bool s_set_key(const char *text, char *out, zr_error_t *error) {
    if (!zr_curve_decode(zr_span(text), NULL))
        return zr_fail(error, "\"%.60s\" is no public key; give the 40 characters that zrelayd --keygen shows", text);
    strcpy(out, text);
    return true;
}

static bool s_set_room(const char *text, char *out, zr_error_t *error) {
    const char *fault = zr_room_fault(zr_span(text));
    if (fault)
        return zr_fail(error, "\"%.40s\" is no room: %s", text, fault);
    strcpy(out, text);
    return true;
}

static bool s_set_format(const char *text, lines_format_t *out, zr_error_t *error) {
    *out = strcmp(text, "body") == 0 ? LINES_FORMAT_BODY : LINES_FORMAT_NICK;
    return *out == LINES_FORMAT_BODY || strcmp(text, "nick") == 0 ||
           zr_fail(error, "\"%.40s\" is no format; write nick (\"nick: text\") or body (the text alone)", text);
}

static bool s_add_proxy(gateway_config_t *config, const char *text, zr_error_t *error) {
    if (config->proxy_count == GATEWAY_LIST_MAX)
        return zr_fail(error, "more than %d; name a block such as 10.0.0.0/8", GATEWAY_LIST_MAX);
    if (!netblock_parse(zr_span(text), &config->proxies[config->proxy_count]))
        return zr_fail(
            error, "\"%.60s\" is no address; write one such as 192.0.2.1, or a block such as 10.0.0.0/8", text);
    config->proxy_count++;
    return true;
}

/* An origin as browsers send it (RFC 6454): scheme, host and perhaps port, in lower case. */
static bool s_origin_valid(zr_span_t text) {
    zr_span_t http = zr_span("http://"), https = zr_span("https://");
    size_t scheme = zr_span_starts(text, http) ? http.len : zr_span_starts(text, https) ? https.len : 0;
    for (size_t i = scheme; scheme && i < text.len; i++)
        if ((uint8_t)text.ptr[i] <= ' ' || strchr("/?#@\\", text.ptr[i]) || (text.ptr[i] >= 'A' && text.ptr[i] <= 'Z'))
            return false;
    return scheme > 0 && text.len > scheme;
}

static bool s_add_origin(gateway_config_t *config, const char *text, zr_error_t *error) {
    if (config->origin_count == GATEWAY_LIST_MAX)
        return zr_fail(error, "more than %d origins; take some away", GATEWAY_LIST_MAX);
    if (strlen(text) > GATEWAY_TEXT || (strcmp(text, "*") != 0 && !s_origin_valid(zr_span(text))))
        return zr_fail(error, "\"%.80s\" is no origin; write one such as https://chat.example.org, or *", text);
    strcpy(config->origins[config->origin_count++], text);
    return true;
}

static bool s_set(gateway_config_t *config, const row_t *row, const char *file, const char *text, zr_error_t *error) {
    void *place = (char *)config + row->offset;
    const char *fault;
    switch (row->kind) {
    case KIND_SIZE:
    case KIND_TIME:
        return s_set_number(row, text, place, error);
    case KIND_BOOL:
        return s_set_bool(text, place, error);
    case KIND_TEXT:
        return s_set_text(row, zr_span(""), text, place, error);
    case KIND_PATH:
        return s_set_text(row, s_folder(file, text), text, place, error);
    case KIND_KEY:
        return s_set_key(text, place, error);
    case KIND_LISTEN:
        fault = listen_address_parse(text, place);
        return !fault || zr_fail(error, "\"%.80s\" is no address to listen on; %s", text, fault);
    case KIND_LEVEL:
        return zr_log_level_from_name(text, place) ||
               zr_fail(error, "must be error, warn, info or debug, not \"%.40s\"", text);
    case KIND_ROOM:
        return s_set_room(text, place, error);
    case KIND_FORMAT:
        return s_set_format(text, place, error);
    case KIND_PROXY:
        return s_add_proxy(config, text, error);
    case KIND_ORIGIN:
        return s_add_origin(config, text, error);
    }
    return false;
}

/* --- The file --- */

typedef struct {
    gateway_config_t *config;
    const char *file;
    unsigned line[ROWS]; /* where each was set; 0: not yet */
} reading_t;

static bool s_repeats(const row_t *row) {
    return row->kind == KIND_PROXY || row->kind == KIND_ORIGIN;
}

static bool s_on_section(const zr_zpl_item_t *item, zr_error_t *error) {
    bool known = false;
    for (size_t i = 0; i < ROWS; i++)
        known |= strcmp(s_rows[i].section, item->section) == 0;
    if (!known)
        return zr_fail(error, "no such section; there are \"broker\", \"http\", \"lines\" and \"limits\"");
    return !item->value[0] || zr_fail(error, "a section has no value; its members follow below it");
}

static bool s_on_item(void *ctx, const zr_zpl_item_t *item, zr_error_t *error) {
    reading_t *reading = ctx;
    if (!item)
        return true;
    if (!item->name)
        return s_on_section(item, zr_error_at(error, item->line, item->section, NULL));
    for (size_t i = 0; i < ROWS; i++) {
        const row_t *row = &s_rows[i];
        if (strcmp(row->section, item->section) != 0 || strcmp(row->name, item->name) != 0)
            continue;
        if (reading->line[i] && !s_repeats(row))
            return zr_fail(error, "already set in line %u; keep one of them", reading->line[i]);
        reading->line[i] = item->line;
        if (!item->value[0])
            return zr_fail(error, "the value is missing; write \"name = value\"");
        return s_set(reading->config, row, reading->file, item->value, error);
    }
    return zr_fail(error, "no such setting; the annotated zrelay-gateway.conf lists them, check the spelling");
}

bool gateway_config_read(gateway_config_t *config, const char *path, zr_error_t *error) {
    reading_t reading = {.config = config, .file = path};
    return zr_zpl_read(path, s_on_item, &reading, error) == ZR_FILE_READ;
}

bool gateway_config_set(gateway_config_t *config, const char *section, const char *name, const char *option,
    const char *value, zr_error_t *error) {
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(s_rows[i].section, section) == 0 && strcmp(s_rows[i].name, name) == 0) {
            bool ok = s_set(config, &s_rows[i], NULL, value, zr_error_at(error, 0, option, NULL));
            zr_error_at(error, 0, NULL, NULL);
            return ok;
        }
    return zr_fail(error, "%s: no such setting", option);
}

/* --- Together --- */

static bool s_complete_broker(const gateway_config_t *config, zr_error_t *error) {
    bool ok =
        remote_valid(config->server) ||
        zr_fail(error, "\"%.80s\" is no endpoint of a broker; write one such as tcp://127.0.0.1:5570", config->server);
    if (!config->server_key[0] != !config->certificate[0])
        ok = zr_fail(error, "broker/server-key and broker/certificate belong together; give both or neither");
    if (!config->user[0] != !config->token_file[0])
        ok = zr_fail(error, "broker/user and broker/token-file belong together; give both or neither");
    if (config->user[0] && config->certificate[0])
        ok = zr_fail(error, "a certificate names the user already; take away broker/user or broker/certificate");
    if (ok && !config->server_key[0] && !remote_is_local(config->server) && !config->insecure)
        ok = zr_fail(error,
            "the broker at %.80s is on another machine, and the connection would not be encrypted; give "
            "broker/server-key and broker/certificate, or say --insecure",
            config->server);
    return ok;
}

bool gateway_config_complete(const gateway_config_t *config, zr_error_t *error) {
    bool ok = s_complete_broker(config, error);
    if (!config->tls_cert[0] != !config->tls_key[0])
        ok = zr_fail(error, "--tls-cert and --tls-key belong together; give both or neither");
    if (!listen_address_is_local(&config->http) && !config->tls_cert[0] && !config->insecure)
        ok = zr_fail(error,
            "%s:%u can be reached from other machines, without encryption; give --tls-cert and --tls-key, listen on "
            "127.0.0.1 behind a proxy, or say --insecure if the network is yours alone",
            config->http.host, config->http.port);
    if (config->lines.host[0] && !listen_address_is_local(&config->lines) && !config->insecure)
        ok = zr_fail(error,
            "lines at %s:%u can be reached from other machines, without encryption; listen on 127.0.0.1 behind a "
            "proxy, "
            "or say --insecure if the network is yours alone",
            config->lines.host, config->lines.port);
    if (config->reader_queue > config->answer_queue)
        ok = zr_fail(error, "limits/reader-queue must not be above limits/answer-queue");
    return ok;
}
