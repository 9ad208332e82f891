/* The public interface (zrelay.h): a machine that decides, a link that has the sockets, and the clock between them. */
#include "zrelay_state.h"

#include <errno.h>
#include <sodium/utils.h>
#include <stdlib.h>
#include <sys/random.h>
#include <zmq.h>

#include "clock.h"
#include "machine_ask.h"
#include "machine_move.h"
#include "machine_publish.h"
#include "remote.h"
#include "wire.h"

enum {
    QUEUE_MESSAGES = 100000,
    QUEUE_BYTES = 64 << 20,
    BATCH = 64, /* frames fetched from a socket before events are handed out */
    TURNS_MAX = 16,
    LINGER_MS = 1000,
};

/* --- Errors, version --- */

const char *zrelay_strerror(int code) {
    switch (code) {
    case 0:
        return "done";
    case ZRELAY_EINVAL:
        return "an argument breaks the protocol's rules";
    case ZRELAY_EFULL:
        return "too many messages are not acked yet";
    case ZRELAY_ELARGE:
        return "the body is larger than the broker takes";
    case ZRELAY_ESTATE:
        return "not possible now";
    case ZRELAY_EMANY:
        return "too many rooms or requests at once";
    case ZRELAY_EFILE:
        return "the key file cannot be used";
    default:
        return "unknown error";
    }
}

const char *zrelay_version(void) {
    return ZRELAY_VERSION;
}

/* --- The clock --- */

/* Asked for each message; the coarse clock costs no system call and is exact enough for every time-out here. */
static uint64_t s_now(void) {
    return zr_clock(CLOCK_MONOTONIC_COARSE) / 1000000;
}

/* The system was asked for the seed when the session was made, where a failure can be told. */
static void s_entropy(void *ctx, void *out, size_t len) {
    zrelay_t *relay = ctx;
    uint8_t bytes[sizeof relay->seed + 64], *to = out;
    while (len > 0) {
        size_t part = len < 64 ? len : 64;
        randombytes_buf_deterministic(bytes, sizeof bytes, relay->seed);
        memcpy(relay->seed, bytes, sizeof relay->seed);
        memcpy(to, bytes + sizeof relay->seed, part);
        to += part;
        len -= part;
    }
    sodium_memzero(bytes, sizeof bytes);
}

/* --- Between machine and sockets --- */

static void s_drop_held(zrelay_t *relay) {
    if (relay->blocked)
        zr_blob_unref(relay->held.owner);
    relay->blocked = false;
}

static void s_perform(zrelay_t *relay, uint64_t now) {
    relay->flushed = now;
    if (relay->blocked && relay->held_since != machine_connection(relay->machine))
        s_drop_held(relay); /* meant for a connection that is given up */
    if (relay->blocked && !link_perform(relay->link, &relay->held))
        return;
    s_drop_held(relay);
    relay->dirty = false;
    while (machine_action(relay->machine, &relay->held, now)) {
        if (link_perform(relay->link, &relay->held))
            continue;
        zr_blob_ref(relay->held.owner);
        relay->blocked = true;
        relay->held_since = machine_connection(relay->machine);
        return;
    }
}

static void s_flush(zrelay_t *relay, uint64_t now) {
    s_perform(relay, now);
    relay->due = machine_due(relay->machine); /* published messages may have to wait until the broker wants them */
}

static void s_front(zrelay_t *relay, uint64_t now, int most) {
    zr_blob_t *frame;
    for (int i = 0; i < most && (frame = link_front(relay->link)); i++)
        machine_front(relay->machine, frame, now);
}

/* The frames that a connection brought before it broke come first: acks count, and a bye says more than its end. */
static void s_changes(zrelay_t *relay, uint64_t now) {
    link_change_t change;
    while ((change = link_change(relay->link)) != LINK_SAME) {
        if (change != LINK_UP && change != LINK_BACK)
            s_front(relay, now, LINK_FRAMES_MAX);
        switch (change) {
        case LINK_SAME:
            break;
        case LINK_UP:
            machine_front_up(relay->machine, now);
            break;
        case LINK_DOWN:
            machine_front_down(relay->machine, now);
            break;
        case LINK_REFUSED:
            machine_front_failed(relay->machine, FRONT_REFUSED, now);
            break;
        case LINK_HANDSHAKE:
            machine_front_failed(relay->machine, FRONT_HANDSHAKE, now);
            break;
        case LINK_MECHANISM:
            machine_front_failed(relay->machine, FRONT_MECHANISM, now);
            break;
        case LINK_UNREACHABLE:
            machine_front_unreachable(relay->machine, link_why(relay->link), now);
            break;
        case LINK_BACK:
            machine_back_down(relay->machine, now);
            break;
        }
    }
}

/* The first frame after a pause is handed out before the socket is asked for another, which costs system calls. */
static void s_back(zrelay_t *relay, uint64_t now) {
    int most = relay->streams ? BATCH : 1, i = 0;
    zr_blob_t *frame;
    for (; i < most && (frame = link_back(relay->link)); i++)
        machine_back(relay->machine, frame, now);
    relay->streams = i == most;
}

/* One turn: takes frames in, does work that is due, and sends frames out. Entries are fetched only when the program has
 * taken those before. The broker's answers are fetched always, as they show whether it lives. */
static void s_turn(zrelay_t *relay, uint64_t now, bool entries) {
    s_changes(relay, now);
    s_front(relay, now, BATCH);
    if (entries)
        s_back(relay, now);
    machine_tick(relay->machine, now);
    s_flush(relay, now);
}

static void s_start(zrelay_t *relay) {
    if (relay->machine)
        return;
    machine_config_t config = {
        .servers = &relay->servers,
        .nick = relay->nick[0] ? relay->nick : NULL,
        .agent = relay->agent[0] ? relay->agent : NULL,
        .user = relay->user[0] ? relay->user : NULL,
        .token = relay->token[0] ? relay->token : NULL,
        .client = relay->client[0] ? relay->client : NULL,
        .meta = relay->meta[0] ? relay->meta : NULL,
        .encrypted = relay->encrypted,
        .queue_messages = relay->queue_messages,
        .queue_bytes = relay->queue_bytes,
        .pack = relay->pack,
        .reconnect = relay->reconnect,
        .entropy = s_entropy,
        .entropy_ctx = relay,
    };
    relay->machine = machine_new(&config, s_now());
    sodium_memzero(relay->token, sizeof relay->token); /* the machine has a copy */
    relay->dirty = true;
}

/* --- A session --- */

static bool s_seed(zrelay_t *relay) {
    uint8_t *seed = relay->seed;
    for (ssize_t got; seed<relay->seed + sizeof relay->seed; seed += got> 0 ? got : 0) {
        got = getrandom(seed, (size_t)(relay->seed + sizeof relay->seed - seed), 0);
        if (got < 0 && errno != EINTR)
            return false; /* ids that can be guessed are worse than none */
    }
    return true;
}

static zrelay_t *s_new(const zr_servers_t *servers, bool local) {
    zrelay_t *relay = calloc(1, sizeof *relay);
    if (!relay || !s_seed(relay))
        return relay;
    relay->queue_messages = QUEUE_MESSAGES;
    relay->queue_bytes = QUEUE_BYTES;
    relay->reconnect = true;
    relay->servers = *servers;
    relay->local = local;
    relay->link = link_new();
    relay->process = guard_process();
    return relay;
}

zrelay_t *zrelay_new(const char *server) {
    zr_servers_t servers;
    bool local;
    if (!server || remote_read(&servers, server, &local)) {
        errno = EINVAL;
        return NULL;
    }
    zrelay_t *relay = s_new(&servers, local);
    if (relay && relay->link)
        return relay;
    int code = errno;
    free(relay);
    errno = code;
    return NULL;
}

void zrelay_destroy(zrelay_t *relay) {
    if (!relay)
        return;
    bool parents = relay_is_parents(relay);
    if (relay->closing && relay->machine && !parents)
        s_flush(relay, s_now()); /* the program did not wait; frames that libzmq takes now may still arrive */
    s_drop_held(relay);
    machine_destroy(relay->machine);
    if (parents)
        link_abandon(relay->link);
    else
        link_destroy(relay->link, relay->closing ? LINGER_MS : 0);
    free(relay->why);
    sodium_memzero(relay, sizeof *relay); /* token, seed */
    free(relay);
}

/* --- Wishes: the machine notes them; the next turn carries them out --- */

machine_t *relay_machine(zrelay_t *relay, int *code) {
    *code = !relay ? ZRELAY_EINVAL : relay_is_parents(relay) ? ZRELAY_ESTATE : 0;
    if (*code)
        return NULL;
    s_start(relay);
    relay->dirty = true;
    return relay->machine;
}

int zrelay_renew_login(zrelay_t *relay, const char *token) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    if (machine && (!relay_is_token(token) || !relay->local || relay->encrypted))
        return ZRELAY_EINVAL;
    return machine ? machine_renew(machine, token, s_now()) : code;
}

int zrelay_set_meta(zrelay_t *relay, const char *meta) {
    if (!relay || relay_is_parents(relay))
        return relay ? ZRELAY_ESTATE : ZRELAY_EINVAL;
    const char *fault;
    json_t *object = meta ? json_loads(meta, JSON_REJECT_DUPLICATES, NULL) : NULL;
    zr_blob_t *text = zr_meta_write(object, &fault);
    json_decref(object);
    if (!text)
        return ZRELAY_EINVAL;
    memcpy(relay->meta, zr_blob_data(text), zr_blob_len(text));
    relay->meta[zr_blob_len(text)] = '\0';
    zr_blob_unref(text);
    if (!relay->machine)
        return 0;
    relay->dirty = true;
    return machine_set_meta(relay->machine, relay->meta, s_now());
}

int zrelay_rename(zrelay_t *relay, const char *nick) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    return machine ? machine_rename(machine, nick, s_now()) : code;
}

int zrelay_close(zrelay_t *relay) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    if (!machine)
        return code;
    relay->closing = true;
    return machine_close(machine, s_now());
}

int zrelay_join(zrelay_t *relay, const char *room, int from, uint64_t position) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    return machine ? machine_join(machine, room, from, position, s_now()) : code;
}

int zrelay_leave(zrelay_t *relay, const char *room) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    return machine ? machine_leave(machine, room, s_now()) : code;
}

int zrelay_history(
    zrelay_t *relay, const char *room, uint64_t after, uint64_t last, uint64_t limit, uint64_t *request) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    return machine ? machine_history(machine, room, after, last, limit, request) : code;
}

int zrelay_state(zrelay_t *relay, const char *room, const char *key, uint64_t *request) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    return machine ? machine_state(machine, room, key, request) : code;
}

int zrelay_who(zrelay_t *relay, const char *room, uint64_t *request) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    return machine ? machine_who(machine, room, request) : code;
}

int zrelay_rooms(zrelay_t *relay, const char *prefix, uint64_t *request) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    return machine ? machine_rooms(machine, prefix, request) : code;
}

int zrelay_direct(zrelay_t *relay, const char *nick, const char *text, uint64_t *request) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    return machine ? machine_direct(machine, nick, text, request) : code;
}

int zrelay_ask(zrelay_t *relay, const char *nick, const char *room, const char *text, uint64_t *request) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    return machine ? machine_ask(machine, nick, room, text, request) : code;
}

int zrelay_answer(
    zrelay_t *relay, const char *nick, const char *ask, bool failed, const char *text, uint64_t *request) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    return machine ? machine_answer(machine, nick, ask, failed, text, request) : code;
}

int zrelay_admin(zrelay_t *relay, const char *what, const char *user, const char *reason, uint64_t *request) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    return machine ? machine_admin(machine, what, user, reason, request) : code;
}

int zrelay_stats(zrelay_t *relay, const char *options, uint64_t *request) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    return machine ? machine_stats(machine, options, request) : code;
}

int zrelay_admin_delete(zrelay_t *relay, const char *room, uint64_t upto, const char *key, uint64_t *request) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    return machine ? machine_admin_delete(machine, room, upto, key, request) : code;
}

int zrelay_publish_kept(zrelay_t *relay, const zrelay_event_t *entry, uint64_t *request) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    return machine ? machine_publish_kept(machine, entry, request) : code;
}

int zrelay_kick(
    zrelay_t *relay, const char *room, const char *nick, long seconds, const char *reason, uint64_t *request) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    return machine ? machine_kick(machine, room, nick, seconds, reason, request) : code;
}

int zrelay_ping(zrelay_t *relay, uint64_t *request) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    return machine ? machine_ping(machine, request) : code;
}

/* --- Publishing --- */

/* A single message goes at once. In a stream each would cost a frame, so messages join the open frame. It goes when it
 * is full, when the program takes events, or with the first message after the clock's next tick. */
static int s_publish(zrelay_t *relay, const char *room, const char *key, uint8_t flags, uint64_t expect,
    const void *body, size_t len, uint64_t *mid) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    if (!machine)
        return code;
    if (!body && len > 0)
        return ZRELAY_EINVAL;
    code = machine_publish(machine, room, key, flags, expect, body, len, mid);
    if (code == 0 && !relay->blocked) {
        uint64_t now = s_now();
        if (now != relay->flushed || machine_eager(machine))
            s_flush(relay, now);
    }
    return code;
}

int zrelay_publish(zrelay_t *relay, const char *room, const void *body, size_t len, uint64_t *mid) {
    return s_publish(relay, room, NULL, 0, 0, body, len, mid);
}

int zrelay_set(zrelay_t *relay, const char *room, const char *key, const void *body, size_t len, uint64_t *mid) {
    return key ? s_publish(relay, room, key, 0, 0, body, len, mid) : ZRELAY_EINVAL;
}

int zrelay_delete(zrelay_t *relay, const char *room, const char *key, uint64_t *mid) {
    return s_publish(relay, room, key, ZR_ENTRY_DELETE, 0, NULL, 0, mid);
}

int zrelay_compare_and_set(
    zrelay_t *relay, const char *room, const char *key, uint64_t expect, const void *body, size_t len, uint64_t *mid) {
    uint8_t flags = body ? ZR_ENTRY_EXPECT : ZR_ENTRY_EXPECT | ZR_ENTRY_DELETE;
    return s_publish(relay, room, key, flags, expect, body, len, mid);
}

int zrelay_set_ttl(zrelay_t *relay, uint64_t ttl_ms) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    return machine ? machine_set_ttl(machine, ttl_ms) : code;
}

int zrelay_set_mid(zrelay_t *relay, uint64_t mid) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    return machine ? machine_set_mid(machine, mid) : code;
}

size_t zrelay_body_max(zrelay_t *relay, const char *room, const char *key) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    return machine ? machine_body_max(machine, zr_span(room), zr_span(key)) : 0;
}

size_t zrelay_unacked(const zrelay_t *relay) {
    return relay && relay->machine ? machine_unacked(relay->machine) : 0;
}

/* --- Events --- */

/* False when a signal arrived. */
static bool s_wait(zrelay_t *relay, uint64_t now, uint64_t until) {
    uint64_t to = until < relay->due ? until : relay->due;
    uint64_t left = to > now ? to - now : 0;
    return link_wait(relay->link, left > INT32_MAX ? INT32_MAX : (int)left);
}

/* No event, for this reason. */
static const zrelay_event_t *s_none(int reason) {
    errno = reason;
    return NULL;
}

/* Nothing is to be done before something comes. */
static bool s_is_idle(const zrelay_t *relay, uint64_t now) {
    return !relay->dirty && !relay->blocked && now < relay->due && !link_ready(relay->link, false);
}

static const zrelay_event_t *s_next(zrelay_t *relay, uint64_t now, uint64_t until) {
    bool waited = false;
    for (int turns = 0;; turns++, now = s_now()) {
        if (machine_closed(relay->machine))
            return s_none(ESHUTDOWN);
        if (!waited && now < until && s_is_idle(relay, now)) { /* one look instead of two */
            if (!s_wait(relay, now, until))
                return s_none(EINTR);
            waited = true;
            continue;
        }
        if (!waited)
            link_wait(relay->link, 0);
        s_turn(relay, now, true);
        waited = false;
        const zrelay_event_t *event = machine_event(relay->machine);
        if (event)
            return event;
        /* Frames that bring no event are not to keep a program here that does not want to wait. */
        if (link_ready(relay->link, relay->blocked) && (now < until || turns < TURNS_MAX))
            continue;
        if (now >= until)
            return s_none(ETIMEDOUT);
        if (!s_wait(relay, now, until))
            return s_none(EINTR);
        waited = true;
    }
}

static void s_work(zrelay_t *relay, uint64_t now) {
    if (now >= relay->due) {
        link_wait(relay->link, 0);
        s_turn(relay, now, false);
    } else if (relay->dirty && now != relay->flushed) {
        s_flush(relay, now); /* messages published between events wait no longer than a tick of the clock */
    }
}

const zrelay_event_t *zrelay_next(zrelay_t *relay, int timeout_ms) {
    if (!relay)
        return s_none(EINVAL);
    if (relay_is_parents(relay))
        return s_none(ESHUTDOWN);
    s_start(relay);
    uint64_t now = s_now();
    s_work(relay, now);
    const zrelay_event_t *event = machine_event(relay->machine);
    if (event)
        return event;
    return s_next(relay, now, timeout_ms < 0 ? UINT64_MAX : now + (uint64_t)timeout_ms);
}

void zrelay_keep_alive(zrelay_t *relay) {
    if (!relay || relay_is_parents(relay))
        return;
    s_start(relay);
    s_work(relay, s_now());
}

int zrelay_fd(zrelay_t *relay) {
    return relay && !relay_is_parents(relay) ? link_fd(relay->link) : -1;
}

int zrelay_timeout(zrelay_t *relay) {
    if (!relay || relay_is_parents(relay))
        return -1;
    s_start(relay);
    if (machine_has_event(relay->machine))
        return 0;
    if (machine_closed(relay->machine))
        return -1;
    if ((relay->dirty && !relay->blocked) || link_ready(relay->link, relay->blocked))
        return 0;
    uint64_t now = s_now();
    if (relay->due == UINT64_MAX)
        return -1;
    uint64_t left = relay->due > now ? relay->due - now : 0;
    return left > INT32_MAX ? INT32_MAX : (int)left;
}
