/* The session: what the broker says about it. Public: machine.h. */
#ifndef MACHINE_SESSION_H
#define MACHINE_SESSION_H

#include "machine_state.h"

void machine_on_error(machine_t *m, json_t *object); /* passes on what is not about the session */
void machine_on_bye(machine_t *m, json_t *object);
void machine_on_ok(machine_t *m, uint64_t re); /* of bye */

#endif
