/* Reads a configuration file in ZPL (RFC 4/ZPL), as CZMQ's zconfig writes it: sections with members, two levels deep. A
 * byte-order mark before the text is skipped. */
#ifndef ZR_ZPL_H
#define ZR_ZPL_H

#include "errors.h"
#include "private_file.h"
#include "span.h"

typedef struct {
    const char *section;
    const char *name;  /* NULL: this is the section itself */
    const char *value; /* empty: none */
    unsigned line;
} zr_zpl_item_t;

/* Called for each item in the order of the file, and with NULL behind the last one. The strings live as long as the
 * call. false: it has added to `error`, whose lines begin with file, line and item. The reading goes on, to tell all
 * faults of the file; but members of a section that was refused are passed over. */
typedef bool(zr_zpl_item_fn)(void *ctx, const zr_zpl_item_t *item, zr_error_t *error);

/* false: something was added to `error`. */
bool zr_zpl_parse(const char *path, zr_span_t text, zr_zpl_item_fn *each, void *ctx, zr_error_t *error);

/* Reads a file by the rules of zr_file_config. */
zr_file_t zr_zpl_read(const char *path, zr_zpl_item_fn *each, void *ctx, zr_error_t *error);

#endif
