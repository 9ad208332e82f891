/* Incoming frames: finds the kind of each, and hands it to its part. The broker is not trusted: invalid frames are
 * counted and dropped. Knows no state. */

#include "machine_actions.h"
#include "machine_events.h"
#include "machine_hello.h"
#include "machine_prefix.h"
#include "machine_presence.h"
#include "machine_publish.h"
#include "machine_queue.h"
#include "machine_repair.h"
#include "machine_requests.h"
#include "machine_rooms.h"
#include "machine_session.h"
#include "machine_work.h"

static zr_span_t s_span(zr_blob_t *frame) {
    return zr_span_of(zr_blob_data(frame), zr_blob_len(frame));
}

/* --- Control --- */

static void s_welcome(machine_t *m, json_t *object, uint64_t re) {
    (void)re;
    machine_on_welcome(m, object);
}

static void s_error(machine_t *m, json_t *object, uint64_t re) {
    (void)re;
    machine_on_error(m, object);
}

static void s_bye(machine_t *m, json_t *object, uint64_t re) {
    (void)re;
    machine_on_bye(m, object);
}

static void s_ok(machine_t *m, json_t *object, uint64_t re) {
    machine_on_ok(m, re);
    requests_on_answer(m, "ok", re, object);
}

/* The heads are used even if the program asked for the pong. */
static void s_pong(machine_t *m, json_t *object, uint64_t re) {
    if (m->state != STATE_LIVE)
        return;
    prefix_on_pong(m, object);
    rooms_on_pong(m, object);
    requests_on_answer(m, "pong", re, object);
}

static void s_left(machine_t *m, json_t *object, uint64_t re) {
    (void)re;
    if (m->state == STATE_LIVE)
        rooms_on_left(m, object);
}

static void s_queued(machine_t *m, json_t *object, uint64_t re) {
    (void)re;
    machine_on_queued(m, object);
}

static void s_dismissed(machine_t *m, json_t *object, uint64_t re) {
    (void)re;
    work_on_dismissed(m, object);
}

static void s_lost(machine_t *m, json_t *object, uint64_t re) {
    (void)re;
    work_on_lost(m, object);
}

static void s_direct(machine_t *m, json_t *object, uint64_t re) {
    (void)re;
    zr_span_t from, text;
    uint64_t time = 0;
    const char *wrong = NULL;
    if (events_full(m))
        return; /* nobody was promised that it is read */
    if (!zr_get_string(object, "from", 1, SIZE_MAX, &from, &wrong) ||
        !zr_get_string(object, "text", 0, SIZE_MAX, &text, &wrong) ||
        !zr_get_uint_opt(object, "time", 0, &time, &wrong)) {
        m->malformed++;
        return;
    }
    events_post(m, &(zrelay_event_t){
                       .type = ZRELAY_DIRECT, .name = from.ptr, .body = text.ptr, .body_len = text.len, .time = time});
}

static const struct {
    const char *op;
    void (*handle)(machine_t *m, json_t *object, uint64_t re);
} s_ops[] = {
    {"welcome", s_welcome},
    {"error", s_error},
    {"bye", s_bye},
    {"ok", s_ok},
    {"pong", s_pong},
    {"left", s_left},
    {"direct", s_direct},
    {"queued", s_queued},
    {"dismissed", s_dismissed},
    {"lost", s_lost},
};

/* Commas outside of strings: about as many values as the text makes. */
static bool s_has_too_many_values(zr_span_t text) {
    size_t count = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.len && count <= CONTROL_VALUES; i++) {
        char c = text.ptr[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (c == ',' && !in_string)
            count++;
    }
    return count > CONTROL_VALUES;
}

static bool s_is_too_large(zr_span_t text) {
    return text.len > CONTROL_MAX || s_has_too_many_values(text);
}

static void s_control(machine_t *m, zr_blob_t *frame) {
    json_t *object;
    if (s_is_too_large(s_span(frame)) || zr_control_read(s_span(frame), &object) != ZR_OK) {
        m->malformed++;
        return;
    }
    const char *wrong = NULL, *op = json_string_value(json_object_get(object, "op"));
    uint64_t re = 0; /* ids begin at 1 */
    if (!op || !zr_get_uint_opt(object, "re", 0, &re, &wrong)) {
        m->malformed++;
        json_decref(object);
        return;
    }
    size_t i = 0;
    while (i < sizeof s_ops / sizeof *s_ops && strcmp(s_ops[i].op, op) != 0)
        i++;
    if (i < sizeof s_ops / sizeof *s_ops)
        s_ops[i].handle(m, object, re);
    else
        requests_on_answer(m, op, re, object);
    json_decref(object);
}

/* --- Entries --- */

static void s_live(machine_t *m, zr_blob_t *frame, const zr_deliver_reader_t *reader, bool front) {
    room_t *room = rooms_find(m, reader->room);
    if (!room)
        room = prefix_room(m, reader->room, reader->prev);
    if (room)
        repair_live(m, room, frame, reader, front);
}

/* The same frames come both ways, a room's live ones by either; replays and snapshots only by DEALER. */
static void s_deliver(machine_t *m, zr_blob_t *frame, const zr_deliver_reader_t *reader, bool front) {
    bool asked_for = reader->flags & (ZR_FRAME_REPLAY | ZR_FRAME_STATE);
    if (reader->epoch != m->epoch_number)
        machine_doubt_epoch(m); /* its positions could seem to fit ours */
    else if (!asked_for && m->state == STATE_LIVE)
        s_live(m, frame, reader, front);
    else if (asked_for && front)
        repair_replayed(m, frame, reader);
    else if (asked_for)
        m->malformed++;
}

static void s_presence(machine_t *m, zr_span_t name, zr_span_t json) {
    room_t *room = rooms_find(m, name);
    if (!room)
        room = prefix_named(m, name, true);
    presence_on_frame(m, room, json);
}

/* Live: of rooms that not all may read by DEALER, of others by SUB. */
static void s_topic(machine_t *m, zr_blob_t *frame, bool front) {
    zr_span_t name, json;
    zr_deliver_reader_t reader;
    if (zr_deliver_read(&reader, s_span(frame))) { /* nearly all are: their topic is read only once */
        s_deliver(m, frame, &reader, front);
        return;
    }
    switch (zr_back_read(s_span(frame), &name, &json)) {
    case ZR_BACK_PRESENCE:
        if (m->state == STATE_LIVE)
            s_presence(m, name, json);
        break;
    case ZR_BACK_SYNCED:
        if (front)
            m->malformed++;
        else
            rooms_on_synced(m, name, json);
        break;
    case ZR_BACK_ENTRIES:
    case ZR_BACK_BAD:
        m->malformed++;
        break;
    }
}

void machine_front(machine_t *m, zr_blob_t *frame, uint64_t now) {
    m->now = now;
    size_t len = zr_blob_len(frame);
    uint8_t type = len ? zr_blob_data(frame)[0] : 0;
    if (m->state == STATE_CLOSED || m->state == STATE_WAITING) {
        /* The socket is about to be closed; its frames still belong to the lost session. */
        zr_blob_unref(frame);
        return;
    }
    m->front_up = true; /* the frame may be here before the word that the handshake succeeded */
    m->heard = now;
    m->late_until = NEVER;
    m->pinged = NEVER;
    if (type == ZR_TYPE_CONTROL)
        s_control(m, frame);
    else if (type == ZR_TYPE_ACK)
        publish_on_ack(m, s_span(frame));
    else if (type == ZR_TYPE_WORK)
        work_on_frame(m, frame);
    else if (type == ZR_TYPE_SETTLED)
        work_on_settled(m, frame);
    else if (type > 0x20)
        s_topic(m, frame, true);
    else if (type < 0x03)
        m->malformed++; /* others up to 0x1F are a newer broker's */
    zr_blob_unref(frame);
}

void machine_back(machine_t *m, zr_blob_t *frame, uint64_t now) {
    m->now = now;
    /* Without a session it is not certain that SUB delivers the log that we know. Its entries will be replayed. */
    if (m->state == STATE_LIVE && m->back_open)
        s_topic(m, frame, false);
    zr_blob_unref(frame);
}
