/* What is known of each connection, by its descriptor: who authenticated on it, and how much it has subscribed to.
 * libzmq keeps about thirty bytes for every byte of a topic and knows no limit; here is one. Pure: no socket is
 * touched.
 *
 * Descriptors are used again: `socket` (the inode) tells a connection from those that had its descriptor before, of
 * which nothing is known any more. */
#ifndef CONNECTIONS_H
#define CONNECTIONS_H

#include "names.h"

/* Bytes of topics. More than one connection can have waiting in its queue (sockets.c: 1000 messages of 1024 bytes):
 * what is still to be read of one that is gone counts for the next that gets its descriptor, and must not close it. */
enum { CONNECTIONS_TOPICS_MAX = 2 << 20 };

typedef struct {
    uint64_t socket; /* 0: none was ever seen */
    uint64_t topics; /* bytes */
    bool reads;      /* subscribed once: it is one of the back's */
    bool dropped;    /* is about to end */
    uint8_t user_len;
    char user[ZR_NICK_MAX];
} connection_t;

typedef struct {
    connection_t *items; /* by descriptor */
    size_t size;
} connections_t;

/* A zeroed struct is ready. */
void connections_finish(connections_t *connections);

/* `user` authenticated on the connection; nothing happens when it is empty. A valid nick; of a longer one the rest is
 * cut off. */
void connections_set_user(connections_t *connections, int fd, uint64_t socket, zr_span_t user);

/* It subscribed to a topic of `len` bytes, or gave it back. false: it has more than it may. */
bool connections_subscribe(connections_t *connections, int fd, uint64_t socket, bool subscribed, size_t len);

/* It is about to end, and not to be listened to. */
void connections_drop(connections_t *connections, int fd, uint64_t socket);

/* The connection that had this descriptor when last heard of, if it is about to end; else 0. */
uint64_t connections_dropped(const connections_t *connections, int fd);

/* The first connection of the user from descriptor `fd` on, which may be gone by now; what it gives plus 1 finds the
 * next. -1: there is none. */
int connections_of_user(const connections_t *connections, int fd, zr_span_t user, connection_t *found);

#endif
