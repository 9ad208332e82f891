/* Frames on their way to gateways. libzmq's queue of a connection holds limits/route-queue frames, which is enough for a
 * client, but not for a trunk: an entry of a private room goes to thousands of its channels at once. What does not fit
 * there waits here, in order, bounded by bytes. Pure: the caller sends, and gives the time (ms). */
#ifndef TRUNK_QUEUE_H
#define TRUNK_QUEUE_H

#include <zmq.h>

#include "outbox.h"

enum {
    TRUNK_QUEUE_MESSAGE = 64,     /* bytes that a frame counts for beside its own */
    TRUNK_QUEUE_STUCK_MS = 10000, /* a trunk that takes nothing for so long is given up */
};

/* Zeroed but for the limits it is ready. */
typedef struct {
    uint64_t trunk_bytes, all_bytes; /* that may wait for one, and for all */
    uint64_t bytes;                  /* that wait */
    struct trunk_waiting *by_connection;
} trunk_queue_t;

void trunk_queue_finish(trunk_queue_t *queue);

/* Do frames wait for any? For this connection? Then later ones must wait too. */
static inline bool trunk_queue_waits(const trunk_queue_t *queue) {
    return queue->by_connection != NULL;
}
bool trunk_queue_holds(const trunk_queue_t *queue, route_t connection);
uint64_t trunk_queue_bytes(const trunk_queue_t *queue, route_t connection);

/* The frame waits; the queue takes it over. false: too many bytes wait, and it stays the caller's. */
bool trunk_queue_add(trunk_queue_t *queue, route_t connection, zmq_msg_t *frame, uint64_t now);

typedef struct {
    int (*send)(void *ctx, route_t connection, zmq_msg_t *frame); /* 0: sent, and taken over. EAGAIN: its queue is full.
                                                                     Another: it is gone */
    void (*lost)(void *ctx, route_t connection); /* it is gone, or stuck; what waited for it is dropped */
    void *ctx;
} trunk_queue_calls_t;

/* Sends what fits by now. */
void trunk_queue_send(trunk_queue_t *queue, const trunk_queue_calls_t *calls, uint64_t now);

#endif
