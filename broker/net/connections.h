/* The state of each connection, by its descriptor. It has the side that accepted it and when, whether it said anything,
 * the user that authenticated on it, and how fast it subscribes. Pure: no socket is touched, no clock is read.
 *
 * Descriptors are used again: `socket` (the handle) tells a connection from those that had its descriptor before. Their
 * state is dropped. */
#ifndef CONNECTIONS_H
#define CONNECTIONS_H

#include "names.h"

enum { CONNECTIONS_FRONT, CONNECTIONS_BACK };
enum { CONNECTIONS_FRESH_MS = 1000 }; /* after a connection's end: the rest of its messages is taken within this time */

typedef struct {
    uint64_t socket;      /* 0: none */
    uint64_t accepted_ms; /* 0: no event told that it was accepted */
    uint64_t closed_ms;   /* when the one before ended; 0: never */
    int side;
    bool heard;         /* said hello, or subscribed */
    bool dropped;       /* is about to end */
    bool ended;         /* was ended; libzmq closes it in a moment */
    bool fresh;         /* the connection before, with the same descriptor, had ended just before */
    const void *proof;  /* the same for all messages of this connection; NULL: not known yet */
    const void *before; /* the same of the connection before */
    uint64_t owed;      /* for subscriptions, and those given back, of late: each is a thousand */
    uint64_t at;        /* when that was so (ms) */
    uint8_t user_len;
    char user[ZR_NICK_MAX];
} connection_t;

typedef struct {
    uint64_t per_second, burst; /* subscriptions of one connection: in a second, 0: no limit; and at once */
    connection_t *items;        /* by descriptor */
    size_t size;
} connections_t;

/* Zeroed but for the limits it is ready. */
void connections_finish(connections_t *connections);

/* `side` accepted the connection; it ended. */
void connections_open(connections_t *connections, int side, int fd, uint64_t socket, uint64_t now_ms);
void connections_close(connections_t *connections, int fd, uint64_t now_ms);

/* The connection said hello. `user` authenticated on it; empty: none. A name longer than a nick is cut off. */
void connections_hear(connections_t *connections, int fd, uint64_t socket, zr_span_t user);

/* The same, by a subscription or by giving one back. false: it is too fast. */
bool connections_subscribe(connections_t *connections, int fd, uint64_t socket, zr_span_t user, uint64_t now_ms);

/* The connection is ended for a message with `proof`. false: it was ended before. Another thread closes it meanwhile,
 * so ending it again might end the next connection with the descriptor. */
bool connections_end(connections_t *connections, int fd, uint64_t socket, const void *proof);

/* Messages of a connection may be taken after its end, when another one has its descriptor. `proof` is the same for all
 * messages of one connection. true: all that was told of this connection until now belongs to the one before. */
bool connections_prove(connections_t *connections, int fd, uint64_t socket, const void *proof);

/* The message with `proof`, which came by the connection's descriptor, is the rest of the connection before. */
bool connections_is_rest(const connections_t *connections, int fd, uint64_t socket, const void *proof);

/* The sender of a message with `proof` that `side` had by the connection's descriptor. */
typedef enum {
    CONNECTIONS_ITS,      /* this connection's */
    CONNECTIONS_ANOTHERS, /* another one's: the rest of its messages */
    CONNECTIONS_DOUBTFUL  /* either; if this connection is honest, it soon says something with another proof */
} connections_sender_t;
connections_sender_t connections_sender(
    const connections_t *connections, int side, int fd, uint64_t socket, const void *proof);

/* The connection that has this descriptor; NULL: none is known. Valid until the next call. */
const connection_t *connections_at(const connections_t *connections, int fd);

/* May the connection be one of `side`? Else a message that came by its descriptor is the rest of an earlier one. */
bool connections_is_of(const connections_t *connections, int fd, uint64_t socket, int side);

/* A message came that passes for the rest of the connection before. It may be this one's: memory is used again, so a
 * proof may be the same. The connection then does not count as silent. */
void connections_may_be_heard(connections_t *connections, int fd, uint64_t socket);

/* It is about to end, and not to be listened to. */
void connections_drop(connections_t *connections, int fd, uint64_t socket);

/* The connection that had this descriptor when last heard of, if it is about to end; else 0. */
uint64_t connections_dropped(const connections_t *connections, int fd);

/* Finds the first connection of any user, from descriptor `fd` on; it may be gone by now. Returns its descriptor; call
 * again with that plus 1 for the next. -1: there is none. */
int connections_next_user(const connections_t *connections, int fd, connection_t *found);

/* In the same way, a connection of `side` that said nothing yet, is not dropped, and was accepted before
 * `before_ms`. */
int connections_next_silent(
    const connections_t *connections, int side, uint64_t before_ms, int fd, connection_t *found);

#endif
