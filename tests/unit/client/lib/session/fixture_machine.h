/* A machine on the bench: a made-up clock, entropy that counts, frames built by hand. Each test of the machine's parts
 * includes it once, and begins with a machine that has just said hello. */
#ifndef FIXTURE_MACHINE_H
#define FIXTURE_MACHINE_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "machine_actions.h"
#include "machine_identity.h"
#include "machine_rooms.h"
#include "machine_session.h"
#include "unit.h"

#define EPOCH_1 "00000000000000e1"
#define EPOCH_2 "00000000000000e2"

/* The first frame of fixture_init's machine. */
#define HELLO "hello proto=1 client=00000000000000000000000000000000 nick=me"

static uint64_t fixture_epoch; /* of the frames that are built; the last welcome's */

/* The machine's actions as text, and the frames that it sent. */
static struct {
    machine_t *machine;
    uint64_t now;
    uint8_t dice;       /* every byte of entropy */
    bool deaf;          /* leaves actions where they are */
    char actions[8192]; /* "connect back=… subscribe=… " since the last look */
    zr_blob_t *sent[4096];
    size_t sent_count, looked; /* frames taken; frames a test has looked at */
} b;

static inline void fixture_entropy(void *ctx, void *out, size_t len) {
    (void)ctx;
    memset(out, b.dice++, len);
}

static inline zr_span_t fixture_span(zr_blob_t *frame) {
    return zr_span_of(zr_blob_data(frame), zr_blob_len(frame));
}

static inline void fixture_note(const char *format, ...) {
    size_t len = strlen(b.actions);
    va_list args;
    va_start(args, format);
    vsnprintf(b.actions + len, sizeof b.actions - len, format, args);
    va_end(args);
}

/* Takes all actions there are. */
static inline void fixture_run(void) {
    action_t action;
    while (machine_action(b.machine, &action, b.now)) {
        char topic[1 + 2 * sizeof action.topic];
        size_t at = 0;
        switch (action.kind) {
        case ACTION_SEND:
            ck_assert_uint_lt(b.sent_count, 4096);
            b.sent[b.sent_count++] = zr_blob_copy(action.frame.ptr, action.frame.len);
            break;
        case ACTION_CONNECT_FRONT:
            fixture_note("front ");
            break;
        case ACTION_CONNECT_BACK:
            fixture_note("back=%s ", action.endpoint);
            break;
        case ACTION_DISCONNECT:
            fixture_note("disconnect ");
            break;
        case ACTION_SUBSCRIBE:
        case ACTION_UNSUBSCRIBE:
            for (size_t i = 0; i < action.topic_len; i++) {
                uint8_t c = action.topic[i];
                topic[at++] = c == 0 ? '0' : c == 1 ? '1' : c == 0xff ? '~' : (char)c;
            }
            topic[at] = '\0';
            fixture_note("%c%s ", action.kind == ACTION_SUBSCRIBE ? '+' : '-', topic);
            break;
        }
    }
}

static inline void fixture_finish(void) {
    for (size_t i = 0; i < b.sent_count; i++)
        zr_blob_unref(b.sent[i]);
    machine_destroy(b.machine);
    memset(&b, 0, sizeof b);
}

/* Begins anew: the machine before it is gone. */
static inline void fixture_init_with(machine_config_t config) {
    fixture_finish();
    b.now = 1000000;
    config.entropy = fixture_entropy;
    if (!config.queue_messages)
        config.queue_messages = 100000;
    if (!config.queue_bytes)
        config.queue_bytes = 64 << 20;
    b.machine = machine_new(&config, b.now);
    fixture_run();
}

static inline void fixture_init(void) {
    fixture_init_with((machine_config_t){.nick = "me", .reconnect = true});
}

/* --- In --- */

static inline void fixture_front(const void *data, size_t len) {
    machine_front(b.machine, zr_blob_copy(data, len), b.now);
    fixture_run();
}

static inline void fixture_back(const void *data, size_t len) {
    machine_back(b.machine, zr_blob_copy(data, len), b.now);
    fixture_run();
}

/* JSON with ' for ", so that tests stay readable. */
static inline void fixture_json(const char *format, ...) {
    char text[65536];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    unit_quotes(text);
    fixture_front(text, (size_t)len);
}

static inline void fixture_tick(uint64_t ms) {
    b.now += ms;
    machine_tick(b.machine, b.now);
    fixture_run();
}

/* Until the machine wants to be woken. */
static inline void fixture_wait(void) {
    fixture_tick(machine_due(b.machine) - b.now);
}

/* The connection to the front stands, or breaks. */
static inline void fixture_up(void) {
    machine_front_up(b.machine, b.now);
    fixture_run();
}

static inline void fixture_down(void) {
    machine_front_down(b.machine, b.now);
    fixture_run();
}

/* A DELIVER frame with entries first … last, seq by seq, whose bodies are their seqs. */
static inline zr_blob_t *fixture_entries(
    const char *room, uint8_t flags, uint64_t prev, uint64_t first, uint64_t last) {
    zr_buffer_t out = {0};
    char body[32];
    zr_deliver_begin(&out, zr_span(room), flags, fixture_epoch, prev);
    for (uint64_t seq = first; seq <= last; seq++) {
        snprintf(body, sizeof body, "%" PRIu64, seq);
        zr_deliver_add(&out, &(zr_entry_t){.seq = seq, .time = 7, .sender = zr_span("ann"), .body = zr_span(body)});
    }
    zr_blob_t *frame = zr_buffer_to_blob(&out);
    zr_buffer_finish(&out);
    return frame;
}

static inline void fixture_live(const char *room, uint64_t prev, uint64_t first, uint64_t last) {
    machine_back(b.machine, fixture_entries(room, 0, prev, first, last), b.now);
    fixture_run();
}

/* The same by DEALER, as of a private room. */
static inline void fixture_live_front(const char *room, uint64_t prev, uint64_t first, uint64_t last) {
    machine_front(b.machine, fixture_entries(room, 0, prev, first, last), b.now);
    fixture_run();
}

static inline void fixture_replay(const char *room, uint64_t prev, uint64_t first, uint64_t last) {
    machine_front(b.machine, fixture_entries(room, ZR_FRAME_REPLAY, prev, first, last), b.now);
    fixture_run();
}

static inline void fixture_presence(const char *room, const char *json) {
    char text[4096];
    int len = snprintf(text, sizeof text, "%s\x01%s", room, json);
    unit_quotes(text);
    fixture_back(text, (size_t)len);
}

static inline void fixture_synced_epoch(const char *epoch) {
    char text[256];
    int len = snprintf(text, sizeof text, "\xff%s{\"op\":\"synced\",\"epoch\":\"%s\"}", b.machine->nonce, epoch);
    fixture_back(text, (size_t)len);
}

static inline void fixture_synced(void) {
    fixture_synced_epoch(b.machine->epoch);
}

/* --- Out --- */

/* The next frame the machine sent, as `op room …` for a control frame or `publish room mid[~ttl]…`; "" when no frame
 * waits. */
static inline const char *fixture_sent(void) {
    static char text[70000];
    text[0] = '\0';
    fixture_run();
    if (b.looked == b.sent_count)
        return text;
    zr_blob_t *frame = b.sent[b.looked++];
    zr_publish_reader_t reader;
    zr_publish_entry_t entry;
    size_t count;
    uint64_t first, last;
    if (zr_publish_read(&reader, fixture_span(frame), &count, &first, &last) == ZR_OK) {
        size_t at = (size_t)sprintf(text, "publish %.*s", (int)reader.room.len, reader.room.ptr);
        while (zr_publish_next(&reader, &entry) && at < 60000) {
            at += (size_t)sprintf(text + at, " %" PRIu64, entry.mid);
            if (entry.ttl)
                at += (size_t)sprintf(text + at, "~%" PRIu64, entry.ttl);
        }
        return text;
    }
    json_t *object = NULL;
    ck_assert_int_eq(zr_control_read(fixture_span(frame), &object), ZR_OK);
    size_t at = (size_t)sprintf(text, "%s", json_string_value(json_object_get(object, "op")));
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) {
        if (strcmp(key, "op") == 0 || strcmp(key, "id") == 0)
            continue;
        if (json_is_string(value))
            at += (size_t)sprintf(text + at, " %s=%s", key, json_string_value(value));
        else if (json_is_integer(value))
            at += (size_t)sprintf(text + at, " %s=%" JSON_INTEGER_FORMAT, key, json_integer_value(value));
        else
            at += (size_t)sprintf(text + at, " %s=%s", key,
                json_is_object(value) ? "object"
                : json_is_true(value) ? "true"
                                      : "false");
    }
    json_decref(object);
    return text;
}

/* The id of the last frame looked at. */
static inline int fixture_id(void) {
    json_t *object = NULL;
    ck_assert_uint_gt(b.looked, 0);
    ck_assert_int_eq(zr_control_read(fixture_span(b.sent[b.looked - 1]), &object), ZR_OK);
    int id = (int)json_integer_value(json_object_get(object, "id"));
    json_decref(object);
    return id;
}

static inline void fixture_actions_are(const char *expected) {
    fixture_run();
    ck_assert_str_eq(b.actions, expected);
    b.actions[0] = '\0';
}

/* The next event in a few words; "" when no event waits. */
static inline const char *fixture_event(void) {
    static char text[4096];
    const zrelay_event_t *e = machine_event(b.machine);
    text[0] = '\0';
    if (!e)
        return text;
    const char *room = e->room ? e->room : "-", *name = e->name ? e->name : "-";
    switch (e->type) {
    case ZRELAY_CONNECTED:
        sprintf(text, "connected %s %s%s", e->epoch, name, e->resumed ? " resumed" : "");
        break;
    case ZRELAY_QUEUED:
        sprintf(text, "queued %" PRIu64, e->count);
        break;
    case ZRELAY_DISCONNECTED:
        if (e->code && strcmp(e->code, e->text) != 0)
            sprintf(text, "disconnected [%s] %s", e->code, e->text);
        else
            sprintf(text, "disconnected %s%s", e->text, e->code ? " [=]" : "");
        break;
    case ZRELAY_EPOCH:
        sprintf(text, "epoch %s", e->epoch);
        break;
    case ZRELAY_JOINED:
        sprintf(text, "joined %s %" PRIu64 " %" PRIu64, room, e->seq, e->count);
        break;
    case ZRELAY_ENTRY:
        if (e->request)
            sprintf(text, "entry %s %" PRIu64 " for %" PRIu64, room, e->seq, e->request);
        else
            sprintf(text, "entry %s %" PRIu64, room, e->seq);
        break;
    case ZRELAY_GAP:
        sprintf(text, "gap %s %" PRIu64, room, e->seq);
        break;
    case ZRELAY_REPAIRED:
        sprintf(text, "repaired %s %" PRIu64, room, e->seq);
        break;
    case ZRELAY_LOST:
        sprintf(text, "lost %s %" PRIu64 " %" PRIu64, room, e->seq, e->upto);
        break;
    case ZRELAY_FORGOTTEN:
        sprintf(text, "forgotten %s %" PRIu64 " %" PRIu64, room, e->seq, e->count);
        break;
    case ZRELAY_ACKED:
        sprintf(text, "acked %" PRIu64 " %d %" PRIu64, e->mid, (int)e->level, e->seq);
        break;
    case ZRELAY_REFUSED:
        sprintf(text, "refused %s %s mid=%" PRIu64 "-%" PRIu64 " request=%" PRIu64 " seq=%" PRIu64, e->code, room,
            e->mid, e->upto, e->request, e->seq);
        break;
    case ZRELAY_PRESENCE_CHANGED:
        sprintf(
            text, "presence %s %s%s %s %" PRIu64, room, e->joined ? "+" : "-", name, e->text ? e->text : "-", e->count);
        break;
    case ZRELAY_DIRECT:
        sprintf(text, "direct %s %.*s %" PRIu64, name, (int)e->body_len, (const char *)e->body, e->time);
        break;
    case ZRELAY_NICK:
        sprintf(text, "nick %s", name);
        break;
    case ZRELAY_USER:
        sprintf(text, "user %s for %" PRIu64, name, e->request);
        if (e->sender)
            sprintf(text + strlen(text), " by %s at %" PRIu64 ": %s", e->sender, e->time, e->text ? e->text : "-");
        break;
    case ZRELAY_ROOM:
        sprintf(text, "room %s %" PRIu64 " %" PRIu64 "%s for %" PRIu64, room, e->seq, e->count,
            e->kept ? "" : " not kept", e->request);
        break;
    case ZRELAY_DONE:
        sprintf(text, "done %" PRIu64 " count=%" PRIu64 " seq=%" PRIu64 " %s", e->request, e->count, e->seq,
            e->complete ? "complete" : "incomplete");
        break;
    case ZRELAY_UNHEARD:
        sprintf(text, "unheard %s", name);
        break;
    case ZRELAY_CLOSED:
        sprintf(text, "closed");
        break;
    case ZRELAY_META:
        sprintf(text, "meta %s %s %.200s", room, name, e->text);
        break;
    case ZRELAY_WORK:
        sprintf(text, "work %u %s %" PRIu64 " x%" PRIu64, e->worker, room, e->seq, e->count);
        break;
    case ZRELAY_WORKING:
        sprintf(text, "working %u %s %s", e->worker, room, name);
        break;
    case ZRELAY_SETTLED:
        sprintf(text, "settled %u %" PRIu64 "-%" PRIu64 " %" PRIu64 " %d", e->worker, e->seq, e->upto, e->count,
            (int)e->level);
        break;
    case ZRELAY_UNSETTLED:
        sprintf(text, "unsettled %u %" PRIu64 "-%" PRIu64 " %s", e->worker, e->seq, e->upto, e->code);
        break;
    case ZRELAY_DISMISSED:
        sprintf(text, "dismissed %u %s %s %s", e->worker, room, name, e->code);
        break;
    case ZRELAY_GROUP_LOST:
        sprintf(text, "lost %u %s %s %" PRIu64, e->worker, room, name, e->count);
        break;
    case ZRELAY_GROUP:
        sprintf(text, "group %s %s for %" PRIu64, room, name, e->request);
        break;
    case ZRELAY_AUDIT:
        sprintf(text, "audit #%" PRIu64 " %.200s", e->count, e->text);
        break;
    case ZRELAY_STATS:
        sprintf(text, "stats %.200s for %" PRIu64, e->text, e->request);
        break;
    }
    return text;
}

#define SENT(expected) ck_assert_str_eq(fixture_sent(), expected)
#define EVENT(expected) ck_assert_str_eq(fixture_event(), expected)
#define NOTHING_SENT() SENT("")
#define NO_EVENT() EVENT("")

/* Several in a row; "" says that no more follow. */
#define SENTS(...) FIXTURE_ROW(fixture_sent, __VA_ARGS__)
#define EVENTS(...) FIXTURE_ROW(fixture_event, __VA_ARGS__)
#define FIXTURE_ROW(next, ...)                                                                                         \
    do {                                                                                                               \
        static const char *const row[] = {__VA_ARGS__};                                                                \
        for (size_t in_row = 0; in_row < sizeof row / sizeof *row; in_row++)                                           \
            ck_assert_str_eq(next(), row[in_row]);                                                                     \
    } while (0)

/* Neither an event nor a frame. */
static inline void fixture_quiet(void) {
    NO_EVENT();
    NOTHING_SENT();
}

/* Entries first … last come, one event each. */
static inline void fixture_expect_entries(const char *room, uint64_t first, uint64_t last) {
    char expected[256];
    for (uint64_t seq = first; seq <= last; seq++) {
        sprintf(expected, "entry %s %" PRIu64, room, seq);
        EVENT(expected);
    }
    fixture_run();
}

static inline void fixture_forget_sent(void) {
    b.looked = b.sent_count;
}

/* Answers the hello that was just sent. */
static inline void fixture_welcome_with(const char *epoch, bool resumed, const char *more) {
    while (strncmp(fixture_sent(), "hello", 5) != 0)
        ck_assert_uint_lt(b.looked, b.sent_count);
    fixture_epoch = strtoull(epoch, NULL, 16);
    fixture_json("{'op':'welcome','re':%d,'proto':1,'epoch':'%s','nick':'me','resume':'token','resumed':%s,"
                 "'back':'tcp://back','heartbeat':5000,'level':'memory','time':1,'server':'test'%s}",
        fixture_id(), epoch, resumed ? "true" : "false", more);
}

static inline void fixture_welcome(void) {
    fixture_welcome_with(EPOCH_1, false, "");
    EVENT("connected " EPOCH_1 " me");
}

static inline void fixture_joined(const char *room, uint64_t seq, uint64_t oldest, const char *more) {
    fixture_json("{'op':'joined','re':%d,'room':'%s','seq':%" PRIu64 ",'oldest':%" PRIu64 ",'version':1,'count':1%s}",
        fixture_id(), room, seq, oldest, more);
}

/* Joins `room`, from now on. */
static inline void fixture_join(const char *room) {
    char expected[256];
    ck_assert_int_eq(machine_join(b.machine, room, ZRELAY_FROM_NOW, 0, b.now), 0);
    fixture_run();
    fixture_synced();
    sprintf(expected, "join room=%s", room);
    SENT(expected);
}

/* A machine that reads `room` from `seq` on, live, with nothing left to look at. */
static inline void fixture_live_room(const char *room, uint64_t seq) {
    char expected[256];
    fixture_welcome();
    fixture_join(room);
    fixture_joined(room, seq, 0, "");
    sprintf(expected, "joined %s %" PRIu64 " 1", room, seq);
    EVENT(expected);
    fixture_quiet();
    b.actions[0] = '\0';
}

static inline void fixture_replayed(uint64_t seq, uint64_t count, bool complete, bool more) {
    fixture_json("{'op':'replayed','re':%d,'room':'-','seq':%" PRIu64 ",'count':%" PRIu64 ",'complete':%s,'more':%s}",
        fixture_id(), seq, count, complete ? "true" : "false", more ? "true" : "false");
}

/* Frames first … last and `replayed`. */
static inline void fixture_replay_whole(const char *room, uint64_t prev, uint64_t first, uint64_t last, bool more) {
    fixture_replay(room, prev, first, last);
    fixture_replayed(last, last - first + 1, true, more);
}

static inline void fixture_no_session(void) {
    fixture_json("{'op':'error','code':'no-session','text':'say hello'}");
}

/* The session is lost, and another one begins; only what is sent after its hello is left to look at. */
static inline void fixture_reconnect(const char *epoch, bool resumed, const char *more) {
    fixture_no_session();
    b.looked = b.sent_count - 1;
    fixture_welcome_with(epoch, resumed, more);
}

/* The session is lost and resumed, and the sync that follows is answered. */
static inline void fixture_resume(void) {
    fixture_no_session();
    fixture_welcome_with(EPOCH_1, true, "");
    fixture_synced();
}

#endif
