/* Writing to the database: everything between begin and commit is stored as a whole, or not at all. The handle is the
 * writing thread's (db.h). Functions that return bool give false on failure and add a line about it to `error`. */
#ifndef DB_WRITE_H
#define DB_WRITE_H

#include "db.h"

bool db_begin(db_t *db, zr_error_t *error);
/* true: the transaction is on the disk. false: nothing of it is, and it has ended; so after an add that failed. One
 * exception: if the disk keeps failing and the process ends meanwhile, the whole transaction may be found afterwards.
 */
bool db_commit(db_t *db, zr_error_t *error);
void db_rollback(db_t *db);

bool db_add_room(db_t *db, uint32_t room, zr_span_t name, zr_error_t *error);
/* The frame, and the values of its keyed entries if `append->keyed`. */
bool db_add_frame(db_t *db, uint32_t room, const log_append_t *append, zr_error_t *error);
/* Deletes all of the room, which stood at `head`, and raises the floor to it. One step, so it is for rooms that
 * retention has left a frame or two of. The id is free when this is committed. */
bool db_forget_room(db_t *db, uint32_t room, uint64_t head, zr_error_t *error);
/* The state of a group, or that it is gone. The first one ever makes the table. */
bool db_set_group(db_t *db, const log_group_t *group, zr_error_t *error);
bool db_set_mark(db_t *db, const log_mark_t *mark, uint64_t now, zr_error_t *error);

/* Positions up to `base` may be given in this run. In a transaction of its own. */
bool db_set_base(db_t *db, uint64_t base, zr_error_t *error);

#endif
