/* Reading what 'history --json' and 'export' wrote. Pure: a line in, an entry out. */
#ifndef IMPORT_H
#define IMPORT_H

#include "buffer.h"
#include "errors.h"

struct json_t;

typedef struct {
    const char *room; /* NULL: the line is blank */
    const char *key;  /* NULL: not keyed */
    uint64_t ttl;     /* ms that the value lasts; 0: without end */
    zr_span_t body;
    bool deleted;
    struct json_t *object; /* the other members point into it */
    zr_buffer_t decoded;
} import_t;

/* Reads an entry's JSON object; of a blank line all is zero. It goes to `room` (NULL: the entry's own). Other members are skipped. After true call
 * import_finish; after false `error` says the fault. */
bool import_parse(import_t *entry, zr_span_t line, const char *room, zr_error_t *error);
void import_finish(import_t *entry);

#endif
