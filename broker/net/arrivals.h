/* Connections that come and go (inflow_calls.h). */
#ifndef ARRIVALS_H
#define ARRIVALS_H

#include "peers_state.h"

/* Takes in what happened to connections since the last call. */
void arrivals_take(peers_t *peers);

/* zloop's handlers of timers. */
int arrivals_on_silent(zloop_t *loop, int timer_id, void *arg); /* ends connections that say nothing */
int arrivals_on_sweep(zloop_t *loop, int timer_id, void *arg);  /* forgets addresses */

#endif
