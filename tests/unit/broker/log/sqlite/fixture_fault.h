/* A disk that fails: an SQLite VFS over the system's own. It counts operations, fails them, or dies at one of them. It
 * tracks the synced content of each file, so that it can tell the content after a power loss. */
#ifndef FIXTURE_FAULT_H
#define FIXTURE_FAULT_H

#include "unit.h"

typedef enum {
    FAULT_NONE,
    FAULT_ONCE, /* the operation fails, once */
    FAULT_FULL, /* from the operation on nothing can be written that makes a file longer, until fault_clear */
    FAULT_KILL  /* from the operation on nothing works; it may itself be done in part */
} fault_kind_t;

/* Makes it the default VFS; forgets what it knew. Operations count from 1. */
void fault_begin(fault_kind_t kind, unsigned operation, uint64_t seed);
/* The system's VFS is the default again. */
void fault_end(void);

/* Files opened in between have no faults. */
void fault_pause(void);
void fault_resume(void);

/* Operations from now on work. */
void fault_clear(void);
/* Operations so far, and whether the fault was met. */
unsigned fault_operations(void);
bool fault_met(void);

/* Writes the database files of `from` to the existing directory `to`, as a power loss at this moment could leave them.
 * That is all synced changes, and each other change or not, by chance. `all`: as the end of the process leaves them. */
void fault_copy(const char *from, const char *to, bool all);

#endif
