/* What the server is made of: server.c makes and runs it, intake.c takes in messages. */
#ifndef SERVER_STATE_H
#define SERVER_STATE_H

#include "audit_feed.h"
#include "auth.h"
#include "effects.h"
#include "leaf.h"
#include "peers.h"
#include "sockets.h"
#include "timekeeper.h"
#include "trim.h"
#include "upstream_link.h"

typedef struct server {
    const settings_t *settings;
    relay_config_t relay_config;
    sockets_t sockets;
    void *front, *back; /* libzmq's handles of the two */
    int signals;
    zloop_t *loop;
    auth_t *auth;
    access_t *access; /* in force; the relay's */
    peers_t *peers;
    log_t *log;
    timekeeper_t time;
    bool paused;     /* the front is not read, as too much waits for the disk, or for a leaf's upstream */
    int64_t resumed; /* when it was read again (ms, monotonic) */
    core_t core;     /* the relay, or a leaf, */
    relay_t *relay;  /* of which one is not there: NULL */
    leaf_t *leaf;
    upstream_link_t *upstream; /* of a leaf */
    outbox_t outbox;
    int work_timer; /* zloop's, while work waits; 0: none does */
    session_timers_t *timers;
    trim_t trim;
    uint64_t heavy, given_back; /* count of heavy turns: a second ago, and when memory was last given back */
    front_queue_t *queued;
    effects_t effects;
    zmq_msg_t frame; /* the one being handled */
    char told_back[ENDPOINT_TEXT_SIZE];
    char told_peers[ZR_SERVERS_TEXT_MAX + 1]; /* "A,B", for welcome */
    uint64_t logins_failed, logins_slowed;
    bool skipping;           /* the rest of a refused message of the front is being skipped, */
    int skipped_fd;          /* which came by this descriptor */
    uint64_t claimed, stray; /* frames dropped: claimed routing ids; not a subscription */
    uint64_t multipart;      /* messages of several parts */
    uint64_t greedy;         /* subscriptions of readers that had too many */
    uint64_t revoked;        /* subscriptions of users not let in any more */
    zr_log_limit_t drop_lines;
    audit_feed_t audit;
    uint64_t began;          /* µs since 1970 */
    struct cluster *cluster; /* NULL: this broker is alone */
    bool stopping;
    bool again; /* with it: the program is to start anew */
} server_t;

#endif
