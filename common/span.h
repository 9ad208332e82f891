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

static inline bool zr_is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

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

/* Takes what stands before the first `end`, and that character, off `*text`; without that character, all of it. */
static inline zr_span_t zr_span_cut(zr_span_t *text, char end) {
    if (text->len == 0)
        return *text;
    const char *at = memchr(text->ptr, end, text->len);
    zr_span_t before = zr_span_of(text->ptr, at ? (size_t)(at - text->ptr) : text->len);
    size_t gone = before.len + (at != NULL);
    *text = zr_span_of(text->ptr + gone, text->len - gone);
    return before;
}

/* Takes the next word, and the blanks (spaces, tabs, carriage returns) around it, off `*text`; an empty one at its end.
 */
static inline zr_span_t zr_span_word(zr_span_t *text) {
    if (text->len == 0)
        return *text;
    const char *at = text->ptr, *end = at + text->len;
    while (at < end && zr_is_blank(*at))
        at++;
    const char *begin = at;
    while (at < end && !zr_is_blank(*at))
        at++;
    zr_span_t word = zr_span_of(begin, (size_t)(at - begin));
    while (at < end && zr_is_blank(*at))
        at++;
    *text = zr_span_of(at, (size_t)(end - at));
    return word;
}

/* Without the blanks around it. */
static inline zr_span_t zr_span_trim(zr_span_t text) {
    while (text.len > 0 && zr_is_blank(text.ptr[0]))
        text = zr_span_of(text.ptr + 1, text.len - 1);
    while (text.len > 0 && zr_is_blank(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

/* Byte order, a shorter one before a longer one that starts with it: <0, 0, >0. */
static inline int zr_span_compare(zr_span_t a, zr_span_t b) {
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.ptr, b.ptr, shorter) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

#endif
