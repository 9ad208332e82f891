/* The second half of the op `replay`. */
#ifndef REPLAY_H
#define REPLAY_H

#include "log.h"
#include "relay.h"

/* The log's answer to a replay. */
void replay_done(relay_t *relay, uint64_t ticket, const log_slice_t *slice);

#endif
