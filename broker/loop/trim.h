/* When to give memory back. The C library keeps freed memory for new connections, in pieces between those still in use.
 * That is right while new ones come. After many have left, the memory is given back. Pure. */
#ifndef TRIM_H
#define TRIM_H

#include <stdbool.h>
#include <stddef.h>

enum { TRIM_SESSIONS = 500 }; /* so many have to leave: some 25 MB */

typedef struct {
    size_t most; /* sessions since memory was given back */
    size_t last; /* when this was asked before */
} trim_t;

/* Call it every second with the number of sessions. true: give memory back now. It is due once at least TRIM_SESSIONS
 * and half of the sessions have left, and no more leave. Not earlier, as it is work, and sessions that come back need
 * the memory again. */
bool trim_due(trim_t *spare, size_t sessions);

#endif
