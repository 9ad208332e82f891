/* What all requests of the API have in common: the exchange, the identity, answers and problems, and the end. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "exchange.h"
#include "http_api.h"
#include "http_counts.h"
#include "http_pool.h"
#include "http_route.h"

typedef enum { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_OPTIONS, HTTP_METHODS } http_method_t;

typedef struct http_request http_request_t;

struct http_api {
    http_api_config_t config;
    http_broker_t broker;
    uint64_t now;
    uint64_t checked; /* the last tick that looked at all */
    http_pool_t *pool;
    http_request_t *waiting;     /* for the broker, the first deadline first */
    struct http_events *streams; /* all */
    struct http_publish *keys;   /* entries under way that have an Idempotency-Key */
    struct http_history *paused; /* those that the broker's rates have wait */
    http_counts_t counts;
};

/* Its exchange may go at any moment. Then `close` gives back what `own` has, and both are freed. */
struct http_request {
    http_api_t *api;
    exchange_t *exchange;
    http_method_t method;
    http_route_t route;
    address_t address; /* the client's, behind all trusted proxies */
    bool secure;
    const char *origin;                     /* of a page that may read the answer; NULL: none */
    void *own;                              /* the handler's; malloc'ed, or NULL */
    void (*close)(http_request_t *request); /* NULL: nothing to give back */
    http_lease_t *lease;                    /* NULL: no shared session */
    http_ask_t *ask;                        /* under way on it; NULL: none */
    uint64_t deadline;                      /* 0: the request does not wait for the broker */
    void (*late)(http_request_t *request);  /* the deadline is over; NULL: 504 */
    http_request_t *prev, *next;
};

/* The handlers: each answers the request now or later. */
typedef void http_handler_fn(http_request_t *request);
http_handler_fn http_publish_take, http_history_take, http_events_take, http_state_take, http_rooms_take, http_who_take,
    http_metrics_take;

/* For exchange_on_gone: gives back all that the request has, and frees it. */
void http_request_gone(void *ctx);

/* --- Fields --- */

/* A field of the request as a view; empty: the request has no such field. */
zr_span_t http_field(const http_request_t *request, const char *name);

/* The identity for a session, with the login in `login`. false: `problem` says why. */
bool http_identify(
    const http_request_t *request, http_identity_t *identity, http_login_t *login, http_problem_t *problem);

/* The broker is there, and takes more. false: `problem` says so. */
bool http_check_broker(const http_api_t *api, http_problem_t *problem);

/* Takes a shared session. false: the request was answered with a problem. */
bool http_lease(http_request_t *request);
http_session_t *http_session(const http_request_t *request);

/* --- Answers: the request gives its session back; it is freed with its exchange --- */

enum { HTTP_HEADERS_MAX = 12 };

/* A zeroed struct is empty. Names and values are borrowed until the answer. */
typedef struct {
    web_header_t items[HTTP_HEADERS_MAX];
    size_t count;
} http_headers_t;

void http_add(http_headers_t *headers, const char *name, const char *value);

void http_answer(
    http_request_t *request, unsigned status, const char *type, const http_headers_t *more, zr_span_t body);
void http_answer_json(
    http_request_t *request, unsigned status, const http_headers_t *more, struct json_t *object); /* takes it over */
void http_refuse(http_request_t *request, const http_problem_t *problem);

/* The beginning of a stream; the request keeps its session. */
void http_stream(http_request_t *request, const char *type, const http_headers_t *more);

/* The end of a stream. `whole`: the client has all; else it sees that the answer broke off. */
void http_finish(http_request_t *request, bool whole);

/* The broker has HTTP_ANSWER_MS from now on. */
void http_wait(http_request_t *request);
void http_wait_no_more(http_request_t *request);

/* An ask's `failed`, with the request as context. */
void http_ask_failed(void *ctx, const http_problem_t *problem);

#endif
