/* Rooms, their members, and the frame being gathered for each. */
#ifndef ROOM_H
#define ROOM_H

#include "access.h"
#include "buffer.h"
#include "meter.h"
#include "frame_limit.h"
#include "hash.h"
#include "room_state.h"
#include "room_makers.h"
#include "names.h"
#include "name_order.h"
#include "presence.h"

typedef struct room {
    char name[ZR_ROOM_MAX];
    size_t name_len;
    uint64_t head;         /* newest seq given */
    uint64_t born;         /* head when the room was made: the log knows it */
    uint64_t begun;        /* the position before its first entry; also 0 when that is not known */
    uint64_t emptied;      /* when the last member left; 0: none did */
    bool going;            /* it is being forgotten, unless it is used meanwhile (forget.c), */
    uint64_t going_at;     /* at this head */
    uint64_t stored;       /* newest seq that readers may see; what joined and pong name */
    uint64_t last_time;    /* of the newest entry */
    uint64_t carried;      /* newest seq that an operator moved here (publish_kept.h); 0: none since the start */
    uint64_t carried_at;   /* when that was */
    zr_level_t level;      /* ZR_LEVEL_NONE: relayed and not kept */
    uint64_t rights_seen;  /* the relay's access_number when `private` was computed (room_refresh_rights) */
    bool private;          /* some user that can be connected may not read it: entries go to members, not to the back */
    bool private_presence; /* the same for presence */
    claims_t claims;       /* the makers that it counts for */

    /* The DELIVER frame gathered in this pass (batch.c). */
    zr_buffer_t open;
    size_t open_count;
    size_t open_before; /* bytes of the largest frames of late */
    size_t open_most;   /* bytes that it may have, by `open_limit` when it began */
    frame_limit_t open_limit;
    uint64_t open_first, open_prev;
    bool open_keyed;
    struct room *next_open;
    size_t unstored; /* frames handed to the log and not stored yet */

    meter_t meter; /* of the frames that were gathered */
    room_state_t keys;
    presence_t presence;
    bool has_news; /* presence to tell */
    struct room *next_news;
    uint64_t moved; /* the relay's moves when it moved last; 0: not while somebody followed */
    struct room *prev_moved, *next_moved;
    struct room_group *groups; /* by name (groups.h) */
    uint64_t kept;             /* groups need the entries after it; UINT64_MAX: none */
    name_order_node_t by_groups;
    struct member *members;
    size_t member_count, silent_count;
    UT_hash_handle hh;
    name_order_node_t by_name;
} room_t;

/* A session's membership. */
typedef struct member {
    struct session *session;
    room_t *room;
    rights_t rights;            /* with RIGHT_READ, always */
    zr_blob_t *meta;            /* of this room; NULL: the session's */
    bool wished;                /* it wants to be named in presence, */
    bool present;               /* and may be, and is */
    uint64_t told;              /* head of the last pong; UINT64_MAX: none yet */
    uint64_t told_version;      /* of presence, likewise */
    struct member *prev, *next; /* in the room */
    UT_hash_handle hh;          /* in the session, by room */
} member_t;

static inline zr_span_t room_name(const room_t *room) {
    return zr_span_of(room->name, room->name_len);
}

#endif
