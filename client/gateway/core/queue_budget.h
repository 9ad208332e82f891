/* What all queues to clients hold together. A blob in several queues counts once. Pure.
 *
 * One queue may have a quarter of what is left. So clients that do not read leave room for those that do, however many
 * they are: the fuller it is, the less each of them gets. */
#ifndef QUEUE_BUDGET_H
#define QUEUE_BUDGET_H

#include "blob.h"

typedef struct {
    uint64_t most; /* bytes: limits/all-queues */
    uint64_t held;
} queue_budget_t;

/* All of these accept NULL for queues that no limit bounds together. */

/* The blob comes into a queue, or leaves it. */
void queue_budget_add(queue_budget_t *budget, zr_blob_t *blob);
void queue_budget_remove(queue_budget_t *budget, zr_blob_t *blob);

/* Bytes that a further blob may have. */
uint64_t queue_budget_left(const queue_budget_t *budget);

/* Bytes that one queue may have when its own limit is `own`. */
uint64_t queue_budget_share(const queue_budget_t *budget, uint64_t own);

#endif
