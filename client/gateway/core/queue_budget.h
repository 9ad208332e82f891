/* What waits for all clients, and of them, together: queues, and messages that are not whole. A blob in several queues
 * counts once. Pure.
 *
 * When there is no more room, the client that keeps the gateway waiting for the longest gives up what it has. A queue of
 * a client that reads is empty again and again, so such clients are not touched. */
#ifndef QUEUE_BUDGET_H
#define QUEUE_BUDGET_H

#include "blob.h"

typedef struct queue_holder queue_holder_t;

/* Zeroed but for `most`. */
typedef struct {
    uint64_t most; /* bytes: limits/all-queues */
    uint64_t held;
    uint64_t evicted;        /* clients that were disconnected for others */
    queue_holder_t *waiting; /* the one that waits for the longest first */
} queue_budget_t;

/* A queue, or a message that is not whole. Embedded in its owner, and not moved while it waits. */
struct queue_holder {
    queue_budget_t *budget;   /* NULL: it counts nowhere, and the functions below do nothing */
    void (*evict)(void *ctx); /* gives up all that it holds, at once. It is no waiting holder any more */
    void *ctx;
    bool waits;
    queue_holder_t *prev, *next;
};

void queue_holder_begin(queue_holder_t *holder); /* it waits from now on, if it did not before */
void queue_holder_end(queue_holder_t *holder);

/* A blob comes into a queue, or leaves it. */
void queue_holder_add(queue_holder_t *holder, zr_blob_t *blob);
void queue_holder_remove(queue_holder_t *holder, zr_blob_t *blob);

/* So many bytes more are held, or less. */
void queue_holder_hold(queue_holder_t *holder, size_t bytes);
void queue_holder_release(queue_holder_t *holder, size_t bytes);

/* Makes room for so many further bytes. It may evict any holder, the caller's too. False: nothing more can be given up.
 * NULL is accepted: there is room. */
bool queue_budget_make_room(queue_budget_t *budget, size_t bytes);

#endif
