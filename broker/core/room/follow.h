/* Followers: sessions that read each room whose name begins with a prefix (PROTOCOL.md, `follow`). One costs the same
 * however many rooms those are. Frames of private rooms go to followers as to members. The heads that moved go into
 * their pongs.
 *
 * For that, rooms stand in the order in which they moved last. A session remembers up to which move it was told. */
#ifndef FOLLOW_H
#define FOLLOW_H

#include <jansson.h>

#include "access.h"
#include "blob.h"
#include "hash.h"
#include "names.h"

struct relay;
struct room;
struct session;

/* A prefix that somebody follows. */
typedef struct {
    char text[ZR_ROOM_MAX];
    size_t len;
    struct follower *followers;
    UT_hash_handle hh;
} prefix_t;

typedef struct follower {
    struct session *session;
    prefix_t *prefix;
    bool presence;                /* it wants that of its rooms too */
    struct follower *prev, *next; /* of the prefix */
    UT_hash_handle hh;            /* in the session, by prefix */
} follower_t;

typedef struct {
    prefix_t *prefixes;
    size_t of_length[ZR_ROOM_MAX + 1]; /* prefixes */
    struct room *moved; /* as long as somebody follows: rooms that moved, in order; its prev is the last */
    uint64_t moves;     /* rises with each */
    uint64_t gone;      /* the newest move of a room that was freed: its name cannot be told any more */
    uint64_t frames;    /* rises with each that followers get */
} follows_t;

/* A session's part. */
typedef struct {
    follower_t *by_prefix;
    uint64_t moves; /* it was told up to this move */
    bool list;      /* it is to be told to list the rooms anew: moves do not tell all */
    uint64_t frame; /* the last that it got */
} following_t;

bool follow_has(const struct relay *relay, const struct session *session, zr_span_t prefix);

/* The session follows `prefix` from now on, or follows it already: then only `presence` changes. */
void follow_begin(struct relay *relay, struct session *session, zr_span_t prefix, bool presence);
void follow_end(struct relay *relay, struct session *session, zr_span_t prefix);
void follow_end_all(struct relay *relay, struct session *session);

/* The room has a new head or presence version; it is about to be freed. */
void follow_moved(struct relay *relay, struct room *room);
void follow_room_gone(struct relay *relay, struct room *room);

/* Sends a frame of a private room to the followers with the rights `needed` there that are no members. */
void follow_tell(struct relay *relay, const struct room *room, rights_t needed, zr_blob_t *frame);

/* Puts the rooms that moved into a pong. Returns how many rooms it looked at. `*more`: others are left, which the next
 * pong tells. `*list`: too much has moved, or the rights have changed, so the session must list the rooms. */
size_t follow_pong(
    struct relay *relay, struct session *session, json_t *heads, json_t *versions, bool *more, bool *list);

#endif
