/* libzrelay: a client of the zrelay message relay.
 *
 * One zrelay_t is one session with a broker. By itself it connects, says hello, joins the rooms asked for, and repairs
 * gaps by replay. It reconnects with back-off, resumes, and resends messages that were not acked. The program publishes
 * and takes events.
 *
 *     zrelay_t *relay = zrelay_new("tcp://127.0.0.1:5570");
 *     zrelay_join(relay, "general", ZRELAY_FROM_LAST, 10);
 *     zrelay_publish(relay, "general", "hello", 5, NULL);
 *     const zrelay_event_t *event;
 *     while ((event = zrelay_next(relay, -1)) || errno == EINTR) {
 *         if (!event)
 *             continue; // a signal arrived
 *         if (event->type == ZRELAY_ENTRY)
 *             printf("%s: %.*s\n", event->sender, (int)event->body_len, (const char *)event->body);
 *         if (event->type == ZRELAY_DISCONNECTED || event->type == ZRELAY_REFUSED)
 *             fprintf(stderr, "%s\n", event->text);
 *     }
 *     zrelay_destroy(relay);
 *
 * Not thread-safe: a zrelay_t belongs to one thread at a time. Nothing happens between calls. So a program that
 * computes for minutes must call zrelay_next now and then; else its session expires (and is resumed later).
 *
 * Functions that return int give 0 or a negative ZRELAY_E… code; on failure nothing has changed. Functions that return
 * a pointer give NULL and set errno. Strings are UTF-8. Names (rooms, nicks, users, keys) are in Unicode normalization
 * form C. Other forms are ZRELAY_EINVAL, so a program normalizes names that a person types.
 *
 * After a fork the session stays the parent's. In the child every call is ZRELAY_ESTATE, and zrelay_next gives NULL with
 * ESHUTDOWN; zrelay_destroy frees what the child can free. The child may make sessions of its own.
 *
 * The library ends the process in one case: there is no memory left. It needs 16 free descriptors to connect, and two
 * threads for each libzmq context. While there are fewer, it cannot connect ("unreachable"), and tries again. */
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
    ZRELAY_EINVAL = -1, /* an argument breaks the protocol's rules: a name, a level, an endpoint; or `relay` is NULL */
    ZRELAY_EFULL = -2,  /* the queue of unacked messages is full: take events, then try again */
    ZRELAY_ELARGE = -3, /* the body is larger than the broker takes */
    ZRELAY_ESTATE = -4, /* not now: an option after the start, a request after zrelay_close, a forked child */
    ZRELAY_EMANY = -5,  /* too many rooms joined, too many requests under way */
    ZRELAY_EFILE = -6,  /* a key file cannot be read, others may use it, or it holds no key pair */
};

/* The meaning of a negative code, a static string. */
ZRELAY_API const char *zrelay_strerror(int code);

/* The library's version, "0.1.0". */
ZRELAY_API const char *zrelay_version(void);

/* --- A session --- */

/* A session with the broker at `server`, a ZeroMQ endpoint such as "tcp://127.0.0.1:5570" or "ipc:///run/zrelay".
 *
 * "A,B,C" names up to 16 endpoints of one log: the brokers of a cluster, or a broker and its leaves. The session uses one
 * at a time, the first one first. When it loses a broker it goes on with the next, with back-off once none of them
 * answers. It keeps its client id and resumes or begins anew there. It sends again what was not acked, and the brokers
 * store it once. A broker may name further endpoints (`welcome.peers`). The session remembers them as long as it lasts,
 * if they would be allowed for reading too (PROTOCOL.md); encrypted, they need the key of the broker that named them.
 *
 * Connecting starts with the first call that is not an option. The caller owns the result. NULL: `server` is no endpoint
 * (errno EINVAL), or the system has no memory, descriptor or thread left (ENOMEM, EMFILE, ENFILE, EAGAIN). */
ZRELAY_API zrelay_t *zrelay_new(const char *server);

/* The endpoint that the session uses or tries now; valid until the next call. NULL: `relay` is NULL. */
ZRELAY_API const char *zrelay_server(const zrelay_t *relay);

/* Ends it at once and frees everything, events included. Messages that are not acked yet are lost (zrelay_close waits).
 * NULL is accepted. */
ZRELAY_API void zrelay_destroy(zrelay_t *relay);

/* Options, before the session starts; strings are copied. ZRELAY_ESTATE afterwards. */
ZRELAY_API int zrelay_set_nick(zrelay_t *relay, const char *nick);   /* default: the broker makes one up */
ZRELAY_API int zrelay_set_agent(zrelay_t *relay, const char *agent); /* at most 64 bytes, for the broker's log */
ZRELAY_API int zrelay_set_queue(
    zrelay_t *relay, size_t messages, size_t bytes); /* unacked at most; default 100000, 67108864 */

/* Bytes of live entries that have arrived and that the program has not taken: 65536 to 2^40, default 67108864. When the
 * broker sends more, the connection ends, waiting entries are dropped, and the loss is repaired by replay. One frame as
 * large as any that came before fits on top, so keep this above the broker's max-frame. The broker's answers have the
 * same bound, on a connection of their own, but never less than the default.
 *
 * For large frames the memory is about that much. A broker that sends tiny frames on purpose can reach 4 times that (at
 * least 64 MiB). To that come 258 MiB for one large frame, and the bytes that arrive until the next look, in 10 to 200
 * ms. Both connections together can take twice the sum, about 1.2 GiB by default. On ipc the kernel does not count
 * bytes, so only the growth of the whole process counts there. */
ZRELAY_API int zrelay_set_receive_queue(zrelay_t *relay, size_t bytes);

ZRELAY_API int zrelay_set_reconnect(
    zrelay_t *relay, bool reconnect); /* default true; false: the first loss ends the session */
ZRELAY_API int zrelay_set_packing(
    zrelay_t *relay, size_t messages); /* in one PUBLISH frame at most; default 0: as many as fit */

/* The libzmq context to make the sockets in. It stays the caller's and must outlive the session. Sessions of one
 * context share its threads, which a program with many sessions needs; by default each has a context of its own.
 * zmq_ctx_term of a shared context waits until frames of a destroyed session are sent. */
ZRELAY_API int zrelay_set_context(zrelay_t *relay, void *context);

/* The same with a context of the library's own, for all sessions of the process that call this: they have one I/O thread
 * together. A thread of its own for each session costs more memory, and wake-ups of more threads. One moves about two
 * gigabytes a second, or 700 megabytes encrypted. The context ends with the last session of the process. */
ZRELAY_API int zrelay_share_context(zrelay_t *relay);

/* Encryption: the broker's public key and this program's key pair, in Z85 (40 characters each, RFC 32/Z85). Only the
 * library keeps the secret; it is wiped with the session. Of several servers, `server_key` is the key of all, or "A,B,C" has
 * a key for each. ZRELAY_EINVAL when one is no key, or the pair is none. */
ZRELAY_API int zrelay_set_curve(
    zrelay_t *relay, const char *server_key, const char *public_key, const char *secret_key);

/* The same with the secret file of a key pair, as `zrelay keygen NAME`, CZMQ and pyzmq write it (NAME_secret). Others may
 * not have the right to read the file. ZRELAY_EFILE: `*why` says what is wrong with it, until the next call. Otherwise
 * `*why` is NULL. `why` may be NULL. */
ZRELAY_API int zrelay_set_curve_file(zrelay_t *relay, const char *server_key, const char *path, const char **why);

/* Login with a token of 1 to 256 bytes, instead of keys. The user's name becomes the nick. The token may be a JWT of at
 * most 4096 bytes, if the broker takes them: it names the user, so `user` may be NULL. The token travels in the clear, so the broker must be on this machine (ipc, or a loopback address). For another broker, and together with
 * zrelay_set_curve, it is ZRELAY_EINVAL. The token is wiped with the session. */
ZRELAY_API int zrelay_set_login(zrelay_t *relay, const char *user, const char *token);

/* The client id, 32 lower-case hex digits, under which the broker remembers what this program published; by default a
 * new one. A program that is to go on after a crash keeps its client id and the ids of its messages (zrelay_set_mid).
 * It publishes again what may not have been acked, under the same ids, and the broker stores it once. The id is a
 * secret, and no two sessions may use it at once. */
ZRELAY_API int zrelay_set_client(zrelay_t *relay, const char *client);

/* Another token of the same user in place of the one of zrelay_set_login: a JWT before the old one expires. A session that
 * is live goes on, and ends with the new token. If the broker does not take it, ZRELAY_REFUSED says so, and the session
 * goes on until the old one expires. Then ZRELAY_DISCONNECTED has the code "token-expired". ZRELAY_EINVAL as above. */
ZRELAY_API int zrelay_renew_login(zrelay_t *relay, const char *token);

/* The meta that the session shows in all rooms, before it starts or while it goes on: a JSON object of at most 1024
 * bytes without blanks, nested at most 4 deep, for example {"status":"writing"}. {} takes it away. Others hear of it by
 * ZRELAY_META and zrelay_who. ZRELAY_EINVAL: it is no such object. */
ZRELAY_API int zrelay_set_meta(zrelay_t *relay, const char *meta);

/* Asks for another nick, now. The broker's answer comes as ZRELAY_NICK or ZRELAY_REFUSED. A session with keys or a
 * login keeps the user's name: ZRELAY_NICK says so. */
ZRELAY_API int zrelay_rename(zrelay_t *relay, const char *nick);

/* Gives the connection up and makes a new one at once; while the session waits before its next attempt, the attempt is made
 * now. What waits to be sent is kept. ZRELAY_DISCONNECTED comes if there was a connection, then ZRELAY_CONNECTED.
 * ZRELAY_ESTATE: the session has not started, is ending, waits for another nick, or must not reconnect. */
ZRELAY_API int zrelay_reconnect(zrelay_t *relay);

/* Begins to end the session: queued messages are sent and acked, then the broker is told bye, then ZRELAY_CLOSED
 * comes. */
ZRELAY_API int zrelay_close(zrelay_t *relay);

/* --- Rooms --- */

typedef enum {
    ZRELAY_FROM_NOW,   /* only new entries */
    ZRELAY_FROM_AFTER, /* everything after seq `position` of the present epoch; 0: all the log has */
    ZRELAY_FROM_LAST,  /* the last `position` entries, then new ones */
} zrelay_from_t;

/* Or these to `from`. */
enum {
    ZRELAY_SILENT = 0x100,   /* no presence: others do not see this member */
    ZRELAY_PRESENCE = 0x200, /* report others' coming and going as ZRELAY_PRESENCE_CHANGED */
};

/* Joins `room` and reads it from where `from` says. ZRELAY_JOINED comes when it is live, then its entries. Joining a
 * room twice is ZRELAY_EINVAL.
 *
 * A name that ends in '*' is a prefix: it joins, silently, each room whose name starts so. Existing rooms are read from
 * where `from` says. New rooms are read from their beginning. The session remembers the positions of up to 100,000 such
 * rooms, with about 400 bytes for each. Beyond that it forgets those that moved least recently
 * (ZRELAY_FORGOTTEN). */
ZRELAY_API int zrelay_join(zrelay_t *relay, const char *room, int from, uint64_t position);
ZRELAY_API int zrelay_leave(zrelay_t *relay, const char *room);

/* --- Publishing --- */

/* Queues a message; the session need not be in the room. `mid` (may be NULL) gets the message id that ZRELAY_ACKED or
 * ZRELAY_REFUSED will name. The body is copied. Works offline too: the message is sent, and sent again, until it is
 * answered. It never blocks: a full queue is ZRELAY_EFULL. */
ZRELAY_API int zrelay_publish(zrelay_t *relay, const char *room, const void *body, size_t len, uint64_t *mid);

/* The same for a keyed entry: the room's shared state. */
ZRELAY_API int zrelay_set(
    zrelay_t *relay, const char *room, const char *key, const void *body, size_t len, uint64_t *mid);
ZRELAY_API int zrelay_delete(zrelay_t *relay, const char *room, const char *key, uint64_t *mid);

/* Compare-and-set: stored only if the key's value still has seq `expect` (0: there is no value); else ZRELAY_REFUSED
 * comes with code "conflict". With `body` NULL it deletes. At most 64 may be unanswered; more are ZRELAY_EMANY. */
ZRELAY_API int zrelay_compare_and_set(
    zrelay_t *relay, const char *room, const char *key, uint64_t expect, const void *body, size_t len, uint64_t *mid);

/* The next value that zrelay_set or zrelay_compare_and_set takes lasts `ttl_ms`, 1 to 2^53-1 and at most the broker's
 * max-ttl; else ZRELAY_REFUSED comes. Then the broker deletes the key, and readers get the deletion as an entry. The time
 * begins when the broker has stored the value. Another value of the key has a time of its own, or none. 0: no limit after
 * all. */
ZRELAY_API int zrelay_set_ttl(zrelay_t *relay, uint64_t ttl_ms);

/* The next message gets the id `mid`, up to 2^53-1, which is above those of all messages so far. By default ids are
 * dense and begin with 1. Ids that are left out count as answered. */
ZRELAY_API int zrelay_set_mid(zrelay_t *relay, uint64_t mid);

/* The largest body that a message to `room`, with `key` (NULL: not keyed), may have. It is the broker's limit once the
 * session is connected, and may be another one after a reconnect. */
ZRELAY_API size_t zrelay_body_max(zrelay_t *relay, const char *room, const char *key);

/* Messages not answered yet. */
ZRELAY_API size_t zrelay_unacked(const zrelay_t *relay);

/* --- Questions: each is answered by events that carry the request number given in `*request` (may be NULL) --- */

/* Reads entries of the log without joining: those with after < seq, at most `limit` (0: all up to the head of this
 * moment). With `last` not 0 it reads the last so many instead. ZRELAY_ENTRY events with that request number come, then
 * ZRELAY_DONE. */
ZRELAY_API int zrelay_history(
    zrelay_t *relay, const char *room, uint64_t after, uint64_t last, uint64_t limit, uint64_t *request);

/* The values of a room's keys, or of `key` alone (NULL: all), as ZRELAY_ENTRY events, then ZRELAY_DONE with the seq at
 * which the snapshot is valid. Its `ttl` is the age up to which the broker keeps values in this room; 0: any. */
ZRELAY_API int zrelay_state(zrelay_t *relay, const char *room, const char *key, uint64_t *request);

ZRELAY_API int zrelay_who(
    zrelay_t *relay, const char *room, uint64_t *request); /* ZRELAY_USER events, then ZRELAY_DONE */
ZRELAY_API int zrelay_rooms(
    zrelay_t *relay, const char *prefix, uint64_t *request); /* ZRELAY_ROOM events, then ZRELAY_DONE */
ZRELAY_API int zrelay_direct(zrelay_t *relay, const char *nick, const char *text, uint64_t *request); /* ZRELAY_DONE */
/* For operators: `what` is "reload", "kick", "ban", "unban", "log-level", "drain", "drain-away", "undrain", "audit"
 * (ZRELAY_AUDIT events follow, until the connection is lost) or "bans" (ZRELAY_USER events: `name`, by `sender`, at
 * `time`, `text` why). `user` goes with kick, ban and unban, is the level
 * with log-level, and is NULL else; `reason`, at most 200 bytes without
 * control characters, may go with kick and ban. ZRELAY_DONE, whose `text` (may be NULL) says more, or ZRELAY_REFUSED.
 */
ZRELAY_API int zrelay_admin(zrelay_t *relay, const char *what, const char *user, const char *reason, uint64_t *request);
/* Sends the user `nick` out of `room`, for users with the right `kick` there. `seconds`: how long the user is kept out, at
 * most a week; 0: it may come back at once; -1: lets in a user that is kept out. `reason` (may be NULL) as in zrelay_admin;
 * the user hears it. ZRELAY_DONE or ZRELAY_REFUSED. */
ZRELAY_API int zrelay_kick(
    zrelay_t *relay, const char *room, const char *nick, long seconds, const char *reason, uint64_t *request);
/* For operators, and users with the right "stats": what the broker counts. `options` (may be NULL) is a JSON object with
 * members of the op `stats` (PROTOCOL.md), such as {"of":"rooms","by":"rate"}. ZRELAY_STATS for each page, then
 * ZRELAY_DONE, or ZRELAY_REFUSED. */
ZRELAY_API int zrelay_stats(zrelay_t *relay, const char *options, uint64_t *request);
/* For operators: deletes the entries of `room` up to the seq `upto`, as retention does, but never its newest; or, with
 * `key` (else NULL), the value of that key. ZRELAY_DONE once that is stored, or ZRELAY_REFUSED. */
ZRELAY_API int zrelay_admin_delete(
    zrelay_t *relay, const char *room, uint64_t upto, const char *key, uint64_t *request);
ZRELAY_API int zrelay_ping(zrelay_t *relay, uint64_t *request); /* ZRELAY_DONE; its `time` is the broker's clock */

/* --- Requests and answers (PROTOCOL.md, "Requests and answers") --- */

/* Asks the sessions of `nick`, or the readers of `room`; the other one is NULL. `text` is UTF-8, and stands in one control
 * frame (65,536 bytes by default), else ZRELAY_ELARGE. ZRELAY_DONE comes when it is on its way, and its `ask` is what
 * answers name (NULL: the user may not read the room, and so gets no answer). Each answer is a ZRELAY_DIRECT event with
 * that `answer`. ZRELAY_REFUSED comes for a nick that nobody has. The program decides how long it waits. After a lost
 * connection the library asks again, so the request may arrive twice. */
ZRELAY_API int zrelay_ask(zrelay_t *relay, const char *nick, const char *room, const char *text, uint64_t *request);

/* Answers a request of `nick`. `ask`, at most 160 bytes, is that of a ZRELAY_DIRECT event. For an entry it is its room, a
 * blank and its seq in decimal, and `nick` is its sender. `failed`: `text` says why there is no answer. ZRELAY_DONE, or
 * ZRELAY_REFUSED: the client that asked is gone. */
ZRELAY_API int zrelay_answer(
    zrelay_t *relay, const char *nick, const char *ask, bool failed, const char *text, uint64_t *request);

/* --- Groups: one stream, many workers (PROTOCOL.md, "Groups") --- */

/* Works for the group `group` of `room`: its entries come as ZRELAY_WORK events, at most `credit` at a time, and each
 * must be answered by one of the functions below. The first worker makes the group. `options` (may be NULL) is a
 * JSON object with its options, such as {"time":5000,"deliveries":3,"dead":"mails/dead"}; a group that exists keeps its
 * own. `*worker` (may be NULL) gets the number that events and calls name. ZRELAY_WORKING or ZRELAY_REFUSED comes, once.
 * After each reconnect the library works on by itself. */
ZRELAY_API int zrelay_work(
    zrelay_t *relay, const char *room, const char *group, uint64_t credit, const char *options, uint32_t *worker);

/* No more work: what the program has goes to other workers at once, and does not count as a delivery. */
ZRELAY_API int zrelay_unwork(zrelay_t *relay, uint32_t worker);

/* Another credit; 0 lets the program finish what it has. */
ZRELAY_API int zrelay_credit(zrelay_t *relay, uint32_t worker, uint64_t credit);

/* What became of the entry `seq` that the worker has: it is done; is to be tried again, after `delay_ms` (0: the group's
 * back-off); is dead, as trying again would not help; or takes `ms` longer from now on (0: the group's time). At most a
 * day. They go to the broker together, and again after a loss, until ZRELAY_SETTLED says that it is stored. `reason`
 * (may be NULL) is UTF-8 of at most 256 bytes; the group's room for dead entries shows it. What is said of an entry that
 * came before ZRELAY_EPOCH has no effect and no event: the entry is gone.
 * ZRELAY_EFULL: too much is unanswered, take events first. */
ZRELAY_API int zrelay_done(zrelay_t *relay, uint32_t worker, uint64_t seq);
ZRELAY_API int zrelay_retry(zrelay_t *relay, uint32_t worker, uint64_t seq, uint64_t delay_ms);
ZRELAY_API int zrelay_reject(zrelay_t *relay, uint32_t worker, uint64_t seq, const char *reason);
ZRELAY_API int zrelay_extend(zrelay_t *relay, uint32_t worker, uint64_t seq, uint64_t ms);

/* The program did not begin with the entry: any worker gets it at once, and this delivery does not count. */
ZRELAY_API int zrelay_return(zrelay_t *relay, uint32_t worker, uint64_t seq);

/* The groups of `room`, or of all rooms (NULL), as ZRELAY_GROUP events, then ZRELAY_DONE. */
ZRELAY_API int zrelay_groups(zrelay_t *relay, const char *room, uint64_t *request);

/* `what` is "set", "pause", "resume", "seek" or "delete"; `options` (may be NULL) has the options to set, or where to go:
 * {"all":true}, {"now":true} or {"after":SEQ}. ZRELAY_DONE or ZRELAY_REFUSED. */
ZRELAY_API int zrelay_group(
    zrelay_t *relay, const char *room, const char *group, const char *what, const char *options, uint64_t *request);

/* --- Events --- */

typedef enum {
    ZRELAY_CONNECTED,    /* hello was answered: `resumed`, `epoch`, `name` (the nick in force), `text` (greeting or
                          * NULL). `user`: the nick is the name of a user that the broker knows by key or token */
    ZRELAY_DISCONNECTED, /* the broker is silent, or ended the session, or there is none yet; `text` says why. The
                            library connects again unless told not to. `code`, if known, is the reason of a bye
                            ("kicked", "banned", "revoked", "flooding", …), or one of these. "reconnect": the program
                            called zrelay_reconnect. "unreachable": no session can be made, because nothing listens
                            there, the address is wrong, there is no answer, or the broker says to come later; told
                            once, within about five seconds, and the library goes on trying. "refused": the broker
                            does not take this key. "handshake": the connection ended before it was encrypted; perhaps
                            the server key differs. "mechanism": only one side encrypts. "back": the broker names a
                            second endpoint that the library does not connect to */
    ZRELAY_EPOCH,    /* the broker has another log; `epoch` is the new one. Positions are void, entries not seen yet are
                    * gone */
    ZRELAY_JOINED,   /* `room` is live; `seq` its head, `count` members. Comes once, not after each reconnect. For a
                    * prefix: `count` rooms were found; each of them gets an event of its own */
    ZRELAY_ENTRY,    /* an entry: room, seq, time, sender, key, body, deleted; `ttl`: the value lasts so many ms after
                      * `time`, 0: without end; `request` if it answers one */
    ZRELAY_GAP,      /* entries of `room` after `seq` did not come; the repair is under way */
    ZRELAY_REPAIRED, /* the repair is done: `room` is whole up to `seq` */
    ZRELAY_LOST,     /* entries of `room` after `seq` and up to `upto` are gone from the log for good. If `upto` is
                      * below `seq`, then `seq` was no position of this log: reading goes on after `upto` */
    ZRELAY_FORGOTTEN, /* of a prefix: the session keeps no position of `room` any more, which was `seq`, as there are too
                       * many rooms; `count` so far. What comes there later is read from its next entry on, and a loss
                       * just before is not told */
    ZRELAY_ACKED,     /* all message ids up to `mid` are answered; the lowest `level`, and `seq` of that one if known */
    ZRELAY_REFUSED,   /* a message (`mid` to `upto`), a request (`request`) or a join (`room`) was refused: `code`,
                        `text`; for a conflict, `seq`. For a joined `room`, with code "forbidden": the right to read it
                        was taken; with "kicked": an operator sent this user out. Nothing after `seq` comes. For none of these: the session itself was refused.
                        After "login-failed", "login-required", "forbidden" and "too-many-sessions" the library tries
                        again */
    ZRELAY_PRESENCE_CHANGED, /* in `room`: `joined` true or false, `name`, `text` the reason (NULL: not known), `count`
                              * present. `name` NULL: only the count changed. While a room is too full to name its
                              * users, only the count is told; the names that changed are told once it is no longer
                              * too full. A rename is two events: the old name left, the new one joined. Their `sender`
                              * is the other name; NULL: not known. The session's own changes are not told */
    ZRELAY_DIRECT,           /* a direct message: `name` from, `body`, `time`. `ask` not NULL: it wants an answer
                              * (zrelay_answer). `answer` not NULL: it answers the request with this `ask`; `failed`:
                              * the request failed, and `body` says why */
    ZRELAY_NICK,             /* the nick is now `name` */
    ZRELAY_USER,             /* answers who: `name`, and `text`: its meta as JSON; NULL: none */
    ZRELAY_ROOM,             /* answers rooms: `room`, `seq`, `count`, `kept`: its messages can be read again */
    ZRELAY_DONE, /* the request is answered: `request`, `count`, `seq`, `time`; `complete` false: older entries are gone
                  */
    ZRELAY_QUEUED,  /* the broker is reached, and checks the login later: `count` others come before it; 0: none, or not
                     * known. Comes again every few seconds while the login waits */
    ZRELAY_UNHEARD, /* nothing comes from `name`, the endpoint where the broker sends entries (its "back"), so rooms do
                     * not become live; perhaps a firewall lets nobody through there. Told about six seconds after the
                     * connection, and once until something comes. The session goes on, and the library tries again */
    ZRELAY_CLOSED,  /* the session has ended; nothing follows */
    ZRELAY_META,    /* with presence: `name` in `room` shows another meta, `text` as JSON; {}: none any more. Told after
                     * a user has joined, and when it changes. The session's own is not told. zrelay_who lists the
                     * metas of users that were there before */
    ZRELAY_WORK, /* an entry for `worker`: room, seq, time, sender, key, body, deleted; `count`: how often it was handed
                     * out, this time included */
    ZRELAY_WORKING, /* `worker` is known to the broker: `room`, `name` the group, `text` its options as JSON (NULL: they
                     * are too long) */
    ZRELAY_SETTLED, /* what the program said of entries of `worker`, from `seq` to `upto`, is stored with `level`; it
                     * settled `count` of them */
    ZRELAY_UNSETTLED, /* of the entries `seq` to `upto` of `worker` nothing was settled. `code`: "settled" (done or dead
                       * before), "waiting" (taken back, for any worker), "taken" (another worker has it), "ahead" (the
                       * group has not come to it), or an error */
    ZRELAY_DISMISSED, /* `worker` of the group `name` in `room` has ended: `code` is "deleted" or "revoked" */
    ZRELAY_GROUP_LOST, /* about `count` entries left `room` before the group `name` of `worker` had finished them: the
                        * room kept no more */
    ZRELAY_GROUP,      /* answers groups: `room`, `name`, and `text`: all of it as JSON, as PROTOCOL.md says */
    ZRELAY_AUDIT, /* a line of the broker's audit: `text`, `time`, and its number, `count`; a number that is left out
                       * was lost */
    ZRELAY_STATS, /* answers stats: `text`, the broker's answer as JSON, as PROTOCOL.md says */
} zrelay_event_type_t;

typedef enum { ZRELAY_LEVEL_NONE, ZRELAY_LEVEL_MEMORY, ZRELAY_LEVEL_DISK, ZRELAY_LEVEL_REPLICATED } zrelay_level_t;

/* One event. Members that its type does not name are zero. Strings are NUL-terminated; `body` is not. Peers and broker
 * may put any bytes into them: for a terminal, escape control characters. */
typedef struct {
    zrelay_event_type_t type;
    const char *room;
    const char *name;
    const char *text;
    const char *code;
    const char *epoch;
    const char *sender;
    const char *key; /* NULL: not keyed */
    const char *ask, *answer;
    const void *body;
    size_t body_len;
    uint64_t seq, upto, time, ttl, mid, request, count;
    uint32_t worker;
    zrelay_level_t level;
    bool deleted, resumed, user, complete, joined, kept, failed;
} zrelay_event_t;

/* For operators: stores an entry of another log, such as a ZRELAY_ENTRY event of another session, with its room, seq, time,
 * sender, key, ttl and body (or deleted). Call it in the order of each room's entries, each after the answer to the one
 * before. ZRELAY_DONE: `count` is 0 if the room has come to that seq already, as after a lost connection; nothing is stored
 * then. ZRELAY_REFUSED: the user is no operator, or the room begins after that seq. The entry stands in one control frame
 * (65,536 bytes by default, limits/max-control), else ZRELAY_ELARGE. */
ZRELAY_API int zrelay_publish_kept(zrelay_t *relay, const zrelay_event_t *entry, uint64_t *request);

/* Does all work that is due and returns the next event. The event is the library's, and valid until the next call with
 * this `relay`. Waits up to `timeout_ms` (-1: without end, 0: not at all). NULL: there is no event, and errno says why:
 *     ETIMEDOUT  the time is over
 *     EINTR      a signal arrived, handled by the program or not: SIGCONT too; call again, or end
 *     ESHUTDOWN  the session has ended: ZRELAY_CLOSED was taken before, or this is a forked child
 *     EINVAL     `relay` is NULL */
ZRELAY_API const zrelay_event_t *zrelay_next(zrelay_t *relay, int timeout_ms);

/* Does the work that is due, such as heartbeats, and takes no event. For a program that cannot use an event now: with a
 * call each second the session stays alive. The event that zrelay_next gave last stays valid. */
ZRELAY_API void zrelay_keep_alive(zrelay_t *relay);

/* To wait together with other file descriptors: poll zrelay_fd for POLLIN for at most zrelay_timeout ms. Then call
 * zrelay_next(relay, 0) until it returns NULL. Ask for the timeout anew before each poll, as it is 0 while there is
 * work to do. The fd is the library's and stays the same; -1 in a forked child. */
ZRELAY_API int zrelay_fd(zrelay_t *relay);
ZRELAY_API int zrelay_timeout(zrelay_t *relay); /* -1: no limit */

#ifdef __cplusplus
}
#endif

#endif
