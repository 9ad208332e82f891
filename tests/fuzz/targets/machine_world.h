/* The program of machine_fuzz.c, and the network as it sees it: what came out of the machine, held against what the
 * public header and PROTOCOL.md promise. */
#ifndef MACHINE_WORLD_H
#define MACHINE_WORLD_H

#include "machine_ask.h"
#include "machine_publish.h"
#include "machine_session.h"
#include "script.h"
#include "spec.h"

enum { ROOMS = 6, MIDS = 4096, ASKED = 512, EPOCHS = 4, REQUESTS = 4096 };

/* A request on the wire that has no answer yet. */
typedef struct {
    uint64_t id;
    char op[16], room[ZR_ROOM_MAX + 1];
} asked_t;

typedef struct {
    uint64_t last;    /* seq of the last entry, or what is lost up to it */
    bool joined, any; /* `any`: and there was one */
    bool refused;     /* the program heard that it was: it may be joined no more */
} reader_t;

typedef enum { MID_FREE, MID_WAITS, MID_ANSWERED } mid_t;

static struct {
    machine_t *machine;
    uint64_t now, dice;
    /* The network. */
    bool front, back, greeted;       /* there is a DEALER, a SUB; hello was the first frame on it */
    bool greeting;                   /* a hello that begins a session has no answer yet */
    uint64_t sent_mid;               /* the last on this connection since the last welcome */
    size_t most_bytes, most_entries; /* of a PUBLISH frame: the largest limits that this session had */
    asked_t asked[ASKED];
    size_t asked_count;
    uint64_t last_id;
    uint8_t nonce[1 + ZR_NONCE_MAX];
    size_t nonce_len;
    size_t sent; /* control frames in this step */
    /* The program. */
    reader_t readers[ROOMS];
    mid_t mids[MIDS];
    uint64_t last_mid, acked;
    size_t waiting;             /* messages that have no answer */
    uint8_t requests[REQUESTS]; /* by number: 1, it waits for an answer */
    bool connected, closed, closing;
} s_world;

static const char *const s_rooms[ROOMS] = {"a", "b", "p/x", "p/y", "p*", "caf\xc3\xa9"};

/* A room's place; those of the prefix that nobody joined by name too. -1: none of them. */
static int s_room_of(zr_span_t name) {
    for (int i = 0; i < ROOMS; i++)
        if (zr_span_equal(zr_span(s_rooms[i]), name))
            return i;
    return -1;
}

static bool s_reads(int room) {
    enum { PREFIX = 4 };
    bool under = s_rooms[room][0] == 'p' && room != PREFIX;
    return s_world.readers[room].joined || (under && s_world.readers[PREFIX].joined);
}

/* --- Frames of the machine --- */

static void s_note_asked(const json_t *object, const char *op) {
    fuzz_require(s_world.asked_count < ASKED);
    asked_t *asked = &s_world.asked[s_world.asked_count++];
    const char *room = json_string_value(json_object_get(object, "room"));
    *asked = (asked_t){.id = (uint64_t)json_integer_value(json_object_get(object, "id"))};
    snprintf(asked->op, sizeof asked->op, "%s", op);
    snprintf(asked->room, sizeof asked->room, "%s", room ? room : "");
}

/* The members of a request are those of its table, of their types. */
static void s_check_request(const spec_op_t *op, const json_t *object) {
    for (size_t i = 0; i < op->asked_count; i++) {
        const spec_member_t *member = &op->asked[i];
        const json_t *value = json_object_get(object, member->name);
        fuzz_require(
            !value || member->type == json_typeof(value) || (member->type == JSON_TRUE && json_is_boolean(value)));
    }
}

static void s_on_hello(void) {
    state_t state = s_world.machine->state;
    s_world.greeted = true;
    if (state == STATE_LIVE || state == STATE_LEAVING)
        return;
    s_world.greeting = true;
    s_world.asked_count = 0; /* answers to what came before do not count any more */
}

static void s_on_request(zr_span_t frame) {
    json_t *object = NULL;
    fuzz_require(zr_control_read_request(frame, &object) == ZR_OK);
    const char *op = json_string_value(json_object_get(object, "op"));
    uint64_t id = (uint64_t)json_integer_value(json_object_get(object, "id"));
    const spec_op_t *known = spec_op(op);
    fuzz_require(known || strcmp(op, "bye") == 0 || strcmp(op, "unfollow") == 0); /* no table is theirs alone */
    if (known)
        s_check_request(known, object);
    if (strcmp(op, "hello") == 0)
        s_on_hello();
    else
        fuzz_require(s_world.greeted && !s_world.greeting);
    fuzz_require(id == 0 || id > s_world.last_id);
    s_world.last_id = id ? id : s_world.last_id;
    if (id)
        s_note_asked(object, op);
    fuzz_require(s_world.asked_count <= ASKS_MAX + 8);
    s_world.sent++;
    json_decref(object);
}

static void s_note_limits(void) {
    const machine_t *m = s_world.machine;
    if (s_world.greeting)
        s_world.most_bytes = s_world.most_entries = 0;
    s_world.most_bytes = m->limit_frame > s_world.most_bytes ? m->limit_frame : s_world.most_bytes;
    s_world.most_entries = m->limit_entries > s_world.most_entries ? m->limit_entries : s_world.most_entries;
}

/* Ids rise on a connection, and an id that is answered already is not sent again. */
static void s_on_publish(zr_span_t frame) {
    zr_publish_reader_t reader;
    zr_publish_entry_t entry;
    size_t count;
    uint64_t first, last;
    fuzz_require(zr_publish_read(&reader, frame, &count, &first, &last) == ZR_OK);
    fuzz_require(s_world.greeted && !s_world.greeting && first > s_world.sent_mid && last <= s_world.last_mid);
    fuzz_require(frame.len <= s_world.most_bytes && count <= s_world.most_entries);
    while (zr_publish_next(&reader, &entry))
        fuzz_require(s_world.mids[entry.mid] != MID_FREE);
    s_world.sent_mid = last;
}

static void s_on_topic(const action_t *action) {
    bool sync = action->topic[0] == ZR_TYPE_SYNC, presence = action->topic[action->topic_len - 1] == ZR_TOPIC_PRESENCE;
    zr_span_t rest = zr_span_of(action->topic + 1, action->topic_len - 1);
    fuzz_require(s_world.back && action->topic_len > 0);
    fuzz_require(!sync || zr_hex_valid(rest, ZR_NONCE_MIN, ZR_NONCE_MAX));
    zr_span_t name = zr_span_of(action->topic, action->topic_len - 1);
    bool whole = action->topic[action->topic_len - 1] == ZR_TOPIC_ENTRIES || presence;
    fuzz_require(sync || zr_room_valid(whole ? name : zr_span_of(action->topic, action->topic_len)));
    if (sync && action->kind == ACTION_SUBSCRIBE) {
        memcpy(s_world.nonce, action->topic, action->topic_len);
        s_world.nonce_len = action->topic_len;
    }
}

static void s_on_action(const action_t *action) {
    switch (action->kind) {
    case ACTION_SEND:
        fuzz_require(s_world.front && action->frame.len > 0);
        if (action->frame.ptr[0] == ZR_TYPE_PUBLISH)
            s_on_publish(action->frame);
        else
            s_on_request(action->frame);
        break;
    case ACTION_CONNECT_FRONT:
        s_world.front = true;
        s_world.greeted = s_world.greeting = false;
        s_world.asked_count = 0;
        break;
    case ACTION_CONNECT_BACK:
        s_world.back = true;
        s_world.nonce_len = 0;
        fuzz_require(action->endpoint && action->endpoint[0]);
        break;
    case ACTION_SUBSCRIBE:
    case ACTION_UNSUBSCRIBE:
        s_on_topic(action);
        break;
    case ACTION_DISCONNECT:
        s_world.front = s_world.back = false;
        s_world.nonce_len = 0;
        break;
    }
}

/* --- Events --- */

static void s_answer_request(uint64_t number) {
    fuzz_require(number < REQUESTS && s_world.requests[number] == 1);
    s_world.requests[number] = 0;
}

static void s_answer_mid(uint64_t mid) {
    fuzz_require(mid > 0 && mid <= s_world.last_mid && s_world.mids[mid] == MID_WAITS);
    s_world.mids[mid] = MID_ANSWERED;
    s_world.waiting--;
}

static void s_on_acked(const zrelay_event_t *event) {
    fuzz_require(
        event->mid > s_world.acked && event->mid <= s_world.last_mid && event->level <= ZRELAY_LEVEL_REPLICATED);
    for (uint64_t mid = s_world.acked + 1; mid <= event->mid; mid++)
        if (s_world.mids[mid] == MID_WAITS)
            s_answer_mid(mid);
    s_world.acked = event->mid;
}

static void s_on_refused(const zrelay_event_t *event) {
    fuzz_require(event->code && event->text);
    if (event->request)
        s_answer_request(event->request);
    for (uint64_t mid = event->mid; mid > 0 && mid <= event->upto; mid++)
        s_answer_mid(mid);
    int room = event->room && !event->mid && !event->request ? s_room_of(zr_span(event->room)) : -1;
    if (room >= 0)
        s_world.readers[room].refused = true;
}

static void s_on_entry(const zrelay_event_t *event) {
    int room = s_room_of(zr_span(event->room));
    fuzz_require(event->sender && (event->body || event->body_len == 0));
    if (event->request) {
        fuzz_require(event->request < REQUESTS && s_world.requests[event->request] == 1);
        return;
    }
    fuzz_require(room >= 0 && s_reads(room));
    reader_t *reader = &s_world.readers[room];
    fuzz_require(!reader->any || event->seq > reader->last);
    reader->last = event->seq;
    reader->any = true;
}

static void s_on_lost(const zrelay_event_t *event) {
    int room = s_room_of(zr_span(event->room));
    fuzz_require(room >= 0 && s_reads(room));
    reader_t *reader = &s_world.readers[room];
    fuzz_require(!reader->any || event->seq >= reader->last);
    reader->last = event->upto;
    reader->any = true;
}

static void s_on_repaired(const zrelay_event_t *event) {
    int room = s_room_of(zr_span(event->room));
    fuzz_require(room >= 0 && s_reads(room));
    fuzz_require(!s_world.readers[room].any || event->seq >= s_world.readers[room].last);
}

static void s_on_event(const zrelay_event_t *event) {
    fuzz_require(!s_world.closed); /* nothing follows ZRELAY_CLOSED */
    switch (event->type) {
    case ZRELAY_CONNECTED:
        fuzz_require(!s_world.connected && event->epoch && event->name);
        s_world.connected = true;
        break;
    case ZRELAY_DISCONNECTED:
        fuzz_require(event->text);
        s_world.connected = false;
        break;
    case ZRELAY_EPOCH:
        fuzz_require(event->epoch);
        for (int i = 0; i < ROOMS; i++)
            s_world.readers[i].any = false;
        break;
    case ZRELAY_JOINED:
        fuzz_require(s_room_of(zr_span(event->room)) >= 0 && s_reads(s_room_of(zr_span(event->room))));
        break;
    case ZRELAY_ENTRY:
        s_on_entry(event);
        break;
    case ZRELAY_GAP:
        fuzz_require(s_room_of(zr_span(event->room)) >= 0);
        break;
    case ZRELAY_REPAIRED:
        s_on_repaired(event);
        break;
    case ZRELAY_LOST:
        s_on_lost(event);
        break;
    case ZRELAY_ACKED:
        s_on_acked(event);
        break;
    case ZRELAY_REFUSED:
        s_on_refused(event);
        break;
    case ZRELAY_PRESENCE_CHANGED:
        fuzz_require(event->room && s_room_of(zr_span(event->room)) >= 0);
        break;
    case ZRELAY_FORGOTTEN: /* its position */
        fuzz_require(s_room_of(zr_span(event->room)) >= 0);
        s_world.readers[s_room_of(zr_span(event->room))].any = false;
        break;
    case ZRELAY_AUDIT:
        fuzz_require(event->text); /* a broker may send it unasked */
        break;
    case ZRELAY_QUEUED:
        fuzz_require(!s_world.connected);
        break;
    case ZRELAY_UNHEARD:
        fuzz_require(s_world.connected && event->name);
        break;
    case ZRELAY_META:
        fuzz_require(event->room && event->name && event->text && event->text[0] == '{');
        break;
    case ZRELAY_WORK:
    case ZRELAY_WORKING:
    case ZRELAY_SETTLED:
    case ZRELAY_UNSETTLED:
    case ZRELAY_DISMISSED:
    case ZRELAY_GROUP_LOST:
    case ZRELAY_GROUP:
    case ZRELAY_STATS:
        fuzz_require(false); /* no program here works for a group, or asks for counters */
        break;
    case ZRELAY_DIRECT:
    case ZRELAY_NICK:
        fuzz_require(event->name);
        break;
    case ZRELAY_USER:
    case ZRELAY_ROOM:
        fuzz_require(event->request < REQUESTS && s_world.requests[event->request] == 1);
        fuzz_require(event->type == ZRELAY_USER ? event->name != NULL : event->room != NULL);
        break;
    case ZRELAY_DONE:
        s_answer_request(event->request);
        break;
    case ZRELAY_CLOSED:
        s_world.closed = true;
        break;
    }
}

/* --- Bounds --- */

static void s_check_bounds(void) {
    const machine_t *m = s_world.machine;
    fuzz_require(
        m->events.bytes <= EVENTS_DROP + (64 << 10) && m->kept.bytes <= KEPT_BYTES && m->held.bytes <= HELD_BYTES);
    fuzz_require(m->kept.frames <= KEPT_FRAMES && m->held.frames <= HELD_FRAMES);
    fuzz_require(m->room_count <= ROOMS_MAX && m->asked_count <= REQUESTS_MAX && m->reading_count <= READING_MAX);
    fuzz_require(m->publish.cas_count <= CAS_WINDOW && m->heartbeat >= HEARTBEAT_MIN_MS);
    fuzz_require(m->state < STATE_COUNT && machine_closed(m) == (m->state == STATE_CLOSED));
    fuzz_require(s_world.sent <= 2 * ASKS_MAX);
    if (!machine_has_event(m))
        fuzz_require(machine_unacked(m) == s_world.waiting);
}

#endif
