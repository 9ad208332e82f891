/* A gateway that carries clients: it has a connection to the broker, its trunk, and a channel there for each client
 * that is connected to it. It knows PROTOCOL.md only. Clients come by connections that break, stall and lose as all
 * others do (conn_t with `gateway`); so does the trunk. */
#ifndef GATEWAY_H
#define GATEWAY_H

#include "network.h"

struct sim;
typedef struct gateway gateway_t;

/* It begins to connect at once. */
gateway_t *gateway_new(struct sim *sim);
void gateway_destroy(gateway_t *gateway); /* NULL is accepted */

/* May clients connect? Its trunk stands, and the broker said welcome. */
bool gateway_is_ready(const gateway_t *gateway);
conn_t *gateway_trunk(const gateway_t *gateway); /* NULL: it has no trunk now */

/* Sessions that gateways may have at the broker by now. */
size_t gateway_sessions(const gateway_t *gateway);

/* The process ends without a word, and another one begins. */
void gateway_kill(gateway_t *gateway);

/* --- For network.c --- */

void gateway_client_came(conn_t *conn);
void gateway_client_gone(conn_t *conn);                                          /* the gateway's end noticed it */
void gateway_take(conn_t *conn, zr_blob_t *frame);                               /* from a client; takes it over */
void gateway_receive(gateway_t *gateway, const conn_t *trunk, zr_blob_t *frame); /* from the broker, likewise */
void gateway_trunk_gone(gateway_t *gateway, const conn_t *trunk);

/* The client's connection that had this channel of the trunk when it was opened last. NULL: there was no such
 * channel. */
conn_t *gateway_peer(const conn_t *trunk, uint32_t channel);

#endif
