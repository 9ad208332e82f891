/* A block of bytes shared by counting references: a frame that goes to the log, to many readers and into replays
 * without being copied. The count is atomic, because libzmq drops its references from its I/O threads; the bytes are
 * not to be changed once a second reference exists. */
#ifndef ZR_BLOB_H
#define ZR_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct zr_blob zr_blob_t;
typedef void(zr_blob_free_fn)(void *data, void *hint);

/* All of these stop the program when memory is gone: there is nothing better a relay could do. */

/* A blob of `len` bytes, uninitialised, with one reference that the caller owns. */
zr_blob_t *zr_blob_new(size_t len);

/* The same with a copy of `data`. */
zr_blob_t *zr_blob_copy(const void *data, size_t len);

/* Takes over `data`, which `free_fn(data, hint)` gives back when the last reference goes. */
zr_blob_t *zr_blob_wrap(void *data, size_t len, zr_blob_free_fn *free_fn, void *hint);

/* One more reference; returns its argument. */
zr_blob_t *zr_blob_ref(zr_blob_t *blob);

/* Whether somebody holds a reference besides the caller's. Once it is false, the bytes may be written again. */
bool zr_blob_shared(const zr_blob_t *blob);

/* Counts the queues that hold the blob, beside its references: one more, returns whether it is the first; one less,
 * returns whether it was the last. From any thread. */
bool zr_blob_enqueue(zr_blob_t *blob);
bool zr_blob_dequeue(zr_blob_t *blob);

/* Gives up one reference; NULL is accepted. May be called from any thread. */
void zr_blob_unref(zr_blob_t *blob);

uint8_t *zr_blob_data(zr_blob_t *blob);
size_t zr_blob_len(const zr_blob_t *blob);

#endif
