/* A PostgreSQL server for the tests of a program (tests/postgres/cluster), and a second way into its database. */
#ifndef FIXTURE_CLUSTER_H
#define FIXTURE_CLUSTER_H

#include <stdbool.h>

#include "log_postgres.h"
#include "unit.h"

/* Starts the server and runs the tests, each with a database without tables; the suite's result. 77 if PostgreSQL is not
 * installed. */
int cluster_run(const char *name, int (*run)(const char *name));

/* `tests/postgres/cluster COMMAND` of the server. */
void cluster_command(const char *command);

/* Where it is: a URI for the engine. */
const char *cluster_uri(void);

/* Runs SQL over a connection of the test's own; returns the first value, "" without a row. Valid until the next call. */
const char *cluster_sql(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Waits until the query gives `value`. */
void cluster_await(const char *value, const char *sql);

/* Removes the tables, and ends the connection. */
void cluster_wipe(void);

/* --- A gate in front of commits --- */

/* Transactions of the engine wait from now on. */
void cluster_close(void);

/* Waits until one waits. */
void cluster_await_held(void);

/* They go on; the one that waits is cancelled if `fail`. */
void cluster_open(bool fail);

/* No frame can be stored, as on a full disk. */
void cluster_fill(bool full);

#endif
