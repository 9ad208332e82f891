/* The rooms and prefixes that a WebSocket at /v1/ws is subscribed to, and what it may hear of them now. */
#ifndef BROWSER_ROOMS_H
#define BROWSER_ROOMS_H

#include "ws_peer.h"

typedef struct room_sub room_sub_t;
typedef struct room_subs room_subs_t;

typedef enum {
    ROOM_APART,   /* the broker was not asked to let it in: nothing is handed on */
    ROOM_PENDING, /* it was asked: frames are kept until it answers */
    ROOM_MEMBER   /* frames are handed on */
} room_state_t;

enum { ROOM_HELD = 64 }; /* frames kept while the answer is under way; further ones are lost, and `prev` shows it */

/* Hands a frame on to the peer. */
typedef void room_hand_fn(void *ctx, zr_blob_t *frames);
/* Another room became live. */
typedef void room_live_fn(void *ctx);

room_subs_t *room_subs_new(const ws_host_t *host, form_t form, room_hand_fn *hand, room_live_fn *live, void *ctx);
void room_subs_destroy(room_subs_t *subs, uint64_t now); /* NULL is accepted */

/* Subscribes. `name` is a room, or a prefix of rooms. With `presence` its presence too. NULL: a limit is reached. */
room_sub_t *room_subs_add(room_subs_t *subs, zr_span_t name, bool prefix, bool presence, uint64_t now);
room_sub_t *room_subs_find(const room_subs_t *subs, zr_span_t name, bool prefix);
void room_subs_remove(room_subs_t *subs, room_sub_t *sub, uint64_t now);

/* False: a limit is reached. */
bool room_sub_want_presence(room_sub_t *sub, uint64_t now);

bool room_sub_is_live(const room_sub_t *sub);

/* What is kept goes to the peer when it becomes a member, and is dropped when it goes apart. */
void room_sub_set(room_sub_t *sub, room_state_t state);
room_state_t room_sub_state(const room_sub_t *sub);

/* The broker is asked to let it in, by a request with this id (NULL: none), which stays the caller's. */
void room_sub_ask(room_sub_t *sub, json_t *id);

/* The broker refused a request with this id. If it was to let a room or prefix in, that goes apart; with `remove` a room
 * is unsubscribed from. */
void room_subs_refused(room_subs_t *subs, const json_t *id, bool remove, uint64_t now);

/* The session ended: all go apart. */
void room_subs_part(room_subs_t *subs);

#endif
