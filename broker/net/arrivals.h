/* Connections that come and go, as libzmq's socket monitors tell. */
#ifndef ARRIVALS_H
#define ARRIVALS_H

#include "peers_state.h"

/* Reads one event of that side's monitor, if there is one. */
bool arrivals_read_event(peers_t *peers, int side);

/* zloop's handlers: of the monitors' descriptors, and of timers. */
int arrivals_on_monitor(zloop_t *loop, zmq_pollitem_t *item, void *arg);
int arrivals_on_silent(zloop_t *loop, int timer_id, void *arg); /* ends connections that say nothing */
int arrivals_on_sweep(zloop_t *loop, int timer_id, void *arg);  /* forgets addresses */

#endif
