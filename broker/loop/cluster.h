/* Several brokers on one database of PostgreSQL: one leads, the others are its leaves, and lead once it is gone. A broker
 * that changes its part starts its program anew, so each part begins with nothing left of the other. */
#ifndef CLUSTER_H
#define CLUSTER_H

#include "server_state.h"

/* Looks which broker leads the log of the settings. `*chosen`: the settings to run by, those of the leader or of its leaf. Without
 * cluster/advertise they are as they were. Waits for some seconds if this broker itself led a moment ago. */
bool cluster_choose(const settings_t *settings, settings_t *chosen, zr_error_t *error);

/* The settings were read again: sets what cluster_choose found at the start, which `chosen` has, in them. */
void cluster_keep(const settings_t *chosen, settings_t *settings);

/* Another broker may have been faster to lead: is it so? */
bool cluster_was_taken(const settings_t *settings);

/* Watches the other brokers from now on: for `welcome.peers`, and to follow another leader. Once this broker leads,
 * `server->stopping` and `server->again` are set, and the loop ends. NULL: it is alone. */
typedef struct cluster cluster_t;
cluster_t *cluster_begin(server_t *server);
void cluster_end(cluster_t *cluster); /* NULL is accepted */

/* To be called before anything is said to anybody. While this broker cannot know that it still leads, it stands still, as if
 * the process were stopped: perhaps another broker leads. It goes on once the database confirms its lease; if another
 * broker has that, the log ends the process. SIGTERM ends it too. */
void cluster_await_lease(server_t *server);

/* The answer to `stats` of "cluster": an object, the caller's; `ctx` is the server. For relay_config_t. */
json_t *cluster_rows(void *ctx);

#endif
