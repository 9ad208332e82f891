/* Readings: replays and snapshots under way. They wait in one queue, in the order of their requests, and each is one
 * piece of work. So a client that asks for much delays its own answers, and others by one piece at most. */
#ifndef READING_H
#define READING_H

#include "log.h"
#include "relay.h"
#include "request.h"

enum {
    READINGS_ASKED = 16
}; /* replays that the log has to answer at a time; the others wait here, where those of sessions
                                 that ended cost nothing */

typedef struct reading reading_t;

/* Begins the answer to `session`, which is connected and may read the room. Returns true when it is given; false: the
 * log gives it later (relay_t's sink). */
typedef bool(reading_fn)(relay_t *relay, session_t *session, reading_t *reading);

struct reading {
    uint64_t ticket;
    uint64_t session, resumed; /* whose, and of which of its connections */
    json_t *id;                /* of the request; NULL: none */
    char room[ZR_ROOM_MAX];
    size_t room_len;
    reading_fn *begin;
    uint64_t after, until; /* as asked for */
    uint64_t last;         /* of a replay; 0: entries after `after` */
    uint64_t limit;
    bool asked;           /* of the log */
    bool beyond;          /* a replay of entries after a position that was not given yet */
    zr_blob_t *key;       /* of a snapshot of this key only; NULL: of all. A reference of the reading's */
    struct reading *next; /* in the queue */
    UT_hash_handle hh;
};

/* Puts a copy of `asked` into the queue, for the room of `request`. It takes over the key. If too many are under way,
 * it has answered so. */
void reading_add(relay_t *relay, const request_t *request, const reading_t *asked);

bool reading_is_due(const relay_t *relay);

/* The next piece: begins the first reading of the queue. */
void reading_begin(relay_t *relay);

/* That with this ticket, which the log answers. */
reading_t *reading_find(const relay_t *relay, uint64_t ticket);

/* It is answered: frees it. */
void reading_end(relay_t *relay, reading_t *reading);

void reading_forget_all(relay_t *relay);

/* The session that still waits for the answer; NULL: it ended, or it asks again on another connection. */
session_t *reading_session(const relay_t *relay, const reading_t *reading);

/* What the answer is about, for reply.h. */
request_t reading_request(const session_t *session, const reading_t *reading);

/* The most bytes for the slice: less than replay-bytes while the queue of the session has little room. */
size_t reading_bytes(const relay_t *relay, const session_t *session);

static inline zr_span_t reading_room(const reading_t *reading) {
    return zr_span_of(reading->room, reading->room_len);
}

#endif
