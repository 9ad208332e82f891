/* Reads a configuration file in ZPL (RFC 4/ZPL): sections with members, two levels deep. CZMQ's zconfig does the
 * parsing. This module adds the line of each item, and errors as text for the caller instead of lines on stdout. */
#ifndef ZPL_H
#define ZPL_H

#include <stdbool.h>
#include <stddef.h>

#include "span.h"

enum { ZPL_ERROR_SIZE = 512 };

typedef struct {
    const char *section;
    const char *name; /* NULL: this is the section itself */
    const char *value;
    unsigned line;
} zpl_item_t;

/* Called for each item in the order of the file; the strings live as long as the call. false ends the reading; the
 * callee has then written why to `error`. */
typedef bool(zpl_item_fn)(void *ctx, const zpl_item_t *item, char error[ZPL_ERROR_SIZE]);

/* false: `error` holds one line, with the file's name and, where there is one, the line number. */
bool zpl_read(const char *path, zpl_item_fn *each, void *ctx, char error[ZPL_ERROR_SIZE]);

/* The same of a text that was read already; `path` is for errors. */
bool zpl_parse(const char *path, zr_span_t text, zpl_item_fn *each, void *ctx, char error[ZPL_ERROR_SIZE]);

#endif
