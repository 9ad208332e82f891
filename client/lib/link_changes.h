/* Changes of a link's connections, on their way from the guard's and the dials' threads to the program's. Any thread may
 * tell; the program's takes. */
#ifndef LINK_CHANGES_H
#define LINK_CHANGES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dial.h"

/* LINK_UP is told only after a handshake. LINK_DOWN is told also without one, unless a more precise change is known. */
typedef enum {
    LINK_SAME,
    LINK_UP,
    LINK_DOWN,
    LINK_REFUSED,     /* the broker refused this client's key */
    LINK_HANDSHAKE,   /* it ended before it was encrypted */
    LINK_MECHANISM,   /* only one side encrypts */
    LINK_UNREACHABLE, /* no connection could be made; `why` says why */
    LINK_BACK,        /* the back is closed: it was too far ahead, broke the protocol, or ended soon after it stood */
} link_change_t;

enum { LINK_CHANGES_MAX = 16 }; /* of the front, that wait; of more, only the last is kept */

typedef struct {
    int fd; /* readable: there are changes */
    pthread_mutex_t lock;
    link_change_t waiting[LINK_CHANGES_MAX]; /* of the front, oldest first */
    size_t count;
    atomic_bool any;        /* there may be changes */
    atomic_bool back_ended; /* LINK_BACK is to be told */
    char unreachable[DIAL_WHY];
    char why[DIAL_WHY]; /* the program's copy of it */
} link_changes_t;

/* False when the system has no descriptor left; `errno` says so. Then link_changes_finish is to be called, too. */
bool link_changes_begin(link_changes_t *changes);
void link_changes_finish(link_changes_t *changes);

void link_changes_tell(link_changes_t *changes, link_change_t change);
/* Tells LINK_UNREACHABLE, and why. */
void link_changes_fail(link_changes_t *changes, const char *why);
/* Nothing changed, but the program is to look at the sockets. */
void link_changes_wake(link_changes_t *changes);

/* Changes of a socket that is gone say nothing of the next. */
void link_changes_forget(link_changes_t *changes, bool front);

/* The next change. LINK_SAME: nothing changed. */
link_change_t link_changes_next(link_changes_t *changes);
bool link_changes_any(const link_changes_t *changes);

/* Pure: what an event of libzmq's monitor means for a connection that is to be encrypted or not. `known`: an event
 * before has told how its handshake went. */
link_change_t link_meaning(uint16_t event, uint32_t value, bool encrypted, bool known);

#endif
