/* The limits of a relay, which an operator may change while it runs. */
#ifndef RELAY_LIMITS_H
#define RELAY_LIMITS_H

#include "relay.h"

/* Puts other limits, another greeting and other policies in force. All else of `config` must be as it was, and so must
 * heartbeat_ms, and what sessions were told at their hello. What is there already and above a limit stays. */
void relay_set_limits(relay_t *relay, const relay_config_t *config);

#endif
