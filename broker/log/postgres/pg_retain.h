/* Housekeeping, as db_ops_t says. */
#ifndef PG_RETAIN_H
#define PG_RETAIN_H

#include "pg.h"

bool pg_retain(db_t *db, uint32_t room, const db_kept_t *kept, uint64_t now, size_t frames, log_bounds_t *bounds,
    bool *more, zr_error_t *error);
bool pg_forget_marks(db_t *db, uint64_t before, size_t max, size_t rows, bool *more, zr_error_t *error);
bool pg_date_marks(db_t *db, uint64_t now, size_t rows, zr_error_t *error);
/* Nothing: the server's autovacuum uses freed pages again. */
bool pg_give_back(db_t *db, int pages, zr_error_t *error);

#endif
