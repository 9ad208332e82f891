/* A thread that ends connections which send faster than the broker takes (backlog.h). It is a thread of its own because
 * libzmq can hold the loop for as long as a peer goes on sending: XPUB takes all that comes before it returns. */
#ifndef GUARD_H
#define GUARD_H

#include "backlog.h"

typedef struct guard guard_t;

/* Why a connection was ended. */
typedef enum {
    GUARD_AHEAD,  /* more of it waited than one connection may have */
    GUARD_MOST,   /* more waited in all than may, and this one had the most */
    GUARD_MEMORY, /* memory grew without another reason, and this one had some waiting */
    GUARD_REASONS
} guard_reason_t;

typedef struct {
    uint64_t connection; /* its handle (descriptor.h) */
    guard_reason_t reason;
} guard_ended_t;

/* Starts the thread. The calling thread is the loop. `backlog` stays the caller's and must outlive the guard. */
guard_t *guard_new(backlog_t *backlog);

/* Ends the thread. NULL is accepted. */
void guard_destroy(guard_t *guard);

/* A connection that was ended since the last call, one a call. false: there is none. */
bool guard_take(guard_t *guard, guard_ended_t *ended);

#endif
