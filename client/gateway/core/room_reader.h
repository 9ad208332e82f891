/* Reads a room for a peer that knows nothing of the protocol: joins, hands every entry on once and in order, and fills
 * gaps by replays (PROTOCOL.md, "Joining without a gap"). It lives within a session that its owner holds on a channel.
 * Without socket, clock or thread. */
#ifndef ROOM_READER_H
#define ROOM_READER_H

#include "names.h"
#include "uplink.h"

typedef struct {
    /* Hands the entries after `after` on. False: the peer takes no more now, and they come again by a replay. */
    bool (*give)(void *ctx, delivery_t *delivery, uint64_t after);
    /* There is room for a replay. False: the owner calls room_reader_drained when there is. */
    bool (*ready)(void *ctx);
    /* The log does not have all that was missing any more. May be NULL. */
    void (*lost)(void *ctx);
} room_reader_calls_t;

typedef struct {
    feed_reader_t feed;
    channel_t *channel;
    const room_reader_calls_t *calls;
    void *ctx;
    char room[ZR_ROOM_MAX + 1]; /* "": it reads nothing */
    unsigned history;           /* entries before its own time that it gets first */
    bool live;                  /* the room's topic is */
    bool alive;                 /* there is a session */
    bool joined;                /* in the room, in this session */
    bool started;               /* there was a first join */
    bool begun;                 /* `last` is a position: what was before is history, or not wanted */
    bool full;                  /* the peer took no more */
    bool replaying;
    bool showing;                /* the replay is room_reader_show's */
    uint64_t epoch, last, heard; /* the last entry that was handed on, and the newest that is known */
} room_reader_t;

/* Subscribes to the room, whose name is valid. `reader` is zeroed or finished. False: there are too many topics. Before
 * the session begins, the owner sets `channel`. */
bool room_reader_begin(room_reader_t *reader, feeds_t *feeds, zr_span_t room, unsigned history,
    const room_reader_calls_t *calls, void *ctx, uint64_t now);

/* It reads nothing any more. The owner leaves the room at the broker. */
void room_reader_finish(room_reader_t *reader, uint64_t now);

/* The session began (with the epoch of `welcome`), or ended. It joins as soon as the topic is live. */
void room_reader_welcome(room_reader_t *reader, uint64_t epoch);
void room_reader_part(room_reader_t *reader);

/* The broker's answers and frames, of whatever room. Requests have the ids "join" and "replay". room_reader_joined is
 * true if this was the first join. */
bool room_reader_joined(room_reader_t *reader, const json_t *joined);
void room_reader_replayed(room_reader_t *reader, const json_t *replayed);
void room_reader_pong(room_reader_t *reader, const json_t *pong);
void room_reader_take(room_reader_t *reader, delivery_t *delivery);

/* A replay was refused for now; the next pong asks again. */
void room_reader_refused(room_reader_t *reader);

/* The peer has room again. */
void room_reader_drained(room_reader_t *reader);

/* Hands the last `count` entries on again. False: not now, since a replay is under way, or it is not in the room. */
bool room_reader_show(room_reader_t *reader, unsigned count);

#endif
