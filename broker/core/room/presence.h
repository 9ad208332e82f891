/* The users present in a room, and the changes that the room has not been told yet. Within a tick, joining and leaving
 * cancel out. A user with several sessions joins with the first and leaves with the last. */
#ifndef PRESENCE_H
#define PRESENCE_H

#include <jansson.h>

#include "blob.h"
#include "names.h"
#include "name_order.h"
#include "span.h"

enum { PRESENCE_CHANGES = 500 };  /* named in one frame */
enum { PRESENCE_COUNTED = 5000 }; /* changes in one frame of a crowded room: they are only counted */

enum { PRESENCE_META_BYTES = 32768 }; /* of metas, about, in one frame, and of one room in a tick */

typedef struct occupant {
    char nick[ZR_NICK_MAX];
    size_t nick_len;
    size_t sessions;         /* present now; 0: gone, and the room was not told yet */
    bool told;               /* the room was told that this user is here */
    bool queued;             /* among the changes */
    bool listed;             /* a `who` answer showed a change that is undone since and that the room was not told */
    uint64_t listings;       /* the presence's, when somebody came or went last */
    zr_blob_t *meta;         /* that the user shows: a JSON object as text; NULL: none */
    bool meta_changed;       /* the room was told another one */
    const char *reason;      /* why the last session went; static */
    char other[ZR_NICK_MAX]; /* renamed: the nick after or before */
    size_t other_len;
    struct occupant *prev_change, *next_change;
    name_order_node_t by_nick;
} occupant_t;

typedef struct {
    name_order_t occupants; /* by nick (occupant_t.by_nick) */
    size_t count;           /* with a session here */
    uint64_t listings;      /* how often `who` was answered */
    uint64_t version;
    occupant_t *changes; /* oldest first */
    bool crowded;        /* nobody is named: telling all users about all users grows with the square of their number */
} presence_t;

void presence_finish(presence_t *presence);

/* A session of `nick` is here now, or no longer. `was` and `to` are the nick before and after a rename, else empty.
 * `reason` is static. Returns true when the room has something to be told. */
bool presence_enter(presence_t *presence, zr_span_t nick, zr_span_t was);
bool presence_exit(presence_t *presence, zr_span_t nick, const char *reason, zr_span_t to);

/* The present user shows this meta from now on; NULL: none. The presence keeps a reference of its own. The last session
 * that goes takes it along. Returns true when the room has something to be told. */
bool presence_set_meta(presence_t *presence, zr_span_t nick, zr_blob_t *meta);
zr_blob_t *presence_meta(const presence_t *presence, zr_span_t nick); /* borrowed; NULL: none */

/* The users are about to be listed or counted, with the version of the newest frame. A client goes on from that. So
 * changes that are not told yet must be told, even if they are undone within the tick. */
void presence_listed(presence_t *presence);

/* The first present user whose nick comes after `nick`. NULL: `nick` is the last. */
const occupant_t *presence_next(const presence_t *presence, zr_span_t nick);

/* The user as lists name it: {nick, meta}. The caller's. */
json_t *presence_named(const occupant_t *occupant);

/* Has the room too many users to name them? It has from when it had more than `names` users until a frame finds at most
 * half as many. */
bool presence_is_crowded(presence_t *presence, size_t names);

/* The next frame of changes for the back (topic and JSON), the caller's. It takes a bounded number of changes; NULL: they
 * were undone. Go on until presence_is_told. `*full`: it holds so many bytes of metas that the rest is for the next tick. */
zr_blob_t *presence_frame(presence_t *presence, zr_span_t room, size_t names, bool *full);
bool presence_is_told(const presence_t *presence);

#endif
