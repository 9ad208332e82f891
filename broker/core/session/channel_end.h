/* The ends of channels. What becomes of the session there: it is detached, as if a connection of its own had broken. */
#ifndef CHANNEL_END_H
#define CHANNEL_END_H

#include "relay.h"
#include "session.h"

/* The gateway said `close`: the channel is gone. The caller answers, if it was not closing. */
void channel_end(relay_t *relay, channel_t *channel);

/* Asks the gateway to send the peer away, for `reason` (static). The frames that were sent to the peer come before. */
void channel_hang_up(relay_t *relay, channel_t *channel, const char *reason);

/* The session is no trunk any more, or will have another route: all its channels are gone. Call it before. */
void channels_break(relay_t *relay, session_t *trunk);

#endif
