/* Carries out the core's effects: sends, publishes, hands requests to the log and to auth, ends connections, and keeps
 * the sessions' tickets. */
#ifndef EFFECTS_H
#define EFFECTS_H

#include "auth.h"
#include "log.h"
#include "outbox.h"
#include "peers.h"
#include "front_queue.h"
#include "relay.h"
#include "session_timers.h"

typedef struct {
    void *front; /* libzmq's handles; all of these are the server's */
    void *back;
    relay_t *relay;
    log_t *log;
    outbox_t *outbox;
    session_timers_t *timers;
    peers_t *peers;
    auth_t *auth;
    front_queue_t *queued;
    uint64_t live_dropped; /* frames of private rooms for which a peer's queue had no room */
} effects_t;

/* Carries out effects until the outbox is empty, also those that the log's answers and lost routes add meanwhile. */
void effects_carry_out(effects_t *effects);

#endif
