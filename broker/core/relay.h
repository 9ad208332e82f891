/* The relay: every decision of the broker, without socket, clock or thread. The edge hands in frames, time and the
 * log's answers, and then carries out the effects in the outbox. A message's way: relay_frame (relay.c) → dispatch.c →
 * publish.c → batch.c → relay_flush → log → batch_stored → outbox.
 *
 * Times are microseconds since 1970, UTC. Within a room the relay lets entries' times go backwards only if the time
 * that it is given does, by more than ZR_CLOCK_SLACK. */
#ifndef RELAY_H
#define RELAY_H

#include <jansson.h>

#include "access.h"
#include "code.h"
#include "edge_stats.h"
#include "log.h"
#include "outbox.h"
#include "policy.h"

typedef struct relay relay_t;

/* The peer at the other end of a connection, as far as the edge knows it. */
typedef struct {
    zr_span_t user;      /* that authenticated there; empty: none */
    zr_span_t address;   /* text without port, for the audit; empty: a local socket */
    bool local;          /* loopback or a local socket, and not encrypted */
    uint64_t connection; /* for EFFECT_DROP; 0: there is nothing to end */
    bool revoked;        /* its authentication does not count any more */
    bool takes_tokens;   /* the core's: it is local, or came by a secure channel */
} peer_t;

/* Every limit of PROTOCOL.md, section 10, that the core keeps; relay_config_default gives the defaults. */
typedef struct {
    size_t max_frame, max_control, max_entries, window;
    size_t max_sessions, max_rooms, max_joins, max_keys, max_replays, max_lists, max_clients;
    size_t max_user_sessions, max_user_rooms;
    size_t max_trunk_channels, max_channels; /* of one trunk, of all */
    size_t max_address_channels;             /* from one address */
    uint64_t rate_channels;                  /* new ones from one address in a second; 0: no limit */
    uint64_t login_timeout_ms;               /* from the beginning of a channel to a hello there */
    size_t presence_names;
    uint64_t rate_ops, rate_control, rate_entries, rate_bytes; /* a second and session; 0: no limit */
    uint64_t max_state_bytes;
    uint64_t max_ttl_ms;  /* that a publisher may give a value */
    uint64_t max_waiting; /* bytes of all clients that are read and not taken; all windows share half of it */
    size_t max_groups, max_room_groups; /* of all rooms, of one */
    size_t max_user_groups;             /* that one user made */
    size_t max_group_workers;           /* of one group */
    size_t max_group_entries;           /* of all groups: handed out, or waiting for that */
    size_t max_group_bytes;             /* of the frames that all groups keep */
    uint64_t max_group_keep;            /* bytes of a room whose entries groups keep */
    size_t replay_entries, replay_frames, replay_bytes;
    size_t batch_bytes;
    uint64_t heartbeat_ms;
    uint64_t forget_after_ms; /* rooms unused for so long are forgotten; 0: no room is ever forgotten */
    policies_t policies;      /* of rooms; all that it points to must live as long as the relay */
    const char *greeting;     /* NULL: none. Must live as long as the relay */
    const char *peers;        /* "A,B": fronts of other brokers, for welcome; NULL or empty: none. It may change */
    const char *server;       /* program and version, for welcome */
    uint64_t epoch;
    /* Versions of presence begin here. No run before on the same log may have reached it. */
    uint64_t presence_base;
    /* Fills `out` with unpredictable bytes: tokens and guests' names. A simulation gives its own. */
    void (*entropy)(void *ctx, void *out, size_t len);
    void *entropy_ctx;
    /* The back's endpoint to name in a welcome to the peer whose frame is being handled; valid until the next call. */
    zr_span_t (*back)(void *ctx);
    void *back_ctx;
    /* Fills in the peer whose frame is being handled, asked for at each hello; valid until the next call. NULL: nobody,
     * local. */
    void (*peer)(void *ctx, peer_t *peer);
    void *peer_ctx;
    /* Bytes that may still be queued for `route` now. NULL: no limit. */
    uint64_t (*room)(void *ctx, route_t route);
    void *room_ctx;
    /* Bytes that are queued for `route` now. NULL: not known. */
    uint64_t (*queued)(void *ctx, route_t route);
    void *queued_ctx;
    /* Fills in what the edge counts, for the op stats. NULL: nothing is known. */
    json_t *(*cluster)(void *ctx); /* for `stats` of "cluster": an object with that member, the relay's; NULL: none */
    void *cluster_ctx;
    void (*measure)(void *ctx, edge_stats_t *stats);
    void *measure_ctx;
    access_t *access; /* finished; relay_new takes it over. NULL: open mode */
    bool tokens;      /* local peers, and those of secure channels, may log in with user and token, */
    bool jwt;         /* with a JWT */
} relay_config_t;

void relay_config_default(relay_config_t *config);

/* Counters of the peers' actions, for the operator. */
typedef struct {
    uint64_t frames, entries, entry_bytes, deliveries, acks, errors, duplicates;
    uint64_t errors_by_code[ZR_CODE_COUNT];
    uint64_t dropped;           /* routes lost */
    uint64_t live_dropped;      /* frames of private rooms for which a peer's queue had no room */
    uint64_t limited, flooders; /* told to wait; sent away */
    /* There are now, and the limits of some. */
    uint64_t sessions, max_sessions, detached, channels, rooms, max_rooms, clients;
    uint64_t draining; /* 1: new sessions are refused */
    uint64_t logins;   /* that wait until their tokens are checked */
    uint64_t state_bytes, max_state_bytes;
    uint64_t groups, max_groups, group_entries, max_group_entries, group_bytes;
} relay_stats_t;

/* `log` and `outbox` stay the caller's and must outlive the relay. It sets the log's sink, and loads what the log
 * holds from earlier runs. */
relay_t *relay_new(const relay_config_t *config, log_t *log, outbox_t *outbox);
void relay_destroy(relay_t *relay); /* NULL is accepted */

/* A frame came from `route`. The bytes stay the caller's. */
void relay_frame(relay_t *relay, route_t route, zr_span_t frame, uint64_t now);

/* Something came on the back: a subscription as XPUB gives it (0x01 or 0x00, then the topic). */
void relay_subscription(relay_t *relay, zr_span_t message);

/* End of a pass of the loop: hands all entries published meanwhile to the log, in a frame for each room. Call it before
 * carrying out effects. */
void relay_flush(relay_t *relay);

/* Once a tick: presence is due. */
void relay_tick(relay_t *relay);

/* The time by a clock that only rises, in µs: by it, workers of groups lose entries that they did not finish, and values
 * with a time to live end. Call it at least once a tick, and before relay_work. */
void relay_rise(relay_t *relay, uint64_t rising);

/* Does the next small piece of the work that waits: a replay, a snapshot, a page of a list, the presence of one room,
 * or the end of a session. Carry out the effects after each piece, and look at the clock: all may take long. */
void relay_work(relay_t *relay);
bool relay_has_work(const relay_t *relay);

/* Call once a second: forgets rooms that are empty, long unused and have nothing to keep. Each call looks at some of
 * the rooms; the next call goes on from there. */
void relay_forget_idle(relay_t *relay, uint64_t now);

/* Call once a second: sends away peers of channels that said no hello for too long, at most 500 at a time. */
void relay_channels_tick(relay_t *relay, uint64_t now);

/* A session's ticket ran out, which lasts a heartbeat. The relay asks for another one (EFFECT_ALIVE). Instead, a
 * session that was silent for three heartbeats expires, when its turn comes (relay_work). */
void relay_silent(relay_t *relay, uint64_t session);

/* A frame could not be sent to `route`, because its queue is full or it is gone. Its session is detached; the peer
 * finds out when it speaks next. If it is a trunk, so are the sessions of all its channels. */
void relay_route_lost(relay_t *relay, route_t route);

/* A live frame of a private room was not sent to `route`, because its queue is full. */
void relay_live_dropped(relay_t *relay, route_t route);

/* Does that connection carry channels now? */
bool relay_is_trunk(const relay_t *relay, route_t connection);

/* Puts `access` (finished) in force and takes it over. Users that it does not let in are sent away. Memberships without
 * the right to read end. Rooms become open or private. Carry out the effects in the outbox first: they were allowed
 * when they were added. */
void relay_set_access(relay_t *relay, access_t *access);

/* A user that is still let in lost a key or a token: connections that used it must authenticate anew. */
void relay_disown(relay_t *relay, zr_span_t user);

typedef enum { LOGIN_OK, LOGIN_FAILED, LOGIN_SLOW } login_t;

/* Call when an EFFECT_LOGIN is to be carried out: does its peer still wait? false: there is nothing to check, and no
 * answer to give. */
bool relay_login_is_due(relay_t *relay, uint64_t ticket);

/* The answer to an EFFECT_LOGIN. LOGIN_SLOW: the token was not checked, because too many failed; ask again after
 * `wait_ms`. The relay asks for one at a time. */
void relay_login_done(relay_t *relay, uint64_t ticket, login_t result, uint64_t wait_ms, uint64_t now);

/* The answer to an EFFECT_LOGIN of a JWT. NULL: it is refused, and `text` (static; NULL: no more is said) says why. */
void relay_jwt_done(relay_t *relay, uint64_t ticket, const grant_t *grant, const char *text, uint64_t now);

/* Call four times a heartbeat, and at least once a second: tells peers whose logins wait for long that they do. A peer
 * that is gone is noticed by that. Sessions whose token has expired end, when their turn comes (relay_work). */
void relay_login_tick(relay_t *relay, uint64_t now);

/* The answer to an EFFECT_ADMIN. `code`: ZR_OK, ZR_NO_SUCH_USER or ZR_ADMIN_FAILED. `text`: NULL, or the text for the
 * operator. After a successful ADMIN_BANS it is the JSON array of {user, by, time, reason}. If rights changed, call
 * relay_set_access before. */
void relay_admin_done(relay_t *relay, uint64_t ticket, zr_code_t code, const char *text);

/* Says bye to every session; nothing is to be handed in afterwards. */
void relay_shutdown(relay_t *relay);

relay_stats_t relay_stats(const relay_t *relay);

#endif
