/* Shared by the files of the search: the handle of the index. */
#ifndef SEARCH_INTERNAL_H
#define SEARCH_INTERNAL_H

#include "db_internal.h"
#include "search.h"

enum { SEARCH_APPLICATION = 0x7a726c73 };

struct search_index {
    sqlite3 *sql;
    char *file;
};

/* Writes the line for SQLite's last error in the index. Always false. */
bool search_fail(search_index_t *index, zr_error_t *error, const char *what);

bool search_exec(search_index_t *index, const char *sql);

/* NULL when it cannot be prepared. The caller finalizes it. */
sqlite3_stmt *search_prepare(search_index_t *index, const char *sql);

/* The log's epoch that the index belongs to; 0 in one that is new. */
bool search_epoch(search_index_t *index, uint64_t *epoch);

/* Empties the index, in the transaction that is open, and lets it belong to `epoch`. */
bool search_reset(search_index_t *index, uint64_t epoch);

#endif
