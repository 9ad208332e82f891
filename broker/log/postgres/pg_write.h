/* Writing, as db_ops_t says. The handle is the writing thread's. */
#ifndef PG_WRITE_H
#define PG_WRITE_H

#include "pg.h"

bool pg_begin(db_t *db, zr_error_t *error);
bool pg_commit(db_t *db, zr_error_t *error); /* pg_commit.c */
void pg_rollback(db_t *db);
bool pg_add_room(db_t *db, uint32_t room, zr_span_t name, zr_error_t *error);
bool pg_add_frame(db_t *db, uint32_t room, const log_append_t *append, zr_error_t *error);
bool pg_forget_room(db_t *db, uint32_t room, uint64_t head, zr_error_t *error);
bool pg_set_group(db_t *db, const log_group_t *group, zr_error_t *error);
bool pg_set_mark(db_t *db, const log_mark_t *mark, uint64_t now, zr_error_t *error);
bool pg_set_hold(db_t *db, uint64_t until, zr_error_t *error);
bool pg_set_base(db_t *db, uint64_t base, zr_error_t *error);

#endif
