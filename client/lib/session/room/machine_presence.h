/* The users in a room, by versions. */
#ifndef MACHINE_PRESENCE_H
#define MACHINE_PRESENCE_H

#include "machine_state.h"

void presence_forget(machine_t *m, room_t *room);
void presence_lost(room_t *room);
void presence_pause(machine_t *m, room_t *room); /* until it is joined again */
void presence_on_joined(machine_t *m, room_t *room, uint64_t version, bool crowded);
void presence_doubt(machine_t *m, room_t *room); /* the users that we know may have left unnoticed */
void presence_note_version(machine_t *m, room_t *room, uint64_t version);
void presence_on_frame(machine_t *m, room_t *room, zr_span_t json); /* `room` may be NULL */
void presence_on_asked(const request_t *request);
void presence_on_who(machine_t *m, request_t *request, json_t *object);
void presence_on_refused(machine_t *m, request_t *request, json_t *error);

#endif
