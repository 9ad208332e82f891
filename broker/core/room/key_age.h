/* Values of keys that are too old are deleted: in the room's order, as an entry that readers get like any other. The
 * operator says how old values of a room may be, and a publisher how long its value lasts. */
#ifndef KEY_AGE_H
#define KEY_AGE_H

#include "relay.h"

/* Call once a second while the time is sure. Each call looks at some of the rooms, and deletes some values of each; the
 * next call goes on from there. A value that is dated ahead of the clock counts as of now. Nothing is deleted
 * while the log's queue is full, nor in a room to which an operator moved an entry within the last minute. */
void relay_age_keys(relay_t *relay, uint64_t now);

/* Call once a second: deletes some values whose time to live is over. That time is measured by the clock of relay_rise.
 * Only values from before the start, and those that an operator moved here, need the time of day for it, and so wait
 * until it is `sure`. Nothing is deleted while the log's queue is full; nor in a room to which an operator moves entries,
 * as above. */
void relay_expire_keys(relay_t *relay, uint64_t now, bool sure);

#endif
