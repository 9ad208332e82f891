/* Joining and leaving, SUB's subscriptions, and the sync that proves them live. */
#ifndef MACHINE_ROOMS_H
#define MACHINE_ROOMS_H

#include "machine_state.h"

room_t *rooms_find(machine_t *m, zr_span_t name);
room_t *rooms_add(machine_t *m, zr_span_t name, room_t *parent); /* `parent`: the prefix that brought it, or NULL */
void rooms_go_live(machine_t *m, room_t *room);                  /* a prefix's, now that its head is known */
void rooms_note_head(machine_t *m, room_t *room, uint64_t head);
void rooms_remove(machine_t *m, room_t *room);
void rooms_forget(machine_t *m);
void rooms_lost(machine_t *m);                    /* the session is gone: nothing is under way any more */
void rooms_welcome(machine_t *m, bool new_epoch); /* and there is one again */
void rooms_back_down(machine_t *m);               /* the SUB is gone */
void rooms_schedule(machine_t *m);
void rooms_tick(machine_t *m);
void rooms_on_synced(machine_t *m, zr_span_t nonce, zr_span_t json);
void rooms_on_joined(machine_t *m, request_t *request, json_t *object);
void rooms_on_join_refused(machine_t *m, request_t *request, json_t *error);
void rooms_on_left(machine_t *m, const json_t *object);
void rooms_on_pong(machine_t *m, const json_t *object);
void rooms_list(machine_t *m, room_t *prefix);
void rooms_leave(machine_t *m, room_t *room); /* gives its subscription back, tells the broker, and removes it */

#endif
