/* What the relay is made of, for its own parts: relay.c, dispatch.c, batch.c, members.c and the commands. */
#ifndef RELAY_INTERNAL_H
#define RELAY_INTERNAL_H

#include <jansson.h>

#include "batch.h"
#include "dedupe.h"
#include "fatal.h"
#include "room_state.h"
#include "logger.h"
#include "name_order.h"
#include "relay.h"
#include "room.h"
#include "session.h"

/* A replay under way in the log. */
typedef struct {
    uint64_t ticket;
    uint64_t session, resumed; /* whose, and of which of its connections */
    json_t *id;                /* of the request; NULL: none */
    bool beyond;               /* it asked for what comes after a position that was not given yet */
    char room[ZR_ROOM_MAX];
    size_t room_len;
    UT_hash_handle hh;
} replay_t;

/* A hello, read and found valid; views into the request. `user` and `token` as given. */
typedef struct {
    zr_span_t client, nick, resume, agent, user, token;
} hello_t;

/* A hello that waits for its token to be looked at. */
typedef struct {
    uint64_t ticket;
    route_t route; /* not that of a session */
    uint64_t connection;
    json_t *id;     /* NULL: none */
    hello_t hello;  /* views into `text`; without token */
    zr_span_t back; /* likewise */
    zr_buffer_t text;
    UT_hash_handle hh, by_route;
} login_wait_t;

/* A request of an administrator under way. */
typedef struct {
    uint64_t ticket;
    uint64_t session, link; /* whose, and of which connection (session.h) */
    json_t *id;             /* NULL: none */
    admin_do_t what;
    char user[ZR_NICK_MAX + 1], by[ZR_NICK_MAX + 1];
    UT_hash_handle hh;
} admin_wait_t;

enum { LOGINS_MAX = 64, ADMINS_MAX = 64 }; /* under way in all */
enum { BUSY_WAIT_MS = 1000 };              /* what to wait when there are so many */

struct relay {
    relay_config_t config;
    log_t *log;
    outbox_t *outbox;
    sessions_t sessions;
    dedupe_t dedupe;
    room_t *rooms;
    uint64_t rooms_gone; /* how many were freed: whoever kept a pointer to one looks it up anew */
    name_order_t order;       /* the same, by name (room_t.by_name) */
    room_t *noisy;       /* rooms with presence to tell */
    uint64_t now;        /* when something came last */
    struct {
        uint64_t began;         /* when rooms were looked at first: no room counts as unused for longer */
        char room[ZR_ROOM_MAX]; /* that was looked at last; by its name, as it may be gone */
        size_t room_len;
    } idle;
    room_state_limits_t room_state_limits;
    batch_t batch;
    replay_t *replays;
    access_t *access;
    uint64_t access_number; /* rises with each */
    makers_t makers;
    zr_log_limit_t flood_lines, admin_lines;
    login_wait_t *logins, *logins_by_route;
    admin_wait_t *admins;
    uint64_t last_ticket;
    char epoch[17];
    zr_blob_t *synced; /* the JSON that follows the nonce on the back */
    struct {
        const char *reason;
        zr_blob_t *frame;
    } bye; /* the last one, for whoever is told the same */
    relay_stats_t stats;
};

/* One control frame being handled. */
typedef struct {
    route_t route;
    session_t *session; /* NULL only in hello */
    const json_t *object;
    zr_span_t room; /* of ops about one: valid */
    json_t *id;     /* borrowed; NULL: none */
    unsigned size;  /* what it cost to read, noted already */
    uint64_t now;
} request_t;

typedef void(command_fn)(relay_t *relay, request_t *request);

/* The cost of a request beyond the op's fixed one: what the broker does grows with it. Called before anything in the
 * request is checked. The result is at most WEIGHT_MAX. */
typedef unsigned(weigh_fn)(const relay_t *relay, const request_t *request);
weigh_fn direct_weigh, hello_weigh, ping_weigh, who_weigh;

enum { WEIGHT_MAX = 1 << 30 };
enum { DIRECT_COST = 2 }; /* of a direct message to one session, beside its size */
enum { PAGE_MAX = 500 };  /* names in a page of `who` or `rooms` */
enum { NAMES_UNIT = 10 }; /* names in a page that cost 1 to list */

command_fn cmd_admin, cmd_hello, cmd_join, cmd_leave, cmd_publish_text, cmd_direct, cmd_replay, cmd_state, cmd_who,
    cmd_rooms, cmd_ping, cmd_bye;

/* Who says it, when that is known. */
typedef struct {
    zr_span_t name; /* the user; empty: nobody */
    bool by_token;
    uint64_t connection;
    zr_span_t back; /* where it finds the back */
    zr_span_t address;
    bool local;
} speaker_t;

/* hello.c: is `speaker` let in? Answers. */
void hello_admit(relay_t *relay, request_t *request, hello_t *hello, const speaker_t *speaker);

/* login.c: the hello waits until its token was looked at, or is refused. */
void login_begin(relay_t *relay, request_t *request, const hello_t *hello, const speaker_t *speaker);
bool login_waits(const relay_t *relay, route_t route);
void login_forget_route(relay_t *relay, route_t route); /* the peer is gone */
void login_forget_all(relay_t *relay);

/* admin.c */
void admin_forget_all(relay_t *relay);

/* The binary PUBLISH. */
void cmd_publish(relay_t *relay, session_t *session, zr_span_t frame, uint64_t now);

/* The log's answer to a replay (replay.c); forget drops those under way. */
void replay_done(relay_t *relay, uint64_t ticket, const log_slice_t *slice);
void replay_forget_all(relay_t *relay);

/* Bytes of the slice of a replay or snapshot that the session asks for: less than replay-bytes while little more may be
 * queued for it, as a slice that is too large for the queue costs it its connection's session. At least 1; a slice has
 * one frame in any case. */
size_t slice_bytes(const relay_t *relay, const session_t *session);

/* --- dispatch.c: gates and answers --- */

void dispatch_control(relay_t *relay, route_t route, session_t *session, zr_span_t frame, uint64_t now);

/* Sends `frame` (takes over the reference); without a route it is dropped. */
void send_frame(relay_t *relay, route_t route, zr_blob_t *frame);

/* Sends `bye` with the static `reason`. Many sessions that are told the same share the frame. */
void send_bye(relay_t *relay, route_t route, const char *reason);

/* Answers with `object` (takes over the reference) plus `re`. */
void reply(relay_t *relay, const request_t *request, json_t *object);

/* The object with `re`, as a frame. */
zr_blob_t *reply_frame(const request_t *request, json_t *object);

/* Answers with an error. `text` NULL: the code's own. fail_with adds the members of `more` (takes over the reference).
 */
void fail(relay_t *relay, const request_t *request, zr_code_t code, const char *text);
void fail_with(relay_t *relay, const request_t *request, zr_code_t code, const char *text, json_t *more);

/* bad-member, naming it. */
void fail_member(relay_t *relay, const request_t *request, const char *member);

/* An error that answers no request: binary frames. `more` as above or NULL. */
void send_error(relay_t *relay, route_t route, zr_code_t code, json_t *more);

/* rate-limited, with the time after which to ask again. */
void fail_wait(relay_t *relay, const request_t *request, uint64_t wait_ms);

/* --- members.c: rooms and who is in them --- */

room_t *room_find(const relay_t *relay, zr_span_t name);

/* The first room whose name comes after `name`, or, if `from`, is `name` itself; NULL if no such entry exists. */
room_t *room_next(const relay_t *relay, zr_span_t name, bool from);

/* What an ack of an entry there means, whether or not there is such a room. */
zr_level_t room_level(const relay_t *relay, zr_span_t name);

/* A room that is not there yet, whatever the limit. */
room_t *room_add(relay_t *relay, zr_span_t name);

/* The room that the session joins or publishes to, made if need be: ZR_OK, else ZR_TOO_MANY_ROOMS and NULL.
 *
 * `blind`: the user may make the room and may not read it. A full quota then refuses the room whether or not it exists,
 * unless it counts for this user already. After the first entry the caller makes it count (maker_room_shared). */
zr_code_t room_enter(relay_t *relay, const session_t *session, zr_span_t name, bool blind, room_t **room);

/* Frees a room that nobody is in and nobody wrote to: it leaves nothing behind. The positions of others must not be
 * used again. While there is presence to tell it waits for the tick. */
void room_forget_unused(relay_t *relay, room_t *room);

/* The log has forgotten the room, or, if not `ok`, it could not: then all is as it was. Frees it unless it is in use
 * again; then it begins here. */
void room_forgotten(relay_t *relay, room_t *room, bool ok);

/* The position before the first entry, whether or not there is such a room. */
uint64_t room_begun(const relay_t *relay, zr_span_t name);

/* What can be replayed: from the log, or what the room itself knows while the log has nothing. */
log_bounds_t room_bounds(const relay_t *relay, const room_t *room);

/* The newest seq that readers may see, whether or not there is such a room. What is not stored yet is nobody's to see.
 */
uint64_t room_head(const relay_t *relay, zr_span_t name);

/* The log has nothing of the room, though it had positions: it is relayed only, or a run before had them. */
bool room_is_hollow(const relay_t *relay, zr_span_t name);

member_t *member_find(const session_t *session, const room_t *room);
member_t *member_add(relay_t *relay, session_t *session, room_t *room, bool wished);

/* Named in presence, if it may be. */
void member_set_present(relay_t *relay, member_t *member, bool wished);
void member_remove(relay_t *relay, member_t *member, const char *reason); /* may free the room */

/* The rights in the room are looked up anew: the member is hidden or shown as they say. */
void member_judge(relay_t *relay, member_t *member, rights_t rights);

/* Is the room open or private, and its presence, by the rights in force? To be called before that is looked at: a
 * change of rights looks at no room. */
void room_judge(relay_t *relay, room_t *room);

/* To everybody on the back, or, if `private`, to each member with the rights `needed`; takes over the reference. */
void room_tell(relay_t *relay, const room_t *room, bool private, rights_t needed, zr_blob_t *frame);

/* Leaves every room for `reason` (static), then forgets the session. */
void session_end(relay_t *relay, session_t *session, const char *reason);

/* Sends it away: bye with `reason` (static), its connection is ended. */
void session_dismiss(relay_t *relay, session_t *session, const char *reason);
void session_rename(relay_t *relay, session_t *session, zr_span_t nick);

/* Frees all rooms, for relay_destroy. */
void rooms_finish(relay_t *relay);

#endif
