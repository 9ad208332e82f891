/* A way into SQLite's files for tests of the threads above it: it stops a commit where it syncs the write-ahead log,
 * and makes that, or writing the log, fail. */
#ifndef FIXTURE_GATE_H
#define FIXTURE_GATE_H

#include <stdbool.h>
#include <stddef.h>

/* All databases opened from now on in this process go through the gate, which is open. */
void gate_install(void);

/* Syncs of a write-ahead log wait from now on. */
void gate_close(void);

/* Waits until one waits. */
void gate_await(void);

/* They go on; the first one fails if `fail`. */
void gate_open(bool fail);

/* Writing to a write-ahead log fails as on a full disk. */
void gate_full(bool full);

/* Syncs of write-ahead logs so far. */
size_t gate_syncs(void);

#endif
