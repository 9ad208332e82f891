/* What the tests of rates and floods share. */
#ifndef FIXTURE_FLOOD_H
#define FIXTURE_FLOOD_H

#include "fixture.h"
#include "rate.h"

#define MS UINT64_C(1000)

/* A relay with so many units of requests a second: four times that at once, five times that more before it is a flood.
 * Ann's hello at A took 20. */
void flood_begin(uint64_t ops);

/* How many requests that cost 2 pass until the next one is refused. */
unsigned flood_left(route_t route);

/* The connection was ended for flooding. Bob's, at B, is the only session left, and notices nothing. */
void flood_expect_end(route_t route);

#endif
