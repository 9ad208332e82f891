/* What the tables of the model database hold: frames of rooms, values of keys, marks of clients. */
#ifndef STORE_H
#define STORE_H

#include "log.h"

enum { STORE_ROOMS = 2 };

/* An entry, as it is in the tables. */
typedef struct {
    uint64_t seq, prev, time, tag;
} stored_t;

typedef struct store store_t;

store_t *store_new(void);
void store_destroy(store_t *store); /* NULL is accepted */

void store_append(store_t *store, const log_append_t *append); /* takes a reference of its own */
void store_mark(store_t *store, const log_mark_t *mark);       /* likewise */

const char *store_room(unsigned room); /* its name */
int store_room_number(zr_span_t name); /* -1: it is not one of ours */

uint64_t store_head(const store_t *store, unsigned room);                       /* 0: it is empty */
bool store_has_prev(const store_t *store, unsigned room, uint64_t prev);        /* some frame has it */
const stored_t *store_entry(const store_t *store, unsigned room, uint64_t seq); /* NULL: the room has no entry there */
uint64_t store_value(const store_t *store, unsigned room, zr_span_t key);       /* the seq of its value; 0: none */

/* The frames get that epoch, as slice.c does it. */
void store_read(store_t *store, const log_sink_t *sink, uint64_t epoch, const log_read_t *read);
log_bounds_t store_bounds(const store_t *store, unsigned room);
void store_restore(const store_t *store, const log_restore_t *restore, bool marks); /* `marks`: those too */

/* The number at the beginning of a body, by which the message is known. */
uint64_t store_tag(zr_span_t body);

#endif
