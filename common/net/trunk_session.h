/* A session that carries those of others over a trunk (PROTOCOL.md, "Trunks"), as a leaf and a gateway have it at their
 * broker: which of the servers is next and when, when the broker counts as silent, and how much it has read. Pure. */
#ifndef TRUNK_SESSION_H
#define TRUNK_SESSION_H

#include <jansson.h>

#include "names.h"
#include "servers.h"

enum {
    ZR_TRUNK_WINDOW = 32 << 20, /* bytes that the broker may not have read yet; beyond it the trunk is full */
    ZR_TRUNK_MARK = 2 << 20,    /* bytes between two pings that show what the broker has read */
    ZR_TRUNK_BACK_MAX = 512,    /* bytes of the back's endpoint, with its end */
};

typedef enum {
    ZR_TRUNK_CLOSED,   /* not connected; `retry_at` says when the next attempt is */
    ZR_TRUNK_WAITING,  /* a DEALER connects */
    ZR_TRUNK_GREETING, /* it stands, and `hello` was sent */
    ZR_TRUNK_LIVE
} zr_trunk_state_t;

/* Times are in ms, by a clock that only rises. */
typedef struct {
    zr_servers_t servers;
    zr_trunk_state_t state;
    bool moves;   /* the next attempt goes to the next server */
    bool patient; /* a connection that cannot be made is retried below; it is given up for another server only */
    uint64_t retry_at, back_off, live_at, beat_at, heartbeat;
    uint64_t heard_at;           /* when a frame of the broker came last; the owner notes it */
    uint64_t sent, read, marked; /* bytes: sent, read by the broker, sent when it was last asked for that */
    char client[ZR_CLIENT_ID_LEN + 1];
    char back[ZR_TRUNK_BACK_MAX];
} zr_trunk_t;

/* For a zeroed struct. `server` and `keys` are lists that were checked (servers.h); `keys` NULL: none. `random` becomes
 * the client id. The first attempt is at `now`. */
void zr_trunk_begin(
    zr_trunk_t *trunk, const char *server, const char *keys, const uint8_t random[ZR_CLIENT_ID_LEN / 2], uint64_t now);

/* --- The connection --- */

/* An attempt is due. */
bool zr_trunk_connects(const zr_trunk_t *trunk, uint64_t now);

/* The attempt begins. Returns the server. */
const zr_server_t *zr_trunk_connect(zr_trunk_t *trunk, uint64_t now);

/* The connection stands. Returns the `hello`, for the caller to add to; `user` and `token` NULL: none. */
json_t *zr_trunk_hello(zr_trunk_t *trunk, const char *agent, const char *user, const char *token, uint64_t now);

/* Reads `heartbeat` and `back`. false: a member is missing or too long. */
bool zr_trunk_read_welcome(zr_trunk_t *trunk, const json_t *welcome);
void zr_trunk_live(zr_trunk_t *trunk, uint64_t now);

/* An error about no channel ends the session: its text, which lives as long as `error`. NULL: it does not. */
const char *zr_trunk_refusal(const zr_trunk_t *trunk, const json_t *error);

/* It ended, and what was sent with it. `retry_at` says when the next attempt is: each time twice as late, with jitter by
 * `random`. A session that stood for a while begins anew. */
void zr_trunk_lose(zr_trunk_t *trunk, uint8_t random, uint64_t now);

/* After a loss: another server takes the place of all of them, and the next attempt is at `now`. */
void zr_trunk_follow(zr_trunk_t *trunk, const zr_server_t *server, uint64_t now);

/* --- Time --- */

/* Why the connection has to be given up now; NULL: it has not. */
const char *zr_trunk_overdue(const zr_trunk_t *trunk, uint64_t now);

/* A heartbeat is due: send zr_trunk_ping. The next one is a heartbeat later. */
bool zr_trunk_beats(zr_trunk_t *trunk, uint64_t now);

/* When zr_trunk_connects, zr_trunk_overdue or zr_trunk_beats is to be asked next; UINT64_MAX: never. */
uint64_t zr_trunk_due(const zr_trunk_t *trunk);

/* --- What the broker has read --- */

/* So many bytes were sent. true: send zr_trunk_ping behind them. */
bool zr_trunk_sent(zr_trunk_t *trunk, size_t bytes);

/* A ping. Its pong shows that the broker has read everything sent before it. */
json_t *zr_trunk_ping(zr_trunk_t *trunk);
void zr_trunk_on_pong(zr_trunk_t *trunk, const json_t *pong);

/* The broker has to read first. */
bool zr_trunk_is_full(const zr_trunk_t *trunk);

#endif
