/* Growing byte strings. Knows nothing of frames. */
#include "buffer.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    FIRST_SIZE = 256,
    COPY_MAX = 2048 /* up to here one exact allocation and a copy beat a head of its own and a new buffer next time */
};

void zr_buffer_finish(zr_buffer_t *buffer) {
    if (!buffer->fixed)
        free(buffer->data);
    *buffer = (zr_buffer_t){0};
}

void zr_buffer_grow(zr_buffer_t *buffer, size_t more) {
    size_t size = buffer->size ? 2 * buffer->size : FIRST_SIZE;
    uint8_t *data = NULL;
    if (!buffer->fixed && more <= SIZE_MAX / 2 - buffer->len) {
        if (size < buffer->len + more)
            size = buffer->len + more;
        data = realloc(buffer->data, size);
    }
    if (!data) {
        fprintf(stderr, "zrelay: %s (%zu bytes and %zu more)\n",
            buffer->fixed ? "a buffer is too small" : "out of memory", buffer->len, more);
        abort();
    }
    buffer->data = data;
    buffer->size = size;
}

void zr_buffer_append(zr_buffer_t *buffer, const void *data, size_t len) {
    if (len == 0)
        return;
    memcpy(zr_buffer_reserve(buffer, len), data, len);
    buffer->len += len;
}

void zr_buffer_u8(zr_buffer_t *buffer, uint8_t value) {
    *zr_buffer_reserve(buffer, sizeof value) = value;
    buffer->len += sizeof value;
}

void zr_buffer_vprintf(zr_buffer_t *buffer, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len < 0)
        return;
    vsnprintf((char *)zr_buffer_reserve(buffer, (size_t)len + 1), (size_t)len + 1, format, args);
    buffer->len += (size_t)len;
}

void zr_buffer_printf(zr_buffer_t *buffer, const char *format, ...) {
    va_list args;
    va_start(args, format);
    zr_buffer_vprintf(buffer, format, args);
    va_end(args);
}

void zr_buffer_u64(zr_buffer_t *buffer, uint64_t value) {
    value = htobe64(value);
    zr_buffer_append(buffer, &value, sizeof value);
}

static void s_free(void *data, void *hint) {
    (void)hint;
    free(data);
}

zr_blob_t *zr_buffer_to_blob(zr_buffer_t *buffer) {
    if (buffer->fixed ||
        (buffer->len <= COPY_MAX && buffer->size <= 2 * COPY_MAX)) { /* memory kept for the next use stays small too */
        zr_blob_t *copy = zr_blob_copy(buffer->data, buffer->len);
        zr_buffer_clear(buffer);
        return copy;
    }
    /* A blob may live for days in the log, which counts its length: the unused half must not go with it. */
    uint8_t *exact = realloc(buffer->data, buffer->len);
    zr_blob_t *blob = zr_blob_wrap(exact ? exact : buffer->data, buffer->len, s_free, NULL);
    *buffer = (zr_buffer_t){0};
    return blob;
}
