/* The gateway's HTTP API in the simulation: the real API and the real uplink, whose DEALER and SUB are sockets of the
 * made-up network; and HTTP clients, which know HTTP.md only. */
#ifndef WEB_H
#define WEB_H

#include "exchange.h"
#include "network.h"

struct sim;
typedef struct web web_t;

web_t *web_new(struct sim *sim);
void web_destroy(web_t *web); /* NULL is accepted */

/* An HTTP client does something. */
void web_step(web_t *web);

/* Once the faults are over: a client that still misses something. */
bool web_missing(const web_t *web, char *why, size_t size);

/* Some connection of the gateway's; NULL: it has none now. */
conn_t *web_conn(web_t *web, conn_kind_t kind);

/* The process ends without a word, and another one begins. */
void web_kill(web_t *web);

/* Gateways that began, and sessions that they and their clients may have at the broker by now; NULL: none. */
size_t web_processes(const web_t *web);
size_t web_sessions(const web_t *web);

/* --- For the HTTP clients --- */

/* Gives the request to the gateway. */
void web_take(web_t *web, exchange_t *e);

#endif
