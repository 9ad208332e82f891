/* The broker that a command talks to, and the command's identity there. It makes sessions from the settings, for a
 * command with one (conn.c) and for one with many (bench). It also has the text for when the broker refuses it. */
#ifndef TARGET_H
#define TARGET_H

#include "identity.h"
#include "zrelay.h"

typedef struct {
    config_t *config;
    identity_t identity;
    const zrelay_t *relay; /* the caller sets it to the session, for the server in use; NULL: there are many */
} target_t;

/* Settles what the options left open. "A,B,C" names several servers. One that is a host alone, or a host and a port, means tcp and the broker's
 * usual port; config->server has the whole endpoints then. 0, or the exit code after telling why not; target_finish is
 * due either way. */
int target_resolve(target_t *target, config_t *config);

/* Wipes what is secret; a zeroed one is accepted. */
void target_finish(target_t *target);

/* A session, not started, that has the keys or the token. `turn` 0: it has the servers in their order. Turn 1 leaves out the
 * first server; turn 2 begins with the one after, and so on in a circle. A single server is never left out. 0, and
 * `*relay` is the caller's; or the exit code after telling why there is no session. */
int target_session(const target_t *target, const char *agent, size_t turn, zrelay_t **relay);

/* Appends what `turn` makes of "A,B,C". */
void target_turn(const char *list, size_t turn, zr_buffer_t *out);

/* The session is connected: notes the broker's key, once. */
void target_connected(target_t *target);

/* For a ZRELAY_DISCONNECTED of a connection that came to nothing: what is wrong, and what to do; else false. */
bool target_describe(const target_t *target, const zrelay_event_t *event, zr_buffer_t *out);

/* Tells that the broker did not come to the login. */
void target_tell_queued(const target_t *target);

/* Tells that nothing was heard at all. */
void target_tell_unreachable(const target_t *target);

#endif
