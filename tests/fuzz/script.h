/* An input that is read as a script: bytes say what is done next. Behind its end everything is zero. */
#ifndef SCRIPT_H
#define SCRIPT_H

#include "fuzz.h"

typedef struct {
    const uint8_t *data;
    size_t left;
} script_t;

static inline uint8_t script_byte(script_t *script) {
    if (script->left == 0)
        return 0;
    script->left--;
    return *script->data++;
}

static inline unsigned script_number(script_t *script) {
    unsigned high = script_byte(script);
    return high << 8 | script_byte(script);
}

/* The next `len` bytes, or all that are left. */
static inline zr_span_t script_bytes(script_t *script, size_t len) {
    if (len > script->left)
        len = script->left;
    zr_span_t bytes = zr_span_of(script->data, len);
    script->data += len;
    script->left -= len;
    return bytes;
}

#endif
