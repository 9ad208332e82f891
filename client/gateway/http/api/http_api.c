#include "http_api.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "fatal.h"
#include "http_events.h"
#include "http_history.h"
#include "http_request.h"

enum { TICK_MS = 250 };

/* --- What an address takes --- */

static const struct {
    http_handler_fn *get, *post, *put, *delete;
    const char *allow; /* NULL: the API does not have it */
} s_resources[HTTP_RESOURCES] = {
    [HTTP_METRICS] = {http_metrics_take, NULL, NULL, NULL, "GET, HEAD, OPTIONS"},
    [HTTP_ROOMS] = {http_rooms_take, NULL, NULL, NULL, "GET, HEAD, OPTIONS"},
    [HTTP_ROOM] = {http_history_take, http_publish_take, NULL, NULL, "GET, HEAD, POST, OPTIONS"},
    [HTTP_EVENTS] = {http_events_take, NULL, NULL, NULL, "GET, OPTIONS"},
    [HTTP_WHO] = {http_who_take, NULL, NULL, NULL, "GET, HEAD, OPTIONS"},
    [HTTP_STATE] = {http_state_take, NULL, NULL, NULL, "GET, HEAD, OPTIONS"},
    [HTTP_STATE_KEY] = {http_state_take, NULL, http_publish_take, http_publish_take, "GET, HEAD, PUT, DELETE, OPTIONS"},
};

static http_method_t s_method(const char *name) {
    static const char *const names[HTTP_METHODS] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"};
    for (unsigned i = 0; i < HTTP_METHODS; i++)
        if (strcmp(name, names[i]) == 0)
            return (http_method_t)i;
    return HTTP_METHODS;
}

static http_handler_fn *s_handler(const http_request_t *request) {
    switch (request->method) {
    case HTTP_HEAD: /* a stream has no end that HEAD could reach */
        return request->route.resource == HTTP_EVENTS ? NULL : s_resources[request->route.resource].get;
    case HTTP_GET:
        return s_resources[request->route.resource].get;
    case HTTP_POST:
        return s_resources[request->route.resource].post;
    case HTTP_PUT:
        return s_resources[request->route.resource].put;
    case HTTP_DELETE:
        return s_resources[request->route.resource].delete;
    default:
        return NULL;
    }
}

/* --- A request comes in --- */

/* The answer to OPTIONS: what a page of another origin may send (the Fetch standard's preflight). */
static void s_answer_options(http_request_t *request, const char *allow) {
    http_headers_t more = {0};
    http_add(&more, "Allow", allow);
    if (request->origin) {
        http_add(&more, "Access-Control-Allow-Methods", allow);
        http_add(&more, "Access-Control-Allow-Headers",
            "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Zrelay-Key, "
            "Zrelay-TTL");
        http_add(&more, "Access-Control-Max-Age", "600");
    }
    http_answer(request, 204, NULL, &more, zr_span(""));
}

static void s_refuse_method(http_request_t *request, const char *allow) {
    http_problem_t problem;
    http_headers_t more = {0};
    zr_buffer_t body = {0};
    http_fail(&problem, HTTP_METHOD_NOT_ALLOWED, "this address takes %s", allow);
    http_add(&more, "Allow", allow);
    http_problem_write(&body, &problem);
    http_answer(request, 405, HTTP_PROBLEM_TYPE, &more, zr_span_of(body.data, body.len));
    zr_buffer_finish(&body);
}

/* A page of any origin can send some requests without asking, such as a POST of plain text. So the origin is looked at
 * in every request, not in those alone that ask. */
static bool s_check_origin(http_request_t *request, http_problem_t *problem) {
    const http_api_config_t *config = &request->api->config;
    const char *origin = exchange_header(request->exchange, "Origin");
    if (!origin)
        return true;
    if (!config->origin_allowed(config->ctx, request->exchange, origin))
        return http_fail(problem, HTTP_ORIGIN_REFUSED, "an operator can let its pages in with --origin");
    request->origin = origin;
    return true;
}

static void s_place(http_request_t *request) {
    const address_t *peer = exchange_address(request->exchange);
    const http_proxies_t *proxies = &request->api->config.proxies;
    request->address = *peer;
    request->secure = exchange_is_secure(request->exchange);
    if (!http_proxies_trust(proxies, peer))
        return;
    request->address = http_forwarded_for(proxies, peer, exchange_headers(request->exchange, "X-Forwarded-For"));
    request->secure = http_forwarded_secure(proxies, peer, exchange_headers(request->exchange, "X-Forwarded-Proto")) ||
                      (request->secure && !exchange_header(request->exchange, "X-Forwarded-For"));
}

static void s_dispatch(http_request_t *request) {
    http_problem_t problem;
    if (!s_check_origin(request, &problem) ||
        !http_route_read(&request->route, exchange_target(request->exchange), &problem)) {
        http_refuse(request, &problem);
        return;
    }
    const char *allow = s_resources[request->route.resource].allow;
    http_handler_fn *handler = s_handler(request);
    if (!allow) {
        http_fail(&problem, HTTP_NOT_FOUND, "nothing is at this address");
        http_refuse(request, &problem);
    } else if (request->method == HTTP_OPTIONS) {
        s_answer_options(request, allow);
    } else if (!handler) {
        s_refuse_method(request, allow);
    } else {
        handler(request);
    }
}

void http_api_take(http_api_t *api, exchange_t *e) {
    http_request_t *request = fatal_calloc(sizeof *request);
    request->api = api;
    request->exchange = e;
    request->method = s_method(exchange_method(e));
    exchange_on_gone(e, http_request_gone, request);
    s_place(request);
    s_dispatch(request);
}

/* --- The API --- */

http_api_t *http_api_new(const http_api_config_t *config, uint64_t now) {
    http_api_t *api = fatal_calloc(sizeof *api);
    api->config = *config;
    api->now = api->checked = now;
    api->broker = (http_broker_t){config->uplink, &api->now, config->entropy, config->ctx, NULL};
    api->pool = http_pool_new(&api->broker);
    return api;
}

void http_api_destroy(http_api_t *api) {
    if (!api)
        return;
    FATAL_UNLESS(!api->waiting && !api->streams);
    http_pool_destroy(api->pool);
    free(api);
}

static void s_fail_late(http_api_t *api) {
    http_problem_t problem = {.code = HTTP_TIMEOUT};
    while (api->waiting && api->waiting->deadline <= api->now) {
        http_request_t *request = api->waiting;
        api->counts.timeouts++;
        http_wait_no_more(request);
        if (request->late)
            request->late(request);
        else
            http_refuse(request, &problem);
    }
}

void http_api_tick(http_api_t *api, uint64_t now) {
    api->now = now;
    if (now - api->checked < TICK_MS)
        return;
    api->checked = now;
    s_fail_late(api);
    http_sessions_tick(&api->broker);
    http_history_tick(api);
    http_events_tick(api);
    http_pool_tick(api->pool);
}

uint64_t http_api_due(const http_api_t *api) {
    bool idle = !api->waiting && !api->streams && !api->broker.sessions;
    return idle ? UINT64_MAX : api->checked + TICK_MS;
}
