/* A session of a signed login ends when its token does. */
#ifndef EXPIRED_H
#define EXPIRED_H

#include "relay.h"

/* Has the token of some session ended by the relay's time? */
bool expired_is_due(const relay_t *relay);

/* The next piece: ends the session whose token ended first. */
void expired_end(relay_t *relay);

#endif
