/* The log of a leader on the model database, as log_durable.c and pg_commit.c have it: batches one after the other, each
 * with the term; a commit whose outcome is unknown is settled by a new connection that takes the lease again. */
#ifndef PGLOG_H
#define PGLOG_H

#include "log.h"

struct node;
struct db_conn;

/* Over `conn`, which took the lease with this term, and is the log's from now on. The tables were read when they had
 * `wal` transactions; 0: they are read now. */
log_t *pglog_new(struct node *node, struct db_conn *conn, uint64_t term, uint64_t batch, size_t wal);

void pglog_tick(log_t *log);        /* each second: holds the lease */
bool pglog_leads(const log_t *log); /* surely: else the broker stands still until the database confirms it */
bool pglog_is_idle(const log_t *log);
struct db_conn *pglog_conn(log_t *log);

/* What log_destroy has to do: the connection ends, and the server notices after that time. */
void pglog_end(log_t *log, uint64_t unnoticed);

#endif
