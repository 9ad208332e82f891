/* The queue of actions, and what every part needs of the world: memory and entropy. */
#ifndef MACHINE_ACTIONS_H
#define MACHINE_ACTIONS_H

#include "machine_state.h"

/* Memory running out stops the program, as in common/. */
void *machine_alloc(size_t size); /* zeroed */
void *machine_realloc(void *old, size_t size);

action_t *machine_do(machine_t *m, action_kind_t kind); /* appends; the caller fills in the rest at once */
void machine_send(machine_t *m, json_t *object);        /* takes over `object` */
void machine_entropy_hex(machine_t *m, char *out, size_t bytes);
bool actions_take(machine_t *m, action_t *action);
void actions_finish(machine_t *m);
void actions_drop(machine_t *m);           /* all: the connection they were meant for is gone */
void actions_drop_sends(machine_t *m);     /* those for the DEALER */
uint64_t machine_retry_ms(unsigned tries); /* how long to wait after so many tries without progress; 0 tries: 0 */
void machine_ask_alive(machine_t *m);
void machine_doubt_epoch(machine_t *m); /* something came that is of another log */

#endif
