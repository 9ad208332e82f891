/* Frames that wait for a socket. Pure. Empty it takes no memory. */
#ifndef WS_QUEUE_H
#define WS_QUEUE_H

#include <sys/uio.h>

#include "blob.h"

typedef struct {
    zr_blob_t **blobs; /* a ring of `size` places, a power of two */
    size_t first, count, size;
    size_t offset; /* bytes of the first one that are gone already */
    size_t bytes;  /* that wait */
} ws_queue_t;

/* A zeroed struct is empty. */
void ws_queue_finish(ws_queue_t *queue);

void ws_queue_push(ws_queue_t *queue, zr_blob_t *blob); /* adds a reference */

/* Fills in at most `max` pieces from the front; returns how many. */
int ws_queue_peek(const ws_queue_t *queue, struct iovec *out, int max);

/* So many bytes are gone. */
void ws_queue_drop(ws_queue_t *queue, size_t bytes);

/* Gives up all but a frame whose first bytes are gone already. */
void ws_queue_cut(ws_queue_t *queue);

#endif
