/* What is known of each connection, by its descriptor: who authenticated on it, how much it has subscribed to, and how
 * fast. libzmq keeps about thirty bytes for every byte of a topic, queues what is subscribed and given back faster than
 * it is read, and knows no limit for either; here they are. Pure: no socket is touched, no clock is read.
 *
 * Descriptors are used again: `socket` (the inode) tells a connection from those that had its descriptor before, of
 * which nothing is known any more. */
#ifndef CONNECTIONS_H
#define CONNECTIONS_H

#include "names.h"

/* Bytes of topics. What is still to be read of a connection that is gone counts for the next that gets its descriptor;
 * that is little (sockets.c: BACK_RCVHWM), and must not close it. */
enum { CONNECTIONS_TOPICS_MAX = 2 << 20 };

typedef struct {
    uint64_t socket; /* 0: none was ever seen */
    uint64_t topics; /* bytes */
    uint64_t owed;   /* for subscriptions, and those given back, of late: each is a thousand */
    uint64_t at;     /* when that was so (ms) */
    bool back;       /* the back accepted it */
    bool reads;      /* subscribed once: it is one of the back's */
    bool dropped;    /* is about to end */
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

/* `user` authenticated on the connection; nothing happens when it is empty. A valid nick; of a longer one the rest is
 * cut off. */
void connections_set_user(connections_t *connections, int fd, uint64_t socket, zr_span_t user);

/* The back accepted it. */
void connections_open_back(connections_t *connections, int fd, uint64_t socket);

/* It subscribed to a topic of `len` bytes, or gave it back. false: it has more than it may, or is too fast. */
bool connections_subscribe(
    connections_t *connections, int fd, uint64_t socket, bool subscribed, size_t len, uint64_t now_ms);

/* It is about to end, and not to be listened to. */
void connections_drop(connections_t *connections, int fd, uint64_t socket);

/* The connection that had this descriptor when last heard of, if it is about to end; else 0. */
uint64_t connections_dropped(const connections_t *connections, int fd);

/* The first connection of a user, whoever it is, from descriptor `fd` on; it may be gone by now. What it gives plus 1
 * finds the next. -1: there is none. */
int connections_next_user(const connections_t *connections, int fd, connection_t *found);

/* In the same way, the back's that subscribed to nothing yet: nobody knows whose they are. */
int connections_next_silent(const connections_t *connections, int fd, connection_t *found);

#endif
