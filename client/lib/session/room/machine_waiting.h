/* Queues of rooms. In grace: a head is known that the room has not reached, and frames may still be on their way.
 * Waiting: for a replay, as only some are asked for at a time. Idle: of a prefix, with nothing under way, so that its
 * position can be given up. */
#ifndef MACHINE_WAITING_H
#define MACHINE_WAITING_H

#include "machine_state.h"

void waiting_grace(machine_t *m, room_t *room); /* from now on for GRACE_MS */
void waiting_no_grace(machine_t *m, room_t *room);

/* Puts the room at the end of a queue; it leaves the one that it was in. */
void waiting_enter(machine_t *m, room_t *room, room_queue_t queue);
void waiting_leave(machine_t *m, room_t *room);

#endif
