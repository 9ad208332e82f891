/* See ws_paths.h. */
#include "ws_paths.h"

#include "broker_link.h"
#include "browser.h"
#include "clock.h"
#include "fatal.h"
#include "handshake.h"
#include "http_fields.h"
#include "http_forwarded.h"
#include "origin.h"
#include "plain.h"
#include "refuse.h"

struct ws_paths {
    uint64_t unanswered; /* bytes */
    const gateway_config_t *config;
    ws_pool_t *pool;
    ws_host_t host;
};

/* A WebSocket, from the request on. */
typedef struct {
    ws_paths_t *paths;
    ws_from_t from;
    browser_kind_t kind;
    bool plain;
    http_route_t *route; /* of a plain room, until it has begun */
    http_login_t *login;
    ws_t *ws;
    browser_t *browser;
    plain_t *room;
} peer_socket_t;

/* --- A browser's calls --- */

static bool s_send(void *ctx, zr_blob_t *frames, bool live) {
    peer_socket_t *peer = ctx;
    return ws_send(peer->ws, frames, live);
}

static void s_close(void *ctx, ws_code_t code, zr_span_t reason) {
    peer_socket_t *peer = ctx;
    ws_close(peer->ws, code, reason);
}

static bool s_ready(void *ctx) {
    peer_socket_t *peer = ctx;
    return ws_ready(peer->ws);
}

static const ws_calls_t s_calls = {s_send, s_ready, s_close};

static void s_on_message(void *ctx, bool text, zr_span_t message) {
    peer_socket_t *peer = ctx;
    if (peer->browser)
        browser_message(peer->browser, text, message, zr_mono_ms());
    else if (peer->room)
        plain_message(peer->room, text, message, zr_mono_ms());
}

static bool s_on_paused(void *ctx) {
    peer_socket_t *peer = ctx;
    return peer->browser ? browser_is_paused(peer->browser) : peer->room && plain_is_paused(peer->room, zr_mono_ms());
}

static void s_on_drained(void *ctx) {
    peer_socket_t *peer = ctx;
    if (peer->room)
        plain_drained(peer->room, zr_mono_ms());
}

static void s_free(peer_socket_t *peer) {
    browser_destroy(peer->browser);
    plain_destroy(peer->room);
    if (peer->login)
        http_login_forget(peer->login);
    free(peer->login);
    free(peer->route);
    free(peer);
}

static void s_on_gone(void *ctx) {
    s_free(ctx);
}

static const ws_events_t s_events = {s_on_message, s_on_paused, s_on_drained, s_on_gone};

/* --- Beginning --- */

static form_t s_form(const http_route_t *route) {
    return route->format == HTTP_FORMAT_JSON ? FORM_LINES : route->format == HTTP_FORMAT_NICK ? FORM_NICK : FORM_BODY;
}

static void s_begin_room(peer_socket_t *peer) {
    plain_wish_t wish = {
        .room = zr_span(peer->route->room), .nick = zr_span(peer->route->nick), .form = s_form(peer->route)};
    if (peer->login) {
        wish.user = zr_span(peer->login->user);
        wish.token = zr_span(peer->login->token);
    }
    peer->room = plain_new(&peer->paths->host, &wish, &peer->from, &s_calls, peer, zr_mono_ms());
    if (!peer->room)
        ws_close(peer->ws, WS_LATER, zr_span("too many rooms: limits/max-topics"));
    if (peer->login)
        http_login_forget(peer->login);
    free(peer->login);
    free(peer->route);
    peer->login = NULL;
    peer->route = NULL;
}

static void s_on_upgraded(void *ctx, int fd, web_pipe_t *pipe, zr_span_t extra) {
    peer_socket_t *peer = ctx;
    peer->ws = ws_new(peer->paths->pool, fd, pipe, extra, &s_events, peer);
    if (peer->plain)
        s_begin_room(peer);
    else
        peer->browser = browser_new(&peer->paths->host, peer->kind, &peer->from, &s_calls, peer, zr_mono_ms());
}

/* The peer left before the connection was upgraded. */
static void s_on_exchange_gone(void *ctx) {
    s_free(ctx);
}

/* --- The handshake --- */

static void s_ask_upgrade(exchange_t *e, const char *text) {
    static const web_header_t headers[] = {{"Upgrade", "websocket"}, {"Sec-WebSocket-Version", "13"}};
    refuse_with(e, HTTP_UPGRADE_REQUIRED, text, headers, 2);
}

static bool s_may(const ws_paths_t *paths, exchange_t *e) {
    handshake_t request = {.method = exchange_method(e),
        .upgrade = exchange_header(e, "Upgrade"),
        .connection = exchange_header(e, "Connection"),
        .version = exchange_header(e, "Sec-WebSocket-Version"),
        .key = exchange_header(e, "Sec-WebSocket-Key")};
    unsigned status;
    const char *fault = handshake_fault(&request, &status);
    if (fault && status == 426)
        s_ask_upgrade(e, fault);
    else if (fault)
        refuse_with(e, status == 405 ? HTTP_METHOD_NOT_ALLOWED : HTTP_BAD_REQUEST, fault, NULL, 0);
    else if (!origin_allowed(paths->config, exchange_header(e, "Origin"), exchange_header(e, "Host")))
        refuse_with(e, HTTP_ORIGIN_REFUSED,
            "pages of this origin may not connect; the operator allows it with http/origin", NULL, 0);
    else
        return true;
    return false;
}

/* Only a trusted proxy may name another address than the connection's. */
static peer_socket_t *s_peer(ws_paths_t *paths, exchange_t *e) {
    const http_proxies_t proxies = {paths->config->proxies, paths->config->proxy_count};
    address_t address = http_forwarded_for(&proxies, exchange_address(e), exchange_headers(e, "X-Forwarded-For"));
    bool proxied = http_proxies_trust(&proxies, exchange_address(e)) && exchange_header(e, "X-Forwarded-For");
    zr_span_t proto = exchange_headers(e, "X-Forwarded-Proto");
    peer_socket_t *peer = fatal_calloc(sizeof *peer);
    peer->paths = paths;
    peer->from.secure = proxied ? http_forwarded_secure(&proxies, exchange_address(e), proto) : exchange_is_secure(e);
    address_format(&address, peer->from.address);
    return peer;
}

static void s_upgrade(exchange_t *e, peer_socket_t *peer, const char *subprotocol) {
    char accept[HANDSHAKE_ACCEPT];
    handshake_accept(exchange_header(e, "Sec-WebSocket-Key"), accept);
    const web_header_t headers[] = {
        {"Upgrade", "websocket"}, {"Sec-WebSocket-Accept", accept}, {"Sec-WebSocket-Protocol", subprotocol}};
    exchange_on_gone(e, s_on_exchange_gone, peer);
    exchange_upgrade(e, headers, subprotocol ? 3 : 2, s_on_upgraded, peer);
}

void ws_paths_browser(void *ctx, exchange_t *e) {
    ws_paths_t *paths = ctx;
    const char *asked = exchange_header(e, "Sec-WebSocket-Protocol");
    bool json = handshake_has_token(asked, "zrelay.v1.json"), binary = handshake_has_token(asked, "zrelay.v1");
    if (!s_may(paths, e))
        return;
    if (asked && !json && !binary) {
        refuse_with(e, HTTP_BAD_REQUEST, "unknown subprotocol; there are zrelay.v1 and zrelay.v1.json", NULL, 0);
        return;
    }
    peer_socket_t *peer = s_peer(paths, e);
    peer->kind = binary ? BROWSER_BINARY : BROWSER_JSON;
    s_upgrade(e, peer, binary ? "zrelay.v1" : json ? "zrelay.v1.json" : NULL);
}

void ws_paths_room(ws_paths_t *paths, exchange_t *e, const http_route_t *route) {
    http_problem_t problem;
    http_login_t login;
    if (!s_may(paths, e))
        return;
    if (!http_login_read(&login, zr_span(exchange_header(e, "Authorization")), &problem)) {
        refuse(e, &problem);
        return;
    }
    peer_socket_t *peer = s_peer(paths, e);
    peer->plain = true;
    peer->route = fatal_calloc(sizeof *route);
    *peer->route = *route;
    if (login.kind != HTTP_LOGIN_NONE) {
        peer->login = fatal_calloc(sizeof login);
        *peer->login = login;
    }
    http_login_forget(&login);
    s_upgrade(e, peer, NULL);
}

ws_paths_t *ws_paths_new(const gateway_config_t *config, ws_pool_t *pool, uplink_t *uplink, feeds_t *feeds) {
    ws_paths_t *paths = fatal_calloc(sizeof *paths);
    paths->config = config;
    paths->pool = pool;
    paths->host = (ws_host_t){.uplink = uplink,
        .feeds = feeds,
        .max_rooms = config->max_rooms,
        .max_message = config->max_message,
        .unanswered = &paths->unanswered,
        .entropy = broker_link_entropy};
    return paths;
}

void ws_paths_destroy(ws_paths_t *paths) {
    free(paths);
}
