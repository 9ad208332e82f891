/* Which pages may open a WebSocket. A browser names the origin of the page; without the check, every page in the world
 * could use a person's connection to the gateway. Pure. */
#ifndef ORIGIN_H
#define ORIGIN_H

#include "gateway_config.h"

/* `origin`: the request's header, NULL if it is missing, as from programs. `host`: its Host header, or NULL. Without a
 * list in `config`, pages of that same host and port may. */
bool origin_allowed(const gateway_config_t *config, const char *origin, const char *host);

/* Whether a browser on this machine may use the name `host` for the gateway. A foreign page can have its own name
 * resolved to a loopback address (DNS rebinding), and would then count as a page of the gateway. So names other than
 * localhost must be those of an origin in `config`; numeric addresses are safe. NULL: the request has no Host. */
bool origin_host_allowed(const gateway_config_t *config, const char *host);

#endif
