/* Lines of the audit on their way to the core. Any thread writes them; the loop takes them. */
#ifndef AUDIT_FEED_H
#define AUDIT_FEED_H

#include "mailbox.h"
#include "relay.h"

enum { AUDIT_FEED_MAX = 1000 }; /* lines that wait for the loop; beyond it they are dropped, which their numbers show */

typedef struct {
    zr_mailbox_t lines;
    atomic_size_t waiting;
    atomic_uint_fast64_t number; /* of the last line */
} audit_feed_t;

/* From now on it gets all lines. One feed at a time. */
void audit_feed_begin(audit_feed_t *feed);
void audit_feed_end(audit_feed_t *feed); /* one that did not begin, zeroed, is accepted */

/* Readable while lines wait. */
int audit_feed_fd(const audit_feed_t *feed);

/* Hands them to the relay. */
void audit_feed_take(audit_feed_t *feed, relay_t *relay);

#endif
