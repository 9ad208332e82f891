/* Decides which peers are let in. A thread owns the users file and the bans file. It answers libzmq's requests about
 * handshakes (ZAP) and carries out administrators' requests. A second thread checks tokens: that takes so long that
 * neither the loop nor handshakes may wait for it.
 *
 * Everything here is called on the loop's thread. Answers come through a queue. Only auth_new and auth_destroy block.
 */
#ifndef AUTH_H
#define AUTH_H

#include "errors.h"
#include "jwt.h"
#include "names.h"
#include "relay.h"

typedef struct {
    const char *users; /* path of the users file; NULL: open mode, there are no users */
    const char *bans;  /* path of the bans file; NULL: `users` with ".bans" appended */
    bool tokens;       /* logins are taken; needs `users` */
    bool plain;        /* some listener is plain: see access_set_plain */
    bool encrypted;    /* some listener is encrypted: keys are of use */
    const char
        *jwt; /* path of the keys that sign logins; NULL: no JWT is taken. Needs `users`. This and the next live as
                          long as the auth_t */
    jwt_rules_t jwt_rules;
} auth_config_t;

typedef struct auth auth_t;

/* Reads the files and starts the threads; from its return on handshakes are answered, so listeners are bound after it.
 * CZMQ's context and the hash's key are set up before. On success `*access` is what the relay is to go by, the
 * caller's. NULL: `error` holds one line that says why; nothing was started. */
auth_t *auth_new(const auth_config_t *config, access_t **access, zr_error_t *error);

/* Carries out the pending reloads and bans, drops the pending logins, ends the threads and frees answers not taken. The
 * sockets must be closed before (sockets_close): without a ZAP handler libzmq lets every peer in. NULL is accepted. */
void auth_destroy(auth_t *auth);

/* Handshakes that were refused so far. */
uint64_t auth_refused(auth_t *auth);

/* --- Asking. Strings are copied. A ticket is any number that says which answer is which. --- */

/* `by` is the operator that asks, for the audit. */
void auth_reload(auth_t *auth, uint64_t ticket, zr_span_t by);

/* `by` and, for it to succeed, `user` are valid nicks; `reason` is any text, perhaps none. */
void auth_ban(auth_t *auth, uint64_t ticket, zr_span_t user, zr_span_t reason, zr_span_t by);
void auth_unban(auth_t *auth, uint64_t ticket, zr_span_t user, zr_span_t by);

/* Lists the bans. */
void auth_bans(auth_t *auth, uint64_t ticket);

/* `address` is the peer's, for slowing down peers that guess; it may be empty. Logins are checked one after the other,
 * and no limit bounds the queue: the relay asks for one at a time. */
void auth_login(auth_t *auth, uint64_t ticket, zr_span_t user, zr_span_t token, zr_span_t address);

/* The same with a JWT, which another thread checks; only if the configuration has keys. Its answer is an AUTH_JWT. */
void auth_login_signed(auth_t *auth, uint64_t ticket, zr_span_t token);

/* --- Answers --- */

/* Readable when there are answers. */
int auth_fd(const auth_t *auth);

typedef struct {
    char (*items)[ZR_NICK_MAX + 1];
    size_t count;
} auth_names_t;

typedef enum { AUTH_RELOAD, AUTH_BAN, AUTH_UNBAN, AUTH_BANS, AUTH_LOGIN, AUTH_JWT } auth_kind_t;

/* Before anything else, do this, in this order:
 * 1. Revoke connections of `voided` that were let in before `generation` (the zap_generation of each).
 * 2. Hand `access` to the relay, if there is one.
 * 3. End the sessions of `disowned`.
 * When the relay has the access, call auth_applied. */
typedef struct {
    uint64_t ticket;
    auth_kind_t kind;
    zr_code_t code;  /* of all but logins: ZR_OK, ZR_NO_SUCH_USER or ZR_ADMIN_FAILED */
    char *text;      /* of all but logins: for the operator; of AUTH_BANS with ZR_OK JSON: [{user, by, time, reason}] */
    login_t login;   /* of logins */
    grant_t grant;   /* of a JWT with LOGIN_OK */
    const char *why; /* of one that failed: for the client, static; NULL: no more is said */
    uint32_t wait_ms;      /* of logins that failed or came too early: until the next one is checked */
    access_t *access;      /* in force from now on; NULL: nothing changed */
    uint64_t generation;   /* of `access` */
    auth_names_t voided;   /* those of `disowned`, and users that were removed or banned */
    auth_names_t disowned; /* users that lost a key or a token, and may have others: their sessions must end */
} auth_answer_t;

/* The oldest answer. false: no answer waits, and auth_fd is not readable until one does. Take over `access` (set it to
 * NULL then) and call auth_answer_finish. */
bool auth_take(auth_t *auth, auth_answer_t *answer);
void auth_answer_finish(auth_answer_t *answer);

/* The relay uses the access of this generation now. Until then handshakes wait. Otherwise a new user that may read less
 * than others would find rooms still open. */
void auth_applied(auth_t *auth, uint64_t generation);

#endif
