/* How much each connection of the back has subscribed to. libzmq keeps about thirty bytes for every byte of a topic and
 * knows no limit; here is one. Pure: no socket is touched. */
#ifndef SUBSCRIBERS_H
#define SUBSCRIBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of topics. More than one connection can have waiting in its queue (sockets.c: 1000 messages of 1024 bytes):
 * what is still to be read of one that is gone counts for the next that gets its descriptor, and must not close it. */
enum { SUBSCRIBERS_BYTES_MAX = 2 << 20 };

typedef struct {
    uint64_t socket;
    uint64_t bytes;
} subscriber_t;

typedef struct {
    subscriber_t *items; /* by descriptor */
    size_t size;
} subscribers_t;

/* A zeroed struct is ready. */
void subscribers_finish(subscribers_t *subscribers);

/* The connection with descriptor `fd` subscribed to a topic of `len` bytes, or gave it back. `socket` tells it from
 * those that had the descriptor before. false: it has more than it may. */
bool subscribers_note(subscribers_t *subscribers, int fd, uint64_t socket, bool subscribed, size_t len);

#endif
