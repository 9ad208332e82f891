#include "http_request.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "control.h"

/* --- Fields --- */

zr_span_t http_field(const http_request_t *request, const char *name) {
    return zr_span(exchange_header(request->exchange, name));
}

bool http_identify(
    const http_request_t *request, http_identity_t *identity, http_login_t *login, http_problem_t *problem) {
    *identity = (http_identity_t){
        .address = &request->address, .secure = request->secure, .login = login, .nick = request->route.nick};
    return http_login_read(login, http_field(request, "Authorization"), problem);
}

bool http_check_broker(const http_api_t *api, http_problem_t *problem) {
    if (!uplink_is_live(api->config.uplink))
        return http_fail(problem, HTTP_BROKER_AWAY, "the gateway is not connected to its broker");
    return !uplink_is_full(api->config.uplink) ||
           http_fail(problem, HTTP_OVERLOADED, "the broker is slow, and too much waits for it; try again later");
}

bool http_lease(http_request_t *request) {
    static http_login_t login;
    http_identity_t identity;
    http_problem_t problem;
    bool known = http_check_broker(request->api, &problem) && http_identify(request, &identity, &login, &problem);
    if (known && !(request->lease = http_pool_take(request->api->pool, &identity)))
        known = http_fail(&problem, HTTP_OVERLOADED, "%d sessions are in use", HTTP_POOL_MAX);
    http_login_forget(&login);
    if (known)
        http_wait(request);
    else
        http_refuse(request, &problem);
    return known;
}

http_session_t *http_session(const http_request_t *request) {
    return http_lease_session(request->lease);
}

/* --- The end --- */

void http_wait_no_more(http_request_t *request) {
    if (!request->deadline)
        return;
    DL_DELETE(request->api->waiting, request);
    request->api->counts.waiting--;
    request->deadline = 0;
}

void http_wait(http_request_t *request) {
    http_wait_no_more(request);
    request->deadline = request->api->now + HTTP_ANSWER_MS;
    request->api->counts.waiting++;
    DL_APPEND(request->api->waiting, request);
}

/* What a request needs for as long as it is not answered. */
static void s_release(http_request_t *request) {
    http_wait_no_more(request);
    http_ask_cancel(request->ask);
    http_lease_return(request->lease);
    request->ask = NULL;
    request->lease = NULL;
}

/* The exchange is over only once its answer is sent: until then the request is kept. */
void http_request_gone(void *ctx) {
    http_request_t *request = ctx;
    s_release(request);
    if (request->close)
        request->close(request);
    free(request->own);
    free(request);
}

/* --- Answers --- */

void http_add(http_headers_t *headers, const char *name, const char *value) {
    if (headers->count < HTTP_HEADERS_MAX)
        headers->items[headers->count++] = (web_header_t){name, value};
}

/* What every answer has. No browser may take a body of a user for a page. */
static http_headers_t s_headers(const http_request_t *request, const char *type, const http_headers_t *more) {
    http_headers_t headers = {0};
    if (type)
        http_add(&headers, "Content-Type", type);
    http_add(&headers, "Cache-Control", "no-store");
    http_add(&headers, "X-Content-Type-Options", "nosniff");
    if (request->origin) {
        http_add(&headers, "Access-Control-Allow-Origin", request->origin);
        http_add(&headers, "Access-Control-Expose-Headers", "ETag, Retry-After, Zrelay-TTL");
        http_add(&headers, "Vary", "Origin");
    }
    for (size_t i = 0; more && i < more->count; i++)
        http_add(&headers, more->items[i].name, more->items[i].value);
    return headers;
}

void http_answer(
    http_request_t *request, unsigned status, const char *type, const http_headers_t *more, zr_span_t body) {
    http_headers_t headers = s_headers(request, type, more);
    http_count_answer(&request->api->counts, request->route.resource, status);
    s_release(request);
    exchange_answer(request->exchange, status, headers.items, headers.count, body);
}

void http_answer_json(http_request_t *request, unsigned status, const http_headers_t *more, json_t *object) {
    zr_buffer_t text = {0};
    zr_blob_t *blob = zr_control_write(object);
    zr_buffer_append(&text, zr_blob_data(blob), zr_blob_len(blob));
    zr_buffer_u8(&text, '\n');
    http_answer(request, status, "application/json", more, zr_span_of(text.data, text.len));
    zr_buffer_finish(&text);
    zr_blob_unref(blob);
}

void http_refuse(http_request_t *request, const http_problem_t *problem) {
    char retry[24];
    http_headers_t more = {0};
    zr_buffer_t body = {0};
    unsigned status = http_problem_status(problem);
    if (http_problem_retry_s(problem) > 0) {
        snprintf(retry, sizeof retry, "%llu", (unsigned long long)http_problem_retry_s(problem));
        http_add(&more, "Retry-After", retry);
    }
    if (status == 401)
        http_add(&more, "WWW-Authenticate", "Basic realm=\"zrelay\", charset=\"UTF-8\", Bearer");
    http_problem_write(&body, problem);
    http_answer(request, status, HTTP_PROBLEM_TYPE, &more, zr_span_of(body.data, body.len));
    zr_buffer_finish(&body);
}

void http_stream(http_request_t *request, const char *type, const http_headers_t *more) {
    http_headers_t headers = s_headers(request, type, more);
    http_wait_no_more(request);
    http_count_answer(&request->api->counts, request->route.resource, 200);
    exchange_stream(request->exchange, 200, headers.items, headers.count);
}

void http_finish(http_request_t *request, bool whole) {
    s_release(request);
    if (whole)
        exchange_end(request->exchange);
    else
        exchange_abort(request->exchange);
}

void http_ask_failed(void *ctx, const http_problem_t *problem) {
    http_request_t *request = ctx;
    request->ask = NULL;
    http_refuse(request, problem);
}
