/* The relay: every decision of the broker, without socket, clock or thread. The edge hands in frames, time and the
 * log's answers, and then carries out the effects in the outbox. A message's way: relay_frame (relay.c) → dispatch.c →
 * publish.c → batch.c → relay_flush → log → batch_stored → outbox.
 *
 * Times are microseconds since 1970, UTC; the relay never lets entries' times go backwards within a room. */
#ifndef RELAY_H
#define RELAY_H

#include "access.h"
#include "code.h"
#include "log.h"
#include "outbox.h"
#include "policy.h"

typedef struct relay relay_t;

/* Who is at the other end of a connection, as far as the edge knows. */
typedef struct {
    zr_span_t user;      /* who authenticated there; empty: nobody */
    zr_span_t address;   /* text without port, for the audit; empty: a local socket */
    bool local;          /* loopback or a local socket, and not encrypted: tokens are taken there */
    uint64_t connection; /* for EFFECT_DROP; 0: there is nothing to end */
    bool revoked;        /* what it authenticated by does not count any more */
} peer_t;

/* Every limit of PROTOCOL.md, section 10, that the core keeps; relay_config_default gives the defaults. */
typedef struct {
    size_t max_frame, max_control, max_entries, window;
    size_t max_sessions, max_rooms, max_joins, max_keys, max_replays, max_clients;
    size_t max_user_sessions, max_user_rooms;
    size_t presence_names;
    uint64_t rate_ops, rate_entries, rate_bytes; /* a second and session; 0: no limit. Up to RATE_MAX (rate.h) */
    uint64_t max_state_bytes;
    uint64_t max_waiting; /* bytes of all clients that are read and not taken: half of it is what windows share */
    size_t replay_entries, replay_frames, replay_bytes;
    size_t batch_bytes;
    uint64_t heartbeat_ms;
    uint64_t forget_after_ms; /* that a room is unused; 0: none is ever forgotten */
    policies_t policies;      /* of rooms; what it points to must live as long as the relay */
    const char *greeting;     /* NULL: none. Must live as long as the relay */
    const char *server;       /* program and version, for welcome */
    uint64_t epoch;
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
    access_t *access; /* finished; relay_new takes it over. NULL: open mode */
    bool tokens;      /* local peers may log in with user and token */
} relay_config_t;

void relay_config_default(relay_config_t *config);

/* What peers did, for the operator. */
typedef struct {
    uint64_t frames, entries, deliveries, acks, errors, duplicates, dropped;
    uint64_t limited, flooders; /* told to wait, or not answered; sent away */
    size_t sessions, rooms;
} relay_stats_t;

/* The relay uses `log` (and sets its sink, and takes in what it holds from before) and `outbox`, which stay the
 * caller's and must outlive it. */
relay_t *relay_new(const relay_config_t *config, log_t *log, outbox_t *outbox);
void relay_destroy(relay_t *relay); /* NULL is accepted */

/* A frame came from `route`. The bytes stay the caller's. */
void relay_frame(relay_t *relay, route_t route, zr_span_t frame, uint64_t now);

/* Something came on the back: a subscription as XPUB gives it (0x01 or 0x00, then the topic). */
void relay_subscription(relay_t *relay, zr_span_t message);

/* End of a pass of the loop: what was published meanwhile goes to the log, a frame a room. Call it before carrying out
 * effects. */
void relay_flush(relay_t *relay);

/* Once a tick: presence. */
void relay_tick(relay_t *relay);

/* Once a second: forgets rooms that are empty, unused for long and without anything to be kept. It looks at some of
 * them, and goes on there the next time. */
void relay_forget_idle(relay_t *relay, uint64_t now);

/* A session's ticket ran out. If the session was heard of meanwhile the relay asks for another (EFFECT_ALIVE), else it
 * expires. */
void relay_silent(relay_t *relay, uint64_t session);

/* A frame could not be sent to `route`, because its queue is full or it is gone: its session is detached, and its peer
 * finds out when it speaks next. */
void relay_route_lost(relay_t *relay, route_t route);

/* From now on this holds (taken over, finished): who is not let in any more is sent away, memberships without the right
 * to read end, and rooms become open or private. What stands in the outbox was allowed when it was put there, so carry
 * it out first. */
void relay_set_access(relay_t *relay, access_t *access);

/* A user who is still let in lost a key or a token: whoever came by it must come anew. */
void relay_disown(relay_t *relay, zr_span_t user);

typedef enum { LOGIN_OK, LOGIN_FAILED, LOGIN_SLOW } login_t;

/* The answer to an EFFECT_LOGIN; LOGIN_SLOW: it was not tried, as too many failed, and may be asked again after
 * `wait_ms`. A ticket whose peer is gone is ignored. */
void relay_login_done(relay_t *relay, uint64_t ticket, login_t result, uint64_t wait_ms, uint64_t now);

/* The answer to an EFFECT_ADMIN. `code`: ZR_OK, ZR_NO_SUCH_USER or ZR_ADMIN_FAILED. `text`: NULL, or what to tell; of
 * ADMIN_BANS that went well the JSON array of {user, by, time, reason}. A change of rights comes before it, by
 * relay_set_access. */
void relay_admin_done(relay_t *relay, uint64_t ticket, zr_code_t code, const char *text);

/* Says bye to every session; nothing is to be handed in afterwards. */
void relay_shutdown(relay_t *relay);

relay_stats_t relay_stats(const relay_t *relay);

#endif
