/* The client's decisions (PROTOCOL.md, sections 6 to 8) without socket, clock or thread. The link (link.c) hands in
 * frames and time and carries out actions; the simulator does the same with a made-up network. */
#ifndef MACHINE_H
#define MACHINE_H

#include "blob.h"
#include "servers.h"
#include "span.h"
#include "zrelay.h"

typedef struct machine machine_t;

typedef struct {
    const zr_servers_t *servers; /* the fronts' endpoints, of which back.h has the rules for the back; copied. NULL: the
                                    link knows its only one, and any back is taken */
    const char *nick;            /* NULL: none */
    const char *agent;           /* NULL: none */
    const char *user;            /* NULL: no login, or the token is a JWT, which names the user */
    const char *token;           /* NULL: no login */
    const char *client;          /* the client id; NULL: a new one */
    const char *meta;            /* as zr_meta_write gives it; NULL: none */
    bool encrypted;              /* the sockets are: for the text about a connection that fails */
    size_t queue_messages, queue_bytes;
    size_t pack;         /* messages in a PUBLISH frame at most; 0: as many as fit */
    size_t prefix_rooms; /* positions of rooms that prefixes brought; 0: PREFIX_ROOMS_MAX */
    bool reconnect;
    /* Fills `out` with unpredictable bytes: client id, nonces, jitter. */
    void (*entropy)(void *ctx, void *out, size_t len);
    void *entropy_ctx;
} machine_config_t;

/* The actions that the machine asks for, in order. */
typedef enum {
    ACTION_SEND,          /* `frame` on the DEALER */
    ACTION_CONNECT_FRONT, /* a fresh DEALER to `endpoint` (an old one is dropped with all it holds) */
    ACTION_CONNECT_BACK,  /* a fresh SUB to `endpoint`, without subscriptions; an old one is dropped */
    ACTION_SUBSCRIBE,     /* `topic` on the SUB */
    ACTION_UNSUBSCRIBE,
    ACTION_DISCONNECT, /* close both sockets */
} action_kind_t;

typedef struct {
    action_kind_t kind;
    zr_span_t frame;
    zr_blob_t *owner; /* the memory of `frame`, perhaps shared with others: the machine's. Without a reference both are
                         gone with the next call */
    const char *endpoint; /* the machine's, valid until the next call; NULL: see machine_config_t.servers */
    const char *key;      /* likewise: the server's key, with ACTION_CONNECT_FRONT; empty or NULL: as it is set */
    uint8_t topic[1 + 160];
    size_t topic_len;
} action_t;

/* Times are milliseconds of any monotonic clock. */
machine_t *machine_new(const machine_config_t *config, uint64_t now);
void machine_destroy(machine_t *machine); /* NULL is accepted */

/* A frame came by DEALER or by SUB. One reference goes to the machine. */
void machine_front(machine_t *machine, zr_blob_t *frame, uint64_t now);
void machine_back(machine_t *machine, zr_blob_t *frame, uint64_t now);

/* The DEALER's connection stands (its handshake is done), or ended: sooner than silence tells it. A hint: the machine
 * comes through without. */
void machine_front_up(machine_t *machine, uint64_t now);
void machine_front_down(machine_t *machine, uint64_t now);

/* The SUB is gone with all that was queued in it. It is made anew with back-off, and the loss is repaired. */
void machine_back_down(machine_t *machine, uint64_t now);

/* The DEALER's connection came to nothing, and why. Told to the program, and tried again with back-off. */
typedef enum {
    FRONT_REFUSED,   /* the broker refused this client's key */
    FRONT_HANDSHAKE, /* it ended before it was encrypted */
    FRONT_MECHANISM, /* one side encrypts, the other does not */
    FRONT_FAILURES
} front_failure_t;
void machine_front_failed(machine_t *machine, front_failure_t why, uint64_t now);

/* The DEALER cannot connect, for the reason `why` (copied), and goes on trying. With several servers the next one is
 * tried instead. Told to the program once, when none can be reached. */
void machine_front_unreachable(machine_t *machine, const char *why, uint64_t now);

/* Does all work that is due; machine_due says when work is due next (UINT64_MAX: never). */
void machine_tick(machine_t *machine, uint64_t now);
uint64_t machine_due(const machine_t *machine);

/* The next action; false: no action waits. Published messages are packed into PUBLISH frames when actions are taken.
 * The next event, valid until the next call that takes one or hands in a frame; NULL: no event waits. */
bool machine_action(machine_t *machine, action_t *action, uint64_t now);
const zrelay_event_t *machine_event(machine_t *machine);
bool machine_has_event(const machine_t *machine);

/* Rises whenever the DEALER is dropped: an action that could not be carried out before then is void. */
uint64_t machine_connection(const machine_t *machine);

/* Published messages should go now: there is only one, or a frame is full. Else they may wait for more until actions
 * are taken for another reason. */
bool machine_eager(const machine_t *machine);

/* ZRELAY_CLOSED was or is among the events; nothing follows it. */
bool machine_closed(const machine_t *machine);

/* The program's wishes; results as in zrelay.h. */
int machine_reconnect(machine_t *machine, uint64_t now);
int machine_close(machine_t *machine, uint64_t now);
int machine_join(machine_t *machine, const char *room, int from, uint64_t position, uint64_t now);
int machine_leave(machine_t *machine, const char *room, uint64_t now);
int machine_publish(machine_t *machine, const char *room, const char *key, uint8_t flags, uint64_t expect,
    const void *body, size_t len, uint64_t *mid);
size_t machine_body_max(const machine_t *machine, zr_span_t room, zr_span_t key);
size_t machine_unacked(const machine_t *machine);

#endif
