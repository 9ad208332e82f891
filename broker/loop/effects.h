/* Carries out the core's effects: sends, publishes, hands requests to auth, ends connections, and keeps the sessions'
 * tickets. */
#ifndef EFFECTS_H
#define EFFECTS_H

#include "auth.h"
#include "edge.h"
#include "front_queue.h"
#include "peers.h"
#include "session_timers.h"

typedef struct {
    void *front; /* libzmq's handles; all of these are the server's */
    void *back;
    session_timers_t *timers;
    peers_t *peers;
    auth_t *auth;
    front_queue_t *queued;
    edge_t edge;
} effects_t;

/* Sets `edge`. The effects must not be moved any more. */
void effects_begin(effects_t *effects, relay_t *relay, log_t *log, outbox_t *outbox);

/* Carries out effects until that time (zclock_usecs), but at least a few. false: some are left. */
bool effects_carry_out(effects_t *effects, int64_t until);

#endif
