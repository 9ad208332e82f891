/* The transactions of the model database, and the tables that they make. */
#ifndef DATABASE_WAL_H
#define DATABASE_WAL_H

#include "database.h"

typedef struct {
    lease_t lease; /* after it */
    bool copy;     /* likewise: the tables are a copy, and the next leader begins an epoch */
    uint64_t epoch;
    log_append_t *frames;
    size_t frame_count;
    log_mark_t *marks;
    size_t mark_count;
} txn_t;

typedef struct {
    txn_t *items;
    size_t count, size;
} wal_t;

/* With copies of the batch's frames and marks; `ask` NULL: it has none. */
void wal_add(wal_t *wal, const txn_t *txn, const ask_t *ask);
void wal_cut(wal_t *wal, size_t count);
void wal_finish(wal_t *wal);

void txn_apply(const txn_t *txn, store_t *store);

#endif
