/* A made-up broker for the core's tests: relay, log and outbox with a loop that carries out the effects. It keeps the
 * frames for sockets, each under its route. There is one, the global `fx`. Each test begins with a broker of defaults.
 *
 * It checks every published frame: `prev` names the entry before, seqs rise, times do not go back, and the log had
 * stored it. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include "access_build.h"
#include "control.h"
#include "names.h"
#include "relay.h"
#include "unit.h"
#include "wire_work.h"

enum { BACK = 0, A = 1, B = 2, C = 3, D = 4 }; /* routes; BACK is where published frames are found */
enum { FX_ROUTES = 64 };                       /* of these the fixture knows user, token and session */

typedef struct {
    effect_kind_t kind;
    route_t route;
    zr_blob_t *frame;
    uint64_t session;
    char user[ZR_NICK_MAX + 1];
    bool live; /* may be dropped */
    bool taken;
} seen_t;

/* The stored record of a client id. */
typedef struct {
    char client[ZR_CLIENT_ID_LEN + 1];
    uint64_t mark;
    bool refused;        /* refusals came along, */
    zr_blob_t *refusals; /* and are kept by the log */
} fx_mark_t;

typedef struct {
    /* To be set between fx_begin and fx_start. */
    relay_config_t config;
    log_memory_limits_t limits;
    bool late;        /* the log does nothing until fx_log_step */
    uint64_t gap;     /* between a room's positions; 1 */
    bool durable;     /* the log keeps everything over fx_restart but rooms of a lower level */
    uint64_t base;    /* where those begin */
    uint64_t ceiling; /* above it no room is forgotten */
    void (*restore)(const log_restore_t *restore); /* tells of more from before */

    bool full;          /* too much waits for the log */
    size_t fail;        /* so many commits of the log fail; each takes those with it that are in the queue by then */
    fx_mark_t marks[8]; /* that the last commit brought */
    size_t mark_count;
    size_t group_count;    /* that the last commit brought */
    size_t forgets;        /* rooms that the log has forgotten */
    size_t held;           /* that the last commit told of */
    log_append_t appended; /* the last one; its frame is not to be used */

    const char *rights; /* of fx_start: users, as fx_access takes them; NULL: open mode */
    bool private;       /* rooms are private at times, so not all that is published is seen on the back */

    relay_t *relay;
    uint64_t now, rising;         /* µs; the second one only rises */
    const char *users[FX_ROUTES]; /* that authenticated there; their connections have the route's number */
    bool remote[FX_ROUTES];       /* not local */
    route_t deaf;                 /* frames to it cannot be sent */
    size_t deaf_after;            /* the first so many frames there still can */

    char tokens[FX_ROUTES][33]; /* of the last fx_hello there */
    uint64_t sessions[FX_ROUTES];
    char login[5000], admin[512]; /* what the last effects of these kinds asked for */
    json_t *last;                 /* what fx_expect found */
    size_t at;                    /* and where it stood among all that was seen */
    seen_t *seen;
    size_t seen_count;
    outbox_t outbox;
} fx_t;

extern fx_t fx;

void fx_begin(void); /* anew, with defaults; fx_start does it if need be */
void fx_start(void);
void fx_finish(void);
void fx_restart(void); /* the broker is killed and begins anew on the same log; work that the log did not do is lost */

/* A frame from a route; from a channel in a TRUNK frame. The text is printf's, with ' for ", so that JSON can be read
 * here. */
void fx_frame(route_t route, zr_span_t frame);
void fx_say(route_t route, const char *format, ...) __attribute__((format(printf, 2, 3)));
void fx_be_silent(uint64_t session); /* three heartbeats and a part of one pass without a frame of it */
void fx_run(void);                   /* end of the pass, and all work that waits */
void fx_tick(void);                  /* a tick, and then the same */
void fx_pass(uint64_t ms);           /* so much time passes, and then the same */
void fx_ask(route_t route, const char *format, ...) __attribute__((format(printf, 2, 3))); /* both */

/* A binary PUBLISH, built and then sent as one frame. */
void fx_pub(const char *room);
void fx_add(uint64_t mid, const char *body);
void fx_add_key(uint64_t mid, const char *key, const char *body);
void fx_add_delete(uint64_t mid, const char *key);
void fx_add_ttl(uint64_t mid, const char *key, uint64_t ttl, const char *body);
void fx_add_expect(uint64_t mid, const char *key, uint64_t expect, const char *body);
void fx_send(route_t route);
zr_span_t fx_pub_frame(void); /* instead of sending it; valid until the next fx_pub */
void fx_one(route_t route, const char *room, uint64_t mid, const char *body); /* one entry, a frame of its own */

/* The same, and the end of the pass. */
void fx_send_now(route_t route);
void fx_one_now(route_t route, const char *room, uint64_t mid, const char *body);

/* A SETTLE of one range, and the end of the pass; a reject of one entry with a reason. */
void fx_settle(
    route_t route, uint32_t worker, uint64_t number, zr_verb_t verb, uint32_t ms, uint64_t first, uint64_t last);
void fx_reject(route_t route, uint32_t worker, uint64_t number, uint64_t seq, const char *reason);

/* Says hello, runs, and takes the welcome. The client id is made of `client`. fx_hello: a client id made of the route;
 * for routes below FX_ROUTES it remembers session and token. */
const char *fx_client(route_t client);
void fx_hello(route_t route, const char *nick);
void fx_resume(route_t route, route_t before, const char *nick); /* with the client id and token of `before` */

/* The next frame that went there, as text, "" when no frame waits:
 *   JSON, compact, members sorted · "ack UPTO @SEQ LEVEL" · "[replay |state ]ROOM PREV: SEQ/BODY SEQ/KEY=BODY SEQ/KEY!"
 *   "work WORKER xDELIVERIES: SEQ/BODY …" · "settled WORKER #NUMBER COUNT LEVEL SEQ=BECAME …"
 *   presence "ROOM! JSON" · "synced NONCE JSON". Valid until the eighth call after it. */
const char *fx_text(route_t route);
void fx_expect(route_t route, const char *members, ...) __attribute__((format(printf, 2, 3)));
size_t fx_drop(route_t route);       /* takes all; how many */
uint64_t fx_int(const char *member); /* of fx.last */
const char *fx_string(const char *member);

/* Asks, and expects this answer, or this error. */
void fx_answer(route_t route, const char *ask, const char *members);
void fx_refused(route_t route, const char *code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The next frames that went there; "" says that no more follow. */
#define fx_expect_texts(route, ...)                                                                                    \
    do {                                                                                                               \
        static const char *const fx_texts[] = {__VA_ARGS__};                                                           \
        for (size_t fx_i = 0; fx_i < sizeof fx_texts / sizeof *fx_texts; fx_i++)                                       \
            ck_assert_str_eq(fx_text(route), fx_texts[fx_i]);                                                          \
    } while (0)

/* fx_expect_silence or fx_drop of these routes. */
#define fx_expect_silent(...) FX_EACH(ck_assert_str_eq(fx_text(fx_routes[fx_i]), ""), __VA_ARGS__)
#define fx_drop_all(...) FX_EACH(fx_drop(fx_routes[fx_i]), __VA_ARGS__)
#define FX_EACH(what, ...)                                                                                             \
    do {                                                                                                               \
        const route_t fx_routes[] = {__VA_ARGS__};                                                                     \
        for (size_t fx_i = 0; fx_i < sizeof fx_routes / sizeof *fx_routes; fx_i++)                                     \
            what;                                                                                                      \
    } while (0)

#define fx_expect_text(route, text) ck_assert_str_eq(fx_text(route), (text))
#define fx_expect_silence(route) ck_assert_str_eq(fx_text(route), "")
#define fx_expect_error(route, code) fx_expect((route), "{'op':'error','code':'%s'}", (code))

/* The session of the next effect of that kind (WATCH, ALIVE, UNWATCH), the connection of DROP, the ticket of LOGIN and
 * ADMIN; 0: no such effect waits. fx_dropped_user: the user of the next DROP_USER, "" when no such effect waits. */
uint64_t fx_effect(effect_kind_t kind);
const char *fx_dropped_user(void);

/* Users by lines of "NAME: RIGHTS PATTERN, !RIGHTS PATTERN": letters r w s p c, a for admin, g for gateway, k for work, o for kick,
 * t for stats;
 * '!' denies. A name that begins with '-' is banned; one that begins with '@' is a role of signed logins. A line "#7"
 * takes key 7 for those. fx_set_access puts them in force. */
access_t *fx_access(const char *text);
void fx_set_access(const char *text);

/* The relay does its next piece of work; false when no work waits. */
bool fx_piece(void);

/* The late log does its next piece of work, and the relay what follows; false when no work waits. */
bool fx_log_step(void);
void fx_log_all(void);
const log_sink_t *fx_log_sink(void); /* for a log that breaks its promises */

/* ann at A and bob at B, over a log that is late and durable. Then the end of a pass, and all that the log has to do:
 * it succeeds, or its first commit fails. */
void fx_start_stored(void);
void fx_store(void);
void fx_store_fails(void);

/* --- Between the fixture's parts --- */

typedef struct {
    char name[ZR_ROOM_MAX + 1];
    uint64_t appended, published, time; /* `appended`: and stored */
    bool forgotten, begins;             /* it may begin anew, above, in the log and on the back */
} fx_room_t;

fx_room_t *fx_room(zr_span_t name);
void fx_carry_out(void);
log_t *fx_log_begin(void);
log_t *fx_log(void);
void fx_log_finish(void);

#endif
