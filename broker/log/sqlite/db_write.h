/* Writing to the database, as db_ops_t says. The handle is the writing thread's. */
#ifndef DB_WRITE_H
#define DB_WRITE_H

#include "db.h"

bool db_begin(db_t *db, zr_error_t *error);
/* One exception: if the disk keeps failing and the process ends meanwhile, the whole transaction may be found
 * afterwards. */
bool db_commit(db_t *db, zr_error_t *error);
void db_rollback(db_t *db);

bool db_add_room(db_t *db, uint32_t room, zr_span_t name, zr_error_t *error);
bool db_add_frame(db_t *db, uint32_t room, const log_append_t *append, zr_error_t *error);
bool db_forget_room(db_t *db, uint32_t room, uint64_t head, zr_error_t *error);
/* The first group ever makes the table. */
bool db_set_group(db_t *db, const log_group_t *group, zr_error_t *error);
bool db_set_mark(db_t *db, const log_mark_t *mark, uint64_t now, zr_error_t *error);

/* In a transaction of its own. */
bool db_set_base(db_t *db, uint64_t base, zr_error_t *error);

#endif
