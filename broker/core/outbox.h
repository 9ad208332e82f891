/* Effects: the actions that the core asks for. The core knows no socket, clock or thread. It appends effects here, and
 * the edge carries them out in order. */
#ifndef OUTBOX_H
#define OUTBOX_H

#include <stdint.h>

#include "address.h"
#include "blob.h"
#include "hash.h"
#include "log.h"
#include "names.h"
#include "wire.h"

/* The way to a peer. The low 32 bits are a connection at the front: ROUTER's automatic routing id without its leading
 * zero byte. The high 32 bits are a channel, if the connection is a trunk; 0: the connection itself. 0 is no route. */
typedef uint64_t route_t;

static inline route_t route_of(uint32_t connection, uint32_t channel) {
    return (route_t)channel << 32 | connection;
}

static inline route_t route_connection(route_t route) {
    return (uint32_t)route;
}

static inline uint32_t route_channel(route_t route) {
    return (uint32_t)(route >> 32);
}

/* For uthash's …_BYHASHVALUE. Peers choose the numbers of channels, but not those of connections. */
unsigned route_channel_hash(route_t route);
static inline unsigned route_hash(route_t route) {
    return __builtin_expect(route_channel(route) != 0, 0) ? route_channel_hash(route) : zr_hash_number(route);
}

typedef enum {
    EFFECT_SEND,      /* `frame` to `route`; when that fails, tell relay_route_lost */
    EFFECT_ACK,       /* the same with `ack` as a frame */
    EFFECT_PUBLISH,   /* `frame` on the back */
    EFFECT_APPEND,    /* `append` to the log */
    EFFECT_COMMIT,    /* store everything appended since the last commit, and `commit`'s marks; then the log tells its
                         sink */
    EFFECT_FORGET,    /* `forget` by the log, with that commit */
    EFFECT_READ,      /* `read` from the log, which then tells its sink */
    EFFECT_TRIM,      /* `trim` by the log, which then tells its sink */
    EFFECT_WATCH,     /* a session began: a ticket that calls relay_silent(`session`) after a heartbeat */
    EFFECT_ALIVE,     /* the same again */
    EFFECT_UNWATCH,   /* the session is gone: drop its ticket */
    EFFECT_DROP,      /* end `connection`, once the frames sent to it are out */
    EFFECT_CHARGE,    /* `connection` ends for flooding: charge its address for it */
    EFFECT_DROP_USER, /* end every connection that authenticated as `user`, at the front and at the back */
    EFFECT_LOGIN,     /* is the token of `login` valid? Then relay_login_done or relay_jwt_done */
    EFFECT_ADMIN,     /* do what `admin` says, then relay_admin_done */
} effect_kind_t;

enum { ADMIN_REASON_MAX = 200 };

typedef struct {
    uint64_t ticket;
    bool jwt;                   /* the token is one; then relay_jwt_done */
    char user[ZR_NICK_MAX + 1]; /* a valid nick, known or not; of a JWT, which names the user itself, empty */
    char token[ZR_JWT_MAX + 1];
    char address[ZR_ADDRESS_TEXT_SIZE]; /* that the peer came from, by a channel; empty: this machine */
} login_request_t;

typedef enum { ADMIN_RELOAD, ADMIN_BAN, ADMIN_UNBAN, ADMIN_BANS, ADMIN_DELETE /* the log's */ } admin_do_t;

typedef struct {
    uint64_t ticket;
    admin_do_t what;
    char user[ZR_NICK_MAX + 1];        /* BAN, UNBAN */
    char reason[ADMIN_REASON_MAX + 1]; /* BAN; UTF-8 without control characters, may be empty */
    char by[ZR_NICK_MAX + 1];          /* the operator that asks */
} admin_request_t;

/* A message that is alone in its pass makes four of these. So they are small: large members are pointed to. */
typedef struct {
    effect_kind_t kind;
    union {
        struct {
            route_t route;    /* SEND, ACK */
            zr_ack_t ack;     /* ACK */
            zr_blob_t *frame; /* SEND, PUBLISH; one reference that goes to the edge */
            bool live;        /* SEND: of a private room. If the queue is full, it is dropped without a word: `prev`
                                 shows the loss */
        };
        log_append_t append;  /* its frame is one reference that goes to the edge */
        log_commit_t commit;  /* goes to the edge with all it holds */
        log_forget_t *forget; /* goes to the edge: free */
        log_read_t *read;     /* likewise */
        log_trim_t *trim;     /* likewise */
        uint64_t session;
        uint64_t connection;        /* DROP, CHARGE: peer_t's */
        char user[ZR_NICK_MAX + 1]; /* DROP_USER */
        login_request_t *login;     /* goes to the edge: login_request_free */
        admin_request_t *admin;     /* goes to the edge: free */
    };
} effect_t;

/* A lost route: effects for it that were in the outbox when it was lost are not to be sent. */
typedef struct {
    route_t route;
    size_t until; /* the place of the first effect that was added later */
    UT_hash_handle hh;
} outbox_lost_t;

typedef struct {
    effect_t *effects;
    size_t count;
    size_t size;
    size_t taken;
    outbox_lost_t *lost; /* until the outbox is empty */
} outbox_t;

/* A zeroed struct is an empty outbox. finish drops the references of effects not taken. */
void outbox_finish(outbox_t *outbox);

void outbox_add(outbox_t *outbox, const effect_t *effect);

/* Wipes it, and the token in it. */
void login_request_free(login_request_t *login);

/* Drops the frames still to be sent to `route`, of a connection also those to its channels: outbox_take skips them. It
 * takes constant time, so that many routes lost at once cost little. */
void outbox_drop_route(outbox_t *outbox, route_t route);

/* The next effect, whose references are the caller's now; false when no effect is left. Effects may be added
 * meanwhile. */
bool outbox_take(outbox_t *outbox, effect_t *effect);
bool outbox_is_empty(const outbox_t *outbox);

#endif
