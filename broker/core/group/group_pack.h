/* The stored form of a group: options, position, counters, and the entries before the position that are not done, as
 * runs. The bytes go into the log with each commit that changes the group, so they are few. Pure.
 *
 * The items are in parts, in their order. A part keeps its bytes, and only those that changed are written anew: a commit
 * costs what changed, and not what waits. */
#ifndef GROUP_PACK_H
#define GROUP_PACK_H

#include "group.h"

/* The group as bytes; a new blob, the caller's. Items that are BURIED are left out: the pass that stores this buries
 * them. */
zr_blob_t *group_pack(group_t *group);

/* Reads them into a group that was only initialised. false: they cannot be read, and the group is to be finished. */
bool group_unpack(group_t *group, zr_span_t bytes);

#endif
