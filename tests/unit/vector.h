/* Reads a golden vector (tests/vectors/README.md). */
#ifndef VECTOR_H
#define VECTOR_H

#include <sodium/utils.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "span.h"

typedef struct {
    size_t len;
    uint8_t bytes[4096];
    char kind[32];    /* publish, ack, deliver, trunk, presence, synced, control; empty when the file does not say */
    char from[32];    /* client or broker */
    char expect[32];  /* the error code, of a bad vector */
    char value[4096]; /* the message as JSON, of a good one */
} vector_t;

/* Takes the rest of a comment line if it starts with `name`; false when it does not fit. */
static inline bool vector_member(const char *comment, const char *name, char *out, size_t size) {
    size_t len = strlen(name), rest = strlen(comment);
    if (strncmp(comment, name, len) != 0)
        return true;
    if (rest - len >= size)
        return false;
    memcpy(out, comment + len, rest - len + 1);
    return true;
}

/* The bytes of one line, up to its comment; false when something else than pairs of hex digits is in it. */
static inline bool vector_line(vector_t *vector, const char *text) {
    size_t len, left = sizeof vector->bytes - vector->len;
    const char *end;
    if (sodium_hex2bin(vector->bytes + vector->len, left, text, strlen(text), " \t", &len, &end) != 0 ||
        (*end && *end != '#'))
        return false;
    vector->len += len;
    return true;
}

static inline bool vector_read(vector_t *vector, const char *path) {
    static char line[8192];
    FILE *file = fopen(path, "r");
    memset(vector, 0, sizeof *vector);
    if (!file)
        return false;
    bool good = true;
    while (good && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#') {
            good = vector_member(line, "# kind: ", vector->kind, sizeof vector->kind) &&
                   vector_member(line, "# from: ", vector->from, sizeof vector->from) &&
                   vector_member(line, "# expect: ", vector->expect, sizeof vector->expect) &&
                   vector_member(line, "# value: ", vector->value, sizeof vector->value);
        } else {
            good = vector_line(vector, line);
        }
    }
    fclose(file);
    return good;
}

static inline zr_span_t vector_span(const vector_t *vector) {
    return zr_span_of(vector->bytes, vector->len);
}

#endif
