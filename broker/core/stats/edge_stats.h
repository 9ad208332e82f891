/* What the edge counts: sockets, connections, logins, and the process. Bytes and times are in the unit that the name
 * says; the others are numbers since the broker began. */
#ifndef EDGE_STATS_H
#define EDGE_STATS_H

#include <stdint.h>

typedef struct {
    uint64_t front_bytes, max_front_bytes; /* queued for clients' DEALERs now; the limit */
    uint64_t back_bytes, max_back_bytes;   /* queued for clients' SUBs now; the limit */
    uint64_t trunk_bytes;                  /* wait for gateways that take nothing, now */
    uint64_t handshakes_refused;
    uint64_t logins_failed, logins_slowed;
    uint64_t turned_away; /* connections of an address that had or made too many */
    uint64_t no_room;     /* connections for which no descriptor was left */
    uint64_t incomplete;  /* connections that ended for incomplete messages */
    uint64_t greedy;      /* connections of readers with too many topics, or too fast */
    uint64_t revoked;     /* subscriptions of users that are not let in any more */
    uint64_t claimed, multipart,
        stray;               /* against the protocol: routing ids, messages of several parts, no subscription */
    uint64_t began_us;       /* when the broker began, since 1970 */
    uint64_t cpu_us;         /* of all threads */
    uint64_t resident_bytes; /* memory of the process now */
} edge_stats_t;

#endif
