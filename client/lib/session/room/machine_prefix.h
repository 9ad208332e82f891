/* Rooms of a prefix. */
#ifndef MACHINE_PREFIX_H
#define MACHINE_PREFIX_H

#include "machine_state.h"

/* A new room, if some prefix wants it; else NULL. Its first sign is a live frame with this `prev`, or else its head, or
 * something of its `presence`. */
room_t *prefix_room(machine_t *m, zr_span_t name, uint64_t prev);
room_t *prefix_named(machine_t *m, zr_span_t name, bool presence);
void prefix_unpark(machine_t *m, room_t *room); /* it may be read again */

void prefix_on_pong(machine_t *m, const json_t *object);
void prefix_on_followed(machine_t *m, request_t *request, json_t *object);
void prefix_on_rooms(machine_t *m, request_t *request, json_t *object);
void prefix_on_refused(machine_t *m, request_t *request, json_t *error);
void prefix_leave(machine_t *m, room_t *prefix); /* its rooms go, unless another prefix wants them */

#endif
