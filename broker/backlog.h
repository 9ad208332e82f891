/* How far each connection is ahead of the broker: bytes that libzmq read from it and the broker did not take from
 * libzmq yet. libzmq bounds messages by their number and each of their parts by its size, but a message may have parts
 * without end, and it keeps all of them until the last one came. Here is the bound. Pure: no socket is touched.
 *
 * What a connection sent is known from the kernel, now and then (backlog_look); what was taken of it, from each frame
 * (backlog_took). The two differ by what is queued. A queue of whole messages is nobody's fault but the broker's, so
 * there is room for a large one. Yet when the broker found nothing more to take, and took nothing of this connection
 * since it looked last, then all that it had sent until then are parts of a message that is not complete. */
#ifndef BACKLOG_H
#define BACKLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A frame's own bytes are not all that it costs on the wire: so much comes to them at most (ZMTP's header and command
 * name, encryption). */
enum { BACKLOG_FRAME = 48 };

enum { BACKLOG_SIDES = 2 }; /* the front, the back */

typedef struct {
    uint64_t part;  /* bytes of a message that is not complete */
    uint64_t queue; /* bytes of everything */
} backlog_limits_t;

/* By descriptor. Who accepted a connection says so; a descriptor that nobody spoke of is not looked at. */
typedef struct {
    uint64_t socket; /* 0: none */
    uint64_t read;   /* by libzmq, when it was looked at last */
    uint64_t done;   /* of those, so many were taken */
    uint64_t took;   /* since then */
    uint64_t found_empty;
    int side;
} backlog_place_t;

typedef struct {
    backlog_limits_t limits[BACKLOG_SIDES];
    backlog_place_t *places;
    size_t size;
    uint64_t found_empty[BACKLOG_SIDES]; /* how often there was nothing more to take */
} backlog_t;

/* Zeroed but for the limits it is ready. */
void backlog_finish(backlog_t *backlog);

/* `side` accepted a connection; `socket` (its inode, not 0) tells it from those that had its descriptor before. */
void backlog_open(backlog_t *backlog, int side, int fd, uint64_t socket);
void backlog_close(backlog_t *backlog, int fd);

/* A frame was taken that came by `fd` (-1: unknown). For every frame, so it costs nothing. */
static inline void backlog_took(backlog_t *backlog, int fd, size_t bytes) {
    if ((size_t)fd < backlog->size)
        backlog->places[fd].took += bytes + BACKLOG_FRAME;
}

/* All that had come by `side` is taken. */
static inline void backlog_empty(backlog_t *backlog, int side) {
    backlog->found_empty[side]++;
}

/* libzmq has read so many bytes of the connection; more than it really read does no harm to whoever is not ahead.
 * true: it is too far ahead. */
bool backlog_look(backlog_t *backlog, int fd, uint64_t read);

/* So many bytes more than at the last look may be read before anybody needs to know it exactly. */
bool backlog_suspects(const backlog_t *backlog, int fd, uint64_t read);

#endif
