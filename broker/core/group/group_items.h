/* Items of a group: their lists, keys, parts, frames and memory. For the files of group.h. */
#ifndef GROUP_ITEMS_H
#define GROUP_ITEMS_H

#include "group.h"

/* A new item beyond all others, UNREAD. */
item_t *item_add(group_t *group, uint64_t seq);

/* Ends it: done, dead or lost. The next of its key may go on. */
void item_end(item_t *item);

/* To the end of another state's list; not HELD. A timer that it had is off. */
void item_move(item_t *item, item_state_t state);

/* The same, to wait until `due`. */
void item_wait(item_t *item, item_state_t state, uint64_t due);

/* HELD by the worker. */
void item_hold(item_t *item, group_worker_t *worker, uint64_t due);

item_t *item_find(const group_t *group, uint64_t seq);

/* What is stored of it changed. */
static inline void item_changed(item_t *item) {
    item->part->dirty = true;
}

/* The item has an entry to read again: to READY, AGAIN, BEHIND or DOOMED if it has its frame, else to UNREAD. Dead ones come
 * first. */
void item_ready(item_t *item);

/* The part has no items any more. */
void item_part_free(group_t *group, group_part_t *part);

/* It points into `frame`; NULL: nowhere any more. */
void item_point(item_t *item, group_frame_t *frame, size_t at, size_t len);

/* Its key is known: it stands behind the others of the key. */
void item_key(item_t *item, uint64_t key);

#endif
