/* Blobs: one allocation for head and bytes, or a head that points to bytes somebody else allocated. Knows nothing of
 * frames. */
#include "blob.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct zr_blob {
    atomic_size_t refs;
    atomic_size_t queues;
    size_t len;
    uint8_t *data;
    zr_blob_free_fn *free_fn; /* NULL: the bytes follow the head */
    void *hint;
    uint8_t bytes[];
};

static zr_blob_t *s_alloc(size_t len) {
    zr_blob_t *blob = len <= SIZE_MAX - sizeof *blob ? malloc(sizeof *blob + len) : NULL;
    if (!blob) {
        fprintf(stderr, "zrelay: out of memory (a blob of %zu bytes)\n", len);
        abort();
    }
    atomic_init(&blob->refs, 1);
    atomic_init(&blob->queues, 0);
    return blob;
}

zr_blob_t *zr_blob_new(size_t len) {
    zr_blob_t *blob = s_alloc(len);
    blob->len = len;
    blob->data = blob->bytes;
    blob->free_fn = NULL;
    blob->hint = NULL;
    return blob;
}

zr_blob_t *zr_blob_copy(const void *data, size_t len) {
    zr_blob_t *blob = zr_blob_new(len);
    if (len)
        memcpy(blob->data, data, len);
    return blob;
}

zr_blob_t *zr_blob_wrap(void *data, size_t len, zr_blob_free_fn *free_fn, void *hint) {
    zr_blob_t *blob = s_alloc(0);
    blob->len = len;
    blob->data = data;
    blob->free_fn = free_fn;
    blob->hint = hint;
    return blob;
}

zr_blob_t *zr_blob_ref(zr_blob_t *blob) {
    /* Relaxed is enough: the caller that makes a second reference holds the first one already. */
    atomic_fetch_add_explicit(&blob->refs, 1, memory_order_relaxed);
    return blob;
}

bool zr_blob_enqueue(zr_blob_t *blob) {
    return atomic_fetch_add_explicit(&blob->queues, 1, memory_order_relaxed) == 0;
}

bool zr_blob_dequeue(zr_blob_t *blob) {
    return atomic_fetch_sub_explicit(&blob->queues, 1, memory_order_relaxed) == 1;
}

bool zr_blob_shared(const zr_blob_t *blob) {
    /* Acquire: another thread's reads come before the caller's writes. */
    return atomic_load_explicit(&blob->refs, memory_order_acquire) != 1;
}

void zr_blob_unref(zr_blob_t *blob) {
    /* Release: this thread's reads come before another thread frees. Acquire: the thread that frees sees them done. */
    if (!blob || atomic_fetch_sub_explicit(&blob->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (blob->free_fn)
        blob->free_fn(blob->data, blob->hint);
    free(blob);
}

uint8_t *zr_blob_data(zr_blob_t *blob) {
    return blob->data;
}

size_t zr_blob_len(const zr_blob_t *blob) {
    return blob->len;
}
