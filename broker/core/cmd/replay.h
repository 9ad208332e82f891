/* Replays under way in the log. */
#ifndef REPLAY_H
#define REPLAY_H

#include "log.h"
#include "relay.h"
#include "session.h"

/* The log's answer to a replay. */
void replay_done(relay_t *relay, uint64_t ticket, const log_slice_t *slice);

/* Drops those under way. */
void replay_forget_all(relay_t *relay);

/* The most bytes for the next slice of a replay or snapshot of the session. It is less than replay-bytes while the
 * session's queue has little room: a slice that does not fit would detach the session. At least 1; a slice has one
 * frame in any case. */
size_t slice_bytes(const relay_t *relay, const session_t *session);

#endif
