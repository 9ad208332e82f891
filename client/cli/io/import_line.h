/* Reading what 'history --json' and 'export' wrote. Pure: a line in, an entry out. */
#ifndef IMPORT_H
#define IMPORT_H

#include "buffer.h"

struct json_t;

typedef struct {
    const char *room;
    const char *key; /* NULL: not keyed */
    zr_span_t body;
    bool deleted;
    struct json_t *object; /* what the others point into */
    zr_buffer_t decoded;
} import_t;

/* Reads an entry's JSON object; `room` (NULL: the entry's own) is where it goes. Members it does not need are passed
 * over. On true import_finish is due; on false `error` says what is wrong. */
bool import_parse(import_t *entry, zr_span_t line, const char *room, zr_buffer_t *error);
void import_finish(import_t *entry);

#endif
