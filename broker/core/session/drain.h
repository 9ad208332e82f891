/* Draining: the broker takes no new sessions, so that an operator can stop it without a loss. */
#ifndef DRAIN_H
#define DRAIN_H

#include "relay.h"
#include "session.h"

enum { DRAIN_SECOND = 500 }; /* sessions that are sent away in a second */

/* A zeroed struct: nothing is drained. */
typedef struct {
    bool on;
    bool away;     /* sessions are sent away, except those of operators, */
    size_t budget; /* so many more in this second */
} drain_t;

/* From now on a client without a session gets too-many-sessions, unless its user has the right admin or stats; those with
 * a session may resume it. `away`: the others are
 * told bye, some in each second, so that they do not all come to the next broker at once. */
void drain_begin(relay_t *relay, bool away);
void drain_end(relay_t *relay);

/* Once a second. */
void drain_tick(relay_t *relay);

bool drain_is_due(const relay_t *relay);

/* Sends the next session away. */
void drain_work(relay_t *relay);

#endif
