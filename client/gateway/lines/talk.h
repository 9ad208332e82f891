/* A person or a script on plain TCP: each line is a message to a room, and each message of the room comes back as a line
 * (LINES.md). The gateway runs the session for it. Without socket, clock or thread.
 *
 * A slow peer loses messages while too much waits for it, and is told how many. */
#ifndef TALK_H
#define TALK_H

#include "talk_text.h"
#include "ws_peer.h"

typedef struct talk talk_t;

enum {
    TALK_TURN = 64,       /* lines of one peer in a turn */
    TALK_LEAVE_MS = 5000, /* that a peer which ended its input, or said /quit, waits for the broker's answers */
};

/* The same for all peers. It outlives them. */
typedef struct {
    const ws_host_t *host;
    const char *room;        /* that a peer joins first; valid */
    bool nick;               /* "nick: text" */
    unsigned history;        /* messages that a peer gets on joining */
    size_t max_line;         /* bytes of a line, without its end */
    uint64_t max_deliveries; /* that the lines of one peer may cause in a second; above 0 */
} talk_config_t;

/* Its connection. */
typedef struct {
    /* Queues bytes; the reference stays the caller's. `live`: false if they were dropped, and talk_drained follows. */
    bool (*send)(void *ctx, zr_blob_t *bytes, bool live);
    /* Ends the connection after what is queued. Nothing is told to the peer object any more. */
    void (*close)(void *ctx);
} talk_calls_t;

/* `from` has the address. `port` is 0 for a peer without one. */
talk_t *talk_new(const talk_config_t *config, const ws_from_t *from, unsigned port, const talk_calls_t *calls,
    void *ctx, uint64_t now);
void talk_destroy(talk_t *talk); /* says bye for the peer; NULL is accepted */

/* Bytes of the peer came; returns how many were taken. It wants the rest in a later turn. */
size_t talk_bytes(talk_t *talk, zr_span_t bytes, uint64_t now);

/* The peer sends nothing more. The connection is closed when the broker has answered. */
void talk_end(talk_t *talk, uint64_t now);

/* The connection is not to be read: the peer has not got its greeting, too much is unanswered, its lines
 * caused too many deliveries, or the broker asked for a pause. */
bool talk_is_paused(talk_t *talk, uint64_t now);

/* The connection has room again. */
void talk_drained(talk_t *talk, uint64_t now);

/* The gateway stops: tells the peer. */
void talk_stopping(talk_t *talk);

/* Closes the connection of a peer that leaves, when the broker has answered all; to be called in every turn from its
 * end, or its /quit, on. talk_due says when that is too long; UINT64_MAX: it does not leave. */
void talk_tick(talk_t *talk, uint64_t now);
uint64_t talk_due(const talk_t *talk);

#endif
