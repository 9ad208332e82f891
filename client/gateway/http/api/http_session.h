/* A session of the HTTP API at the broker: one channel of the trunk, on which requests are asked. Requests for which the
 * broker's frames do not say whose they are go one at a time.
 *
 * Callbacks come from the uplink, never from within a call of this file. A callback may destroy the session. */
#ifndef HTTP_SESSION_H
#define HTTP_SESSION_H

#include "http_fields.h"
#include "http_problem.h"
#include "uplink.h"

typedef struct http_session http_session_t;
typedef struct http_ask http_ask_t;

/* Whose session it is. Views are copied. */
typedef struct {
    const address_t *address;
    bool secure;
    const http_login_t *login;
    const char *nick;                  /* empty: the broker makes one up */
    char client[ZR_CLIENT_ID_LEN + 1]; /* empty: a new one is made */
} http_identity_t;

typedef struct {
    uplink_t *uplink;
    const uint64_t *now; /* milliseconds */
    void (*entropy)(void *ctx, void *out, size_t len);
    void *ctx;
    http_session_t *sessions; /* a list of all */
} http_broker_t;

enum {
    HTTP_GREET_AGAIN_MS = 3000, /* so long a session waits for a login that the broker does not take yet */
    HTTP_UNANSWERED_MAX = 200, /* asks of a session at the broker; further ones wait here, as it detaches a session that
                                   asks too much at once */
    HTTP_TEXT_MAX = 8192       /* bytes of a body that goes as JSON: with every byte escaped it is no large frame */
};

typedef struct {
    /* All may be NULL but `ended`. */
    void (*live)(void *ctx); /* the session began, also after `lost` */
    void (*lost)(void *ctx); /* the broker is away, and every ask failed; `live` follows once it is back */
    void (*ended)(void *ctx, const http_problem_t *problem); /* for good; every ask failed with the problem */
    void (*frame)(void *ctx, zr_span_t frame);               /* a live DELIVER, of a private room */
    void (*control)(void *ctx, const json_t *object);        /* what answers no ask: `pong`, `left` */
} http_session_calls_t;

/* Begins a session as soon as the broker is there. `broker` must outlive it. Never NULL. */
http_session_t *http_session_new(
    http_broker_t *broker, const http_identity_t *identity, const http_session_calls_t *calls, void *ctx);

/* Says bye, so that the nick is free at once. Asks are dropped without a word. NULL is accepted. */
void http_session_destroy(http_session_t *session);

/* After `ended`: begins again, on a new channel. Not from within a callback. */
void http_session_restart(http_session_t *session);

bool http_session_is_live(const http_session_t *session);
uint64_t http_session_epoch(const http_session_t *session); /* of the last `welcome`; 0: none yet */

/* Sends what waited for its time, on all sessions. */
void http_sessions_tick(http_broker_t *broker);

/* --- Asks: each is answered or fails, once, unless it is cancelled --- */

typedef struct {
    void (*frame)(void *ctx, zr_span_t frame);       /* a DELIVER that belongs to the answer; may be NULL */
    void (*answer)(void *ctx, const json_t *answer); /* borrowed */
    void (*failed)(void *ctx, const http_problem_t *problem);
} http_ask_calls_t;

typedef enum {
    HTTP_ASK_FREE, /* the answer has `re` */
    HTTP_ASK_READ, /* replay and state: delivery frames come before the answer; one at a time */
} http_ask_kind_t;

/* Takes over the reference `request`, which has no `id`. It is sent once the session is live. */
http_ask_t *http_session_ask(
    http_session_t *session, http_ask_kind_t kind, json_t *request, const http_ask_calls_t *calls, void *ctx);

typedef struct {
    const char *room;
    zr_span_t key, body; /* views that live as long as the ask */
    uint8_t flags;       /* ZR_ENTRY_… */
    uint64_t ttl;        /* ms, with ZR_ENTRY_TTL */
    uint64_t expect;
    uint64_t epoch; /* with ZR_ENTRY_EXPECT: the one that `expect` is of; 0: any. Of a live session it is not another */
    bool once;      /* with a message id: a resend under the same client id is not stored again */
} http_entry_t;

#define HTTP_STALE_ETAG "the ETag is from before the broker lost its log; read the value again"

/* Publishes an entry; the answer has `seq` and `level` as `ack` has them. A text goes as JSON, all else in a PUBLISH
 * frame, one at a time: an ACK names the seq of its last entry only. */
http_ask_t *http_session_publish(
    http_session_t *session, const http_entry_t *entry, const http_ask_calls_t *calls, void *ctx);

/* The answer is not wanted any more. NULL is accepted. Not for an ask that was answered. */
void http_ask_cancel(http_ask_t *ask);

#endif
