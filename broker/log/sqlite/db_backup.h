/* Copies of the log, and the way back. */
#ifndef DB_BACKUP_H
#define DB_BACKUP_H

#include "errors.h"

/* Makes a consistent copy in the file `to`, which must not exist, while others write (SQLite's backup API), 1000 pages
 * at a time. A broker that uses the copy begins another epoch: else it would give positions again that were given
 * since. */
bool db_backup(const char *dir, const char *to, zr_error_t *error);

/* Makes a copy of the log `from` the log of `dir`, which is made if it is missing. No broker may use `dir`. The log
 * that is there is kept, and `replaced` gets its new name (without the directory); "": no log was there. If this is
 * interrupted, `dir` has the old log or the new one as a whole. */
bool db_restore(const char *dir, const char *from, char replaced[64], zr_error_t *error);

#endif
