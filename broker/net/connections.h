/* The state of each connection, by its descriptor. It has the side that accepted it and when, whether it said anything,
 * the user that authenticated on it, and how fast it subscribes. Pure: no socket is touched, no clock is read.
 *
 * Descriptors are used again: `socket` (the handle) tells a connection from those that had its descriptor before. */
#ifndef CONNECTIONS_H
#define CONNECTIONS_H

#include "names.h"

enum { CONNECTIONS_FRONT, CONNECTIONS_BACK };

/* How much of what is sent to a reader it gets (slow_readers.h). */
typedef struct {
    uint64_t confirmed; /* bytes that it got, at the last look */
    uint64_t got;       /* of these, in the last round */
    unsigned round;     /* the last one in which it was looked at; 0: none */
    unsigned stuck;     /* for how many rounds it got nothing by then, though there was something */
    bool compared;      /* it was looked at in the round before, too */
} reading_t;

typedef struct {
    uint64_t socket; /* 0: none */
    uint64_t accepted_ms;
    int side;
    bool heard;    /* said hello, or subscribed */
    bool dropped;  /* is about to end, and not to be listened to */
    uint64_t owed; /* for subscriptions, and those given back, of late: each is a thousand */
    uint64_t at;   /* when that was so (ms) */
    reading_t reading;
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

/* `side` accepted the connection; it is gone. */
void connections_open(connections_t *connections, int side, int fd, uint64_t socket, uint64_t now_ms);
void connections_close(connections_t *connections, int fd);

/* The connection that has this descriptor; NULL: none. Valid until the next connections_open. */
connection_t *connections_at(const connections_t *connections, int fd);

/* The connection said hello. `user` authenticated on it; empty: none. A name longer than a nick is cut off. */
void connection_hear(connection_t *one, zr_span_t user);

/* The same, by a subscription or by giving one back. false: it is too fast. */
bool connections_subscribe(connections_t *connections, connection_t *one, zr_span_t user, uint64_t now_ms);

/* Finds the first connection of any user, from descriptor `fd` on. Returns its descriptor; call again with that plus 1
 * for the next. It returns -1 after the last one. */
int connections_next_user(const connections_t *connections, int fd);

/* In the same way, a connection of `side` that said nothing yet, is not dropped, and was accepted before
 * `before_ms`. */
int connections_next_silent(const connections_t *connections, int side, uint64_t before_ms, int fd);

#endif
