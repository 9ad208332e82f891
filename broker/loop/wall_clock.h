/* The time of day. */
#ifndef WALL_CLOCK_H
#define WALL_CLOCK_H

#include <stdint.h>

/* Microseconds since 1970, UTC. */
uint64_t wall_clock(void);

#endif
