/* Users that are kept out of rooms come back when their time is over. */
#ifndef KICK_H
#define KICK_H

#include "relay.h"

enum { KICK_FOR_MAX = 604800 }; /* seconds that a user is kept out of a room */

/* Lets users in again whose time is over. */
void kick_let_in(relay_t *relay);

#endif
