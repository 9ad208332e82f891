/* Carries out the core's effects: sends, publishes, hands requests to auth, ends connections, and keeps the sessions'
 * tickets. */
#ifndef EFFECTS_H
#define EFFECTS_H

#include "auth.h"
#include "core.h"
#include "edge.h"
#include "front_queue.h"
#include "peers.h"
#include "session_timers.h"
#include "trunk_queue.h"

typedef struct {
    void *front; /* libzmq's handles; all of these are the server's */
    void *back;
    session_timers_t *timers;
    peers_t *peers;
    auth_t *auth;
    front_queue_t *queued;
    zloop_t *loop;
    core_t core;
    trunk_queue_t trunks; /* frames that wait until a gateway takes them; its limits are the server's */
    int trunk_timer;      /* zloop's, while some wait; 0: none does */
    edge_t edge;
} effects_t;

/* Sets `edge`. `relay`: NULL if the core is none. The effects must not be moved any more. */
void effects_begin(effects_t *effects, relay_t *relay, log_t *log, outbox_t *outbox);

void effects_finish(effects_t *effects);

/* Carries out effects until that time (zclock_usecs), but at least a few. false: some are left. */
bool effects_carry_out(effects_t *effects, int64_t until);

#endif
