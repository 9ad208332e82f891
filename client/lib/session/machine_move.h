/* Entries that an operator moves from another log. */
#ifndef MACHINE_MOVE_H
#define MACHINE_MOVE_H

#include "machine_state.h"

/* As zrelay_publish_kept. */
int machine_publish_kept(machine_t *m, const zrelay_event_t *entry, uint64_t *number);

/* For the table in machine_kinds.c. */
void move_ask(machine_t *m, request_t *request, json_t *object);
void move_answered(machine_t *m, request_t *request, json_t *object);

#endif
