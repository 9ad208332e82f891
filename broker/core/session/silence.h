/* Silent sessions expire. Many may fall silent at once, and each may be in a thousand rooms, so the end of each is a piece
 * of work. A session that is heard before its turn goes on. */
#ifndef SILENCE_H
#define SILENCE_H

#include "relay.h"
#include "session.h"

/* The session waits for its end no more: it was heard, or its client is there again. It gets a new ticket. */
void silence_broken(relay_t *relay, session_t *session);

bool silence_is_due(const relay_t *relay);

/* The next piece: ends the first of the silent sessions. */
void silence_end(relay_t *relay);

#endif
