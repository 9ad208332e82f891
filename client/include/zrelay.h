/* libzrelay: a client of the zrelay message relay.
 *
 * One zrelay_t is one session with a broker. It connects, says hello, joins the rooms asked for, notices gaps and
 * repairs them by replay, reconnects with back-off, resumes, and resends what was not acked, all by itself; the program
 * publishes and takes events.
 *
 *     zrelay_t *relay = zrelay_new("tcp://127.0.0.1:5570");
 *     zrelay_join(relay, "general", ZRELAY_FROM_NOW, 0);
 *     zrelay_publish(relay, "general", "hello", 5, NULL);
 *     for (const zrelay_event_t *event; (event = zrelay_next(relay, -1)); )
 *         if (event->type == ZRELAY_ENTRY)
 *             printf("%.*s\n", (int)event->body_len, event->body);
 *     zrelay_destroy(relay);
 *
 * Not thread-safe: a zrelay_t belongs to one thread at a time. Nothing happens between calls: a program that publishes
 * and then computes for minutes calls zrelay_next now and then, or its session expires (and is resumed later).
 * Functions that return int give 0 or a negative ZRELAY_E… code; on failure nothing has changed. Strings are UTF-8.
 * Names (rooms, nicks, users, keys) are in Unicode normalization form C. Other forms are ZRELAY_EINVAL, so a program
 * normalizes what a person types. */
#ifndef ZRELAY_H
#define ZRELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ZRELAY_API __attribute__((visibility("default")))
#else
#define ZRELAY_API
#endif

typedef struct zrelay zrelay_t;

/* --- Errors --- */

enum {
    ZRELAY_EINVAL = -1, /* an argument breaks the protocol's rules: a name, a level, an endpoint */
    ZRELAY_EFULL = -2,  /* the queue of unacked messages is full: take events, then try again */
    ZRELAY_ELARGE = -3, /* the body is larger than the broker takes */
    ZRELAY_ESTATE = -4, /* not now: an option after the start, a request after zrelay_close */
    ZRELAY_EMANY = -5,  /* too many rooms joined, too many requests under way */
};

/* What a negative code means, a static string. */
ZRELAY_API const char *zrelay_strerror(int code);

/* The library's version, "0.1.0". */
ZRELAY_API const char *zrelay_version(void);

/* --- A session --- */

/* A session with the broker at `server`, a ZeroMQ endpoint such as "tcp://127.0.0.1:5570" or "ipc:///run/zrelay"; NULL
 * when it is not one. Connecting starts with the first call that is not an option. The caller owns the result. */
ZRELAY_API zrelay_t *zrelay_new(const char *server);

/* Ends it at once and frees everything, events included; what is not acked yet is lost (zrelay_close waits). NULL is
 * accepted. */
ZRELAY_API void zrelay_destroy(zrelay_t *relay);

/* Options, before the session starts; strings are copied. ZRELAY_ESTATE afterwards. */
ZRELAY_API int zrelay_set_nick(zrelay_t *relay, const char *nick);   /* default: the broker makes one up */
ZRELAY_API int zrelay_set_agent(zrelay_t *relay, const char *agent); /* at most 64 bytes, for the broker's log */
ZRELAY_API int zrelay_set_queue(
    zrelay_t *relay, size_t messages, size_t bytes); /* unacked at most; default 100000, 67108864 */

/* Bytes of live entries that have arrived and that the program has not taken: 65536 to 2^40, default 67108864. When the
 * broker sends more, the connection ends, what waited is dropped, and the loss is repaired by replay. On top fits one
 * frame as large as any that came before; so keep it above the broker's max-frame. The broker's answers have the same
 * bound, on a connection of their own, but never less than the default.
 *
 * The memory behind it is about that much for large frames. A broker that sends tiny frames on purpose can reach 4
 * times that (at least 64 MiB), plus 258 MiB for one large frame, plus what arrives until the next look, in 10 to 200
 * ms; for both connections together twice that, about 1.2 GiB by default. On ipc the kernel does not count bytes, so
 * only the growth of the whole process counts there. */
ZRELAY_API int zrelay_set_receive_queue(zrelay_t *relay, size_t bytes);

ZRELAY_API int zrelay_set_reconnect(
    zrelay_t *relay, bool reconnect); /* default true; false: the first loss ends the session */
ZRELAY_API int zrelay_set_packing(
    zrelay_t *relay, size_t messages); /* in one PUBLISH frame at most; default 0: as many as fit */

/* The libzmq context to make the sockets in. It stays the caller's and must outlive the session. Sessions of one
 * context share its threads, which a program with many sessions needs; by default each has a context of its own. What a
 * session in a shared context still has to send when it is destroyed, zmq_ctx_term waits for. */
ZRELAY_API int zrelay_set_context(zrelay_t *relay, void *context);

/* Encryption: the broker's public key and this program's key pair, in Z85 (40 characters each, RFC 32/Z85). Only the
 * library keeps the secret; it is wiped with the session. ZRELAY_EINVAL when one is no key, or the pair is none. */
ZRELAY_API int zrelay_set_curve(
    zrelay_t *relay, const char *server_key, const char *public_key, const char *secret_key);

/* Logging in with a token of 1 to 256 bytes, where there are no keys: the user's name becomes the nick. It travels as
 * it is, so only to a broker on this machine (ipc, or a loopback address): ZRELAY_EINVAL for another, and together with
 * zrelay_set_curve. The token is wiped with the session. */
ZRELAY_API int zrelay_set_login(zrelay_t *relay, const char *user, const char *token);

/* Another nick, now. The broker's answer comes as ZRELAY_NICK or ZRELAY_REFUSED. Who has keys or logged in goes by the
 * user's name: ZRELAY_NICK says so. */
ZRELAY_API int zrelay_rename(zrelay_t *relay, const char *nick);

/* Wants to end: what is queued is sent and acked, then the broker is told bye, then ZRELAY_CLOSED comes. */
ZRELAY_API int zrelay_close(zrelay_t *relay);

/* --- Rooms --- */

typedef enum {
    ZRELAY_FROM_NOW,   /* what comes from now on */
    ZRELAY_FROM_AFTER, /* everything after seq `position` of the present epoch; 0: all the log has */
    ZRELAY_FROM_LAST,  /* the last `position` entries, then what comes */
} zrelay_from_t;

/* Or these to `from`. */
enum {
    ZRELAY_SILENT = 0x100,   /* no presence: others do not see this member */
    ZRELAY_PRESENCE = 0x200, /* report others' coming and going as ZRELAY_PRESENCE_CHANGED */
};

/* Joins `room` and reads it from where `from` says. ZRELAY_JOINED comes when it is live, then its entries. A name that
 * ends in '*' joins, silently, each room whose name starts so, those that exist and those that come up later: as soon
 * as something is published there, or, if that is not for everybody's ears (a private room), within five seconds of a
 * user's session, 30 of another one. They are read from their beginning. Joining a room twice is ZRELAY_EINVAL. */
ZRELAY_API int zrelay_join(zrelay_t *relay, const char *room, int from, uint64_t position);
ZRELAY_API int zrelay_leave(zrelay_t *relay, const char *room);

/* --- Publishing --- */

/* Queues a message; it need not be in the room. `mid` (may be NULL) gets the message id that ZRELAY_ACKED or
 * ZRELAY_REFUSED will name. The body is copied. Works offline too: it is sent, and sent again, until it is answered.
 * Never blocks: ZRELAY_EFULL. */
ZRELAY_API int zrelay_publish(zrelay_t *relay, const char *room, const void *body, size_t len, uint64_t *mid);

/* The same for a keyed entry: the room's shared state. */
ZRELAY_API int zrelay_set(
    zrelay_t *relay, const char *room, const char *key, const void *body, size_t len, uint64_t *mid);
ZRELAY_API int zrelay_delete(zrelay_t *relay, const char *room, const char *key, uint64_t *mid);

/* Compare-and-set: stored only if the key's value still stands at seq `expect` (0: has no value), else ZRELAY_REFUSED
 * with code "conflict". With `body` NULL it deletes. At most 64 may be unanswered: ZRELAY_EMANY. */
ZRELAY_API int zrelay_compare_and_set(
    zrelay_t *relay, const char *room, const char *key, uint64_t expect, const void *body, size_t len, uint64_t *mid);

/* Messages not answered yet. */
ZRELAY_API size_t zrelay_unacked(const zrelay_t *relay);

/* --- Questions: each is answered by events that carry the request number given in `*request` (may be NULL) --- */

/* Entries of the log without joining: after < seq, at most `limit` (0: all up to the head of this moment); or with
 * `last` the last so many. ZRELAY_ENTRY events with that request number, then ZRELAY_DONE. */
ZRELAY_API int zrelay_history(
    zrelay_t *relay, const char *room, uint64_t after, uint64_t last, uint64_t limit, uint64_t *request);

/* The values of a room's keys, or of `key` alone (NULL: all), as ZRELAY_ENTRY events, then ZRELAY_DONE with the seq at
 * which the snapshot is valid. */
ZRELAY_API int zrelay_state(zrelay_t *relay, const char *room, const char *key, uint64_t *request);

ZRELAY_API int zrelay_who(
    zrelay_t *relay, const char *room, uint64_t *request); /* ZRELAY_USER events, then ZRELAY_DONE */
ZRELAY_API int zrelay_rooms(
    zrelay_t *relay, const char *prefix, uint64_t *request); /* ZRELAY_ROOM events, then ZRELAY_DONE */
ZRELAY_API int zrelay_direct(zrelay_t *relay, const char *nick, const char *text, uint64_t *request); /* ZRELAY_DONE */
/* For operators: `what` is "reload", "kick", "ban", "unban" or "bans" (ZRELAY_USER events: `name`, by `sender`, at
 * `time`, `text` why). `user` goes with kick, ban and unban and is NULL else; `reason`, at most 200 bytes without
 * control characters, may go with kick and ban. ZRELAY_DONE, whose `text` (may be NULL) says more, or ZRELAY_REFUSED.
 */
ZRELAY_API int zrelay_admin(zrelay_t *relay, const char *what, const char *user, const char *reason, uint64_t *request);
ZRELAY_API int zrelay_ping(zrelay_t *relay, uint64_t *request); /* ZRELAY_DONE; its `time` is the broker's clock */

/* --- Events --- */

typedef enum {
    ZRELAY_CONNECTED,    /* hello was answered; `resumed`, `epoch`, `name` (the nick in force), `user`: it is that of a
                          * user    whom the broker knows by key or token; `text` (greeting or NULL) */
    ZRELAY_DISCONNECTED, /* the broker is not heard of, or ended the session; `text` says why; trying again unless told
                            not to. `code`, if known: "refused" (the broker does not take this key), "handshake" (the
                            connection ended before it was encrypted: perhaps another server key), "mechanism" (only
                            one side encrypts), or the reason of a bye ("kicked", "banned", "revoked", "flooding", …) */
    ZRELAY_EPOCH,  /* the broker has another log: `epoch` the new one. Positions are void, entries not seen yet are gone
                    */
    ZRELAY_JOINED, /* `room` is live; `seq` its head, `count` members. Comes once, not after each reconnect. Of a
                    * prefix: `count` rooms were found; each of them has its own */
    ZRELAY_ENTRY,  /* an entry: room, seq, time, sender, key, body, deleted; `request` if it answers one */
    ZRELAY_GAP,    /* entries of `room` after `seq` did not come; the repair is under way */
    ZRELAY_REPAIRED, /* it is done, `room` is whole up to `seq` */
    ZRELAY_LOST,     /* entries of `room` after `seq` and up to `upto` are gone from the log for good. With `upto` below
                      * `seq`, `seq` was no     position of this log: reading goes on after `upto` */
    ZRELAY_ACKED,    /* all message ids up to `mid` are answered; the lowest `level`, and `seq` of that one if known */
    ZRELAY_REFUSED,  /* a message (`mid` to `upto`), a request (`request`) or a join (`room`) was refused: `code`,
                        `text`; of a conflict, `seq`. Of a `room` that was joined, with code "forbidden": the right to
                        read it was taken, nothing after `seq` comes. Of none of these: the session itself; with
                        "login-failed", "login-required", "forbidden" and "too-many-sessions" it is tried again */
    ZRELAY_PRESENCE_CHANGED, /* in `room`: `joined` true or false, `name`, `text` the reason (NULL: not known); `count`
                              * present. With `name` NULL: counts only, as always while a room is too full to name
                              * everybody; who came and went meanwhile is told when it is so no more. Of a rename there
                              * are two, the old name left and the new one joined, whose `sender` is the other name;
                              * NULL when it is not known. Not told of oneself */
    ZRELAY_DIRECT,           /* a direct message: `name` from, `body`, `time` */
    ZRELAY_NICK,             /* the nick is now `name` */
    ZRELAY_USER,             /* answers who: `name` */
    ZRELAY_ROOM,             /* answers rooms: `room`, `seq`, `count`, `kept`: its messages can be read again */
    ZRELAY_DONE, /* the request is answered: `request`, `count`, `seq`, `time`; `complete` false: older entries are gone
                  */
    ZRELAY_CLOSED, /* the session has ended; nothing follows */
} zrelay_event_type_t;

typedef enum { ZRELAY_LEVEL_NONE, ZRELAY_LEVEL_MEMORY, ZRELAY_LEVEL_DISK } zrelay_level_t;

/* One event. Members that its type does not name are zero. Strings are NUL-terminated; `body` is not. All are the
 * peers' and the broker's, with whatever is in them: for a terminal, escape control characters. */
typedef struct {
    zrelay_event_type_t type;
    const char *room;
    const char *name;
    const char *text;
    const char *code;
    const char *epoch;
    const char *sender;
    const char *key; /* NULL: not keyed */
    const void *body;
    size_t body_len;
    uint64_t seq, upto, time, mid, request, count;
    zrelay_level_t level;
    bool deleted, resumed, user, complete, joined, kept;
} zrelay_event_t;

/* Does what is due and returns the next event; it is the library's, and valid until the next call with this `relay`.
 * Waits up to `timeout_ms` (-1: without end, 0: not at all); NULL when none came, after ZRELAY_CLOSED, or when a signal
 * arrived. */
ZRELAY_API const zrelay_event_t *zrelay_next(zrelay_t *relay, int timeout_ms);

/* To wait together with other file descriptors: poll `fd` for POLLIN for at most `timeout` ms, then call
 * zrelay_next(relay, 0) until it returns NULL; ask for the timeout anew before each poll, as it is 0 while there is
 * something to do. The fd is the library's and stays the same. */
ZRELAY_API int zrelay_fd(zrelay_t *relay);
ZRELAY_API int zrelay_timeout(zrelay_t *relay); /* -1: no limit */

#ifdef __cplusplus
}
#endif

#endif
