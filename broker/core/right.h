/* What a user may do in a room, or in all. */
#ifndef RIGHT_H
#define RIGHT_H

#include "span.h"

typedef enum {
    RIGHT_READ = 1,     /* join, replay, state, live entries; to know that the room exists */
    RIGHT_WRITE = 2,    /* publish */
    RIGHT_STATE = 4,    /* with write: publish keyed entries */
    RIGHT_PRESENCE = 8, /* with read: be named there, and see the others */
    RIGHT_CREATE = 16,  /* publish the first entry of a room */
    RIGHT_ADMIN = 32,   /* for "*" only: the op admin */
    RIGHT_GATEWAY = 64, /* for "*" only: to carry the sessions of others over a trunk */
    RIGHT_WORK = 128,   /* with read: to be a worker of the room's groups, and to manage them */
    RIGHT_KICK = 256,   /* to send users out of the room; admin gives it everywhere */
    RIGHT_LEAF = 512,   /* for "*" only: as RIGHT_GATEWAY, and to name users that logged in to a leaf */
    RIGHT_ALL = 159,    /* all but kick, admin, gateway and leaf */
} right_t;
typedef unsigned rights_t; /* of right_t */

/* Rights by the names that they have in the users file, "all" too; 0: no right has that name. */
rights_t right_named(zr_span_t name);

/* The name of the first of `rights`, which holds at least one. */
const char *right_name(rights_t rights);

#endif
