/* Published messages, until they are answered. */
#ifndef MACHINE_PUBLISH_H
#define MACHINE_PUBLISH_H

#include "machine_state.h"

void publish_init(machine_t *m);
void publish_finish(machine_t *m);
void publish_welcome(machine_t *m); /* everything unanswered is to be sent again */
bool publish_action(machine_t *m, action_t *action);
void publish_on_ack(machine_t *m, zr_span_t frame);
void publish_on_error(machine_t *m, const json_t *error);
uint64_t publish_due(const machine_t *m); /* when a pause ends that something waits for; NEVER */

/* As zrelay_set_ttl and zrelay_set_mid: what the next message gets. */
int machine_set_ttl(machine_t *m, uint64_t ttl_ms);
int machine_set_mid(machine_t *m, uint64_t mid);

#endif
