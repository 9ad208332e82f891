/* Housekeeping, as db_ops_t says. */
#ifndef DB_RETAIN_H
#define DB_RETAIN_H

#include "db.h"

bool db_retain(db_t *db, uint32_t room, const db_kept_t *kept, uint64_t now, size_t frames, log_bounds_t *bounds,
    bool *more, zr_error_t *error);
bool db_forget_marks(db_t *db, uint64_t before, size_t max, size_t rows, bool *more, zr_error_t *error);
bool db_date_marks(db_t *db, uint64_t now, size_t rows, zr_error_t *error);
bool db_set_hold(db_t *db, uint64_t until, zr_error_t *error);
/* What db_set_hold named last, when the database was opened; 0: nothing. */
uint64_t db_hold(const db_t *db);
/* Incremental vacuum; some pages are kept for new frames. */
bool db_give_back(db_t *db, int pages, zr_error_t *error);

#endif
