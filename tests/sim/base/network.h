/* The made-up network: what libzmq, TCP and the machines between them do to frames. DEALER and ROUTER keep their order
 * and lose what is under way when a connection breaks; SUB loses at any time. The world asks for the faults;
 * losing frames under way, full queues and reconnecting happen here. It knows no broker: its calls do. */
#ifndef NETWORK_H
#define NETWORK_H

#include "blob.h"
#include "outbox.h"
#include "span.h"
#include "world.h"

struct client;
struct gateway;
struct conn;
struct network;

typedef struct {
    zr_blob_t **items;
    size_t size, head, count;
} queue_t;

void queue_push(queue_t *queue, zr_blob_t *frame);
zr_blob_t *queue_pop(queue_t *queue);
void queue_cut(queue_t *queue, size_t keep); /* drops what comes after the first `keep` */
void queue_finish(queue_t *queue);

typedef struct {
    uint8_t text[1 + 160];
    size_t len;
    unsigned count; /* how often it was subscribed to */
} topic_t;

/* Sorted by bytes, the order in which libzmq sends them again. */
typedef struct {
    topic_t *items;
    size_t count, size;
} topics_t;

typedef enum { CONN_FRONT, CONN_BACK } conn_kind_t;

/* A client's socket, or one of a gateway or a leaf. */
typedef struct {
    struct network *network;
    struct client *client; /* NULL: it is another program's */
    conn_kind_t kind;
    bool heeded;                                                      /* its owner is told of every change */
    bool once;                                                        /* it does not connect again by itself */
    void (*receive)(void *owner, conn_kind_t kind, zr_blob_t *frame); /* takes over the reference */
    void (*changed)(void *owner, bool up);                            /* the front's connection stands, or ended */
    void (*failed)(
        void *owner, conn_kind_t kind); /* nobody listens, or the back's connection ended; NULL: it goes on */
    void *owner;
    char name[8]; /* in the trace */
    bool open;
    uint64_t opened; /* counts; an attempt to connect for an older one is void */
    char endpoint[64];
    struct conn *conn;
    queue_t out; /* until there is a connection */
    queue_t in;  /* arrived, not taken by the owner yet */
    topics_t topics;
} socket_t;

/* Between a client and the broker; or between a client and a gateway; or a gateway's trunk. */
typedef struct conn {
    struct network *network;
    struct client *client;   /* NULL: it is a gateway's */
    socket_t *socket;        /* NULL: it is the trunk of `gateway` */
    struct gateway *gateway; /* NULL: it is between a socket and the broker */
    conn_kind_t kind;
    route_t route;
    unsigned incarnation; /* of the process at the broker's end */
    bool client_open, broker_open;
    bool watched; /* the client is told when it stands and when it ends */
    bool hole;    /* takes frames and loses them; neither end knows */
    queue_t up, down;
    uint64_t up_due, down_due; /* of the last one in them */
    uint64_t stalled;          /* nothing arrives before */
    uint64_t latency;
    size_t dropping; /* so many of the next frames to a reader vanish */
    size_t swallowed;
    bool spoke;       /* the broker has handled a frame of it */
    topics_t topics;  /* that the broker has seen */
    uint32_t channel; /* of a client's connection to a gateway: the one that it has on the trunk; 0: none */
    struct channel_state *channels; /* of a trunk, by their numbers */
    size_t channel_count, channel_size;
} conn_t;

/* What happens at the ends that the network does not know. */
typedef struct {
    /* The incarnation of the process that listens there; 0: none does. */
    unsigned (*listens)(void *ctx, const socket_t *socket);
    void (*accepted)(void *ctx, conn_t *conn); /* the socket's connection stands. NULL: that is no news */
    void (*receive)(void *ctx, conn_t *conn, zr_blob_t *frame); /* at the broker's end; takes over the reference */
    void (*gone)(
        void *ctx, conn_t *conn); /* that end noticed that it ended, before it forgets its topics. NULL: no news */
    /* Of a trunk without a socket: a frame for its gateway, which takes over the reference; and its end. */
    void (*trunk_frame)(void *ctx, conn_t *conn, zr_blob_t *frame);
    void (*trunk_gone)(void *ctx, conn_t *conn);
} network_calls_t;

typedef struct network {
    world_t *world;
    const network_calls_t *calls;
    void *ctx;                        /* theirs */
    uint64_t latency, jitter;         /* at most, of a connection */
    size_t route_queue, reader_queue; /* frames */
    unsigned drop_chance;             /* in a thousand frames on the back */
    bool quiet;                       /* nothing is dropped any more */
    conn_t **conns;
    size_t count, size;
    route_t last_route;
    uint64_t cut; /* nobody can connect before */
} network_t;

void network_finish(network_t *network);

/* Topics with a count. True: the set has changed. */
bool topics_add(topics_t *topics, zr_span_t topic);
bool topics_remove(topics_t *topics, zr_span_t topic);

/* --- The client's end --- */
void socket_connect(socket_t *socket, const char *endpoint); /* a fresh one; an old one goes with all it holds */
void socket_close(socket_t *socket);
void socket_send(socket_t *socket, zr_blob_t *frame); /* takes over the reference */
void socket_subscribe(socket_t *socket, const uint8_t *topic, size_t len, bool on);
void socket_finish(socket_t *socket);

/* --- A gateway's end --- */

/* Connects a gateway with that process. NULL: it is 0, or nobody can connect. */
conn_t *network_trunk(network_t *network, struct gateway *gateway, unsigned incarnation);
void conn_up(conn_t *conn, zr_blob_t *frame);   /* towards the broker; takes over the reference */
void conn_down(conn_t *conn, zr_blob_t *frame); /* towards the client, likewise */

/* --- The broker's end --- */

/* To `route`; takes over the reference. False: its queue is full, or it is gone. */
bool network_send(network_t *network, route_t route, zr_blob_t *frame);
/* To each subscribed SUB of that process; takes over the reference. */
void network_publish(network_t *network, unsigned incarnation, zr_blob_t *frame);
conn_t *network_conn(const network_t *network, route_t route); /* NULL: there never was one */

void network_drop(network_t *network, route_t route); /* ends the connection */

/* The process ended: its connections are gone, now or as soon as the other end notices. `silently`: the other end has to
 * find out, as nothing tells it. */
void network_process_gone(network_t *network, unsigned incarnation, bool silently);

/* --- Faults --- */

/* The connection breaks; a part of the frames under way arrives. `unnoticed`: the broker's end learns of it that much
 * later. */
void conn_break(conn_t *conn, uint64_t unnoticed);
void network_heal(network_t *network); /* no hole, no stall, nothing to drop */

#endif
