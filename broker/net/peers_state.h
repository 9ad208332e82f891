/* What is known of all peers. peers.c knows the sender of a frame and ends connections. arrivals.c hears of connections
 * that come and go. pacing.c decides how much libzmq may read of each. */
#ifndef PEERS_STATE_H
#define PEERS_STATE_H

#include "addresses.h"
#include "connections.h"
#include "logger.h"
#include "peers.h"
#include "revoked.h"
#include "topics.h"

/* Routes whose descriptor is remembered: more than are usually busy at once. */
enum { ROUTES = 1024 };

struct peers {
    zloop_t *loop;
    sockets_t *sockets;
    inflow_t *inflow; /* the sockets' */
    connections_t connections;
    revoked_t revoked;
    revoked_t gone; /* users whose connections are about to end; all of generation 1 */
    topics_t *topics;
    peers_watch_t watch; /* zeroed: nobody wants to know */
    uint64_t all_reader_bytes;
    unsigned round;   /* of looks at slow readers */
    unsigned slowest; /* readers that the next round ends, if no reader is stuck: twice as many in each */
    int64_t leave_at; /* when readers may leave again (ms, monotonic); 0: none wait */
    uint64_t login_timeout_ms;
    struct {
        route_t route;
        int fd;
        bool claims;  /* the peer named a routing id for itself */
    } routes[ROUTES]; /* each in its place, by its lowest bits */
    addresses_t *addresses;
    char met[ZR_ADDRESS_TEXT_SIZE]; /* the address of the peer that peers_meet was asked of last */
    bool shedding, shed;            /* now; ever */
    uint64_t descriptors;           /* that this process may have; 0: not known */
    uint64_t heavy_turns;
    uint64_t turned_away, incomplete, too_slow, no_room, silent, unheard;
    zr_log_limit_t lines, ahead_lines, slow_lines, room_lines, filter_lines, silent_lines, unheard_lines, topic_lines;
    struct {
        uint64_t *items;
        size_t count, size;
        size_t old; /* so many of them were there when the timer last ran */
    } drops;
};

/* Ends a connection at once, with a reset, if it is not about to end. */
void peers_end(connection_t *one);

#endif
