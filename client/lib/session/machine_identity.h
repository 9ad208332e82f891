/* What a program changes of the identity that it began with (machine_config_t), and its server. Results as in zrelay.h. */
#ifndef MACHINE_IDENTITY_H
#define MACHINE_IDENTITY_H

#include "machine.h"

int machine_rename(machine_t *machine, const char *nick, uint64_t now);

/* Another token of the same user, for this session and the next ones; zr_token_fits. A session that is live is renewed
 * at once. */
int machine_renew(machine_t *machine, const char *token, uint64_t now);

/* The meta that the session shows from now on, as zr_meta_write gives it. A session that is live tells it at once. */
int machine_set_meta(machine_t *machine, const char *meta, uint64_t now);

/* The server in use. NULL: the config named none. */
const char *machine_server(const machine_t *machine);

#endif
