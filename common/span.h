/* A view of bytes that somebody else owns. Valid as long as its owner's buffer is; never NUL-terminated by promise. */
#ifndef ZR_SPAN_H
#define ZR_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct {
    const char *ptr;
    size_t len;
} zr_span_t;

/* For a literal or a C string; `text` may be NULL, which gives the empty span. */
static inline zr_span_t zr_span(const char *text) {
    return (zr_span_t){text, text ? strlen(text) : 0};
}

static inline zr_span_t zr_span_of(const void *ptr, size_t len) {
    return (zr_span_t){ptr, len};
}

static inline bool zr_span_equal(zr_span_t a, zr_span_t b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool zr_span_starts(zr_span_t text, zr_span_t prefix) {
    return text.len >= prefix.len && (prefix.len == 0 || memcmp(text.ptr, prefix.ptr, prefix.len) == 0);
}

/* Byte order, a shorter one before a longer one that starts with it: <0, 0, >0. */
static inline int zr_span_compare(zr_span_t a, zr_span_t b) {
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.ptr, b.ptr, shorter) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

#endif
