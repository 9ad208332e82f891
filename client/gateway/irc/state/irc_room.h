/* A room that an IRC client is in. The gateway joins it, repairs gaps by replays, and shows what is new, as for a plain
 * WebSocket room. A client that reads slowly gets nothing while too much waits for it, and then the rest by replay. */
#ifndef IRC_ROOM_H
#define IRC_ROOM_H

#include "irc_members.h"
#include "irc_state.h"

enum { IRC_HELD = 64 }; /* frames of presence that are kept while `who` is asked */

struct irc_room {
    irc_t *irc;
    UT_hash_handle hh;
    irc_name_t channel;
    feed_reader_t entries, presence;
    bool entries_live, presence_live;

    bool asked;   /* a `join` is under way */
    bool joined;  /* in this session */
    bool started; /* `last` is a position */
    bool shown;   /* the client was told that it is in the room */
    bool open;    /* new entries are shown */
    bool full, replaying;
    uint64_t epoch, last, heard; /* the last entry that the client got; the newest that is known */

    irc_member_t *members;
    uint64_t version, version_heard;
    bool counting, again; /* `who` is under way; it is to be asked once more */
    bool crowded;
    irc_member_t *counted; /* so far */
    zr_blob_t **held;
    size_t held_count, held_size;

    char *topic; /* NULL: none */
    char topic_by[ZR_NICK_MAX + 1];
    uint64_t topic_us, topic_seq;

    irc_reply_t *reply; /* of the JOIN, until it is shown */
    char typing[8];     /* what this client does: active, paused; empty: nothing */
    size_t len;
    char name[];
};

irc_room_t *irc_room_find(const irc_t *irc, zr_span_t name);
/* A room of the client whose channel IRC does not tell apart from this one; NULL: the client is in no such room. */
irc_room_t *irc_room_like(const irc_t *irc, zr_span_t channel);

/* Begins to join. NULL: the gateway is subscribed to as many topics as it may. */
irc_room_t *irc_room_new(irc_t *irc, zr_span_t name, const irc_name_t *channel);
/* Leaves; the broker is told, and nothing is shown. */
void irc_room_leave(irc_room_t *room);
void irc_rooms_finish(irc_t *irc);

/* The session began, or ended. */
void irc_rooms_join(irc_t *irc);
void irc_rooms_lose(irc_t *irc);

/* The users of a room that is not shown yet are known: it is shown. */
void irc_room_counted(irc_room_t *room);

/* A live frame of a private room. */
void irc_room_take(irc_room_t *room, delivery_t *delivery);
/* `left` came, or the room is refused now: `left` is that frame. */
void irc_room_revoked(irc_room_t *room, const json_t *left);
/* What a pong says. */
void irc_rooms_pong(irc_t *irc, const json_t *pong);
/* The connection has room again. */
void irc_rooms_drained(irc_t *irc);

#endif
