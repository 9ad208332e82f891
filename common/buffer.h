/* A byte string that grows: where frames are built. Growth doubles, so appending costs no malloc per message; memory
 * running out stops the program. */
#ifndef ZR_BUFFER_H
#define ZR_BUFFER_H

#include <stdarg.h>

#include "blob.h"
#include "span.h"

typedef struct {
    uint8_t *data; /* NULL while nothing was appended */
    size_t len;
    size_t size;
    bool fixed; /* the memory is the caller's: appending more than `size` bytes stops the program */
} zr_buffer_t;

/* A zeroed struct is an empty buffer. finish gives the memory back and leaves an empty buffer. */
void zr_buffer_finish(zr_buffer_t *buffer);

/* Empties it and keeps the memory for the next use. */
static inline void zr_buffer_clear(zr_buffer_t *buffer) {
    buffer->len = 0;
}

void zr_buffer_grow(zr_buffer_t *buffer, size_t more); /* for zr_buffer_reserve */

/* Room for `more` further bytes; returns where they go. The caller then adds what it wrote to `len`. */
static inline uint8_t *zr_buffer_reserve(zr_buffer_t *buffer, size_t more) {
    if (!buffer->data || more > buffer->size - buffer->len)
        zr_buffer_grow(buffer, more);
    return buffer->data + buffer->len;
}

void zr_buffer_append(zr_buffer_t *buffer, const void *data, size_t len);
void zr_buffer_u8(zr_buffer_t *buffer, uint8_t value);
void zr_buffer_u64(zr_buffer_t *buffer, uint64_t value); /* big-endian, as all integers on the wire */

/* Short texts; without the NUL. */
void zr_buffer_printf(zr_buffer_t *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void zr_buffer_vprintf(zr_buffer_t *buffer, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

/* The content as a blob (one reference, the caller's). The memory moves over. If the content is small it is copied, as
 * that is cheaper, and the memory stays for the next use. The buffer is empty afterwards either way. */
zr_blob_t *zr_buffer_to_blob(zr_buffer_t *buffer);

#endif
