/* A node's members, for the sources that it is made of. */
#ifndef NODE_STATE_H
#define NODE_STATE_H

#include "cluster.h"
#include "core.h"
#include "edge.h"
#include "leaf.h"
#include "node.h"

typedef enum { NODE_DOWN, NODE_STARTS, NODE_FOLLOWS, NODE_LEADS } node_state_t;

typedef enum {
    CAME_FRAME,        /* by the front */
    CAME_SUBSCRIPTION, /* by the back */
    CAME_WANTED,       /* the first reader of a topic came, */
    CAME_UNWANTED,     /* or the last one went */
    CAME_LEFT,         /* a connection at the front ended */
    CAME_UP_FRAME,     /* from the leader, by the front, */
    CAME_UP_BACK,      /* by the back */
    CAME_UP_STANDS,    /* the connection to the leader stands, */
    CAME_UP_ENDED,     /* or ended, or came to nothing */
    CAME_UP_BACK_ENDED /* likewise of the back */
} came_t;

typedef struct {
    came_t kind;
    route_t route;
    unsigned made; /* of the leader's: the socket that it came by */
    zr_blob_t *frame;
} arrival_t;

typedef struct {
    uint64_t session;
    uint64_t due; /* 0: ran out, not restarted */
    bool pending; /* an event for it is under way */
} ticket_t;

struct node {
    cluster_t *sim;
    unsigned number, incarnation;
    node_state_t state;
    uint64_t claim;
    uint64_t frozen;
    char back[64], peers[200];

    /* What it is. */
    relay_t *relay;
    leaf_t *leaf;
    log_t *log;
    relay_config_t config;
    core_t core;
    outbox_t outbox;
    edge_t edge;
    const conn_t *speaks; /* its frame is being handled */

    /* The loop. */
    arrival_t *arrivals;
    size_t head, count, size;
    bool woken;
    ticket_t *tickets;
    size_t ticket_count, ticket_size;
    topics_t topics; /* that its readers have */

    /* A follower's sockets. */
    socket_t up_front, up_back;
    unsigned made_front, made_back; /* so many, or given up */

    /* The database. */
    db_conn_t *conn;     /* until the log has it */
    db_conn_t *look;     /* the watch of the lease */
    uint64_t look_until; /* the start waits for its own lease to end */
    int leader;          /* that it follows, as a number */
    uint64_t term, batch, epoch;
    size_t wal; /* for a planted fault */
    bool stopping;
    bool again; /* it starts anew as a leader, and stays the same process */
};

/* node_boot.c */
void node_begin(void *ctx, uint64_t incarnation);
void node_look(void *ctx, uint64_t incarnation); /* of a follower, each 200 ms */

/* node.c */
void node_lead(node_t *node);
void node_follow(node_t *node);
void node_end(node_t *node, bool silently);

/* node_up.c */
extern const leaf_calls_t node_leaf_calls;
void node_init_sockets(node_t *node);
void node_push(node_t *node, const arrival_t *arrival);
void node_up(node_t *node, const arrival_t *arrival); /* what came from the leader */

#endif
