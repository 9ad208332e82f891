/* The login: a hello that waits at the broker, which checks one token after the other, and what
 * machine_identity.h declares: another token, and another meta. */
#ifndef MACHINE_QUEUE_H
#define MACHINE_QUEUE_H

#include "machine_state.h"

/* A hello is sent; its answer is due at m->deadline. */
void machine_queue_begin(machine_t *m);

/* The broker says that it will come to the login. The hello is not given up meanwhile, within QUEUED_MAX_MS. */
void machine_on_queued(machine_t *m, json_t *object);

/* The same by an error: the login is to be asked again. `ahead` logins come before it; 0: not known. */
void machine_queue_tell(machine_t *m, uint64_t ahead);

#endif
