/* A command's session with the broker: connecting in time, waiting for events, signals and other files at once, and the
 * notes that every command gives alike. */
#ifndef CONN_H
#define CONN_H

#include <poll.h>

#include "cli.h"
#include "clock.h"
#include "target.h"
#include "wish.h"
#include "zrelay.h"

#define CONN_HANDSHAKE_MS 1000 /* a handshake that fails may be one that a restart of the broker cut off */

#define CONN_QUEUED_MS 40000   /* how long the next word of a broker that has queued the login may take, */
#define CONN_LONGEST_MS 150000 /* and how long all of it */

typedef struct {
    zrelay_t *relay;
    config_t *config;
    target_t target; /* its secrets are wiped when the library has them */
    char *nick;      /* in force; NULL before the first welcome */
    bool user;       /* it is that of a user, and stays */
    char epoch[17];  /* of the broker's log; empty before the first welcome */
    bool connected;
    bool banned;  /* an operator has said so, and we were not connected since */
    bool renewed; /* the token's file has another one since the last welcome: a refusal may be about the old one */
    bool yields;  /* a nick in use is tried again with '_' behind */
    int nick_tries;
    wish_t wish;      /* for a nick that was in use */
    bool closed;      /* ZRELAY_CLOSED came */
    char *greeting;   /* NULL: none */
    uint64_t beat_ms; /* when conn_hold last let the library work */
} conn_t;

typedef enum {
    CONN_NAMELESS, /* no nick unless --nick was given */
    CONN_NAMED,    /* also the configured one */
    CONN_PERSON,   /* also $USER; a nick in use is tried again with '_' behind, as a configured one is always */
} conn_name_t;

/* Connects. 0, or the exit code after telling why not; conn_close is due either way. */
int conn_open(conn_t *session, config_t *config, conn_name_t name);

/* Tells the broker bye, waiting a moment for its answer, and frees everything. */
void conn_close(conn_t *session);

/* The next event without waiting; NULL: none, and everything received so far has been taken. Valid until the next call.
 */
const zrelay_event_t *conn_take(conn_t *session);

/* Waits until an event may be there, one of `files` (may be NULL) is ready, a signal came or `timeout_ms` (-1: none)
 * passed. Call it after conn_take gave NULL. */
void conn_wait(conn_t *session, struct pollfd *files, nfds_t count, int timeout_ms);

/* The same for a command that can use no event now: the session is kept alive, and events stay where they are. The one
 * that conn_take gave stays valid. */
void conn_hold(conn_t *session, struct pollfd *files, nfds_t count, int timeout_ms);

/* The next event, waiting for it up to `timeout_ms` (-1: without end). NULL: time is up or the program is asked to end.
 */
const zrelay_event_t *conn_next(conn_t *session, int timeout_ms);

/* With this event the broker has refused us for good, as when a user is banned. Trying again would be in vain, so a
 * command ends with CLI_REFUSED. */
bool conn_refused(const conn_t *session, const zrelay_event_t *event);

/* Appends the text for an event that is not data; false: it has no text. */
bool conn_describe(const conn_t *session, const zrelay_event_t *event, zr_buffer_t *out);

/* Says it on stderr. */
void conn_note(const conn_t *session, const zrelay_event_t *event);

/* Takes the events that answer `request` to `each` until it is done; `done` (may be NULL) gets the numbers of
 * ZRELAY_DONE. 0, or the exit code after telling why not; `each` returns an exit code too, and 0 goes on. */
typedef int conn_each_fn(const zrelay_event_t *event, void *ctx);
int conn_answer(conn_t *session, uint64_t request, conn_each_fn *each, void *ctx, zrelay_event_t *done);

/* A call of the library failed: tells it and gives the exit code. */
int conn_failed(const conn_t *session, int code);

#endif
