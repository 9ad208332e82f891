/* See queue_budget.h. */
#include "queue_budget.h"

#include <utlist.h>

void queue_holder_begin(queue_holder_t *holder) {
    if (!holder->budget || holder->waits)
        return;
    DL_APPEND(holder->budget->waiting, holder);
    holder->waits = true;
}

void queue_holder_end(queue_holder_t *holder) {
    if (holder->waits)
        DL_DELETE(holder->budget->waiting, holder);
    holder->waits = false;
}

void queue_holder_hold(queue_holder_t *holder, size_t bytes) {
    if (holder->budget)
        holder->budget->held += bytes;
}

void queue_holder_release(queue_holder_t *holder, size_t bytes) {
    if (holder->budget)
        holder->budget->held -= bytes;
}

void queue_holder_add(queue_holder_t *holder, zr_blob_t *blob) {
    if (holder->budget && zr_blob_enqueue(blob))
        queue_holder_hold(holder, zr_blob_len(blob));
}

void queue_holder_remove(queue_holder_t *holder, zr_blob_t *blob) {
    if (holder->budget && zr_blob_dequeue(blob))
        queue_holder_release(holder, zr_blob_len(blob));
}

bool queue_budget_make_room(queue_budget_t *budget, size_t bytes) {
    if (!budget)
        return true;
    while (budget->held + bytes > budget->most && budget->waiting) {
        queue_holder_t *longest = budget->waiting;
        queue_holder_end(longest);
        budget->evicted++;
        longest->evict(longest->ctx);
    }
    return budget->held + bytes <= budget->most;
}
