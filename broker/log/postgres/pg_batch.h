/* The transaction that is open: what is in it, and how the rooms stood before. */
#ifndef PG_BATCH_H
#define PG_BATCH_H

#include "pg.h"

/* Adds a frame; frame->append must stay valid until the end of the transaction. Many frames become one statement. */
void pg_batch_frame(db_t *db, const pg_frame_t *frame);

/* The frames that were added become a statement, before those that follow. */
void pg_batch_flush(db_t *db);

/* The room's newest frame; all zero: it has none. */
pg_newest_t *pg_newest(db_t *db, uint32_t room);

/* The transaction makes this the room's newest frame. */
void pg_batch_newest(db_t *db, uint32_t room, const pg_newest_t *newest);

/* The transaction is stored, or nothing of it is and the rooms stand as before. It is empty now. */
void pg_batch_clear(db_t *db, bool stored);

#endif
