/* Workers of groups (PROTOCOL.md, "Groups"): what the session works for, the entries that the program has, and what it
 * said became of them. Public: machine_worker.h. */
#ifndef MACHINE_WORK_H
#define MACHINE_WORK_H

#include "machine_state.h"

void work_on_frame(machine_t *m, zr_blob_t *frame);   /* WORK */
void work_on_settled(machine_t *m, zr_blob_t *frame); /* SETTLED */
void work_on_dismissed(machine_t *m, json_t *object);
void work_on_lost(machine_t *m, json_t *object);
/* The program takes an entry that it is to work on. What it says of `seq` from now on is about the entry of this epoch. */
void work_taken(machine_t *m, uint64_t epoch, uint32_t worker, uint64_t seq);
bool work_on_error(machine_t *m, const json_t *error); /* false: it is about no SETTLE or unwork */

void work_ask(machine_t *m, request_t *request, json_t *object); /* for machine_kinds.c */
void work_on_working(machine_t *m, request_t *request, json_t *object);
void work_on_refused(machine_t *m, request_t *request, json_t *error);
void work_ask_groups(machine_t *m, request_t *request, json_t *object);
void work_on_groups(machine_t *m, request_t *request, json_t *object);
void work_ask_group(machine_t *m, request_t *request, json_t *object);

void work_lost(machine_t *m);
void work_welcome(machine_t *m, bool new_epoch, bool resumed);
void work_schedule(machine_t *m);      /* sends what is to be said */
uint64_t work_due(const machine_t *m); /* when something is to be said again; NEVER */
bool work_closing(const machine_t *m); /* something that the program said is not answered */
void work_leave(machine_t *m);         /* the session is about to say bye */
void work_finish(machine_t *m);

#endif
