/* Retention, in steps: each is a transaction of its own, and changes so many rows at most. */
#ifndef DB_RETAIN_H
#define DB_RETAIN_H

#include "db.h"

/* What a room keeps: what its policy says, and what groups need. */
typedef struct {
    const policy_t *policy;
    log_keep_t keep;
} db_kept_t;

/* Deletes what is not kept of the room, oldest first, never its newest entry; moves the room's `oldest`.
 * By age whole frames go, and never the newest; `now` 0: none goes for its age. By number and bytes the oldest frame
 * that stays is cut. `*more`: call again. `bounds` gets the new bounds. Values of keys stay. */
bool db_retain(db_t *db, uint32_t room, const db_kept_t *kept, uint64_t now, size_t frames, log_bounds_t *bounds,
    bool *more, zr_error_t *error);
/* The same, and entries up to `upto` go too. */
bool db_trim(db_t *db, uint32_t room, const db_kept_t *kept, uint64_t upto, uint64_t now, size_t frames,
    log_bounds_t *bounds, bool *more, zr_error_t *error);
/* Forgets marks not used since `before` (µs), and the longest unused beyond `max`; at most `rows`. */
bool db_forget_marks(db_t *db, uint64_t before, size_t max, size_t rows, bool *more, zr_error_t *error);
/* Marks that were used ahead of `now`, by a clock that was wrong, count as used now; at most `rows`. */
bool db_date_marks(db_t *db, uint64_t now, size_t rows, zr_error_t *error);
/* Until when nothing is to be deleted for its age (µs), for the next start. A transaction of its own. */
bool db_set_hold(db_t *db, uint64_t until, zr_error_t *error);
/* What db_set_hold named last, when the database was opened; 0: nothing. */
uint64_t db_hold(const db_t *db);
/* Gives freed pages back to the file system, at most `pages` (incremental vacuum); some are kept for new frames. */
bool db_give_back(db_t *db, int pages, zr_error_t *error);

#endif
