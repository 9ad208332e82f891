/* See gateway.h. */
#include "gateway.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker_link.h"
#include "clock.h"
#include "fatal.h"
#include "http_api.h"
#include "irc_peers.h"
#include "line_peers.h"
#include "listener.h"
#include "metrics.h"
#include "origin.h"
#include "pages.h"
#include "poller.h"
#include "proxied.h"
#include "refuse.h"
#include "routes.h"
#include "service.h"
#include "web.h"
#include "ws_paths.h"

enum { ROUTES = 6, CLOSE_MS = 2000 };

struct gateway {
    const gateway_config_t *config;
    poller_t *poller;
    feeds_t *feeds;
    queue_budget_t queues;
    broker_link_t *broker;
    ws_pool_t *sockets;
    ws_paths_t *paths;
    http_api_t *api;
    pages_t *pages;
    web_t *web;
    proxied_t *proxied;
    listener_t *listener;
    stream_pool_t *streams;
    ws_host_t host;      /* of line_peers */
    line_peers_t *lines; /* NULL: nothing listens */
    irc_peers_t *irc;    /* likewise */
    int signals;
    poll_source_t on_signal;
    bool stopping;
    route_t routes[ROUTES];
};

/* --- Signals --- */

static void s_reload(gateway_t *gateway) {
    zr_error_t error = {0};
    if (!gateway->config->tls_cert[0])
        zr_log(ZR_LOG_INFO, "SIGHUP reads --tls-cert and --tls-key again; without them it does nothing");
    else if (web_reload_tls(gateway->web, &error) && (!gateway->irc || irc_peers_reload(gateway->irc, &error)))
        zr_log(ZR_LOG_ASKED, "read %s and its key again: new connections get them", gateway->config->tls_cert);
    else
        zr_log(ZR_LOG_ERROR, "SIGHUP: %s; the old certificate stays", error.text);
}

static void s_on_signal(void *ctx, uint32_t events) {
    gateway_t *gateway = ctx;
    (void)events;
    unsigned number = zr_service_next_signal(gateway->signals);
    switch (number) {
    case 0:
        return;
    case SIGHUP:
        s_reload(gateway);
        return;
    case SIGUSR2:
        zr_service_log_anew(gateway->config->log_file, "http/log-file");
        return;
    case SIGUSR1:
        zr_log(ZR_LOG_INFO, "signal %u does nothing here; the counters are at /metrics", number);
        return;
    default:
        zr_log(ZR_LOG_INFO, "signal %u: stopping", number);
        gateway->stopping = true;
    }
}

static bool s_open_signals(gateway_t *gateway, zr_error_t *error) {
    gateway->on_signal = (poll_source_t){s_on_signal, gateway};
    gateway->signals = zr_service_open_signals(error);
    return gateway->signals >= 0 && (poller_add(gateway->poller, gateway->signals, EPOLLIN, &gateway->on_signal) ||
                                        zr_fail(error, "cannot watch for signals: %s", strerror(errno)));
}

/* --- Requests --- */

/* Without the broker the gateway says so, and a load balancer sends clients elsewhere. */
static void s_health(void *ctx, exchange_t *e) {
    gateway_t *gateway = ctx;
    static const web_header_t headers[] = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
    if (uplink_is_live(broker_link_uplink(gateway->broker)))
        exchange_answer(e, 200, headers, 2, zr_span("{\"status\":\"ok\",\"broker\":\"connected\"}\n"));
    else
        exchange_answer(e, 503, headers, 2, zr_span("{\"status\":\"degraded\",\"broker\":\"away\"}\n"));
}

static void s_on_room(void *ctx, exchange_t *e) {
    gateway_t *gateway = ctx;
    http_route_t route;
    http_problem_t problem;
    if (http_route_read(&route, exchange_target(e), &problem) && route.resource == HTTP_ROOM_WS)
        ws_paths_room(gateway->paths, e, &route);
    else
        http_api_take(gateway->api, e);
}

static void s_on_api(void *ctx, exchange_t *e) {
    gateway_t *gateway = ctx;
    http_api_take(gateway->api, e);
}

/* Only a browser on this machine can be misled by a name. What a proxy passes on comes from another one. */
static bool s_is_direct(const gateway_t *gateway, const exchange_t *e) {
    const http_proxies_t proxies = {gateway->config->proxies, gateway->config->proxy_count};
    bool proxied = http_proxies_trust(&proxies, exchange_address(e)) && exchange_header(e, "X-Forwarded-For");
    return address_is_loopback(exchange_address(e)) && !proxied;
}

static void s_on_request(void *ctx, exchange_t *e) {
    gateway_t *gateway = ctx;
    if (s_is_direct(gateway, e) && !origin_host_allowed(gateway->config, exchange_header(e, "Host")))
        refuse_with(e, HTTP_MISDIRECTED,
            "on this machine the gateway is localhost; the operator allows other names with --origin, or a proxy with "
            "--trusted-proxy",
            NULL, 0);
    else
        routes_take(gateway->routes, ROUTES, e);
}

static void s_on_accepted(void *ctx, int fd, const struct sockaddr *address, socklen_t len) {
    gateway_t *gateway = ctx;
    proxied_accept(gateway->proxied, fd, address, len);
}

static void s_fill_routes(gateway_t *gateway) {
    const route_t routes[ROUTES] = {{"/healthz", s_health, gateway}, {"/v1/ws", ws_paths_browser, gateway->paths},
        {"/v1/rooms", s_on_api, gateway}, {"/v1/rooms/", s_on_room, gateway}, {"/metrics", s_on_api, gateway},
        {"/", pages_take, gateway->pages}};
    memcpy(gateway->routes, routes, sizeof routes);
}

/* --- The gateway --- */

static void s_change_topic(void *ctx, bool subscribe, zr_span_t topic) {
    gateway_t *gateway = ctx;
    broker_link_subscribe(gateway->broker, subscribe, topic);
}

static bool s_origin_allowed(void *ctx, const exchange_t *e, const char *origin) {
    const gateway_t *gateway = ctx;
    return origin_allowed(gateway->config, origin, exchange_header(e, "Host"));
}

static void s_write_metrics(void *ctx, zr_buffer_t *out) {
    const gateway_t *gateway = ctx;
    uplink_t *uplink = broker_link_uplink(gateway->broker);
    metrics_t metrics = {.web = web_counts(gateway->web),
        .sockets = ws_counts(gateway->sockets),
        .uplink = uplink_counts(uplink),
        .live = uplink_is_live(uplink),
        .streams = stream_counts(gateway->streams),
        .topics = feeds_topics(gateway->feeds),
        .queues = &gateway->queues};
    metrics_write(out, &metrics);
}

static http_api_t *s_new_api(gateway_t *gateway) {
    const gateway_config_t *config = gateway->config;
    http_api_config_t api = {.uplink = broker_link_uplink(gateway->broker),
        .feeds = gateway->feeds,
        .proxies = {config->proxies, config->proxy_count},
        .reader_queue = config->reader_queue,
        .origin_allowed = s_origin_allowed,
        .metrics = s_write_metrics,
        .entropy = broker_link_entropy,
        .ctx = gateway};
    return http_api_new(&api, zr_mono_ms());
}

static void s_pass(void *ctx, int fd, const struct sockaddr *address, socklen_t len) {
    web_accept(ctx, fd, address, len);
}

static void s_pass_proxied(void *ctx, int fd, const struct sockaddr *address, socklen_t len, bool secure) {
    web_accept_proxied(ctx, fd, address, len, secure);
}

static bool s_open_lines(gateway_t *gateway, zr_error_t *error) {
    const gateway_config_t *config = gateway->config;
    gateway->host = (ws_host_t){
        .uplink = broker_link_uplink(gateway->broker), .feeds = gateway->feeds, .entropy = broker_link_entropy};
    if (!config->lines.host[0])
        return true;
    gateway->lines = line_peers_new(config, gateway->poller, gateway->streams, &gateway->host, error);
    return gateway->lines;
}

static bool s_open_irc(gateway_t *gateway, zr_error_t *error) {
    const irc_peers_host_t host = {.config = gateway->config,
        .poller = gateway->poller,
        .streams = gateway->streams,
        .uplink = broker_link_uplink(gateway->broker),
        .feeds = gateway->feeds};
    if (!gateway->config->irc.host[0] && !gateway->config->irc_tls.host[0])
        return true;
    gateway->irc = irc_peers_new(&host, error);
    return gateway->irc;
}

static bool s_open(gateway_t *gateway, zr_error_t *error) {
    const gateway_config_t *config = gateway->config;
    gateway->feeds = feeds_new(config->max_topics, config->max_topic_bytes, s_change_topic, gateway);
    gateway->sockets = ws_pool_new(config, gateway->poller, &gateway->queues);
    gateway->streams = stream_pool_new(config, gateway->poller, &gateway->queues);
    if (!s_open_signals(gateway, error) || !(gateway->pages = pages_read(config, error)) ||
        !(gateway->broker = broker_link_new(config, gateway->feeds, gateway->poller, error)))
        return false;
    gateway->paths = ws_paths_new(config, gateway->sockets, broker_link_uplink(gateway->broker), gateway->feeds);
    gateway->api = s_new_api(gateway);
    s_fill_routes(gateway);
    gateway->web = web_new(config, gateway->poller, &gateway->queues, s_on_request, gateway, error);
    if (!gateway->web)
        return false;
    const proxied_door_t door = {.pass = s_pass, .pass_proxied = s_pass_proxied, .ctx = gateway->web};
    gateway->proxied = proxied_new(config, gateway->poller, &door);
    gateway->listener = listener_open(&config->http, gateway->poller, s_on_accepted, gateway, error);
    return gateway->listener && s_open_lines(gateway, error) && s_open_irc(gateway, error);
}

gateway_t *gateway_new(const gateway_config_t *config, zr_error_t *error) {
    gateway_t *gateway = fatal_calloc(sizeof *gateway);
    gateway->config = config;
    gateway->signals = -1;
    gateway->queues.most = config->all_queues;
    gateway->poller = fatal_check(poller_new());
    if (s_open(gateway, error))
        return gateway;
    gateway_destroy(gateway);
    return NULL;
}

void gateway_destroy(gateway_t *gateway) {
    if (!gateway)
        return;
    listener_close(gateway->listener);
    proxied_destroy(gateway->proxied);
    line_peers_stop(gateway->lines);
    irc_peers_stop(gateway->irc);
    stream_pool_destroy(gateway->streams);
    line_peers_destroy(gateway->lines);
    irc_peers_destroy(gateway->irc);
    ws_pool_destroy(gateway->sockets);
    web_destroy(gateway->web);
    http_api_destroy(gateway->api);
    ws_paths_destroy(gateway->paths);
    broker_link_destroy(gateway->broker);
    feeds_destroy(gateway->feeds);
    pages_destroy(gateway->pages);
    if (gateway->signals >= 0)
        close(gateway->signals);
    poller_destroy(gateway->poller);
    free(gateway);
}

char *gateway_banner(const gateway_t *gateway) {
    const gateway_config_t *config = gateway->config;
    bool ipv6 = strchr(config->http.host, ':');
    zr_buffer_t text = {0};
    zr_buffer_printf(&text, "zrelay-gateway " ZRELAY_VERSION " listening on %s://%s%s%s:%u, broker %s",
        config->tls_cert[0] ? "https" : "http", ipv6 ? "[" : "", config->http.host, ipv6 ? "]" : "",
        listener_port(gateway->listener), config->server);
    if (gateway->lines) {
        zr_buffer_printf(&text, ", lines on ");
        line_peers_name(gateway->lines, &text);
    }
    if (gateway->irc)
        irc_peers_name(gateway->irc, &text);
    zr_buffer_u8(&text, '\0');
    return (char *)text.data;
}

static int s_sooner(int a, int b) {
    return a < 0 ? b : b < 0 || a < b ? a : b;
}

static int s_until(uint64_t due, uint64_t now) {
    return due == UINT64_MAX ? -1 : due > now ? (int)(due - now) : 0;
}

/* What comes from the broker goes out at the end of the turn, and so does what goes to the broker. */
static void s_turn(gateway_t *gateway) {
    uint64_t now = zr_mono_ms();
    uplink_t *uplink = broker_link_uplink(gateway->broker);
    http_api_tick(gateway->api, now);
    proxied_turn(gateway->proxied, now);
    broker_link_turn(gateway->broker, now);
    if (gateway->lines)
        line_peers_turn(gateway->lines, now);
    if (gateway->irc)
        irc_peers_turn(gateway->irc, now);
    stream_pool_turn(gateway->streams, uplink_is_full(uplink), now);
    web_turn(gateway->web, now);
    ws_pool_turn(gateway->sockets, uplink_is_full(uplink), now);
    int wait = s_sooner(web_timeout(gateway->web, now), ws_pool_timeout(gateway->sockets, uplink_is_full(uplink), now));
    wait = s_sooner(wait, stream_pool_timeout(gateway->streams, uplink_is_full(uplink), now));
    if (gateway->lines)
        wait = s_sooner(wait, line_peers_timeout(gateway->lines, now));
    if (gateway->irc)
        wait = s_sooner(wait, irc_peers_timeout(gateway->irc, now));
    wait = s_sooner(wait, proxied_timeout(gateway->proxied, now));
    wait = s_sooner(wait, s_until(http_api_due(gateway->api), now));
    wait = s_sooner(wait, zr_service_watchdog(now));
    poller_wait(gateway->poller, s_sooner(wait, broker_link_timeout(gateway->broker, now)));
}

void gateway_run(gateway_t *gateway) {
    zr_service_notify("READY=1");
    while (!gateway->stopping)
        s_turn(gateway);
    zr_service_notify("STOPPING=1");
    listener_close(gateway->listener);
    gateway->listener = NULL;
    line_peers_stop(gateway->lines);
    irc_peers_stop(gateway->irc);
    stream_pool_close(gateway->streams, CLOSE_MS);
    ws_pool_close(gateway->sockets, CLOSE_MS);
    broker_link_close(gateway->broker);
}

bool gateway_check(const gateway_config_t *config, zr_error_t *error) {
    bool ok = listener_check(&config->http, error);
    ok &= broker_link_check(config, error);
    ok &= !config->lines.host[0] || listener_check(&config->lines, error);
    ok &= !config->irc.host[0] || listener_check(&config->irc, error);
    ok &= !config->irc_tls.host[0] || listener_check(&config->irc_tls, error);
    ok &= pages_check(config, error);
    return web_check(config, error) && ok;
}
