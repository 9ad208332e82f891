/* Frames that wait for a socket. Pure. Empty it takes no memory. A blob may be in many queues. */
#ifndef BLOB_QUEUE_H
#define BLOB_QUEUE_H

#include <sys/uio.h>

#include "queue_budget.h"

typedef struct {
    zr_blob_t **blobs; /* a ring of `size` places, a power of two */
    size_t first, count, size;
    size_t offset;         /* bytes of the first one that are gone already */
    size_t bytes;          /* that wait */
    queue_holder_t holder; /* what all queues together may hold: to be set while it is empty */
} blob_queue_t;

/* A zeroed struct is empty. */
void blob_queue_finish(blob_queue_t *queue);

void blob_queue_push(blob_queue_t *queue, zr_blob_t *blob); /* adds a reference */

/* The first one, borrowed; NULL: it is empty. */
zr_blob_t *blob_queue_first(const blob_queue_t *queue);

/* Fills in at most `max` pieces from the front; returns how many. */
int blob_queue_peek(const blob_queue_t *queue, struct iovec *out, int max);

/* So many bytes are gone. */
void blob_queue_drop(blob_queue_t *queue, size_t bytes);

/* Gives up all but a frame whose first bytes are gone already. */
void blob_queue_cut(blob_queue_t *queue);

#endif
