/* Frames that wait: live ones that came too early, replayed ones until the end of their slice. */
#ifndef MACHINE_KEPT_H
#define MACHINE_KEPT_H

#include "machine_state.h"

/* Adds to a list of a room or request, and takes a reference. All lists of the kind together are bounded. false: there
 * is no room. */
bool kept_add(kept_total_t *total, kept_list_t *list, zr_blob_t *frame);

/* Drops the first frame. The list has one. */
void kept_drop(kept_list_t *list);

/* Drops all. */
void kept_clear(kept_list_t *list);

#endif
