/* See machine_waiting.h. */
#include "machine_waiting.h"

#include <utlist.h>

void waiting_no_grace(machine_t *m, room_t *room) {
    if (room->grace == NEVER)
        return;
    room->grace = NEVER;
    DL_DELETE2(m->graces, room, prev_grace, next_grace);
}

void waiting_grace(machine_t *m, room_t *room) {
    waiting_no_grace(m, room);
    room->grace = m->now + GRACE_MS;
    DL_APPEND2(m->graces, room, prev_grace, next_grace);
}

void waiting_leave(machine_t *m, room_t *room) {
    if (room->queue == QUEUE_REPAIR)
        DL_DELETE2(m->repairs, room, prev_queue, next_queue);
    else if (room->queue == QUEUE_IDLE)
        DL_DELETE2(m->idle, room, prev_queue, next_queue);
    room->queue = QUEUE_NONE;
}

void waiting_enter(machine_t *m, room_t *room, room_queue_t queue) {
    waiting_leave(m, room);
    room->queue = queue;
    if (queue == QUEUE_REPAIR)
        DL_APPEND2(m->repairs, room, prev_queue, next_queue);
    else
        DL_APPEND2(m->idle, room, prev_queue, next_queue);
}
