/* How much libzmq may read of each connection (inflow.h), and which readers are too slow (slow_readers.h): where these
 * rules meet the loop. */
#ifndef PACING_H
#define PACING_H

#include "peers_state.h"

/* Ends the turns of the sides that have nothing to be taken, where nobody tries to. */
void pacing_end_turns(peers_t *peers);

/* zloop's handler of inflow_calls_fd: connections came or are gone, or wait for the end of a turn, or to leave. */
int pacing_on_parked(zloop_t *loop, zmq_pollitem_t *item, void *arg);

/* A connection was ended for what it sent: logs that, and charges its address. */
void pacing_on_ended(peers_t *peers, uint64_t connection, inflow_reason_t reason);

/* Ends readers that got little, while the frames for all readers are too many. Ten times a second. */
void pacing_end_slow_readers(peers_t *peers);

#endif
