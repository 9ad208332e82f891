/* HTTP/1.1 by libmicrohttpd: connections come in, whole requests go to the handler (exchange.h). Without a thread. */
#ifndef WEB_H
#define WEB_H

#include "errors.h"
#include "exchange.h"
#include "gateway_config.h"
#include "poller.h"
#include "queue_budget.h"

typedef struct web web_t;

/* Answers the exchange, or keeps it and answers later. */
typedef void web_handler_fn(void *ctx, exchange_t *e);

typedef struct {
    uint64_t connections; /* open now, upgraded ones too */
    uint64_t requests;
    uint64_t refused;  /* connections beyond a limit */
    uint64_t timeouts; /* connections that took too long for a request */
} web_counts_t;

/* Reads certificate and key of `config`, if TLS is on. `config` and `budget`, where the queues of streams count, must
 * outlive it. NULL: `error` says why. */
web_t *web_new(const gateway_config_t *config, poller_t *poller, queue_budget_t *budget, web_handler_fn *handler,
    void *ctx, zr_error_t *error);

/* Every upgraded connection must have been given back. NULL is accepted. */
void web_destroy(web_t *web);

/* Takes over the descriptor of a new connection, and closes it if a limit says so. */
void web_accept(web_t *web, int fd, const struct sockaddr *address, socklen_t len);

/* The same of a connection that a trusted proxy passes on for the client at `address`. `secure`: the client reached the
 * proxy over TLS. */
void web_accept_proxied(web_t *web, int fd, const struct sockaddr *address, socklen_t len, bool secure);

/* Does all that is due; to be called once in each turn of the loop. `now` is in ms. */
void web_turn(web_t *web, uint64_t now);

/* Milliseconds until web_turn has something to do, -1: nothing is planned. */
int web_timeout(const web_t *web, uint64_t now);

const web_counts_t *web_counts(const web_t *web);

/* Reads certificate and key again, if TLS is on: new connections get them, and none ends. False: `error` says why, and
 * the old ones stay. A process has one web_t with TLS at a time. */
bool web_reload_tls(web_t *web, zr_error_t *error);

/* Checks the files for TLS, as web_new does. */
bool web_check(const gateway_config_t *config, zr_error_t *error);

#endif
