/* Reading: what a start needs, and slices for replays; as db_ops_t says. */
#ifndef PG_READ_H
#define PG_READ_H

#include "pg.h"

bool pg_each_room(db_t *db, void (*each)(void *ctx, const db_room_t *room), void *ctx, zr_error_t *error);
bool pg_each_value(
    db_t *db, void (*each)(void *ctx, uint32_t room, const zr_entry_t *entry), void *ctx, zr_error_t *error);
bool pg_each_mark(db_t *db, void (*each)(void *ctx, const log_mark_t *mark), void *ctx, zr_error_t *error);
bool pg_each_group(
    db_t *db, void (*each)(void *ctx, zr_span_t room, zr_span_t name, zr_span_t state), void *ctx, zr_error_t *error);

/* Waits for a server that is away; what it cannot read because the program ends is lost. */
bool pg_read(db_t *db, uint32_t room, const log_bounds_t *bounds, const log_read_t *read, log_slice_t *slice,
    zr_blob_t **frames, zr_error_t *error);

#endif
