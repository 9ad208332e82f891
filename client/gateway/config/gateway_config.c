/* See gateway_config.h. Every setting is a row of one table. */
#include "gateway_config.h"

#include <stdio.h>
#include <string.h>

#include "key_file.h"
#include "names.h"
#include "options.h"
#include "remote.h"

#define KIB 1024ULL
#define MIB (1024 * KIB)
#define SECOND 1000ULL

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

/* --- Kinds of values of the gateway alone --- */

static bool s_read_key(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    if (!zr_server_keys_valid(zr_span(value->text)))
        return zr_fail(
            error, "\"%.60s\" is no public key; give the 40 characters that zrelayd --keygen shows", value->text);
    strcpy(member, value->text);
    return true;
}

static bool s_read_listen(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    const char *fault = listen_address_parse(value->text, member);
    return !fault || zr_fail(error, "\"%.80s\" is no address to listen on; %s", value->text, fault);
}

static bool s_read_room(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    const char *fault = zr_room_fault(zr_span(value->text));
    if (fault)
        return zr_fail(error, "\"%.40s\" is no room: %s", value->text, fault);
    strcpy(member, value->text);
    return true;
}

static bool s_read_format(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    lines_format_t *format = member;
    *format = strcmp(value->text, "body") == 0 ? LINES_FORMAT_BODY : LINES_FORMAT_NICK;
    return *format == LINES_FORMAT_BODY || strcmp(value->text, "nick") == 0 ||
           zr_fail(error, "\"%.40s\" is no format; write nick (\"nick: text\") or body (the text alone)", value->text);
}

/* The two lists are members of the struct beside their counts. So the member of their rows is the whole struct. */

static bool s_add_proxy(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    gateway_config_t *config = member;
    if (config->proxy_count == GATEWAY_LIST_MAX)
        return zr_fail(error, "more than %d; name a block such as 10.0.0.0/8", GATEWAY_LIST_MAX);
    if (!netblock_parse(zr_span(value->text), &config->proxies[config->proxy_count]))
        return zr_fail(
            error, "\"%.60s\" is no address; write one such as 192.0.2.1, or a block such as 10.0.0.0/8", value->text);
    config->proxy_count++;
    return true;
}

static void s_clear_proxies(void *member) {
    ((gateway_config_t *)member)->proxy_count = 0;
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

static bool s_add_origin(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    gateway_config_t *config = member;
    const char *text = value->text;
    if (config->origin_count == GATEWAY_LIST_MAX)
        return zr_fail(error, "more than %d origins; take some away", GATEWAY_LIST_MAX);
    if (strlen(text) > GATEWAY_TEXT || (strcmp(text, "*") != 0 && !s_origin_valid(zr_span(text))))
        return zr_fail(error, "\"%.80s\" is no origin; write one such as https://chat.example.org, or *", text);
    strcpy(config->origins[config->origin_count++], text);
    return true;
}

static void s_clear_origins(void *member) {
    ((gateway_config_t *)member)->origin_count = 0;
}

static const zr_setting_kind_t s_key = {.read = s_read_key};
static const zr_setting_kind_t s_listen = {.read = s_read_listen};
static const zr_setting_kind_t s_room = {.read = s_read_room};
static const zr_setting_kind_t s_format = {.read = s_read_format};
static const zr_setting_kind_t s_proxies = {.read = s_add_proxy, .clear = s_clear_proxies};
static const zr_setting_kind_t s_origins = {.read = s_add_origin, .clear = s_clear_origins};

/* --- The table --- */

#define AT(member) offsetof(gateway_config_t, member)

static const zr_setting_t s_rows[] = {
    {"broker", "server", &zr_kind_text, AT(server), 1, ZR_SERVERS_TEXT_MAX},
    {"broker", "server-key", &s_key, AT(server_key), 0, 0},
    {"broker", "certificate", &zr_kind_path, AT(certificate), 1, GATEWAY_TEXT},
    {"broker", "user", &zr_kind_text, AT(user), 1, ZR_NICK_MAX},
    {"broker", "token-file", &zr_kind_path, AT(token_file), 1, GATEWAY_TEXT},
    {"http", "listen", &s_listen, AT(http), 0, 0},
    {"http", "tls-cert", &zr_kind_path, AT(tls_cert), 1, GATEWAY_TEXT},
    {"http", "tls-key", &zr_kind_path, AT(tls_key), 1, GATEWAY_TEXT},
    {"http", "trusted-proxy", &s_proxies, 0, 0, 0},
    {"http", "origin", &s_origins, 0, 0, 0},
    {"http", "page", &zr_kind_path, AT(page), 1, GATEWAY_TEXT},
    {"http", "insecure", &zr_kind_bool, AT(insecure), 0, 1},
    {"http", "log-level", &zr_kind_log_level, AT(log_level), 0, 0},
    {"http", "log-format", &zr_kind_log_format, AT(log_json), 0, 0},
    {"http", "log-file", &zr_kind_path, AT(log_file), 1, GATEWAY_TEXT},
    {"lines", "listen", &s_listen, AT(lines), 0, 0},
    {"lines", "room", &s_room, AT(lines_room), 0, 0},
    {"lines", "format", &s_format, AT(lines_format), 0, 0},
    {"lines", "history", &zr_kind_u64, AT(lines_history), 0, 1000},
    {"irc", "listen", &s_listen, AT(irc), 0, 0},
    {"irc", "tls-listen", &s_listen, AT(irc_tls), 0, 0},
    {"irc", "history", &zr_kind_u64, AT(irc_history), 0, 1000},
    {"irc", "rate", &zr_kind_u64, AT(irc_rate), 1, 10000},
    {"limits", "max-connections", &zr_kind_u64, AT(max_connections), 1, 1000000},
    {"limits", "max-address-connections", &zr_kind_u64, AT(max_address_connections), 1, 1000000},
    {"limits", "max-header", &zr_kind_u64, AT(max_header), 2 * KIB, 1 * MIB},
    {"limits", "max-body", &zr_kind_u64, AT(max_body), 1, 256 * MIB},
    {"limits", "max-message", &zr_kind_u64, AT(max_message), 1 * KIB, 256 * MIB},
    {"limits", "max-line", &zr_kind_u64, AT(max_line), 512, 64 * KIB},
    {"limits", "max-deliveries", &zr_kind_u64, AT(max_deliveries), 1000, 1000000000},
    {"limits", "request-timeout", &zr_kind_time, AT(request_timeout_ms), 1 * SECOND, 3600 * SECOND},
    {"limits", "ping", &zr_kind_time, AT(ping_ms), 100, 3600 * SECOND},
    {"limits", "reader-queue", &zr_kind_u64, AT(reader_queue), 4 * KIB, 1024 * MIB},
    {"limits", "answer-queue", &zr_kind_u64, AT(answer_queue), 64 * KIB, 1024 * MIB},
    {"limits", "all-queues", &zr_kind_u64, AT(all_queues), 1 * MIB, 1024 * 1024 * MIB},
    {"limits", "max-rooms", &zr_kind_u64, AT(max_rooms), 1, 100000},
    {"limits", "max-topics", &zr_kind_u64, AT(max_topics), 8, 10000000},
    {"limits", "max-topic-bytes", &zr_kind_u64, AT(max_topic_bytes), 1 * KIB, 1024 * MIB},
};

const zr_setting_table_t gateway_config_table = {"zrelay-gateway.conf", s_rows, sizeof s_rows / sizeof s_rows[0], NULL};

void gateway_config_default(gateway_config_t *config) {
    *config = (gateway_config_t){
        .server = "tcp://127.0.0.1:5570",
        .http = {.host = "127.0.0.1", .port = 5580},
        .log_level = ZR_LOG_INFO,
        .lines_room = "lobby",
        .lines_format = LINES_FORMAT_NICK,
        .lines_history = 10,
        .irc_history = 20,
        .irc_rate = 5,
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
        .all_queues = 256 * MIB,
        .max_rooms = 200,
        .max_topics = 2000,
        .max_topic_bytes = 48 * KIB,
        .page = ZRELAY_PAGE,
    };
}

bool gateway_config_page_is_default(const gateway_config_t *config) {
    return strcmp(config->page, ZRELAY_PAGE) == 0;
}

/* --- Together --- */

static bool s_complete_broker(const gateway_config_t *config, zr_error_t *error) {
    zr_servers_t servers;
    bool local;
    const char *fault = remote_read(&servers, config->server, &local);
    bool ok = !fault || zr_fail(error, "broker/server: \"%.80s\": %s", config->server, fault);
    if (ok && config->server_key[0] && (fault = zr_servers_read_keys(&servers, zr_span(config->server_key))))
        ok = zr_fail(error, "broker/server-key: %s", fault);
    if (!config->server_key[0] != !config->certificate[0])
        ok = zr_fail(error, "broker/server-key and broker/certificate belong together; give both or neither");
    if (!config->user[0] != !config->token_file[0])
        ok = zr_fail(error, "broker/user and broker/token-file belong together; give both or neither");
    if (config->user[0] && config->certificate[0])
        ok = zr_fail(error, "a certificate names the user already; take away broker/user or broker/certificate");
    if (ok && !config->server_key[0] && !local && !config->insecure)
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
            "proxy, or say --insecure if the network is yours alone",
            config->lines.host, config->lines.port);
    if (config->irc.host[0] && !listen_address_is_local(&config->irc) && !config->insecure)
        ok = zr_fail(error,
            "IRC at %s:%u can be reached from other machines, without encryption; use --irc-tls for them, or say "
            "--insecure if the network is yours alone",
            config->irc.host, config->irc.port);
    if (config->irc_tls.host[0] && !config->tls_cert[0])
        ok = zr_fail(error, "--irc-tls needs --tls-cert and --tls-key; give both");
    if (config->reader_queue > config->answer_queue)
        ok = zr_fail(error, "limits/reader-queue must not be above limits/answer-queue");
    if (config->answer_queue > config->all_queues / 4)
        ok = zr_fail(error, "limits/answer-queue must be at most a quarter of limits/all-queues");
    return ok;
}
