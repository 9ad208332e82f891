/* Finds the readers that are furthest behind, when libzmq holds too many bytes for all readers together. Readers share
 * frames, so the cost of a single reader is not known. Pure: no socket is touched, no clock is read.
 *
 * Ten times a second is a round, with a number that is one higher each time. In it each reader is looked at for which
 * bytes wait in the kernel. */
#ifndef SLOW_READERS_H
#define SLOW_READERS_H

#include "connections.h"

enum { SLOW_READERS_STUCK = 10 }; /* rounds, a second: a reader that got nothing for so long reads no more */

/* Bytes wait for this reader, and it got `confirmed` bytes since it came. */
void slow_readers_look(connection_t *one, unsigned round, uint64_t confirmed);

/* After the looks of a round: the descriptor of a reader that is stuck, and not dropped, from `fd` on; -1: none. */
int slow_readers_next_stuck(const connections_t *connections, unsigned round, int fd);

/* The one that got least in this round, and is not dropped; -1: none was looked at in the round before. */
int slow_readers_slowest(const connections_t *connections, unsigned round);

#endif
