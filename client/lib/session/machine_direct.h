/* Direct messages, requests and answers (PROTOCOL.md, "Requests and answers"): what is sent, and what comes. Public:
 * machine_ask.h. */
#ifndef MACHINE_DIRECT_H
#define MACHINE_DIRECT_H

#include "machine_state.h"

void direct_on_message(machine_t *m, json_t *object); /* from another client */

void direct_ask(machine_t *m, request_t *request, json_t *object); /* for machine_kinds.c */
void direct_ask_room(machine_t *m, request_t *request, json_t *object);
void direct_ask_answer(machine_t *m, request_t *request, json_t *object);
void direct_answered(machine_t *m, request_t *request, json_t *object);

#endif
