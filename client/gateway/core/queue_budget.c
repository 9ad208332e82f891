/* See queue_budget.h. */
#include "queue_budget.h"

enum { SHARE = 4 }; /* of what is left, one queue may have one of so many parts */

void queue_budget_add(queue_budget_t *budget, zr_blob_t *blob) {
    if (budget && zr_blob_enqueue(blob))
        budget->held += zr_blob_len(blob);
}

void queue_budget_remove(queue_budget_t *budget, zr_blob_t *blob) {
    if (budget && zr_blob_dequeue(blob))
        budget->held -= zr_blob_len(blob);
}

uint64_t queue_budget_left(const queue_budget_t *budget) {
    if (!budget)
        return UINT64_MAX;
    return budget->most > budget->held ? budget->most - budget->held : 0;
}

uint64_t queue_budget_share(const queue_budget_t *budget, uint64_t own) {
    uint64_t share = queue_budget_left(budget) / SHARE;
    return own < share ? own : share;
}
