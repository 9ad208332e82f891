/* Where in a room's log a moment lies, by looking at few entries. Pure: the caller looks. */
#ifndef SEEK_H
#define SEEK_H

#include <stdbool.h>
#include <stdint.h>

#define SEEK_NEAR 256 /* so near it is cheaper to read on than to look again */

typedef struct {
    uint64_t low;  /* entries up to here are before the moment, or not asked for */
    uint64_t high; /* those after it are not before the moment */
} seek_t;

/* Where to look next: at the first entry after `*after`. false: near enough, read from after `low`. */
bool seek_next(const seek_t *seek, uint64_t *after);

/* The entry there is `seq`, or 0: no entry is there. */
void seek_found(seek_t *seek, uint64_t after, uint64_t seq, bool before);

#endif
