/* Sessions: each connected client, its nick, and the ways to find it. */
#ifndef SESSION_H
#define SESSION_H

#include "access.h"
#include "barred.h"
#include "channels.h"
#include "deadlines.h"
#include "meter.h"
#include "dedupe.h"
#include "follow.h"
#include "room_makers.h"
#include "outbox.h"
#include "rate.h"
#include "room.h"

enum { SESSION_TOKEN_SIZE = 16 };

/* A session's rights in one room. */
typedef struct {
    char room[ZR_ROOM_MAX];
    size_t room_len; /* 0: nothing known */
    rights_t rights;
    room_t *found;       /* the room itself, as long as none was freed since; NULL: not looked up */
    uint64_t rooms_gone; /* the relay's, when it was */
} rights_cache_t;

typedef struct session {
    uint64_t id;   /* rises; never told to anybody */
    route_t route; /* 0: detached */
    route_t deaf;  /* detached because nothing could be sent there any more; 0: not so. If no frame comes from there
                      until the session expires, its connection is ended: that frees its queue */
    uint64_t link; /* rises whenever the route changes: frames sent before may never have arrived */
    /* The pass that tells whether this broker leads, and the link on which the session needs to know (lead_check.h); 0: it
     * does not. And when it asked. */
    uint64_t lead_pass, lead_link, lead_at;
    struct user *user;
    client_t *client;
    rates_t rates;                      /* its debt; without a route, its connection owes it too */
    maker_t *maker;                     /* of the rooms that it makes; NULL: they are not counted */
    uint8_t token[SESSION_TOKEN_SIZE];  /* for resuming */
    bool authenticated;                 /* the nick is the user's name */
    bool by_token;                      /* and the peer logged in with a token, without a key */
    uint64_t connection;                /* of the last hello (peer_t); stays when it is detached. 0 on a channel */
    bool local;                         /* likewise */
    char address[ZR_ADDRESS_TEXT_SIZE]; /* likewise, for operators; empty: this machine */
    uint64_t since;                     /* µs since 1970: when it began */
    meter_t meter;                      /* of what it publishes */
    uint64_t limited, lost; /* how often it was told to wait; and was to get a frame for which its queue had no room */
    channel_t *channels;    /* of a gateway: its peers' */
    size_t channel_count;
    bool leaf;                   /* it says that it is one; the right is asked for beside */
    bool carries;                /* it is behind a leaf, and opened channels by way of it */
    const access_user_t *access; /* its rights; never NULL, */
    const barred_t *barred;      /* less those of rooms that its user is kept out of */
    grant_t *grant;              /* it logged in by it; NULL: otherwise */
    access_user_t *own_access;   /* and `access` is this one */
    deadline_t expiry;           /* of the grant */
    rights_cache_t asked;        /* of the room it asked about last */
    unsigned beats;              /* heartbeats that began since a frame came (relay_silent) */
    bool silent;                 /* it is about to expire (silence.h) */
    struct session *prev_silent, *next_silent;
    zr_blob_t *meta;   /* that it shows in rooms without another one; NULL: none */
    size_t meta_bytes; /* of those that it has in rooms */
    member_t *members;
    member_t *next_told;          /* where the next pong begins; NULL: at the first */
    following_t following;        /* prefixes of rooms that it reads */
    struct group_worker *workers; /* of groups, by number (groups.h) */
    size_t reads;                 /* replays and snapshots under way */
    struct listing *lists;        /* pages that it waits for (listing.h), in order */
    size_t list_count;            /* of them */
    struct session *prev_lister, *next_lister;
    uint64_t resumed;            /* how often; a client repeats its requests after it resumed */
    uint64_t answer_pass;        /* the pass that holds its last answer, */
    size_t answer;               /* and where it stands there (batch.h) */
    bool answer_parted;          /* an entry was refused since */
    struct session *prev, *next; /* of the same user */
    UT_hash_handle by_route, by_id, by_client;
} session_t;

/* A nick and the sessions that have it: one, unless the user authenticated. */
typedef struct user {
    char nick[ZR_NICK_MAX];
    size_t nick_len;
    session_t *sessions;
    size_t count; /* of them */
    UT_hash_handle hh;
    name_order_node_t by_nick;
} user_t;

typedef struct {
    session_t *by_route, *by_id, *by_client;
    user_t *users;
    name_order_t by_nick;           /* the same, by name (user_t.by_nick) */
    rate_connections_t connections; /* the debts of those without a session */
    channels_t channels;
    session_t *silent;    /* longest first */
    deadlines_t expiries; /* of those with a grant */
    barred_t barred;
    size_t count, authenticated;
    uint64_t last_id;
} sessions_t;

static inline zr_span_t user_nick(const user_t *user) {
    return zr_span_of(user->nick, user->nick_len);
}

/* Memberships, prefixes and workers: all count against max-joins. */
size_t session_joins(const session_t *session);

session_t *session_by_route(const sessions_t *sessions, route_t route);
session_t *session_by_id(const sessions_t *sessions, uint64_t id);
session_t *session_by_client(const sessions_t *sessions, zr_span_t key); /* dedupe_key's */
user_t *session_user(const sessions_t *sessions, zr_span_t nick);        /* NULL: nobody has it */

/* A session that holds `client` (until session_remove, which does not release it). Token and the rest are the caller's
 * to fill. */
session_t *session_add(sessions_t *sessions, client_t *client, zr_span_t nick, bool authenticated);
void session_remove(sessions_t *sessions, session_t *session); /* must be in no room any more */

/* The debt of the connection or channel at `route`, as long as no session is there. */
rates_t *session_debt(sessions_t *sessions, route_t route);

/* Gives it another route; 0 detaches it. A route belongs to one session at most. It has no channels any more
 * (channels_break). */
void session_set_route(sessions_t *sessions, session_t *session, route_t route);
void session_set_nick(sessions_t *sessions, session_t *session, zr_span_t nick);
void session_set_silent(sessions_t *sessions, session_t *session, bool silent);

/* It logged in by `grant`, copied, and `access` is its rights, which the session owns from then on. */
void session_set_grant(sessions_t *sessions, session_t *session, const grant_t *grant, access_user_t *access);

/* The session's rights in the room, whose name is valid. The last answer is cached; session_rights_forget drops it when
 * rights change. */
rights_t session_rights(session_t *session, zr_span_t room);
void session_rights_forget(session_t *session);

#endif
