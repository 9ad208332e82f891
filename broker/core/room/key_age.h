/* Values of keys that are too old are deleted: in the room's order, as an entry that readers get like any other. */
#ifndef KEY_AGE_H
#define KEY_AGE_H

#include "relay.h"

/* Call once a second while the time is sure. Each call looks at some of the rooms, and deletes some values of each; the
 * next call goes on from there. A value that is dated ahead of the clock counts as of now. Nothing is deleted
 * while the log's queue is full, nor in a room to which an operator moved an entry within the last minute. */
void relay_age_keys(relay_t *relay, uint64_t now);

#endif
