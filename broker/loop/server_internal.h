/* Shared by the parts of the server: server.c makes and runs it, intake.c takes in messages. */
#ifndef SERVER_INTERNAL_H
#define SERVER_INTERNAL_H

#include "auth.h"
#include "effects.h"
#include "peers.h"
#include "server.h"
#include "sockets.h"
#include "trim.h"

struct server {
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
    bool paused;     /* the front is not read, as too much waits for the disk */
    int64_t resumed; /* when it was read again (ms, monotonic) */
    relay_t *relay;
    outbox_t outbox;
    session_timers_t *tickets;
    trim_t spare;
    uint64_t heavy, given_back; /* count of heavy turns: a second ago, and when memory was last given back */
    front_queue_t *queued;
    effects_t effects;
    zmq_msg_t frame; /* the one being handled */
    char told_back[ENDPOINT_TEXT_SIZE];
    uint64_t logins_failed, logins_slowed;
    bool skipping;           /* the rest of a refused message of the front is being skipped, */
    int skipped_fd;          /* which came by this descriptor */
    uint64_t claimed, stray; /* frames dropped: claimed routing ids; not a subscription */
    uint64_t multipart;      /* messages of several parts */
    uint64_t greedy;         /* subscriptions of readers that had too many */
    uint64_t revoked;        /* subscriptions of users not let in any more */
    zr_log_limit_t drop_lines;
    bool stopping;
};

/* Microseconds since 1970, UTC. */
uint64_t server_now(void);

/* Flushes the relay and carries out its effects. */
void server_end_pass(server_t *server);

/* Takes a turn's share of the messages that wait at the front, and carries out their effects. */
void server_take_batch(server_t *server);

/* The same for the answers of the log on disk. */
void server_take_answers(server_t *server);

/* zloop's handlers. */
int server_on_front(zloop_t *loop, zsock_t *socket, void *arg);
int server_on_back(zloop_t *loop, zsock_t *socket, void *arg);
int server_on_log(zloop_t *loop, zmq_pollitem_t *item, void *arg);

#endif
