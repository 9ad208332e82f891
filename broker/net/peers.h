/* The peer at the other end of each connection, and the ways to end a connection. It joins libzmq's metadata and the
 * kernel's descriptors. The state is in connections.c, addresses.c, revoked.c and inflow.c. */
#ifndef PEERS_H
#define PEERS_H

#include <czmq.h>

#include "relay.h"
#include "settings.h"
#include "sockets.h"
#include "topics.h"

typedef struct peers peers_t;

/* Watches the connections of the two sockets. All arguments stay the caller's and must outlive it. */
peers_t *peers_new(zloop_t *loop, sockets_t *sockets, const settings_t *settings);
/* Puts the settings' limits in force, from the next connection, subscription or frame on. */
void peers_set_limits(peers_t *peers, const settings_t *settings);
void peers_destroy(peers_t *peers); /* NULL is accepted */

/* The descriptor of the connection that `frame` came by; -1: libzmq does not know it. For a frame of the front give its
 * route, which is faster; else 0. */
int peers_descriptor(peers_t *peers, route_t route, zmq_msg_t *frame);

/* The peer behind `route`, of which peers_descriptor was asked last, named a routing id for itself in the handshake. An
 * id that begins with a zero byte does not show. */
bool peers_claims(const peers_t *peers, route_t route);

/* The user that authenticated on the connection that `frame` came by (a payload part, or a subscription); empty: none.
 * It lives as long as the frame. */
zr_span_t peers_user(zmq_msg_t *frame);

/* Fills in `peer`, which said hello in `frame`, and remembers it for peers_drop_user. All that `peer` points to lives
 * as long as the frame, and until the next call. */
void peers_meet(peers_t *peers, zmq_msg_t *frame, peer_t *peer);

/* Connections that authenticated as `user` before `generation` of the users are revoked. They end with the next
 * peers_drop_users, as by peers_drop_user. */
void peers_revoke(peers_t *peers, zr_span_t user, uint64_t generation);

/* Ends the back's connections that subscribed to nothing yet. libzmq serves a subscription before the broker can check
 * its user. So call this before a room may become open because a user that could not read it is gone. Clients that are
 * still let in reconnect. */
void peers_end_silent(peers_t *peers);

/* Is the connection that `frame` came by revoked? */
bool peers_is_revoked(const peers_t *peers, zmq_msg_t *frame);

/* A message that came by `fd` was taken; `side` has no message to take (INFLOW_FRONT, INFLOW_BACK). libzmq reads no
 * faster than messages are taken (inflow.h). */
void peers_took(peers_t *peers, int fd);
void peers_found_empty(peers_t *peers, int side);

/* A subscription came, or one was given back. false: the reader has too many, or is too fast, and its connection
 * ends. */
bool peers_subscribe(peers_t *peers, zmq_msg_t *frame, bool subscribed);

/* From now on `watch` is told which topics have readers (topics.h), and of each connection (peer_t's) at the front that is
 * gone; messages of it may still wait to be taken. */
typedef struct {
    topics_changed_fn *topic;
    void (*left)(void *ctx, uint64_t connection);
    void *ctx;
} peers_watch_t;
void peers_watch(peers_t *peers, const peers_watch_t *watch);

/* Ends the connection that a frame came by: of the front with descriptor `fd`, or of the back. */
void peers_end_front(peers_t *peers, int fd);
void peers_end_back(peers_t *peers, zmq_msg_t *frame);

/* Ends a connection (peer_t's) in a moment, so that frames sent to it get out. One that is gone is left alone. */
void peers_drop(peers_t *peers, uint64_t connection);

/* A connection (peer_t's) is ended for flooding: its address may make fewer new ones for a while. */
void peers_charge(peers_t *peers, uint64_t connection);

/* Are frames of the connection of descriptor `fd` to be handled? Not while it waits for its end. */
bool peers_hear(const peers_t *peers, int fd);

/* peers_drop_user names a user; peers_drop_users then ends the connections of all users named. Those at the front that
 * said hello end in a moment, as by peers_drop; those at the back that subscribed end at once. Other connections of a
 * user are not known. Nothing is sent to them, and they are checked when they speak. */
void peers_drop_user(peers_t *peers, zr_span_t user);
void peers_drop_users(peers_t *peers);

/* Connections that were closed because their address had or made too many. */
uint64_t peers_turned_away(const peers_t *peers);

/* Connections that were closed because the process has hardly any file descriptors left. */
uint64_t peers_no_room(const peers_t *peers);

/* Connections that were closed for incomplete messages. */
uint64_t peers_incomplete(const peers_t *peers);

/* Turns (inflow.h) in which megabytes were read before the broker took them. */
uint64_t peers_heavy_turns(const peers_t *peers);

#endif
