/* Rooms joined by a prefix. */
#ifndef MACHINE_PREFIX_H
#define MACHINE_PREFIX_H

#include "machine_state.h"

room_t *prefix_room(machine_t *m, zr_span_t name); /* a new room, if some prefix wants it; else NULL */
void prefix_on_rooms(machine_t *m, request_t *request, json_t *object);
void prefix_on_refused(machine_t *m, request_t *request, json_t *error);
void prefix_leave(machine_t *m, room_t *prefix); /* its rooms go, unless another prefix wants them */

#endif
