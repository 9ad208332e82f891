/* The library's link, driven by the uplink: sockets to the broker in the gateway's epoll. */
#ifndef BROKER_LINK_H
#define BROKER_LINK_H

#include "gateway_config.h"
#include "poller.h"
#include "uplink.h"

typedef struct broker_link broker_link_t;

/* Reads the key and the token that `config` names; begins to connect with the first turn. NULL: `error` says why. */
broker_link_t *broker_link_new(const gateway_config_t *config, feeds_t *feeds, poller_t *poller, zr_error_t *error);
void broker_link_destroy(broker_link_t *link); /* NULL is accepted */

uplink_t *broker_link_uplink(broker_link_t *link);

/* A change of subscriptions, for feeds_new; `ctx` is the link. */
void broker_link_subscribe(void *ctx, bool subscribe, zr_span_t topic);

/* Takes what came, and does what is due. */
void broker_link_turn(broker_link_t *link, uint64_t now);
/* Milliseconds until the next turn has something to do, -1: nothing is planned. */
int broker_link_timeout(broker_link_t *link, uint64_t now);

/* Says bye, and gives the sockets a moment to send it. */
void broker_link_close(broker_link_t *link);

/* Unpredictable bytes. */
void broker_link_entropy(void *ctx, void *out, size_t len);

/* Checks the files for the connection, as broker_link_new does. */
bool broker_link_check(const gateway_config_t *config, zr_error_t *error);

#endif
