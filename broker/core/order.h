/* All rooms in byte order of their names, so that a page of them costs what stands on it, not what there is: a treap,
 * whose priorities are hashes that no peer can foresee. */
#ifndef ORDER_H
#define ORDER_H

#include "room.h"

typedef struct {
    room_t *top;
} order_t;

/* `room` must not be in it; its name must not change while it is. */
void order_add(order_t *order, room_t *room);
void order_remove(order_t *order, room_t *room);

/* The first room whose name comes after `name`, or, if `from`, is `name` itself; NULL: none. */
room_t *order_next(const order_t *order, zr_span_t name, bool from);

#endif
