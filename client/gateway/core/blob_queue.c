/* See blob_queue.h. */
#include "blob_queue.h"

#include "fatal.h"

enum { FIRST_SIZE = 8 };

static size_t s_at(const blob_queue_t *queue, size_t i) {
    return (queue->first + i) & (queue->size - 1);
}

static void s_grow(blob_queue_t *queue) {
    size_t size = queue->size ? 2 * queue->size : FIRST_SIZE;
    zr_blob_t **blobs = fatal_calloc(size * sizeof *blobs);
    for (size_t i = 0; i < queue->count; i++)
        blobs[i] = queue->blobs[s_at(queue, i)];
    free(queue->blobs);
    queue->blobs = blobs;
    queue->first = 0;
    queue->size = size;
}

void blob_queue_push(blob_queue_t *queue, zr_blob_t *blob) {
    if (queue->count == queue->size)
        s_grow(queue);
    queue->blobs[s_at(queue, queue->count++)] = zr_blob_ref(blob);
    queue->bytes += zr_blob_len(blob);
    queue_holder_add(&queue->holder, blob);
    queue_holder_begin(&queue->holder);
}

zr_blob_t *blob_queue_first(const blob_queue_t *queue) {
    return queue->count ? queue->blobs[queue->first] : NULL;
}

int blob_queue_peek(const blob_queue_t *queue, struct iovec *out, int max) {
    int count = queue->count < (size_t)max ? (int)queue->count : max;
    for (int i = 0; i < count; i++) {
        zr_blob_t *blob = queue->blobs[s_at(queue, (size_t)i)];
        size_t gone = i == 0 ? queue->offset : 0;
        out[i] = (struct iovec){zr_blob_data(blob) + gone, zr_blob_len(blob) - gone};
    }
    return count;
}

static void s_free_if_empty(blob_queue_t *queue) {
    if (queue->count > 0)
        return;
    free(queue->blobs);
    queue_holder_end(&queue->holder);
    *queue = (blob_queue_t){.holder = queue->holder};
}

static void s_give_up(blob_queue_t *queue, size_t i) {
    zr_blob_t *blob = queue->blobs[s_at(queue, i)];
    queue_holder_remove(&queue->holder, blob);
    zr_blob_unref(blob);
}

void blob_queue_drop(blob_queue_t *queue, size_t bytes) {
    queue->bytes -= bytes;
    while (bytes > 0) {
        zr_blob_t *blob = queue->blobs[queue->first];
        size_t left = zr_blob_len(blob) - queue->offset;
        if (bytes < left) {
            queue->offset += bytes;
            return;
        }
        bytes -= left;
        s_give_up(queue, 0);
        queue->offset = 0;
        queue->first = s_at(queue, 1);
        queue->count--;
    }
    s_free_if_empty(queue);
}

void blob_queue_cut(blob_queue_t *queue) {
    size_t kept = queue->offset > 0 ? 1 : 0;
    for (size_t i = kept; i < queue->count; i++)
        s_give_up(queue, i);
    queue->count = kept;
    queue->bytes = kept ? zr_blob_len(queue->blobs[queue->first]) - queue->offset : 0;
    s_free_if_empty(queue);
}

void blob_queue_finish(blob_queue_t *queue) {
    queue->offset = 0;
    blob_queue_cut(queue);
}
