/* What the gateway counts, in the text format of Prometheus: connections, WebSockets, and its own connection to the
 * broker. */
#ifndef METRICS_H
#define METRICS_H

#include "feeds.h"
#include "queue_budget.h"
#include "stream.h"
#include "uplink.h"
#include "web.h"
#include "ws.h"

typedef struct {
    const web_counts_t *web;
    const ws_counts_t *sockets;
    const stream_counts_t *streams;
    const uplink_counts_t *uplink;
    bool live; /* the broker is there */
    size_t topics;
    const queue_budget_t *queues;
} metrics_t;

void metrics_write(zr_buffer_t *out, const metrics_t *metrics);

#endif
