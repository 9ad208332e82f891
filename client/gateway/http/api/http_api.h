/* The HTTP API of the gateway: requests become asks on sessions at the broker, and their answers become responses.
 * Without socket, clock or thread: exchanges (exchange.h) and the uplink (uplink.h) are the edges. */
#ifndef HTTP_API_H
#define HTTP_API_H

#include "exchange.h"
#include "feeds.h"
#include "http_forwarded.h"
#include "uplink.h"

enum {
    HTTP_ANSWER_MS = 60000,    /* that a request may wait for the broker; then it gets 504 */
    HTTP_COMMENT_MS = 15000,   /* between two signs of life on a stream that carries nothing */
    HTTP_SLICE_ENTRIES = 2000, /* entries that a history or a stream asks for at once */
};

typedef struct http_api http_api_t;

typedef struct {
    uplink_t *uplink;
    feeds_t *feeds;
    http_proxies_t proxies; /* those that may name the addresses of their clients */
    size_t reader_queue;    /* bytes that may wait for one stream; beyond it live entries are dropped, and read later */
    /* May pages of this origin use the API? `host` is the request's Host; either may be NULL. */
    bool (*origin_allowed)(void *ctx, const exchange_t *e, const char *origin);
    /* Writes what the gateway itself counts, for /metrics. NULL: nothing. */
    void (*metrics)(void *ctx, zr_buffer_t *out);
    void (*entropy)(void *ctx, void *out, size_t len);
    void *ctx;
} http_api_config_t;

/* `config` is copied; what it points to must outlive the API. */
http_api_t *http_api_new(const http_api_config_t *config, uint64_t now);

/* All exchanges must be over. NULL is accepted. */
void http_api_destroy(http_api_t *api);

/* Takes a request of /v1/rooms or /metrics, and answers it now or later. Every other address is 404. */
void http_api_take(http_api_t *api, exchange_t *e);

/* Call in each turn of the loop: what is done from here on happens at `now`. */
void http_api_tick(http_api_t *api, uint64_t now);

/* When http_api_tick has something to do; UINT64_MAX: never. */
uint64_t http_api_due(const http_api_t *api);

#endif
